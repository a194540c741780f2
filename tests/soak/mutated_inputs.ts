/** Ten thousand damaged inputs through each reader. */

import assert from "node:assert/strict";
import { withFolder } from "../data/fixtures.ts";
import { type Figures, HANG, readers } from "../reliability/readers.ts";
import type { AttackReply, AttackRequest } from "../reliability/attack_worker.ts";

const INPUTS = 10_000;

Deno.test(`${INPUTS} damaged inputs through each reader`, () =>
  withFolder(async (folder) => {
    for (const { name } of await readers(folder)) {
      const seed = Date.now();
      const { refused, accepted, slowestMilliseconds } = await watched({
        folder: Deno.makeTempDirSync({ dir: folder }),
        reader: name,
        inputs: INPUTS,
        seed,
      });
      console.log(
        `inputs: ${name}: ${refused} refused, ${accepted} accepted and sound, slowest ` +
          `${slowestMilliseconds.toFixed(0)} ms`,
      );
    }
  }));

/** Attacks a reader in a worker; fails when it does not go on. */
async function watched(request: AttackRequest): Promise<Figures> {
  const worker = new Worker(new URL("../reliability/attack_worker.ts", import.meta.url), {
    type: "module",
  });
  const { promise, resolve, reject } = Promise.withResolvers<Figures>();
  let [done, before] = [0, -1];
  const watch = setInterval(() => {
    if (done === before) {
      const { reader, seed } = request;
      reject(
        new assert.AssertionError({ message: `${reader} hangs, seed ${seed}, input ${done}` }),
      );
    }
    before = done;
  }, 2 * HANG);
  worker.onmessage = ({ data }: MessageEvent<AttackReply>) => {
    if ("done" in data) done = data.done;
    else if ("figures" in data) resolve(data.figures);
    else reject(new assert.AssertionError({ message: data.failure }));
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(`the worker broke: ${event.message}`));
  };
  worker.postMessage(request);
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    worker.terminate();
  }
}
