/** A served learner whose process is killed at random moments under load. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { Random } from "../../src/random.ts";
import { testHost } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";
import { bear, type Figure, figures, lastFiles, post, Served } from "./served.ts";

/** One thing that the client asks, until it is acknowledged. */
type Deed = { readonly teach: Figure } | { readonly sleep: string };

/** Two classes and a night; while it goes on, a third class; and a night for that. */
const DEEDS: readonly Deed[] = [
  ...[...figures(0, 9), ...figures(1, 9)].map((teach) => ({ teach })),
  { sleep: "first" },
  ...figures(2, 9).map((teach) => ({ teach })),
  { sleep: "second" },
];

/** Predictions are asked for all the while, in milliseconds. */
const ASK_EVERY = 30;

/**
 * Kills a service so many times, at random moments, in as many runs as it takes; a client repeats what was not
 * acknowledged. Each run is compared, byte by byte, with one that was left in peace.
 *
 * @param inARow kills of one run before it may end
 */
export async function killServices(kills: number, inARow: number, seed: number): Promise<string> {
  const random = Random.stream(seed, "kills");
  let killed = 0;
  let asleep = 0;
  let runs = 0;
  await withFolder(async (folder) => {
    const peace = join(folder, "peace");
    await bear(peace);
    const began = performance.now();
    await run(peace, []);
    const lasts = performance.now() - began;
    const expected = lastFiles(peace);
    while (killed < kills) {
      const learner = join(folder, `run ${runs++}`);
      await bear(learner);
      const moments = Array.from(
        { length: Math.min(inARow, kills - killed) },
        () => random.range(0.05, 0.6) * lasts,
      );
      const found = await run(learner, moments);
      killed += found.killed;
      asleep += found.asleep;
      assert.deepEqual(lastFiles(learner), expected, `run ${runs}`);
      Deno.removeSync(learner, { recursive: true });
    }
  });
  return `kills: ${killed} of ${runs} services, ${asleep} of them asleep; all ended bit-identical`;
}

/** Does all deeds; kills the service each time that so many milliseconds have passed since it was started. */
async function run(
  learner: string,
  moments: readonly number[],
): Promise<{ readonly killed: number; readonly asleep: number }> {
  let service = await start(learner);
  let killed = 0;
  let asleep = 0;
  const left = [...moments];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const die = async () => {
    if (ended) return;
    if (/^night .*$(?![^]*^dawn )/m.test(service.output)) asleep++;
    killed++;
    await service.kill();
  };
  const arm = () => {
    const after = left.shift();
    if (after !== undefined) timer = setTimeout(die, after);
  };
  arm();
  // Whatever fails, fails because the service is gone: it is started again, and asked again.
  const insist = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let attempt = 0;; attempt++) {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof assert.AssertionError || attempt > 10) throw error;
        await service.kill();
        service = await start(learner);
        arm();
      }
    }
  };
  const load = (async () => {
    const [{ bytes }] = figures(3, 1);
    while (!ended) {
      const init = { method: "POST", body: bytes, headers: { "content-type": "image/png" } };
      await service.ask("/v1/predict", init).then((response) => response.text()).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY));
    }
  })();
  try {
    const digests: string[] = [];
    for (const [i, deed] of DEEDS.entries()) {
      const headers = { "idempotency-key": `deed-${i}` };
      await insist(async () => {
        if ("teach" in deed) digests.push(await service.teach(deed.teach, headers));
        else await service.json("/v1/sleep", post({}, headers), 202);
      });
    }
    // The rest of the kills come while the nights go on.
    await insist(() => service.awake());
    clearTimeout(timer);
    ended = true;
    await load;
    assert.equal(new Set(digests).size, 27);
    assert.equal(await service.kill("SIGTERM"), 0, service.output);
    const { state } = await ContinualLearner.open(new LearnerFolder(learner), testHost());
    assert.deepEqual(state.classes.map(({ taught }) => taught), [9, 9, 9], "nothing is lost");
    return { killed, asleep };
  } finally {
    ended = true;
    await service.kill();
  }
}

async function start(learner: string): Promise<Served> {
  return await Served.start(learner, "--checkpoint-every", "2steps", "--idle", "never");
}
