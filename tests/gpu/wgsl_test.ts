/** What is read from the text of a kernel, however it is written, and what a record of it looks like in a buffer. */

import assert from "node:assert/strict";
import { layoutOf, packed, type UniformValue } from "../../src/gpu/layout.ts";
import { type Declarations, declarationsOf } from "../../src/gpu/wgsl.ts";

const read = (code: string) => declarationsOf(code, "odd.wgsl");

const layoutIn = (known: Declarations, name: string) => layoutOf({ name, args: [] }, known);

/** Name, offset and size of each field of struct `Dims`, and the size of all. */
function fieldsOf(code: string) {
  const layout = layoutIn(read(code), "Dims");
  assert(layout.kind === "struct");
  const fields = layout.fields.map(({ name, offset, layout }) =>
    `${name} ${offset} ${layout.size}`
  );
  return [...fields, layout.size];
}

Deno.test("comments hide declarations, in one another too, and what looks like comments in code does not", () => {
  const { resources, entryPoints } = read(`
    // @group(0) @binding(7) var<uniform> hidden: Dims;
    /* struct A { /* within */ x: f32 } // still a comment */
    @group(0) // between
    @binding(/* here too */ 2)
    var<storage, /* only */ read> x : array<vec4f> ; // behind
    //* this is a line of its own
    @compute @workgroup_size(1) fn main() { let a = 6 / 2; let b = a * /* */ 3; }`);
  assert.deepEqual(resources.map(({ name, binding, access }) => [name, binding, access]), [
    ["x", 2, "read"],
  ]);
  assert.deepEqual(entryPoints, ["main"]);
  for (const code of ["// all of it", "/* all of it */ // a", "\r\n// a\r\n//", "/", "x // y"]) {
    const nothing = () => assert.deepEqual(read(code).structs.size, 0);
    if (/^[/x]$|^x /.test(code)) assert.throws(nothing, SyntaxError, code);
    else nothing();
  }
});

Deno.test("attributes may stand on several lines, in any order, with commas behind their numbers", () => {
  const { resources, entryPoints, overrides } = read(`
    @binding(
      0x1u,
    )
    @group(0)
    var<storage,read_write>
      y
      : array<
        vec4<f32>,
      >;
    @id(12)
    override
      RATE: f32 = 1.0;
    @workgroup_size(8, 8)
    @compute
    fn main(@builtin(global_invocation_id) id: vec3u) {}`);
  assert.deepEqual(resources[0], {
    ...{ name: "y", group: 0, binding: 1, space: "storage", access: "read_write" },
    type: { name: "array", args: [{ name: "vec4", args: [{ name: "f32", args: [] }] }] },
  });
  assert.deepEqual(overrides, [{ name: "RATE", id: 12, type: "f32", hasDefault: true }]);
  assert.deepEqual(entryPoints, ["main"]);
});

Deno.test("constants may be computed from each other, and have types that are not written", () => {
  const { overrides } = read(`
    override SIZE: u32;
    override THREADS: u32 = 4u * (SIZE + 1u);
    override A = 3; override B = 3u; override C = 3.5; override D = -0.5e-3; override E = true;
    override F = SIZE / 2u;
    var<workgroup> sums: array<vec4f, SIZE * (THREADS - 1u)>;
    var<private> lane: u32;`);
  assert.deepEqual(overrides.map(({ name, type, hasDefault }) => `${name} ${type} ${hasDefault}`), [
    ...["SIZE u32 false", "THREADS u32 true", "A i32 true", "B u32 true", "C f32 true"],
    ...["D f32 true", "E bool true", "F null true"],
  ]);
});

Deno.test("directives, functions, aliases and checks are passed over", () => {
  const { entryPoints, resources, aliases } = read(`
    enable subgroups, f16; requires readonly_and_readwrite_storage_textures;
    diagnostic(off, derivative_uniformity);
    const_assert 1 < 2;
    alias Four = vec4<f32>;
    fn helper(a: ptr<function, array<u32, 4>>) -> array<vec2u, 2> { if (a[0] < 3) { return; } ; }
    @group(0) @binding(0) var<storage> x: array<Four>;
    @compute @workgroup_size(helper_size[0]) fn first() {}
    @vertex fn drawn() -> @builtin(position) vec4f { return vec4f(); };
    @compute @workgroup_size(1) fn second() {}`);
  assert.deepEqual(entryPoints, ["first", "second"]);
  assert.deepEqual([...aliases.keys()], ["Four"]);
  assert.deepEqual([resources[0].access, resources[0].space], [null, "storage"]);
});

