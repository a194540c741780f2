/** A process that gets no more memory in the middle of a run: however that ends, the run comes to the same end. */

import assert from "node:assert/strict";
import { type Ended, TinyProcess } from "../reliability/process.ts";
import { tinyOptions } from "../reliability/tiny.ts";

/** Megabytes that the process may take beyond what it had when it was squeezed. */
const ROOM = [1, 3, 6, 10, 20];

/** Copies of this network, for the freezing search, take some 9 MB each. */
const changes = {
  data: { ...tinyOptions.data, tasks: 2 },
  network: { width: 16 },
  freezing: { ...tinyOptions.freezing, maxBlocks: 2 },
};

Deno.test({
  name: "a process without memory at a freezing search",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using undisturbed = new TinyProcess(changes);
    assert.equal((await undisturbed.start("--checkpoint-every", "never")).code, 0);
    const { log: _, ...expected } = await undisturbed.outcome();
    const ends = new Map<string, number>();
    for (const room of ROOM) {
      using run = new TinyProcess(changes);
      const when = "task 1/2 evaluation: ";
      const first = await run.squeeze(when, room * 1e6, "start", "--checkpoint-every", "2steps");
      const how = howItEnded(first);
      ends.set(how, (ends.get(how) ?? 0) + 1);
      if (first.code !== 0) {
        const again = await run.resume();
        assert.equal(again.code, 0, again.output);
      }
      // The log also holds what was said of the lost device.
      const { log: _, ...found } = await run.outcome();
      assert.deepEqual(found, expected, `${room} MB`);
    }
    const told = [...ends].map(([how, count]) => `${count} ${how}`).join(", ");
    console.log(`out of memory: ${ROOM.length} runs went on to the same end: ${told}`);
  },
});

/** In words; a failure that is none of these fails the test. */
function howItEnded({ code, signal, output }: Ended): string {
  if (code === 0) {
    return /out of memory.*starting again/.test(output)
      ? "by themselves, on another device"
      : "had room enough";
  }
  if (code === 1 && /error: Cannot go on: .*memory/.test(output)) return "stopped with a message";
  // Deno's own memory was refused: it ends at once, and nothing can be done in it.
  assert(signal === "SIGTRAP" || signal === "SIGABRT" || signal === "SIGSEGV", output);
  return `were ended by ${signal}`;
}
