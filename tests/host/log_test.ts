import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { RunLog } from "../../src/host/log.ts";
import {
  createRunFolder,
  defaultRunPath,
  readSummary,
  writeJson,
} from "../../src/host/run_folder.ts";
import { exampleSummary } from "../experiment/example_summary.ts";

async function inTempFolder(run: (path: string) => void | Promise<void>): Promise<void> {
  const path = Deno.makeTempDirSync();
  try {
    await run(path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

Deno.test("the log holds one event per line, with its time, readable while it is open", () =>
  inTempFolder((path) => {
    let now = Date.UTC(2026, 0, 1);
    const file = join(path, "log.jsonl");
    const log = new RunLog(file, () => now);
    log.write({ type: "phase", task: 0, phase: "wake" });
    now += 1234;
    log.write({ type: "message", text: "two\nlines" });
    const lines = Deno.readTextFileSync(file).trimEnd().split("\n").map((line) => JSON.parse(line));
    log.close();
    assert.deepEqual(lines, [
      { time: "2026-01-01T00:00:00.000Z", seconds: 0, type: "phase", task: 0, phase: "wake" },
      { time: "2026-01-01T00:00:01.234Z", seconds: 1.234, type: "message", text: "two\nlines" },
    ]);
  }));

Deno.test("a run folder is named after configuration and seed", () => {
  assert.equal(defaultRunPath({ name: "demo", seed: 3 }), join("runs", "demo-3"));
});

Deno.test("a folder with a finished run is refused unless it may be overwritten", () =>
  inTempFolder((path) => {
    const { summary } = createRunFolder(path);
    writeJson(summary, exampleSummary());
    assert.throws(
      () => createRunFolder(path),
      (error) =>
        error instanceof InputError && /holds a finished run; .*--overwrite$/.test(error.message),
    );
    createRunFolder(path, { overwrite: true });
    assert.throws(() => Deno.statSync(summary), Deno.errors.NotFound);
  }));

Deno.test("an unfinished run may be replaced", () =>
  inTempFolder((path) => {
    writeJson(createRunFolder(path).summary, exampleSummary({ completed: false }));
    createRunFolder(path);
  }));

Deno.test("a folder cannot be made where a file lies", () =>
  inTempFolder((path) => {
    const file = join(path, "taken");
    Deno.writeTextFileSync(file, "");
    assert.throws(() => createRunFolder(join(file, "run")), /Cannot make the folder .*--out$/);
  }));

Deno.test("writeJson leaves no partial file behind", () =>
  inTempFolder((path) => {
    writeJson(join(path, "a.json"), { a: 1 });
    assert.deepEqual([...Deno.readDirSync(path)].map(({ name }) => name), ["a.json"]);
    assert.equal(Deno.readTextFileSync(join(path, "a.json")), '{\n  "a": 1\n}\n');
  }));

Deno.test("readSummary refuses a folder without a run and a file that is something else", () =>
  inTempFolder((path) => {
    assert.throws(() => readSummary(path), /it has no summary\.json; name the folder of a run/);
    writeJson(join(path, "summary.json"), { method: "wscl" });
    assert.throws(() => readSummary(path), /has no method, classIl or taskIl/);
    writeJson(join(path, "summary.json"), exampleSummary());
    assert.deepEqual(readSummary(path), exampleSummary());
  }));

Deno.test("a summary of before there was a choice of providers is of Deno's own WebGPU", () =>
  inTempFolder((path) => {
    const { provider: _, ...older } = exampleSummary();
    writeJson(join(path, "summary.json"), older);
    assert.equal(readSummary(path).provider, "deno");
  }));
