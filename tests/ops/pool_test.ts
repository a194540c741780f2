/** Global average pooling against the twin. */

import { recordPoolBackward, recordPoolForward } from "../../src/ops/pool.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Random } from "../../src/random.ts";
import { assertClose } from "../support/assert_close.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import { globalAverageBackward, globalAverageForward } from "../../src/reference/pool.ts";
import type { StoredType } from "../../src/ops/storage.ts";
import { gpuTests, storable, Workbench } from "../support/gpu.ts";
import { fromNhwc, nhwcLength, normals, padded, toNhwc } from "../../src/reference/layout.ts";

const test = await gpuTests();
const TOLERANCE = 1e-6;

async function check(
  gpu: Gpu,
  shape: Shape4,
  x: Float64Array,
  gFeatures: Float64Array,
  expected: { features: Float64Array; gx: Float64Array },
  type: StoredType = "f32",
): Promise<void> {
  const [rows, channels, height, width] = shape;
  const vector: Shape4 = [rows, channels, 1, 1];
  await Workbench.with(gpu, async (bench) => {
    const sizes = { rows, area: height * width, channels4: padded(channels) / 4 };
    const features = bench.f32(nhwcLength(vector));
    const gx = bench.f32(nhwcLength(shape));
    await bench.run([
      recordPoolForward(sizes, bench.stored(type, toNhwc(x, shape)), features),
      recordPoolBackward(sizes, bench.f32(toNhwc(gFeatures, vector)), gx),
    ]);
    const read = await bench.read(features, gx);
    assertClose("pool forward", fromNhwc(read[0], vector), expected.features, TOLERANCE);
    assertClose("pool backward", fromNhwc(read[1], shape), expected.gx, TOLERANCE);
  });
}

const file = await readGolden("ops");
for (const { name, op } of (await readGoldenJson("ops")).cases) {
  if (op !== "avg_pool2d") continue;
  test(`pooling gives the recorded results of ${name}`, async (gpu) => {
    const { data: x, shape } = file.activation(`${name}/x`);
    const get = (part: string) => file.get(`${name}/${part}`).data;
    await check(gpu, shape, x, get("gy"), { features: get("y"), gx: get("gx") });
  });
}

test("pooling agrees with the twin on odd random shapes", async (gpu) => {
  for (let seed = 0; seed < 12; seed++) {
    const random = Random.stream(seed, "pool test");
    const size = (most: number) => 1 + random.below(most);
    const shape: Shape4 = [size(9), size(40), size(9), size(9)];
    const values = normals(random, shape.reduce((a, b) => a * b, 1), { mean: 3 });
    const g = normals(random, shape[0] * shape[1]);
    for (const type of ["f32", "f16"] as const) {
      const x = storable(type, values);
      const features = globalAverageForward(x, shape);
      await check(gpu, shape, x, g, { features, gx: globalAverageBackward(g, shape) }, type);
    }
  }
});
