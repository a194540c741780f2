/** The tour of docs/serve.md, as it stands there, by curl; and by a client made of the OpenAPI document. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withFolder, write } from "../data/fixtures.ts";
import { jpegFile } from "../data/jpeg_files.ts";
import { bear, figures, Served, TOKEN } from "./served.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const page = Deno.readTextFileSync(new URL("../../docs/serve.md", import.meta.url));
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function run(command: string, args: string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    ...{ args, cwd, stdin: "null", env: { WSCL_TOKEN: TOKEN } },
  }).output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, `${said}\n${complained}`);
  return said;
}

/** `photographs/cat/*`, `photographs/dog/*` and `picture.jpg`, and a learner that knows nothing. */
async function prepare(folder: string): Promise<string> {
  for (const [i, name] of ["cat", "dog"].entries()) {
    for (const [n, { bytes }] of figures(i, 9).entries()) {
      write(join(folder, "photographs", name, `${n}.png`), bytes);
    }
  }
  const picture = await jpegFile(40, 30, (x, y) => [x * 6, y * 8, 90], { quality: 90 });
  write(join(folder, "picture.jpg"), picture);
  const learner = join(folder, "pets");
  await bear(learner);
  return learner;
}

Deno.test({
  name: "curl does the tour of docs/serve.md",
  ignore: adapter === null || Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const learner = await prepare(folder);
      const [, tour] = /## A tour\n[^]*?```sh\n([^]*?)```/.exec(page)!;
      await using service = await Served.start(learner, "--idle", "never");
      const script = tour.replace("http://127.0.0.1:8717", service.url);
      assert.notEqual(script, tour);
      const said = await run("bash", ["-euo", "pipefail", "-c", script], folder);
      assert.equal(said.match(/"status":"waiting"/g)?.length, 18 + 1, said);
      assert.match(said, /"night":1,"status":"asleep","images":18,"held":\{\}/);
      assert.equal(said.match(/"generation":1,"predictions":/g)?.length, 3, said);
      assert.match(said, /"label":"dog","status":"waiting"[^]*"label":"dog","status":"forgotten"/);
      assert.match(said, /^wscl_generation 1$/m);
      assert.match(said, /\{"ready":true,"problem":null\}/);
      assert(Deno.statSync(join(folder, "model.safetensors")).size > 10_000);
      // The log of what happened is printed, and it ends when it is told to.
      assert.match(service.output, /^dawn +\{"night":1,"outcome":"kept","generation":1/m);
      assert.equal(await service.kill("SIGTERM"), 0, service.output);
    }),
});

Deno.test({
  name: "a client made of the OpenAPI document does it, and finds what the document says",
  ignore: adapter === null,
  fn: () =>
    withFolder(async (folder) => {
      const learner = await prepare(folder);
      await using service = await Served.start(learner, "--idle", "never");
      const said = await run(Deno.execPath(), [
        ...["run", "-A", "--quiet", "--config", at("client/deno.json"), "--frozen"],
        ...[at("client/client.ts"), service.url, TOKEN],
        ...["cat", "dog"].map((name) => join(folder, "photographs", name)),
      ], folder);
      assert.match(said, /^\d+ operations, 16 episodes/);
      console.log(`a client made of the document: ${said.trim()}`);
    }),
});
