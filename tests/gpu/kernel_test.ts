/** A kernel is defined by its text and the libraries that it needs; what does not fit is refused with its name. */

import assert from "node:assert/strict";
import { dispatch } from "../../src/gpu/dispatch.ts";
import { defineKernel } from "../../src/gpu/kernel.ts";
import { placeOf } from "../../src/gpu/kernel_text.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";

const main = "@compute @workgroup_size(1) fn main() {}\n";
const variable = (binding: number, type: string, name: string, group = 0) =>
  `@group(${group}) @binding(${binding}) var<${type}> ${name}: array<vec4f>;\n`;

const define = (code: string, libraries = {}, ...chosen: string[]) =>
  defineKernel({ name: "odd", code, libraries, chosen });

const refused = (code: string, message: RegExp, libraries = {}, ...chosen: string[]) =>
  assert.throws(() => define(code, libraries, ...chosen), (error: Error) => {
    assert.match(error.message, /^Cannot define kernel odd: /);
    assert.match(error.message, message);
    return true;
  });

Deno.test("libraries are put behind a kernel, nested ones too, each once, and lines keep their numbers", () => {
  const libraries = {
    "lib/one": "// needs: lib/two\n// needs: lib/three\nconst one = 1;",
    "lib/two": "// needs: lib/three\nconst two = 2;",
    "lib/three": "const three = 3;",
    "lib/four": "const four = 4;",
  };
  const code = `// needs: lib/three\n// needs: lib/one\n${main}`;
  const { code: whole, files } = define(code, libraries);
  assert(whole.startsWith(code));
  for (const name of ["one", "two", "three"]) {
    assert.equal(whole.split(`const ${name} = `).length, 2, name);
  }
  assert.doesNotMatch(whole, /four/);
  assert.deepEqual(files.map(({ name }) => name), [
    ...["odd.wgsl", "lib/three.wgsl", "lib/one.wgsl", "lib/two.wgsl"],
  ]);
  whole.split("\n").forEach((line, i) => {
    const [file, number] = placeOf(files, i + 1).split(":");
    const text = file === "odd.wgsl" ? code : libraries[file.slice(0, -5) as "lib/one"];
    assert.equal(text.split("\n")[Number(number) - 1], line, `line ${i + 1}`);
  });
});

Deno.test("where a text leaves a choice of libraries exactly one is chosen", () => {
  const libraries = { "lib/a": "const a = 1;", "lib/b": "const b = 1;", "lib/c": "" };
  const code = `// needs: lib/a or lib/b\n${main}`;
  assert.match(define(code, libraries, "lib/b").code, /const b/);
  assert.doesNotMatch(define(code, libraries, "lib/b").code, /const a/);
  refused(code, /odd needs one of lib\/a, lib\/b, chosen are \[\]/, libraries);
  refused(code, /chosen are \[lib\/a, lib\/b\]/, libraries, "lib/a", "lib/b");
  refused(code, /nothing in it leaves a choice of lib\/c/, libraries, "lib/a", "lib/c");
  refused(main, /nothing in it leaves a choice of lib\/a/, libraries, "lib/a");
});

Deno.test("libraries that there are not, that need themselves, and lines that are not understood are refused", () => {
  const needs = (name: string) => `// needs: lib/${name}\n`;
  refused(needs("a") + main, /odd needs lib\/a, and there is no such library/);
  refused(needs("toString") + main, /there is no such library/);
  const circle = { "lib/a": needs("b"), "lib/b": needs("c"), "lib/c": needs("a") };
  refused(needs("b") + main, /odd needs lib\/b needs lib\/c needs lib\/a needs lib\/b/, circle);
  refused(needs("a") + main, /lib\/a needs lib\/a/, { "lib/a": needs("a") });
  for (
    const line of ["// needs lib/a", "//needs: lib/a", "// needs: a", "// needs: lib/a, lib/b"]
  ) {
    refused(`${line}\n${main}`, /is not "\/\/ needs: lib\/name"/, { "lib/a": "" });
  }
});

