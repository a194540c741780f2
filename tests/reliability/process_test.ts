/** Signals, time limits and kills, from outside. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { TinyProcess, undisturbed } from "./process.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

function test(name: string, body: () => Promise<void>) {
  Deno.test({ name, ignore: adapter === null, fn: body });
}

test("SIGKILL, Ctrl-C and a time limit: gone on with, the run ends as if nothing had been", async () => {
  using run = new TinyProcess();
  const killed = await run.signal(
    "SIGKILL",
    "task 2/3 heads",
    "start",
    "--checkpoint-every",
    "2steps",
  );
  assert.equal(killed.signal, "SIGKILL");
  const refused = await run.start();
  assert.equal(refused.code, 2);
  assert.match(refused.output, /holds an unfinished run; go on with it by --resume .*--overwrite/);

  const stopped = await run.signal("SIGINT", "Going on", "resume");
  assert.equal(stopped.code, 130, stopped.output);
  assert.match(stopped.output, /go on with \.\/wscl train --resume .*run\n/);

  const late = await run.resume("--max-time", "1s");
  assert.equal(late.code, 75, late.output);
  assert.match(late.output, /The time is up; go on with/);

  const ended = await run.resume();
  assert.equal(ended.code, 0, ended.output);
  assert.deepEqual(await run.outcome(), await undisturbed());
  assert.match((await run.resume()).output, /Nothing to resume/);
});

test("what a killed run left half-written is passed over, and said", async () => {
  using run = new TinyProcess();
  await run.signal("SIGTERM", "task 1/3 evaluation", "start", "--checkpoint-every", "3steps");
  const folder = join(run.out, "checkpoints");
  const [before, last] = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  const state = join(folder, last, "state.safetensors");
  const bytes = Deno.readFileSync(state);
  bytes[bytes.length >> 1] ^= 1;
  Deno.writeFileSync(state, bytes);
  Deno.mkdirSync(join(folder, "999999999.part"));
  const { code, output } = await run.resume();
  assert.equal(code, 0, output);
  assert.match(output, new RegExp(`${last}: state.safetensors is damaged.*taking the one before`));
  assert.match(output, new RegExp(`Going on from checkpoint ${Number(before)}:`));
  assert.deepEqual(await run.outcome(), await undisturbed());
});

test("a resumed run takes no other configuration, nor one that was changed", async () => {
  using run = new TinyProcess();
  await run.signal("SIGTERM", "adapter", "start");
  const settled = await run.resume("--seed", "1");
  assert.equal(settled.code, 2);
  assert.match(settled.output, /Cannot use --seed with --resume: a run goes on as it began/);
  const file = join(run.out, "config.json");
  const config = JSON.parse(Deno.readTextFileSync(file));
  Deno.writeTextFileSync(file, JSON.stringify({ ...config, seed: 1 }));
  const changed = await run.resume();
  assert.equal(changed.code, 2);
  assert.match(changed.output, /Cannot resume .*: the configuration is not what it was/);
});
