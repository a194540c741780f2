/** Providers are told apart, and Dawn is pinned once and stays out of everybody's first start. */

import assert from "node:assert/strict";
import { DAWN_PACKAGE } from "../../src/host/dawn.ts";
import { adapterName } from "../../src/gpu/device.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

Deno.test("another provider is another adapter", () => {
  const adapter = { vendor: "mesa", architecture: "", description: "llvmpipe", isFallback: true };
  assert.equal(adapterName({ ...adapter, provider: "deno" }), "llvmpipe");
  assert.equal(adapterName({ ...adapter, provider: "dawn" }), "llvmpipe, by Dawn");
});

Deno.test("Dawn's version is the same in the program and its lock file, and in no other place", () => {
  const version = DAWN_PACKAGE.match(/^npm:webgpu@(\d+\.\d+\.\d+)$/)?.[1];
  const locked = JSON.parse(read("dawn.lock"));
  assert.equal(locked.specifiers[DAWN_PACKAGE], version);
  assert.match(locked.npm[`webgpu@${version}`].integrity, /^sha512-/);
  assert.doesNotMatch(read("wscl"), /webgpu@\d/);
});

Deno.test("Dawn is in its own lock file alone, whose other packages are the program's", () => {
  assert.doesNotMatch(read("deno.json") + read("deno.lock"), /webgpu/);
  const [program, dawn] = [read("deno.lock"), read("dawn.lock")].map((text) => JSON.parse(text));
  assert.deepEqual(dawn.workspace, program.workspace);
  for (const part of ["specifiers", "npm"]) {
    for (const [name, entry] of Object.entries(program[part])) {
      assert.deepEqual(
        dawn[part][name],
        entry,
        `${name}: copy deno.lock's packages into dawn.lock`,
      );
    }
  }
});
