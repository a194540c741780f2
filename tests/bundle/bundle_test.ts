/** What a page would load: the core, bundled for the browser, trains without any permission, to the same bits. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { readSafetensors } from "../../src/host/safetensors_files.ts";
import { encodeSafetensors } from "../../src/net/safetensors.ts";
import { sha256 } from "../../src/digest.ts";
import { withFolder } from "../data/fixtures.ts";
import { runTiny, tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

/** Compressed, as a page is sent. */
const MOST_BYTES = 100_000;

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function deno(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args });
  const { success, stdout, stderr } = await command.output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, complained);
  return said;
}

async function bundle(entry: string, output: string): Promise<void> {
  const config = ["--config", pathOf("../../page/deno.json"), "--frozen"];
  await deno("run", "-A", "--quiet", ...config, pathOf("../../page/bundle.ts"), entry, output);
}

/** Bytes of a file as gzip makes them. */
async function compressedBytes(path: string): Promise<number> {
  const { readable } = await Deno.open(path);
  const compressed = readable.pipeThrough(new CompressionStream("gzip"));
  return (await new Response(compressed).bytes()).length;
}

Deno.test("the core is bundled for the browser, and is small", () =>
  withFolder(async (folder) => {
    const output = join(folder, "core.js");
    await bundle(pathOf("../../src/core.ts"), output);
    const { size } = await Deno.stat(output);
    const compressed = await compressedBytes(output);
    console.log(`the core is ${size} bytes, ${compressed} compressed`);
    assert(compressed < MOST_BYTES, `${compressed} bytes are more than ${MOST_BYTES}`);
  }));

Deno.test("what would be missing in a browser is refused", () =>
  withFolder(async (folder) => {
    const entry = join(folder, "entry.ts");
    const store = pathToFileURL(pathOf("../../src/host/run_store.ts")).pathname;
    Deno.writeTextFileSync(entry, `export * from ${JSON.stringify(store)};\n`);
    await assert.rejects(bundle(entry, join(folder, "out.js")), /Could not resolve "node:path"/);
  }));

Deno.test({
  name: "the bundle trains without any permission, to the bits of a run with a disk",
  ignore: adapter === null,
  fn: () =>
    withFolder(async (folder) => {
      const data = { ...tinyOptions.data, tasks: 2 };
      const out = join(folder, "run");
      Deno.mkdirSync(out);
      await runTiny({ out, changes: { data } });
      const { tensors } = await readSafetensors(join(out, "model.safetensors"));

      await bundle(pathOf("../../src/core.ts"), join(folder, "core.js"));
      Deno.writeTextFileSync(
        join(folder, "page.js"),
        `
        import { driveRun, encodeSafetensors, MemoryStore, memoryHost, resolveConfig } from "./core.js";
        const store = new MemoryStore();
        const config = resolveConfig(${JSON.stringify({ ...tinyOptions, data })});
        const { completed } = await driveRun(config, memoryHost({ store }));
        const bytes = encodeSafetensors(store.model);
        const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
        console.log(JSON.stringify({ completed, digest }));
        `,
      );
      const said = await deno("run", "--quiet", "--no-prompt", join(folder, "page.js"));
      const digest = await sha256(encodeSafetensors(tensors));
      assert.deepEqual(JSON.parse(said), { completed: true, digest });
    }),
});
