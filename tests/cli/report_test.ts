/** What `report` prints and refuses; what its pages show is in tests/report. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { type DatedRecord, missingText } from "../../src/continual/record.ts";
import { newborn } from "../../src/continual/birth.ts";
import { generationFiles, generationName } from "../../src/continual/generation.ts";
import { compareRuns } from "../../src/experiment/comparison/results.ts";
import { diskProblem, reasonOf } from "../../src/host/durable.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
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
      [
        name,
        [0, 1].map((seed) => ({
          seed,
          folder: `${name}-${seed}`,
          summary: writeRun(join(path, `${name}-${seed}`), {
            ...{ method, seed, schedule: null, classIl: classIl + seed },
          }),
        })),
      ] as const;
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

Deno.test("report leaves out what it cannot read, says so, and fails where nothing is left", () =>
  withFolder(async (folder) => {
    const path = (...names: string[]) => join(folder, ...names);
    writeRun(path("good"));
    const { images: _, ...older } = writeRun(path("older"), { seed: 1 });
    writeJson(runFolder(path("older")).summary, older);
    const bad = (name: string, change: object) => {
      writeJson(runFolder(path(name)).summary, { ...writeRun(path(name)), ...change });
    };
    bad("time", { seconds: "soon" });
    bad("accuracy", { classIl: {} });
    bad("heads", { heads: [999] });
    Deno.mkdirSync(path("text"));
    Deno.writeTextFileSync(runFolder(path("text")).summary, "{");
    const { code, output } = await report(folder);
    assert.equal(code, 0);
    assert.match(output, /\| wscl staged \| +2 \|/);
    assert.match(output, /left out: Cannot read run .*time: summary\.json .*\(seconds: .*"soon"\)/);
    assert.match(output, /left out: Cannot read run .*accuracy: .*\(classIl\.matrix: /);
    assert.match(output, /left out: Cannot read run .*heads: .*\(heads\.0: /);
    assert.match(output, /left out: Cannot parse .*text/);
    const alone = await report(path("time"));
    assert.deepEqual([alone.code, alone.output], [2, ""]);
    assert.match(alone.errors, /seconds: /);
  }));

Deno.test("report names the folder that runs are in where they lie deeper", () =>
  withFolder(async (folder) => {
    writeRun(join(folder, "part", "wscl-0"));
    const { code, errors } = await report(folder);
    assert.equal(code, 2);
    assert(errors.endsWith(`runs that have ended are in ${join(folder, "part")}, name that`));
  }));

Deno.test("report says what it passes over in logs", () =>
  withFolder(async (folder) => {
    const run = join(folder, "run");
    writeRun(run);
    const start = JSON.stringify({ type: "phase", task: null, phase: "data", seconds: 0 });
    Deno.writeTextFileSync(runFolder(run).log, `${start}\n\u0001\u0002\n{"type":"pha`);
    const { code, output } = await report(run, "--csv", join(folder, "tables"));
    assert.equal(code, 0);
    assert.match(output, /Passed over in .*log\.jsonl: 2 lines are no events/);
  }));

Deno.test("report shows control characters as what they are: characters", () =>
  withFolder(async (folder) => {
    const run = join(folder, "a\u001b[31mred");
    writeRun(run, { method: "m\u001b[2J\nnext", schedule: null });
    writeRun(join(folder, "stopped\u001b[1m"), { completed: false });
    const { output } = await report(folder);
    assert.match(output, /m\ufffd\[2J next \|/);
    assert.match(output, /stopped\\u\{001B\}\[1m" did not complete/);
    assert(!output.includes("\u001b"));
    const { errors } = await report(join(run, "\u001b[5m"));
    assert.match(errors, /\ufffd\[5m/);
    assert(!errors.includes("\u001b"));
  }));

Deno.test("a place that Deno keeps programs from is refused in the program's own words", () =>
  withFolder(async (folder) => {
    if (Deno.build.os !== "linux") return;
    const run = join(folder, "run");
    writeRun(run);
    // Whoever may do everything is told what the system says.
    for (const option of ["--out", "--csv"]) {
      const { code, errors } = await report(run, option, "/proc/x/y");
      assert.equal(code, 2);
      assert.doesNotMatch(errors, /--allow/);
      assert.match(errors, new RegExp(`another.* with ${option}`));
    }
    const refused = new Deno.errors.NotCapable(
      'Requires all access to "/proc/x", run again with the --allow-all flag',
    );
    assert.equal(reasonOf(refused), "it belongs to the system");
    assert.equal(diskProblem(refused), "it belongs to the system; choose another place");
  }));

Deno.test("nights of which the history has no record are counted", () => {
  const night = (generation: number) => ({ generation, passed: true }) as DatedRecord;
  assert.equal(missingText(2, [night(1), night(2)]), null);
  // Back at an earlier generation there are more records than nights.
  assert.equal(missingText(1, [night(1), night(2)]), null);
  assert.equal(missingText(3, [night(2)]), "Of 2 of 3 nights the history has no record");
});

Deno.test("of a learner without nights there are no tables, and that is said", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    const born = await newborn({ settings: { width: 4, size: 16 } });
    await new LearnerFolder(learner).write("generations", generationName(0), generationFiles(born));
    const { code, output } = await report(learner, "--csv", join(folder, "tables"));
    assert.equal(code, 0);
    assert.match(output, /nothing written to .*tables: there is nothing to put into tables$/);
  }));
