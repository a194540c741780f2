import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { writeSafetensors } from "../../src/host/safetensors_files.ts";
import { withFolder, write } from "./fixtures.ts";

Deno.test("a model that is written anew clears up after one whose writing was killed", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.safetensors");
    const left = `${path}.${crypto.randomUUID()}.tmp`;
    const other = join(folder, `gallery.safetensors.${crypto.randomUUID()}.tmp`);
    const code = "const file = Deno.openSync(Deno.args[0], { write: true, createNew: true });" +
      "file.lockSync(true); console.log('locked'); setTimeout(() => file.close(), 60_000)";
    write(other, "half");
    const writer = new Deno.Command(Deno.execPath(), {
      args: ["eval", code, left],
      stdout: "piped",
    })
      .spawn();
    const output = writer.stdout.getReader();
    await output.read();
    await writeSafetensors(path, new Map());
    assert.ok([...Deno.readDirSync(folder)].some(({ name }) => name === basename(left)), "held");
    writer.kill("SIGKILL");
    await writer.status;
    await output.cancel();
    await writeSafetensors(path, new Map());
    const there = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(there, [basename(other), "model.safetensors"]);
  }));
