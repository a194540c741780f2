/** Texts that are no kernels for an operation: refused with what to do, before a device is opened. */

import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { readOwnKernel } from "../../src/lab/own_kernel.ts";
import { decodeText } from "../../src/text.ts";
import { starterFor } from "../../mod.ts";

const pool = starterFor("pool_forward");

function refused(code: string, message: RegExp): void {
  assert.throws(() => readOwnKernel({ name: "my.wgsl", code }), (error: Error) => {
    assert(error instanceof InputError, `${error}`);
    assert.match(error.message, message);
    return true;
  });
}

Deno.test("lines that look like directives are understood or refused, none is passed over", () => {
  const misread = /line 1, .*, is not understood; such lines begin with "\/\/@ op:"/;
  for (
    const line of ["//@ onyl: rows = 1", " //@ only: rows = 1", "//@only: rows = 1", "// @ op: x"]
  ) {
    refused(`${line}\n${pool}`, misread);
  }
  refused(`//@ only: rows = 1\n//@ only: area = 1\n${pool}`, /the second "\/\/@ only:"; put both/);
  refused(`//@ workgroups: 1\n${pool}`, /the second "\/\/@ workgroups:"/);
  refused(`//@ only: rows = 1, rows = 3\n${pool}`, /names something twice; .* 1 or 3/);
  const deep = "(".repeat(20000) + "1" + ")".repeat(20000);
  refused(pool.replace(/workgroups:.*/, `workgroups: ${deep}`), /has 40002 characters, 2000 at/);
  assert.equal(
    readOwnKernel({ name: "my.wgsl", code: pool.replaceAll("\n", "\r\n") }).op.name,
    "pool_forward",
  );
});

Deno.test("names that every object has are no names of sizes", () => {
  const { takes } = readOwnKernel({ name: "my.wgsl", code: `//@ only: toString = 1\n${pool}` });
  const launch = { uniform: { rows: 1 }, buffers: {}, workgroups: [1] } as unknown as Parameters<
    typeof takes
  >[0];
  assert.throws(() => takes(launch), /toString is not known; known are rows/);
});

Deno.test("texts that are deeper than compilers survive are refused before one sees them", () => {
  const put = (text: string) => pool.replace("var sum = vec4f();", `var sum = vec4f(); ${text}`);
  refused(
    put(`let q = ${"(".repeat(20000)}1${")".repeat(20000)};`),
    /brackets in brackets, more than 100 deep/,
  );
  refused(put(`let q = ${Array(20000).fill("1").join("+")};`), /of more than 1000 operators/);
  refused(put(`let q = ${"-".repeat(20000)}1;`), /of more than 1000 operators/);
  refused(put(`let q = ${Array(20000).fill("f(1, 2)").join("+")};`), /of more than 1000 operators/);
  refused(put("{".repeat(20000) + "}".repeat(20000)), /more than 100 deep/);
  refused(
    put(`if (1 > 2) {} ${"else if (1 > 2) {} ".repeat(20000)}`),
    /more than 1000 times "else"/,
  );
  const long = put(
    "sum += 1.0; ".repeat(5000) + `let list = array(${Array(5000).fill("1.0 / 3.0").join()});`,
  );
  assert.equal(readOwnKernel({ name: "my.wgsl", code: long }).op.name, "pool_forward");
});

Deno.test("bindings and fields of another kind are refused with what they have to be", () => {
  refused(
    pool.replace("read_write> features: array<vec4f>", "read_write> features: array<u32>"),
    /features is array<u32>, there it is array<vec4f>/,
  );
  refused(
    pool.replace("read_write> features", "read> features"),
    /features must be var<storage, read_write>/,
  );
  refused(
    pool.replace("features: array<vec4f>", "features: array<vec4f, 4000>"),
    /whose length is fixed; leave it out/,
  );
  const record =
    "struct Dims { rows: vec4u, area: u32, channels4: u32 }\n@group(0) @binding(0) var<uniform> dims: Dims;\n";
  refused(pool.replace("// needs: lib/pool\n", record), /its field rows is vec4u, there it is u32/);
  refused(`enable subgroups;\n${pool}`, /leave "enable subgroups;" out/);
});

Deno.test("bytes that are no text are not taken for another encoding", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 3);
  assert.throws(() => decodeText(bytes, "a.wgsl"), /a\.wgsl: it is no text \(it has zero bytes\)/);
});
