/** The device is lost, or out of memory, at every few points of a run: it goes on by itself, to the same end. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { launch } from "../../src/host/launch.ts";
import { outcome, tinyOptions } from "../reliability/tiny.ts";

const worker = new URL("../reliability/breaking_worker.ts", import.meta.url);

Deno.test("a device lost in every phase", async () => {
  const root = Deno.makeTempDirSync();
  const run = async (name: string) => {
    const out = join(root, name);
    Deno.mkdirSync(out);
    const events: RunEvent[] = [];
    const files = { out, dataRoot: root, cacheDir: join(root, "cache"), init: null };
    const every = { checkpointEvery: { steps: 4 } } as const;
    const onEvent = (event: RunEvent) => void events.push(event);
    const options = resolveConfig({ ...tinyOptions, name });
    await launch(options, { ...files, ...every, worker, onEvent });
    return { result: await outcome(out), events };
  };
  try {
    const expected = (await run("undisturbed")).result;
    const phases: string[] = [];
    // Every second point meets every phase, also those of two points in a row only.
    for (let point = 1, kind = 0; point < 60; point += 2, kind++) {
      const { result, events } = await run(`${kind % 2 ? "exhaust" : "lose"}-${point}-once`);
      const told = events.flatMap((event) => event.type === "message" ? [event.text] : []);
      const broken = told.flatMap((text) =>
        /\((task \d, \w+), after .* starting again/.exec(text) ?? []
      );
      if (broken.length === 0) break; // the run has no such point any more
      phases.push(broken[1]);
      assert.deepEqual(result, expected, `point ${point}`);
    }
    console.log(`device loss: ${phases.length} runs went on to the same end: ${phases.join("; ")}`);
    for (const phase of ["wake", "freezing", "sleep", "evaluation"]) {
      assert(phases.some((text) => text.endsWith(phase)), `none in ${phase}`);
    }
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
