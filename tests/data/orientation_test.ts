import assert from "node:assert/strict";
import { join } from "node:path";
import { checkData } from "../../src/data/check.ts";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import { decodeAny, decodeImage } from "../../src/data/decode_image.ts";
import type { RgbImage } from "../../src/images/rgb_image.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { upright } from "../../src/data/upright.ts";
import { Random } from "../../src/random.ts";
import { contextIn, plainPng, withFolder, write } from "./fixtures.ts";
import { jpegFile, spliced } from "./jpeg_files.ts";
import { pngFile } from "./png_files.ts";

/** Where row 0 and column 0 of the stored image are seen, as the EXIF standard says it. */
const SEEN = [
  [1, "top", "left"],
  [2, "top", "right"],
  [3, "bottom", "right"],
  [4, "bottom", "left"],
  [5, "left", "top"],
  [6, "right", "top"],
  [7, "right", "bottom"],
  [8, "left", "bottom"],
] as const;

/** What is seen: a pixel is its column and its row. */
const WIDTH = 3;
const HEIGHT = 2;
const seen = [0, 1, 2, 3, 4, 5].flatMap((i) => [10 * (i % WIDTH), 10 * Math.floor(i / WIDTH), 7]);

/** The image that is seen, as it is stored where its row 0 and its column 0 are seen there. */
function stored(row0: string, column0: string): RgbImage {
  const upended = row0 === "left" || row0 === "right";
  const [height, width] = upended ? [WIDTH, HEIGHT] : [HEIGHT, WIDTH];
  const along = (side: string, x: number, y: number) =>
    ({ left: x, right: WIDTH - 1 - x, top: y, bottom: HEIGHT - 1 - y })[side]!;
  const pixels = new Uint8Array(seen.length);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const place = along(row0, x, y) * width + along(column0, x, y);
      pixels.set(seen.slice(3 * (y * WIDTH + x), 3 * (y * WIDTH + x + 1)), 3 * place);
    }
  }
  return { height, width, pixels };
}

/** EXIF data with two other tags and the orientation. */
function exif(orientation: number, { little = true, type = 3 } = {}): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(8 + 2 + 3 * 12 + 4));
  const entry = (n: number, tag: number, type: number, value: number) => {
    view.setUint16(10 + 12 * n, tag, little);
    view.setUint16(12 + 12 * n, type, little);
    view.setUint32(14 + 12 * n, 1, little);
    if (type === 3) view.setUint16(18 + 12 * n, value, little);
    else view.setUint32(18 + 12 * n, value, little);
  };
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, little);
  view.setUint32(4, 8, little);
  view.setUint16(8, 3, little);
  entry(0, 0x0100, 4, 5);
  entry(1, 0x0112, type, orientation);
  entry(2, 0x0213, 3, 6);
  return new Uint8Array(view.buffer);
}

const prefixed = (data: ArrayLike<number>) =>
  Uint8Array.from([...new TextEncoder().encode("Exif\0\0"), ...Array.from(data)]);

/** A JPEG file with EXIF data. */
function tagged(file: Uint8Array, data: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const body = prefixed(data);
  return spliced(file, 2, 2, [0xff, 0xe1, 0, body.length + 2, ...body]);
}

/** A PNG file of the image, with EXIF data. */
function pngOf({ height, width, pixels }: RgbImage, data?: ArrayLike<number>) {
  const image = { width, height, colorType: 2, depth: 8, samples: pixels } as const;
  return pngFile(image, { chunks: data ? { eXIf: data } : {} });
}

for (const [orientation, row0, column0] of SEEN) {
  Deno.test(`images of orientation ${orientation} are turned upright`, async () => {
    const image = stored(row0, column0);
    const asSeen = { height: HEIGHT, width: WIDTH, pixels: Uint8Array.from(seen) };
    assert.deepEqual(upright(image, orientation), asSeen);
    for (
      const data of [
        exif(orientation),
        exif(orientation, { little: false }),
        exif(orientation, { type: 4 }),
        prefixed(exif(orientation)),
      ]
    ) {
      const found = await decodeAny(pngOf(image, data), "x");
      assert.deepEqual(found, { ...image, orientation });
    }
    const plain = await jpegFile(40, 24, (x, y) => [5 * x, 9 * y, 128]);
    for (const little of [true, false]) {
      const file = tagged(plain, exif(orientation, { little }));
      assert.deepEqual(await decodeAny(file, "x"), { ...await decodeAny(plain, "x"), orientation });
    }
  });
}

