import assert from "node:assert/strict";
import type { ImageSet } from "../../src/images/image_set.ts";
import { pixelStatistics } from "../../src/images/pixel_statistics.ts";
import { Random } from "../../src/random.ts";

Deno.test("mean and deviation of each channel are those of all pixels", () => {
  const random = Random.stream(0, "pixels");
  const [count, height, width] = [5, 3, 4];
  const pixels = Uint8Array.from(
    { length: count * height * width * 3 },
    (_, i) => random.below([256, 100, 7][i % 3]),
  );
  const labels = new Uint16Array(count);
  const images: ImageSet = { name: "", height, width, count, labels, classNames: ["a"], pixels };
  const { mean, std } = pixelStatistics(images);
  const read = (index: number) =>
    pixels.slice(index * height * width * 3, (index + 1) * height * width * 3);
  assert.deepEqual(pixelStatistics({ ...images, read }), { mean, std });
  for (let channel = 0; channel < 3; channel++) {
    const values = [...pixels].filter((_, i) => i % 3 === channel).map((value) => value / 255);
    const expected = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - expected) ** 2, 0) / values.length;
    assert(Math.abs(mean[channel] - expected) < 1e-12);
    assert(Math.abs(std[channel] - Math.sqrt(variance)) < 1e-12);
  }
});
