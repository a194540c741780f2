/** What the text of a kernel says about its barriers, and what other adapters may refuse. */

import assert from "node:assert/strict";
import { barrierProblem } from "../../src/lab/barriers.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import { remarksOf } from "../../src/lab/remarks.ts";
import { starterFor } from "../../mod.ts";
import { ops } from "../../src/check/table.ts";

const kernel = (body: string, before = "") => `
var<workgroup> parts: array<vec4f, 64>;
var<workgroup> total: f32;
var<workgroup> counts: array<atomic<u32>, 4>;
${before}
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
${body}
}`;

Deno.test("barriers that are missing, unused, too late or in another function", () => {
  for (
    const body of [
      "parts[local] = vec4f(); let s = parts[63u - local];",
      "parts[local] = vec4f(); let s = parts[local + 1u]; workgroupBarrier();",
      "workgroupBarrier(); parts[local] = vec4f(); let s = parts[local + 32u];",
      "parts[0] = vec4f(); let s = parts[0];",
      "if (local == 0u) { total = 1.0; } let s = total;",
      "parts[local].x += 1.0; let s = parts[local ^ 1u].x;",
      // workgroupBarrier();
      "put(local); let s = parts[63u - local]; /* workgroupBarrier(); */",
      "for (var i = 0u; i < 4u; i++) { let s = parts[i]; parts[local] = s; }",
      "atomicAdd(&counts[0], 1u);",
    ]
  ) {
    const before = "fn put(at: u32) { parts[at] = vec4f(); }\nfn unused() { workgroupBarrier(); }";
    assert.match(barrierProblem(kernel(body, before)) ?? "none", /workgroupBarrier\(\)/, body);
  }
});

Deno.test("a thread's own place needs no barrier; what has one is right", () => {
  for (
    const body of [
      "",
      "parts[local] = vec4f(); let s = parts[local];",
      "parts[local] = vec4f(); if (local == 0u) { let s = parts[0u]; }",
      "parts[local % 64u] = vec4f(1.0); let s = parts[ local%64u ].x;",
      "parts[local] = vec4f(); workgroupBarrier(); let s = parts[63u - local];",
      "for (var w = 32u; w > 0u; w /= 2u) { if (local < w) { parts[local] += parts[local + w]; } workgroupBarrier(); }",
      "for (var w = 32u; w > 0u; w /= 2u) { workgroupBarrier(); if (local < w) { parts[local] += parts[local + w]; } }",
      "if (local == 0u) { total = 1.0; } let s = workgroupUniformLoad(&total);",
      "atomicAdd(&counts[0], 1u); workgroupBarrier(); let s = atomicLoad(&counts[0]);",
      "parts[local] = vec4f(); wait(); let s = parts[0];",
    ]
  ) {
    assert.equal(barrierProblem(kernel(body, "fn wait() { workgroupBarrier(); }")), null, body);
  }
  for (const { name } of ops) assert.equal(barrierProblem(starterFor(name)), null, name);
  for (const { kernels } of ops) {
    for (const { name, code } of kernels) assert.equal(barrierProblem(code), null, name);
  }
});

Deno.test("what WebGPU does not promise everywhere is remarked on", () => {
  const remarks = (change: (code: string) => string) =>
    remarksOf(readOwnKernel({ name: "my.wgsl", code: change(starterFor("pool_forward")) }));
  assert.deepEqual(remarks((code) => code), []);
  const size = (text: string) => (code: string) =>
    code.replace("@workgroup_size(64)", `@workgroup_size(${text})`);
  assert.match(remarks(size("1024")).join(), /1024 invocations: WebGPU promises 256/);
  assert.match(remarks(size("1, 1, 128")).join(), /256 x 256 x 64 at most/);
  assert.deepEqual(remarks(size("16, 16")), []);
  const named = (code: string) => `${size("WIDE")(code)}\nconst WIDE = 512u;`;
  assert.match(remarks(named).join(), /512 invocations/);
  const memory = (type: string) => (code: string) => `${code}\nvar<workgroup> mine: ${type};`;
  assert.deepEqual(remarks(memory("array<vec4f, 1024>")), []);
  assert.match(remarks(memory("array<array<f32, 4>, 1025>")).join(), /16400 bytes of workgroup/);
});