Deno.test("an image is turned before its size is looked at, and only where that is asked for", async () => {
  const wide = pngOf({ height: 1, width: 2, pixels: Uint8Array.of(1, 1, 1, 2, 2, 2) }, exif(6));
  await assert.rejects(decodeImage(wide, "x", 2, "none", true), /it is 1 x 2 pixels where/);
  await assert.rejects(decodeImage(wide, "x", 2, "none"), /it is 2 x 1 pixels where/);
  const half = [0, 0, 0, 200, 200, 200];
  const square = pngOf(
    { height: 2, width: 2, pixels: Uint8Array.from([...half, ...half]) },
    exif(8),
  );
  assert.deepEqual([...await decodeImage(square, "x", 2)], [...half, ...half]);
  const turned = [200, 200, 200, 200, 200, 200, 0, 0, 0, 0, 0, 0];
  assert.deepEqual([...await decodeImage(square, "x", 2, "none", true)], turned);
});

Deno.test("damaged EXIF data are as none, and hurt no one", async () => {
  const image = stored("top", "left");
  const plain = await jpegFile(8, 8, () => [1, 2, 3]);
  const random = Random.stream(0, "EXIF");
  const data = [
    [],
    [0x49],
    exif(6).slice(0, 7),
    exif(6).slice(0, 15),
    exif(0),
    exif(9),
    exif(6, { type: 2 }),
    exif(6).fill(0xff, 4, 8),
    exif(6).with(2, 43),
    exif(6).with(0, 0x4d),
  ];
  for (const one of data) {
    assert.equal((await decodeAny(tagged(plain, one), "x")).orientation, 1, String(one));
    assert.equal((await decodeAny(pngOf(image, one), "x")).orientation, 1, String(one));
  }
  for (let n = 0; n < 500; n++) {
    const one = exif(6).slice(0, 1 + random.below(50));
    for (let k = random.below(4); k > 0; k--) one[random.below(one.length)] = random.below(256);
    const { orientation } = await decodeAny(pngOf(image, one), "x");
    assert(orientation >= 1 && orientation <= 8);
  }
});

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 2,
};

/** Two pixels of black above two of white, which lie as orientation 3 says; as they are to be seen, white is above. */
const lying = pngOf(
  { height: 2, width: 2, pixels: Uint8Array.from({ length: 12 }, (_, i) => i < 6 ? 0 : 255) },
  exif(3),
);

for (
  const [what, names, extra, first] of [
    ["a user's own pictures are turned upright", ["cat", "dog"], null, 255],
    ["ImageNet's stay as they are stored", ["n01440764", "n01443537"], null, 0],
    ["Tiny-ImageNet's stay as they are stored", ["n01", "n02"], "wnids.txt", 0],
  ] as const
) {
  Deno.test(`in an image folder ${what}, and data check counts them`, () =>
    withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      const root = join(dataRoot, "pets");
      for (const name of names) {
        write(join(root, "train", name, "0.png"), lying);
        write(join(root, "train", name, "1.png"), plainPng(2, [9, 9, 9]));
        write(join(root, "test", name, "0.png"), lying);
      }
      if (extra !== null) write(join(root, extra), names.join("\n"));
      const { train, test } = await openDataset(SOURCE, context);
      const dreams = await openDreams(SOURCE, context);
      assert.deepEqual([train, test, dreams].map(({ pixels }) => pixels[0]), [first, first, first]);
      const [report] = await checkData(root, () => {});
      const count = extra === null ? 4 : 2; // Tiny-ImageNet has no folder test with classes
      const notes = report.notes.filter((note) => note.includes("orientation"));
      assert.deepEqual(notes, [
        `${count} images have an orientation tag (EXIF), ` +
        (first === 255
          ? "and will be turned upright"
          : "which is not followed: official images stay as they are stored"),
      ]);
    }));
}

Deno.test("images that were packed as they are stored are not taken for upright ones", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    for (const part of ["train", "test"]) write(join(dataRoot, "pets", part, "a/0.png"), lying);
    assert.equal((await openDataset(SOURCE, context)).train.pixels[0], 255);
    write(join(dataRoot, "pets/wnids.txt"), "a");
    assert.equal((await openDataset(SOURCE, context)).train.pixels[0], 0);
  }));

Deno.test("CORe50's images stay as they are stored", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    for (const session of [1, 3]) {
      for (let n = 1; n <= 50; n++) write(join(dataRoot, `pets/s${session}/o${n}/0.png`), lying);
    }
    const { train } = await openDataset({ ...SOURCE, format: "core50" }, context);
    assert.equal(train.pixels[0], 0);
    const [report] = await checkData(join(dataRoot, "pets"), () => {});
    assert.match(report.notes.join(), /100 images have an orientation tag \(EXIF\), which is not/);
  }));
