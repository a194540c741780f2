import fc from "fast-check";
import assert from "node:assert/strict";
import type { RgbImage } from "../../src/data/rgb_image.ts";
import { resizeImage } from "../../src/data/resize.ts";
import { RESIZES } from "../../src/images/source.ts";
import { resizeOpencv } from "../../src/data/resize_opencv.ts";
import { resizeSkimage } from "../../src/data/resize_skimage.ts";
import { readGolden } from "../support/golden.ts";

const golden = await readGolden("transforms");

/** The recorded image of this name. */
function recorded(name: string): RgbImage {
  const { shape: [height, width], data } = golden.get(name);
  return { height, width, pixels: Uint8Array.from(data) };
}

/** Largest difference to the recorded values. */
function worst(found: ArrayLike<number>, name: string): number {
  const { data } = golden.get(name);
  assert.equal(found.length, data.length, name);
  return data.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i])), 0);
}

for (
  const [how, name] of [["lanczos", "Pillow's Lanczos"], ["bilinear", "OpenCV's bilinear"]] as const
) {
  Deno.test(`resizing gives the bytes of ${name} filter`, () => {
    for (const i of [0, 1, 2, 3]) {
      const out = `${how === "lanczos" ? how : "cv2_linear"}/${i}/out`;
      const size = golden.get(out).shape[0];
      const found = resizeImage(recorded(`lanczos/${i}/in`), size, how);
      assert.equal(worst(found, out), 0, out);
    }
  });
}

Deno.test("resizing follows scikit-image, and its bytes are the rounded values", () => {
  for (const i of [0, 1, 2]) {
    const image = recorded(`skimage/${i}/in`);
    const size = golden.get(`skimage/${i}/out_u8`).shape[0];
    // The recorded values are float32.
    const error = worst(resizeSkimage(image, size), `skimage/${i}/out_float`);
    assert(error < 1e-7, `skimage/${i}: ${error}`);
    assert.equal(worst(resizeImage(image, size, "skimage"), `skimage/${i}/out_u8`), 0);
  }
});

Deno.test("the official CIFAR-100 dreams go through 256 pixels", () => {
  const image = recorded("lanczos/1/in");
  const middle = { height: 256, width: 256, pixels: resizeOpencv(image, 256) };
  const found = resizeImage(image, 32, "official_cifar100_aux");
  assert.deepEqual(found, resizeImage(middle, 32, "skimage"));
});

Deno.test("a plain colour stays what it is, whatever the sizes", () => {
  const side = fc.integer({ min: 1, max: 70 });
  const size = fc.integer({ min: 1, max: 40 });
  const color = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
  fc.assert(
    fc.property(side, side, size, color, (height, width, size, color) => {
      const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => color[i % 3]);
      for (const how of RESIZES) {
        if (how === "none") continue;
        const found = resizeImage({ height, width, pixels }, size, how);
        assert.equal(found.length, size * size * 3);
        assert(found.every((value, i) => value === color[i % 3]), how);
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("an image of the size asked for keeps its bytes", () => {
  const image = recorded("lanczos/2/in");
  for (const how of ["lanczos", "bilinear", "skimage"] as const) {
    assert.deepEqual(resizeImage(image, 64, how), image.pixels, how);
  }
});
