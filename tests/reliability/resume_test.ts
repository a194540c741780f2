/** A run ends with the same bits, results and log lines wherever it was cut, whatever the method. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { listCheckpoints, readCheckpoint } from "../../src/host/checkpoint_files.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { outcome, runTiny, tinyOptions } from "./tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

/** For each method, the phases in which a run of it is cut: each once, at the middle of its points. */
const cases = {
  "staged WSCL": {
    changes: {},
    phases: ["1 wake", "1 sleep", "1 dawn", "1 evaluation", "2 freezing"],
  },
  "merged WSCL on DER++": {
    changes: { wscl: { freezing: true, schedule: "merged", base: "derpp" } },
    phases: ["2 freezing", "2 stream"],
  },
  "merged WSCL as the official program runs it": {
    changes: { wscl: { freezing: true, schedule: "merged", compat: "official" } },
    phases: ["2 freezing"],
  },
  "ER-ACE with a balanced memory and adjusted logits": {
    changes: {
      method: "er_ace",
      memory: { ...tinyOptions.memory, selection: "balanced" },
      evaluation: { batchSize: 8, logitAdjustment: 1 },
    },
    phases: ["1 stream", "1 evaluation"],
  },
  "staged WSCL in mixed precision": {
    changes: { precision: "mixed" },
    phases: ["1 sleep", "2 freezing"],
  },
};

const data = { ...tinyOptions.data, tasks: 2 };

for (const [name, { changes: method, phases }] of Object.entries(cases)) {
  const changes = { data, ...method };
  Deno.test({
    name: `a run of ${name} that was cut anywhere ends as if it had not been`,
    ignore: adapter === null,
    fn: async () => {
      const root = Deno.makeTempDirSync();
      try {
        const whole = folder(root, "whole");
        await runTiny({ out: whole, changes, options: { checkpointEvery: "never" } });
        const expected = await outcome(whole);
        const saved = folder(root, "saved");
        const everyPoint = { checkpointEvery: { steps: 0 }, checkpointsKept: Infinity };
        // A run that has ended removes its checkpoints.
        const emit = ({ type }: RunEvent) => {
          if (type === "end") Deno.renameSync(join(saved, "checkpoints"), join(saved, "all"));
        };
        await runTiny({ out: saved, changes, options: { ...everyPoint, emit } });
        assert.deepEqual(await outcome(saved), expected, "saving changes nothing");
        for (const [phase, point] of await middles(saved, phases)) {
          const out = folder(root, point);
          copyCut(saved, out, point);
          await runTiny({ out, changes, options: { resume: true } });
          assert.deepEqual(await outcome(out), expected, `cut in ${phase}, at point ${point}`);
        }
      } finally {
        Deno.removeSync(root, { recursive: true });
      }
    },
  });
}

Deno.test({
  name: "a run that goes on and is stopped before its next step is saved as it was",
  ignore: adapter === null,
  fn: async () => {
    const root = Deno.makeTempDirSync();
    try {
      const out = folder(root, "run");
      // Losses are read back every two steps: at some of these points a step's loss and gradient are still to be
      // looked at.
      for (const most of [3, 4, 5]) {
        let stop = false;
        const shouldStop = () => stop;
        const atPoint = (point: number) => stop = point === most;
        await runTiny({ out, changes: { data }, options: { atPoint, shouldStop } });
        const [point] = listCheckpoints(join(out, "checkpoints")).slice(-1);
        assert.equal(Number(point), most + 1);
        stop = false;
        const emit = (event: RunEvent) =>
          stop ||= event.type === "message" && event.text.startsWith("Going on from checkpoint");
        const options = { resume: true, emit, shouldStop };
        const { summary } = await runTiny({ out, changes: { data }, options });
        assert.deepEqual([stop, summary.completed], [true, false]);
        assert.equal(listCheckpoints(join(out, "checkpoints")).at(-1), point);
      }
    } finally {
      Deno.removeSync(root, { recursive: true });
    }
  },
});

function folder(...names: string[]): string {
  const path = join(...names);
  Deno.mkdirSync(path, { recursive: true });
  return path;
}

/** The checkpoint in the middle of each phase, as `task phase`; "data": before the first task. */
async function middles(out: string, phases: readonly string[]): Promise<[string, string][]> {
  const points = new Map<string, string[]>();
  for (const point of listCheckpoints(join(out, "all"))) {
    const { info } = await readCheckpoint(join(out, "all", point));
    const phase = info.phase === "data" ? "data" : `${info.task + 1} ${info.phase}`;
    points.set(phase, [...points.get(phase) ?? [], point]);
  }
  return phases.map((phase) => {
    const found = points.get(phase);
    assert(found, `no point in ${phase}; there are ${[...points.keys()].join(", ")}`);
    return [phase, found[found.length >> 1]];
  });
}

/** The run folder as a kill at this point would have left it, with the log of what came after. */
function copyCut(from: string, to: string, point: string): void {
  for (const file of ["config.json", "run.json", "log.jsonl"]) {
    Deno.copyFileSync(join(from, file), join(to, file));
  }
  const target = folder(to, "checkpoints", point);
  for (const { name } of Deno.readDirSync(join(from, "all", point))) {
    Deno.copyFileSync(join(from, "all", point, name), join(target, name));
  }
}
