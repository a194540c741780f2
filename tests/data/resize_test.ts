import fc from "fast-check";
import assert from "node:assert/strict";
import type { RgbImage } from "../../src/images/rgb_image.ts";
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

/** A picture whose every byte follows from its place. */
function pattern(
  width: number,
  height: number,
  byteAt: (x: number, y: number, c: number) => number,
) {
  const pixels = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => byteAt(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3),
  );
  return { width, height, pixels };
}

Deno.test("covering gives the bytes of Pillow's ImageOps.fit", () => {
  const image = (width: number, height: number) =>
    pattern(
      width,
      height,
      (x, y, c) => (x * x * 7 + y * y * 13 + x * y * 5 + c * 85 + (x + y) * 11) % 256,
    );
  const wide = [
    ...[24, 131, 224, 129, 192, 69, 151, 115, 132, 135, 158, 104, 136, 104, 139, 87, 110, 94],
    ...[132, 95, 112, 129, 168, 90, 149, 104, 149],
  ];
  const tall = [245, 101, 151, 245, 101, 151, 241, 95, 145, 241, 95, 145];
  assert.deepEqual([...resizeImage(image(7, 5), 3, "cover")], wide);
  assert.deepEqual([...resizeImage(image(1, 9), 2, "cover")], tall);
});

/**
 * Lanczos of the square in the centre, by its definition and in double precision: the value of an output pixel is the
 * mean of the input pixels, weighted by the windowed sinc of their distances to its centre, in both directions.
 */
function coverByDefinition({ width, height, pixels }: RgbImage, size: number): number[] {
  const side = Math.min(width, height);
  const sinc = (x: number) => x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
  const kernel = (x: number) => Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
  const stretch = Math.max(1, side / size);
  const weights = (length: number, i: number) => {
    const center = (length - side) / 2 + (i + 0.5) * side / size;
    const all = Array.from({ length }, (_, at) => kernel((at + 0.5 - center) / stretch));
    const sum = all.reduce((a, b) => a + b);
    return all.map((weight) => weight / sum);
  };
  return Array.from({ length: size * size * 3 }, (_, i) => {
    const [across, down] = [
      weights(width, Math.floor(i / 3) % size),
      weights(height, Math.floor(i / 3 / size)),
    ];
    let value = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        value += down[y] * across[x] * pixels[(y * width + x) * 3 + i % 3];
      }
    }
    return value;
  });
}

Deno.test("covering is Lanczos on the square in the centre, whatever the shape", () => {
  const shapes = [[40, 40, 16], [61, 24, 16], [23, 50, 16], [33, 8, 16], [5, 90, 8], [1, 7, 4], [
    8,
    3,
    3,
  ]];
  for (const [width, height, size] of shapes) {
    // Far from black and white, so that nothing is clipped between rows and columns.
    const image = pattern(
      width,
      height,
      (x, y, c) => 128 + 40 * Math.sin(x / 3 + c) + 40 * Math.cos(y / 2 - c),
    );
    const found = resizeImage(image, size, "cover");
    const expected = coverByDefinition(image, size);
    const error = Math.max(...expected.map((value, i) => Math.abs(value - found[i])));
    // Rows and columns are rounded to bytes, one after the other.
    assert(error < 1.2, `${width} x ${height} to ${size}: ${error}`);
  }
});

Deno.test("covering keeps the aspect ratio and the middle", () => {
  const disc = pattern(90, 50, (x, y) => Math.hypot(x - 44.5, y - 24.5) < 20 ? 255 : 0);
  const found = resizeImage(disc, 50, "cover");
  const square = pattern(50, 50, (x, y) => Math.hypot(x - 24.5, y - 24.5) < 20 ? 255 : 0);
  assert.deepEqual(found, square.pixels);
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
  for (const how of ["lanczos", "cover", "bilinear", "skimage"] as const) {
    assert.deepEqual(resizeImage(image, 64, how), image.pixels, how);
  }
});
