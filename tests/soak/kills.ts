/** SIGKILL at random times: each killed run is gone on with, and all end with the same bits. */

import assert from "node:assert/strict";
import { listCheckpoints } from "../../src/host/checkpoint_files.ts";
import { Random } from "../../src/random.ts";
import { TinyProcess } from "../reliability/process.ts";

const KILLS = 60;
/** Kills of one run before it may end. */
const IN_A_ROW = 5;

Deno.test(`${KILLS} kills at random times, each run gone on with to the same end`, async () => {
  const random = Random.stream(Date.now(), "kills");
  const changes = { wscl: { preset: "paper", sleepEpochs: 1 } };
  using undisturbed = new TinyProcess(changes);
  const started = performance.now();
  assert.equal((await undisturbed.start("--checkpoint-every", "never")).code, 0);
  const whole = performance.now() - started;
  const expected = await undisturbed.outcome();

  let kills = 0;
  let runs = 0;
  let passedOver = 0;
  let fromStart = 0;
  while (kills < KILLS) {
    using run = new TinyProcess(changes);
    const every = ["--checkpoint-every", `${1 + random.below(4)}steps`];
    runs++;
    let begin: "start" | "resume" = "start";
    let ended = false;
    for (let n = 0; n < IN_A_ROW && !ended; n++) {
      const after = random.range(0.1, 1.2) * whole;
      const { signal, code, output } = await run.signal("SIGKILL", after, begin, ...every);
      if (/taking the one before/.test(output)) passedOver++;
      if (/starts from its beginning/.test(output)) fromStart++;
      ended = signal !== "SIGKILL";
      if (ended) assert.equal(code, 0, output);
      else kills++;
      if (exists(`${run.out}/run.json`)) begin = "resume";
    }
    const { code, output } = await run[begin](...every);
    assert.equal(code, 0, output);
    assert.deepEqual(await run.outcome(), expected, `run ${runs}`);
    assert.equal(listCheckpoints(`${run.out}/checkpoints`).length, 0);
  }
  console.log(
    `kills: ${kills} of ${runs} runs, all ended bit-identical; ${fromStart} times there was no checkpoint yet, ` +
      `${passedOver} times one was passed over`,
  );
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
