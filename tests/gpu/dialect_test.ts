/** What a compiler wants in front of kernels is found by trying it, whatever the adapter is called. */

import assert from "node:assert/strict";
import { compiles, type Dialect, directives, findDialect } from "../../src/gpu/dialect.ts";
import { Gpu } from "../../src/gpu/device.ts";
import { defineKernel, pipelineOf } from "../../src/gpu/kernel.ts";
import { kernels } from "../../src/ops/kernels.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

const ENABLE = "enable subgroups; ";
const OFF = "diagnostic(off, subgroup_uniformity); ";

/** Compilers by what they accept in front of a kernel with subgroups. */
const compilers: readonly [name: string, accepted: readonly string[], found: string | null][] = [
  ["wgpu, which refuses the directive", [""], ""],
  ["one that enables, and proves nothing", [ENABLE], ENABLE],
  ["Chromium's, which proves what it can", [ENABLE + OFF], ENABLE + OFF],
  ["one that takes anything", ["", ENABLE, ENABLE + OFF], ""],
  ["one without subgroups", [], null],
];

for (const [name, accepted, found] of compilers) {
  Deno.test(`the dialect of ${name}`, async () => {
    const tried: string[] = [];
    const dialect = await findDialect(true, (code) => {
      const front = code.slice(0, code.indexOf("\n"));
      tried.push(front);
      assert.match(code.slice(front.length), /subgroupBroadcast\([^]*subgroupShuffle\(/);
      return Promise.resolve(accepted.includes(front));
    });
    assert.deepEqual(dialect, { subgroups: found });
    assert.equal(tried.length, new Set(tried).size);
  });
}

Deno.test("without subgroups nothing is tried", async () => {
  assert.deepEqual(await findDialect(false, assert.fail), { subgroups: null });
});

Deno.test("directives go in front of kernels that use subgroups, and of no others, in their first line", () => {
  const dialect: Dialect = { subgroups: ENABLE + OFF };
  const uses = [
    "fn main() { let lane = subgroupExclusiveAdd(1u); }",
    "fn main() { let x = quadSwapX (1u); }",
    "@compute fn main(@builtin( subgroup_invocation_id) lane: u32) {}",
    "/* a comment */ // another\nfn main() { let x = subgroupAdd(2u); }",
  ];
  const others = [
    "// subgroupAdd(1u) is not used here\nfn main() {}",
    "/* subgroupAdd(1u) /* nor */ subgroupAdd(1u) */ fn main() {}",
    "fn main() { let subgroupLane = 1u; let my_subgroupAdd = (2u); }",
  ];
  for (const code of uses) assert.equal(directives(dialect, code), ENABLE + OFF, code);
  for (const code of others) assert.equal(directives(dialect, code), "", code);
  for (const subgroups of ["", null]) assert.equal(directives({ subgroups }, uses[0]), "");
  const named = kernels.filter(({ code }) => directives(dialect, code)).map(({ name }) => name);
  assert.deepEqual(named, kernels.map(({ name }) => name).filter((name) => /subgroup/.test(name)));
});

test("the dialect found for this adapter compiles", async (gpu) => {
  if (gpu.features.has("subgroups")) assert.notEqual(gpu.dialect.subgroups, null);
  else assert.equal(gpu.dialect.subgroups, null);
  assert.equal(await compiles(gpu.device, "@compute @workgroup_size(1) fn main() {}"), true);
  assert.equal(await compiles(gpu.device, "nonsense"), false);
  await gpu.settle();
});

test("directives shift no line and no column of a message", async (gpu) => {
  const code = "@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }";
  const placeWith = async (subgroups: string, text: string) => {
    const own = new Gpu(gpu.device, gpu.adapter, gpu.features, { subgroups });
    const kernel = defineKernel({ name: "wrong", code: text });
    const error = await pipelineOf(own, kernel, {}).then(() => assert.fail(), (e: Error) => e);
    return error.message.match(/wrong\.wgsl:\d+:\d+/)?.[0];
  };
  const place = await placeWith("", code);
  assert.match(place!, /^wrong\.wgsl:1:/);
  const withUse = `${code} fn other() { let y = subgroupAdd(1u); }`;
  // Blanks stand for a directive, which not every compiler accepts.
  assert.equal(await placeWith("      ", withUse), place);
});
