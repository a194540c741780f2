/** Commands on the folder of a run that is going on: none disturbs it. */

import assert from "node:assert/strict";
import { TinyProcess, undisturbed } from "./process.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

Deno.test({
  name: "another run on the folder of one that goes on is refused, and nothing disturbs that one",
  ignore: adapter === null || Deno.build.os === "windows", // no process stands still there
  fn: async () => {
    using run = new TinyProcess();
    const cut = await run.signal("SIGTERM", "task 2/3 heads", "start");
    assert.equal(cut.code, 143, cut.output);
    const meanwhile = async () => {
      for (const second of [run.start(), run.start("--overwrite"), run.resume()]) {
        const { code, output } = await second;
        assert.equal(code, 2, output);
        assert.match(
          output,
          /^error: Cannot use the folder .*another run is writing to it \(process \d+\); wait until/m,
        );
      }
      const report = await run.command("report", run.out);
      assert.deepEqual([report.code, /did not complete/.test(report.output)], [0, true]);
      const evaluation = await run.command("evaluate", run.out);
      assert.deepEqual([evaluation.code, /Class-IL %/.test(evaluation.output)], [0, true]);
    };
    const first = await run.pause(
      "Going on from",
      meanwhile,
      "resume",
      "--checkpoint-every",
      "2steps",
    );
    assert.equal(first.code, 0, first.output);
    assert.deepEqual(await run.outcome(), await undisturbed());
  },
});
