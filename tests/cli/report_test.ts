/** What `report` prints and refuses; what its pages show is in tests/report. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { compareRuns } from "../../src/experiment/comparison/results.ts";
import { runFolder, writeJson } from "../../src/host/run_folder.ts";
import { withFolder } from "../data/fixtures.ts";
import { exampleSummary } from "../experiment/example_summary.ts";
import { recordingTerminal } from "./recording_terminal.ts";

async function report(...args: string[]) {
  const { terminal, printed } = recordingTerminal();
  const errors: string[] = [];
  const code = await main(["report", ...args], {
    terminal,
    printError: (text) => void errors.push(text),
    cacheDir: "cache",
  });
  return { code, output: printed.join("\n"), errors: errors.join("\n") };
}

/** A run's folder with a summary. */
function writeRun(path: string, changes: Parameters<typeof exampleSummary>[0] = {}) {
  Deno.mkdirSync(path, { recursive: true });
  const summary = exampleSummary(changes);
  writeJson(runFolder(path).summary, summary);
  return summary;
}

Deno.test("report replaces no file that is no report: neither what it reads, nor anything else", () =>
  withFolder(async (folder) => {
    const run = join(folder, "run");
    writeRun(run);
    const { summary, model, log } = runFolder(run);
    Deno.writeTextFileSync(model, "weights");
    Deno.writeTextFileSync(log, "{}\n");
    Deno.writeTextFileSync(join(folder, "other.html"), "<!doctype html><title>mine</title>");
    for (const file of [summary, model, log, join(folder, "other.html")]) {
      const before = Deno.readTextFileSync(file);
      const { code, output, errors } = await report(run, "--out", file);
      assert.deepEqual([code, output], [2, ""], file);
      assert.match(errors, /it is there already, and is no report; name another file with --out/);
      assert.equal(Deno.readTextFileSync(file), before);
    }
    for (const [option, says] of [["--out", /--out names no file/], ["--csv", /no folder/]]) {
      const { code, errors } = await report(run, String(option), "");
      assert.equal(code, 2);
      assert.match(errors, says as RegExp);
    }
    const { code, errors } = await report(run, "--out", "-");
    assert.equal(code, 2);
    assert.match(errors, /a page is not written to standard output/);
  }));

Deno.test("report prints a comparison by its rows, and runs of none beside it by their methods", () =>
  withFolder(async (folder) => {
    const path = join(folder, "compare");
    const row = (name: string, method: string, classIl: number) =>
      [name, [0, 1].map((seed) => ({
        seed,
        folder: `${name}-${seed}`,
        summary: writeRun(join(path, `${name}-${seed}`), {
          ...{ method, seed, schedule: null, classIl: classIl + seed },
        }),
      }))] as const;
    const runs = new Map([row("er_ace", "er_ace", 40), row("er_ace_dream_start", "er_ace", 60)]);
    const images = { trained: 0, dreamt: 0, judged: 0, steps: 0 };
    const rows = [...runs.keys()].map((name) => ({ name, about: name, overrides: [], images }));
    const about = { config: "example", seeds: [0, 1], commit: null };
    writeJson(join(path, "comparison.json"), compareRuns(rows, runs, about));
    writeRun(join(path, "another"), { method: "finetune", schedule: null, classIl: 20 });
    const { code, output } = await report(path);
    assert.equal(code, 0);
    assert.match(output, /\| er_ace +\| +2 \| 40\.5 ± 0\.7 /);
    assert.match(output, /\| er_ace_dream_start +\| +2 \| 60\.5 ± 0\.7 /);
    assert.match(output, /\| finetune \| +1 \| +20\.00 /);
    assert.doesNotMatch(output, /50\.50/);
  }));
