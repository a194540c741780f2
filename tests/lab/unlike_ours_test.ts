/** The comparison of whole results with ours, without a device. */

import assert from "node:assert/strict";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { POISON } from "../../src/lab/guarded.ts";
import { unlikeOurs } from "../../src/lab/unlike_ours.ts";

/** One output, of which the first element alone was sampled. */
function pair(
  type: "f16" | "f32" | "u32",
  found: readonly number[],
  ours: readonly number[],
  more: Record<string, unknown> = {},
) {
  const words = (values: readonly number[]) => {
    const list = type === "f16"
      ? new Float16Array(values)
      : type === "u32"
      ? new Uint32Array(values)
      : new Float32Array(values);
    return [new Uint32Array(list.buffer as ArrayBuffer)];
  };
  const output = {
    ...{ name: "y", at: [0], expected: [ours[0]], place: 0 },
    tensor: { type, length: ours.length } as Tensor,
    where: (element: number) => ({ element }),
  };
  const before = words(ours).map((one) => one.slice().fill(POISON));
  const limit = type === "u32" ? 0 : 1e-5;
  return {
    ...{ outputs: [output], names: ["y"], found: words(found), ours: words(ours), before, limit },
    ...more,
  };
}

Deno.test("every element is compared, by a share of the root mean square", () => {
  const ours = [1, 2, 3, 4];
  assert.deepEqual(unlikeOurs(pair("f32", ours, ours)), []);
  assert.deepEqual(unlikeOurs(pair("f32", [1, 2, 3.00001, 4], ours)), []);
  assert.match(unlikeOurs(pair("f32", [1, 2, 3.1, 4], ours)).join(), /1 of all 4 .* 2\] is 3\.09/);
  assert.match(unlikeOurs(pair("f32", [1, NaN, 3, 4], ours)).join(), /element 1\] is NaN/);
  // None is far off, all are together.
  assert.match(unlikeOurs(pair("f32", ours.map((v) => v * 1.0003), ours)).join(), /e-4 off ours/);
});

Deno.test("f16 may be rounded another way, and no further", () => {
  const ours = [1, 2, 3, 4];
  assert.deepEqual(unlikeOurs(pair("f16", [1, 2, 3, 4.001], ours)), []);
  assert.match(unlikeOurs(pair("f16", [1, 2, 3, 4.5], ours)).join(), /1 of all 4 elements of y/);
});

Deno.test("whole numbers are met exactly; what no output has is compared as well", () => {
  assert.match(unlikeOurs(pair("u32", [5, 6], [5, 7])).join(), /1 of all 2/);
  const two = pair("f32", [1, 2, 3, 9], [1, 2, 3, 4]);
  const [output] = two.outputs;
  const outputs = [{ ...output, every: [0] }, { ...output, name: "z", every: [1] }];
  assert.match(unlikeOurs({ ...two, outputs }).join(), /1 of all 2 elements of y are unlike ours/);
});
