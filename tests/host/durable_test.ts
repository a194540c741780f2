/** Files that are replaced: whole, whoever else replaces them, and on disk. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Gpu } from "../../src/gpu/device.ts";
import { replaceFile, writeNew } from "../../src/host/durable.ts";
import { readRemembered, writeRemembered } from "../../src/host/remembered_tuning.ts";
import { isFinished, resumeCommand, runFolder } from "../../src/host/run_folder.ts";
import { withFolder } from "../data/fixtures.ts";

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("a file that two replace at once is the last one's, and whole", () =>
  withFolder((folder) => {
    const path = join(folder, "table.json");
    const { renameSync } = Deno;
    try {
      Deno.renameSync = (from, to) => {
        Deno.renameSync = renameSync;
        replaceFile(path, "the other process's"); // between the writing and the renaming of this one
        renameSync(from, to);
      };
      replaceFile(path, "this one's");
    } finally {
      Deno.renameSync = renameSync;
    }
    assert.equal(Deno.readTextFileSync(path), "this one's");
    assert.deepEqual(namesIn(folder), ["table.json"]);
    return Promise.resolve();
  }));

Deno.test("what cannot be put in its place leaves nothing, and a file that is there stays", () =>
  withFolder((folder) => {
    const taken = join(folder, "taken");
    Deno.mkdirSync(join(taken, "in it"), { recursive: true });
    assert.throws(() => replaceFile(taken, "text"), /Cannot write .*taken: /);
    assert.deepEqual(namesIn(folder), ["taken"]);
    const file = join(folder, "file");
    writeNew(file, new Uint8Array(3));
    assert.throws(() => writeNew(file, new Uint8Array(5)), Deno.errors.AlreadyExists);
    assert.equal(Deno.statSync(file).size, 3);
    return Promise.resolve();
  }));

Deno.test("a summary of no bytes is that of no finished run; its folder is named as a shell takes it", () =>
  withFolder((folder) => {
    const out = join(folder, "my run");
    Deno.mkdirSync(out);
    Deno.writeTextFileSync(runFolder(out).summary, "");
    assert.equal(isFinished(out), false);
    Deno.writeTextFileSync(runFolder(out).summary, "{}");
    assert.equal(isFinished(out), true);
    assert.equal(resumeCommand({ out, provider: "deno" }), `./wscl train --resume '${out}'`);
    return Promise.resolve();
  }));

Deno.test("what two processes have tuned is remembered together", () =>
  withFolder(async (folder) => {
    const gpu = { adapter: { description: "test" }, features: new Set() } as unknown as Gpu;
    const warn = (text: string) => assert.fail(text);
    await writeRemembered(gpu, folder, new Map([["a", "strips"], ["b", "strips"]]), warn);
    await writeRemembered(gpu, folder, new Map([["b", "tiles"], ["c", "tiles"]]), warn);
    const found = await readRemembered(gpu, folder);
    assert.deepEqual([...found].sort(), [["a", "strips"], ["b", "tiles"], ["c", "tiles"]]);
  }));
