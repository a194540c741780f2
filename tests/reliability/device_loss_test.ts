/** A lost device is replaced by another, a bounded number of times. `wscl test --soak` loses it in every phase. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { launch } from "../../src/host/launch.ts";
import { withFolder } from "../data/fixtures.ts";
import { outcome, runTiny, tinyOptions } from "./tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const worker = new URL("./breaking_worker.ts", import.meta.url);
const data = { ...tinyOptions.data, tasks: 2 };

function test(name: string, body: () => Promise<void>) {
  Deno.test({ name, ignore: adapter === null, fn: body });
}

/** Runs with a device that breaks as `name` says; gives what was told meanwhile. */
async function launched(folder: string, name: string) {
  const out = join(folder, name);
  Deno.mkdirSync(out);
  const told: string[] = [];
  const onEvent = (event: RunEvent) => void (event.type === "message" && told.push(event.text));
  const options = resolveConfig({ ...tinyOptions, data, name });
  const files = { out, dataRoot: folder, cacheDir: join(folder, "cache"), init: null };
  const checkpointEvery = { steps: 3 };
  const run = launch(options, { ...files, checkpointEvery, worker, onEvent });
  return { out, told, error: await run.then(() => null, (error: Error) => error) };
}

test("a run whose device is lost, or out of memory, goes on to the same end", () =>
  withFolder(async (folder) => {
    const whole = join(folder, "whole");
    Deno.mkdirSync(whole);
    await runTiny({ out: whole, changes: { data } });
    const expected = await outcome(whole);
    for (const name of ["lose-7-once", "exhaust-20-once"]) {
      const { out, told, error } = await launched(folder, name);
      assert.equal(error, null);
      assert.match(told.join("\n"), /\(task \d, \w+, after \d+ steps; the last good checkpoint is/);
      assert.match(
        told.join("\n"),
        /starting again from there \(1 of 3\)[^]*Going on from checkpoint/,
      );
      assert.deepEqual(await outcome(out), expected);
    }
  }));

test("a device that is lost again and again ends the run, which can be gone on with", () =>
  withFolder(async (folder) => {
    const { out, told, error } = await launched(folder, "lose-2");
    assert.equal(error?.name, "DeviceError");
    assert.match(error.message, /given up for the 4th time, go on later with .*--resume/);
    assert.equal(told.filter((text) => /starting again/.test(text)).length, 3);
    await runTiny({ out, changes: { data, name: "lose-2" }, options: { resume: true } });
  }));
