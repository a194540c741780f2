/** `wscl kernels`: lists operations, says what a kernel has to do, and writes one to start from. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ops } from "../../src/check/table.ts";
import { main } from "../../src/cli/main.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import { gpuTests } from "../support/gpu.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const test = await gpuTests();

async function wscl(...args: string[]) {
  const { terminal, printed } = recordingTerminal();
  const errors: string[] = [];
  const code = await main(args, { terminal, printError: (text) => void errors.push(text) });
  return { code, text: printed.join("\n"), errors: errors.join("\n") };
}

Deno.test("kernels alone lists every operation", async () => {
  for (const args of [["kernels"], ["kernels", "list"]]) {
    const { code, text } = await wscl(...args);
    assert.equal(code, 0);
    for (const { name, summary } of ops) assert(text.includes(name) && text.includes(summary));
  }
});

test("kernels show says formula, bindings, fields, constants, shapes and tolerance", async () => {
  const { code, text } = await wscl("kernels", "show", "batch_norm_apply");
  assert.equal(code, 0);
  for (
    const part of [
      /y\[p, c\] = relu\(/,
      /read_write {2}statistics: array<vec4f>/,
      /ends: vec4u/,
      /override RESIDUAL: u32/,
      /5x layer2\.0\.bn1: batch=32/,
      /0\.00003: rounding of f32/,
    ]
  ) assert.match(text, part);
  const unknown = await wscl("kernels", "show", "softmax");
  assert.equal(unknown.code, 2);
  assert.match(unknown.errors, /Cannot find the operation softmax: there are augment, /);
});

Deno.test("kernels new writes a kernel that can be read, and replaces no file", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = join(folder, "my.wgsl");
    assert.equal((await wscl("kernels", "new", "mse", path)).code, 0);
    const own = readOwnKernel({ name: path, code: Deno.readTextFileSync(path) });
    assert.equal(own.op.name, "mse");
    const again = await wscl("kernels", "new", "mse", path);
    assert.equal(again.code, 2);
    assert.match(again.errors, /there is such a file/);
    const nowhere = await wscl("kernels", "new", "mse", join(folder, "none", "my.wgsl"));
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.errors, /there is no folder .*none; make it, or name another file/);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