Deno.test("what cannot be read is said with its place", () => {
  const wrong: [string, RegExp][] = [
    ["fn main( {", /^odd\.wgsl:1:11 it ends in the middle/],
    ["\n  struct Dims { a: u32; b: u32 }", /^odd\.wgsl:2:23 "," is expected, not ";"/],
    ["let x = 1;", /^odd\.wgsl:1:1 "let" begins no declaration/],
    ["@group(0) @binding(N) var<uniform> d: D;", /@binding is not one whole number/],
    ["@binding(0) var<uniform> d: D;", /@group is not one whole number/],
    ["@group(0) @binding(0) var t: texture_2d<f32>;", /space of t is missing/],
    ["alias A vec4f;", /"=" is expected, not "vec4f"/],
    ["/* never closed", /^$/],
  ];
  for (const [code, message] of wrong.slice(0, -1)) {
    assert.throws(() => read(code), { name: "SyntaxError", message }, code);
  }
  assert.deepEqual(read(wrong.at(-1)![0]).entryPoints, []);
});

Deno.test("fields lie where WGSL has them", () => {
  assert.deepEqual(fieldsOf("struct Dims { a: u32, b: vec3f, c: f32, d: vec2<u32>, e: vec3i, }"), [
    ...["a 0 4", "b 16 12", "c 28 4", "d 32 8", "e 48 12"],
    64,
  ]);
  assert.deepEqual(
    fieldsOf(`const COUNT = 3u;
      struct Inner { x: f32, y: vec2f }
      struct Dims { @size(16) a: f32, inner: array<Inner, COUNT>, @align(32) m: mat3x3f, last: u32 }`),
    ["a 0 4", "inner 16 48", "m 64 48", "last 112 4", 128],
  );
  assert.deepEqual(fieldsOf("struct Dims { count: u32, layers: array<vec4u, 15> }"), [
    ...["count 0 4", "layers 16 240"],
    256,
  ]);
  for (const type of ["Unknown", "vec4<Unknown>", "array<f32, N>", "bool", "texture_2d<f32>"]) {
    assert.throws(() => fieldsOf(`struct Dims { a: ${type} }`), SyntaxError, type);
  }
});

Deno.test("records are packed by name, and whatever does not fit is refused with its name", () => {
  const known = read(`struct Part { at: vec2u, scale: f32 }
    struct Dims { rows: u32, step: i32, mean: vec3f, parts: array<Part, 2> }`);
  const layout = layoutIn(known, "Dims");
  const part = { at: [1, 2], scale: 0.5 };
  const value = { parts: [part, { ...part, at: [3, 4] }], mean: [1, 2, 3], step: -1, rows: 7 };
  const words = packed(layout, value, "dims");
  assert.deepEqual([...words], [
    ...[7, 0xffffffff, 0, 0, 0x3f800000, 0x40000000, 0x40400000, 0],
    ...[1, 2, 0x3f000000, 0, 3, 4, 0x3f000000, 0],
  ]);
  const wrong: [UniformValue, RegExp][] = [
    [{ ...value, rows: 1.5 }, /^dims\.rows is 1\.5, not u32$/],
    [{ ...value, rows: -1 }, /dims\.rows is -1, not u32/],
    [{ ...value, rows: 2 ** 32 }, /dims\.rows is 4294967296, not u32/],
    [{ ...value, rows: [1] }, /dims\.rows is a list of 1, not u32/],
    [{ ...value, step: 2 ** 31 }, /dims\.step is 2147483648, not i32/],
    [{ ...value, mean: [1, 2] }, /dims\.mean is a list of 2, not a list of 3/],
    [{ ...value, mean: 1 }, /dims\.mean is 1, not a list of 3/],
    [{ ...value, parts: [part, { ...part, at: [1, 0.5] }] }, /dims\.parts\[1\]\.at\[1\] is 0\.5/],
    [{ ...value, parts: [part, { at: [1, 2] }] as never }, /dims\.parts\[1\]\.scale is missing/],
    [{ ...value, row: 1, col: 2 }, /^dims has no row, no col$/],
    [3, /dims is 3, not an object/],
  ];
  for (const [spoilt, message] of wrong) {
    assert.throws(() => packed(layout, spoilt, "dims"), { name: "TypeError", message });
  }
});
