/** Candidates are refused unless they are right to the last bit, and the fastest of the others is found. */

import assert from "node:assert/strict";
import { searchVariant } from "../../src/check/search_variant.ts";
import type { Dispatch } from "../../src/gpu/dispatch.ts";
import {
  type Conv2dShape,
  type Conv2dVariant,
  conv2dWantsSubgroups,
  plainVariant,
  variantName,
} from "../../src/ops/conv2d_variants.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

const layer: Conv2dShape = {
  inputChannels: 13,
  outputChannels: 18,
  kernel: 3,
  stride: 1,
  inputHeight: 9,
  inputWidth: 7,
  outputHeight: 9,
  outputWidth: 7,
};
const task = { pass: "forward", layer, rows: 3, stored: "f32" } as const;
const tile: Conv2dVariant = { kind: "tiles", rows: 32, columns: 16, perThread: 4 };

/** Changes the text of the kernels of one variant. */
function changing(variant: Conv2dVariant, right: string, wrong: string) {
  return (dispatches: readonly Dispatch[], of: Conv2dVariant) => {
    if (of !== variant) return dispatches;
    assert(dispatches[0].kernel.code.includes(right), `adapt this test: no ${right}`);
    return dispatches.map((dispatch) => {
      const code = dispatch.kernel.code.replace(right, wrong);
      return { ...dispatch, kernel: { ...dispatch.kernel, code } };
    });
  };
}

test("the fastest of right candidates is chosen, for every pass and both ways of storing", async (gpu) => {
  for (const pass of ["forward", "input_gradient", "weight_gradient"] as const) {
    for (const stored of ["f32", "f16"] as const) {
      const plain = plainVariant(pass, layer);
      const subgroup = { ...plain, subgroups: true } as Conv2dVariant;
      const candidates: Conv2dVariant[] = [
        plain,
        ...(conv2dWantsSubgroups(gpu) ? [subgroup] : []),
        tile,
      ];
      const { best, trials } = await searchVariant(gpu, { ...task, pass, stored }, candidates, 3);
      assert.deepEqual(trials.map(({ refused }) => refused), candidates.map(() => null));
      const times = trials.map(({ milliseconds }) => milliseconds!);
      assert(times.every((time) => time > 0));
      const chosen = times[candidates.indexOf(best)];
      assert(chosen === Math.min(...times) || best === plain, `${variantName(best)}: ${times}`);
    }
  }
});

test("a candidate that computes something else is refused, and not timed", async (gpu) => {
  const plain = plainVariant("forward", layer);
  const broken = changing(tile, "group += GROUPS", "group += 2u * GROUPS");
  const { best, trials } = await searchVariant(gpu, task, [plain, tile], 1, broken);
  assert.equal(best, plain);
  assert.match(trials[1].refused!, /^relative error/);
  assert.equal(trials[1].milliseconds, null);
});

test("a candidate that adds in another order is refused", async (gpu) => {
  const plain = plainVariant("forward", layer);
  // Strips of two rows take the rows of the kernel last.
  const tall: Conv2dVariant = { kind: "strips", channels: 8, rows: 2, subgroups: false };
  const { trials } = await searchVariant(gpu, task, [plain, tall], 1);
  assert.match(trials[1].refused!, /^other bits than the default's at element \d+$/);
});

test("a candidate that does not compile, or writes nothing, is refused", async (gpu) => {
  const plain = plainVariant("forward", layer);
  const nonsense = changing(tile, "fn main(", "fn main)");
  const compiled = await searchVariant(gpu, task, [plain, tile], 1, nonsense);
  assert.match(compiled.trials[1].refused!, /^it cannot run: .*conv2d_forward_tiled/);
  const idle = changing(tile, "storeTile(tile, row, column, firstGroup);\n}", "}");
  const { trials } = await searchVariant(gpu, task, [plain, tile], 1, idle);
  assert.match(trials[1].refused!, /^relative error Infinity/);
});

test("a default that is wrong stops the search", async (gpu) => {
  const broken = changing(tile, "group += GROUPS", "group += 2u * GROUPS");
  await assert.rejects(
    searchVariant(gpu, task, [tile], 1, broken),
    /Cannot trust this adapter: the forward kernel tiles_32x16_4 computes wrong results \(relative error/,
  );
});
