/** A service that sleeps a thousand nights: its memory is flat, and it answers as fast as before. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { withFolder } from "../data/fixtures.ts";
import { bear, figures, Served } from "../serve/served.ts";

const NIGHTS = 1000;
/** Nights behind which it is looked at. The driver and the allocator take their room in the first ones. */
const LOOKS = [1, 10, 100, 200, 500, NIGHTS];
/** A figure that is asked about so many times each time. */
const QUESTIONS = 100;

Deno.test("a service after a thousand nights", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    await bear(learner);
    await using service = await Served.start(learner, "--idle", "never");
    for (const figure of [...figures(0, 9), ...figures(1, 9)]) await service.teach(figure);
    const [{ bytes }] = figures(2, 1);
    const found = new Map<number, { readonly megabytes: number; readonly milliseconds: number }>();
    for (let night = 1; night <= NIGHTS; night++) {
      await service.sleep();
      if (!LOOKS.includes(night)) continue;
      const times: number[] = [];
      for (let i = 0; i < QUESTIONS; i++) {
        const began = performance.now();
        const init = { method: "POST", body: bytes, headers: { "content-type": "image/png" } };
        const { generation } = await service.json("/v1/predict", init);
        times.push(performance.now() - began);
        assert.equal(generation, night);
      }
      const metrics = await (await service.ask("/metrics")).text();
      const megabytes = Number(/^wscl_resident_bytes (\S+)$/m.exec(metrics)![1]) / 1e6;
      const milliseconds = times.sort((a, b) => a - b)[QUESTIONS / 2];
      found.set(night, { megabytes, milliseconds });
      console.log(
        `after ${night} nights: ${megabytes.toFixed(0)} MB, an answer in ${
          milliseconds.toFixed(1)
        } ms`,
      );
    }
    const [early, late] = [found.get(100)!, found.get(NIGHTS)!];
    assert(late.megabytes <= 1.15 * early.megabytes, "its memory grows with its nights");
  }));
