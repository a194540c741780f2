/** The ceilings of the benches: that a share above all of them fails, and that the roofline has a place for each kernel. */

import assert from "node:assert/strict";
import { aboveCeilings } from "../../bench/ceilings.ts";
import type { KernelResult } from "../../bench/kernels.ts";
import { roofline } from "../../bench/roofline.ts";
import type { Setting } from "../../bench/setting.ts";

Deno.test("a kernel faster than a ceiling is named, with the ceiling that is none", () => {
  const shares = (multiplyAddShare: number, copyShare: number) => ({
    ...{ kernel: "conv2d_forward", layer: "conv1", multiplyAddShare, copyShare },
  });
  assert.deepEqual(aboveCeilings([shares(0.4, 1), shares(1, 0.2)]), []);
  const [first, second, ...more] = aboveCeilings([shares(1.21, 0.2), shares(0.1, 1.04)]);
  assert.match(first, /conv2d_forward conv1 comes to 121 % of the multiply-add ceiling/);
  assert.match(second, /104 % of the copy ceiling/);
  assert.deepEqual(more, []);
});

Deno.test("the roofline leaves out kernels that only copy", () => {
  const milliseconds = { median: 1, low: 1, high: 1, least: 1, count: 1 };
  const result = (kernel: string, gflops: number): KernelResult => ({
    ...{ bench: "kernels", kernel, layer: "images", layers: 1, shape: {}, error: 0, samples: 1 },
    ...{ width: 8, size: 32, batch: 2, milliseconds, gflops, gbs: 1 },
    ...{ multiplyAddCeiling: 100, copyCeiling: 10, multiplyAddShare: 0, copyShare: 0.1 },
  });
  const setting: Setting = {
    adapter: {
      ...{ vendor: "", architecture: "", description: "test adapter", isFallback: true },
      provider: "deno",
    },
    ...{ deno: "2", commit: null, system: "", cores: 2, date: "" },
  };
  const picture = roofline([result("store_images", 0), result("augment", 2)], setting);
  assert.match(picture, /augment images/);
  assert.doesNotMatch(picture, /store_images/);
  assert.doesNotMatch(picture, /NaN|Infinity/);
});