Deno.test("a text that no pipeline can be made of is refused when it is defined", () => {
  refused("", /no function main with @compute/);
  refused("@compute @workgroup_size(1) fn other() {}", /no function main with @compute/);
  refused("fn main() {}", /no function main with @compute/);
  refused(`${main}fn broken( {`, /odd\.wgsl:2:13 it ends/);
  refused(main + variable(0, "storage", "x", 1), /x is in group 1/);
  refused(main + variable(0, "storage, write", "x"), /x is var<storage, write>/);
  refused(main + variable(0, "uniform", "a") + variable(1, "uniform", "b"), /a and b are uniform/);
  refused(main + variable(2, "storage", "a") + variable(2, "storage", "b"), /both binding 2/);
  refused(`${main}override A = B * 2;`, /type of its constant A is not written/);
  refused(`${main}override A: f16;`, /type of its constant A is f16/);
  refused(
    `${main}@group(0) @binding(0) var<storage> x: array<Stored>;`,
    /x cannot be bound: .*Stored/,
  );
  refused(`// needs: lib/a\n${main}`, /lib\/a\.wgsl:2:1 "let"/, { "lib/a": "\nlet a = 1;" });
});

Deno.test("bindings have the numbers of the text, and of two entry points main is the one", () => {
  const { bindings, constants } = define(`@id(3) override A: f32;
    override B = 2u;
    ${variable(5, "storage, read_write", "y")} ${variable(1, "storage", "x")} ${main}
    @compute @workgroup_size(1) fn other() {}`);
  assert.deepEqual(bindings.map(({ name, binding, access }) => [name, binding, access]), [
    ...[["x", 1, "read"], ["y", 5, "write"]],
  ]);
  assert.deepEqual(constants, [
    { name: "A", key: "3", type: "f32", required: true },
    { name: "B", key: "B", type: "u32", required: false },
  ]);
});

Deno.test("constants, fields and buffers are recorded by name and type", () => {
  const kernel = define(`override SIZE: u32; override ON: bool = false; override SCALE: f32 = 1.0;
    struct Dims { rows: u32 }
    @group(0) @binding(0) var<uniform> dims: Dims;
    @group(0) @binding(1) var<storage> batch: array<u32>;
    @group(0) @binding(2) var<storage, read_write> y: array<vec4f>; ${main}`);
  const tensor = (type: Tensor["type"]): Tensor => (
    { label: `a tensor of ${type}`, shape: [4], type, buffer: {} as GPUBuffer, length: 4 }
  );
  const [batch, y] = [tensor("u32"), tensor("f32")];
  const good = { kernel, constants: { SIZE: 4 }, uniform: { rows: 1 }, workgroups: [1] as const };
  const record = (changes: object) => dispatch({ ...good, buffers: { batch, y }, ...changes });
  record({});
  record({ constants: { SIZE: 4, ON: true, SCALE: 0.5 } });
  const wrong: [object, RegExp][] = [
    [{ constants: {} }, /kernel odd: constants missing \[SIZE\]/],
    [{ constants: { SIZE: 4, SICE: 4 } }, /unknown \[SICE\]/],
    [{ constants: { SIZE: 4.5 } }, /SIZE 4\.5 is no u32/],
    [{ constants: { SIZE: true } }, /SIZE true is no u32/],
    [{ constants: { SIZE: 4, ON: 1 } }, /ON 1 is no bool/],
    [{ buffers: { batch } }, /record odd \(odd\): it binds \[batch,y\]; missing \[y\]/],
    [{ buffers: { batch, y, dims: y } }, /unknown \[dims\]/],
    [{ buffers: { batch: y, y } }, /batch is u32 in the kernel, a tensor of f32 holds f32/],
    [{ buffers: { batch, y: batch } }, /y is f32 in the kernel, a tensor of u32 holds u32/],
    [{ buffers: { batch, y: tensor("f16") } }, /y is f32 in the kernel, a tensor of f16 holds f16/],
    [{ buffers: { batch: tensor("f16"), y } }, /batch is u32 in the kernel, .* holds f16/],
    [{ uniform: { rows: 0.5 } }, /dims\.rows is 0\.5, not u32/],
    [{ uniform: { batch: 1 } }, /dims has no batch/],
    [{ uniform: undefined }, /its uniform record dims is missing/],
  ];
  for (const [changes, message] of wrong) {
    assert.throws(() => record(changes), { name: "TypeError", message });
  }
  assert.throws(
    () => dispatch({ ...good, kernel: define(main), constants: {}, buffers: {} }),
    /it has no uniform record/,
  );
  const large = define(`struct Dims { a: array<vec4f, 17> }
    @group(0) @binding(0) var<uniform> dims: Dims; ${main}`);
  assert.throws(
    () => dispatch({ kernel: large, uniform: { a: [] }, buffers: {}, workgroups: [1] }),
    /uniform record of 272 bytes/,
  );
});
