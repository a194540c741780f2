import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { launch, type LaunchOptions } from "../../src/host/launch.ts";
import { exampleOptions } from "../experiment/example_options.ts";

const worker = new URL("./stand_in_worker.ts", import.meta.url);
const start = (name: string, options: Partial<LaunchOptions> = {}) =>
  launch(resolveConfig(exampleOptions({ name, seed: 7 })), {
    dataRoot: "data",
    cacheDir: "cache",
    out: "out",
    init: null,
    worker,
    ...options,
  });

Deno.test("launch relays events and resolves with the summary", async () => {
  const events: RunEvent[] = [];
  const summary = await start("ends", { onEvent: (event) => events.push(event) });
  assert.deepEqual(events, [{ type: "message", text: "writes to out" }]);
  assert.equal(summary.seed, 7);
  assert.equal(summary.completed, true);
});

Deno.test("launch keeps an InputError an InputError across the worker's border", async () => {
  await assert.rejects(
    start("input-error"),
    (error) =>
      error instanceof InputError && error.message === "Cannot read data: none, give --data",
  );
});

Deno.test("launch keeps name, message and stack of any other error", async () => {
  await assert.rejects(start("type-error"), (error: Error) => {
    assert.equal(error instanceof InputError, false);
    assert.equal(error.name, "TypeError");
    assert.equal(error.message, "shapes differ");
    return /stand_in_worker/.test(error.stack ?? "");
  });
});

Deno.test("launch ends a run cleanly when its signal is aborted", async () => {
  const stop = new AbortController();
  const run = start("until-stopped", { signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  assert.equal((await run).completed, false);
});

Deno.test("launch rejects when the worker throws outside of the run", async () => {
  await assert.rejects(start("crash"), /thrown outside of the run/);
});

Deno.test("launch rejects when the event callback throws", async () => {
  const onEvent = () => {
    throw new Error("disk full");
  };
  await assert.rejects(start("until-stopped", { onEvent }), /disk full/);
});
