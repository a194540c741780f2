import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { verifyJpeg } from "../../src/data/verify_jpeg.ts";
import { decodeAny, decodeImage } from "../../src/data/decode_image.ts";
import { cmykJpeg, cmykPixels } from "./cmyk_jpeg.ts";
import { plainJpeg } from "./fixtures.ts";
import { placesOf } from "./jpeg_files.ts";
import { greyJpeg } from "./jpeg_samples.ts";
import { chunk, pngFile, type PngImage } from "./png_files.ts";

/** RGB of a 2 x 2 PNG file. */
async function decoded(image: Omit<PngImage, "width" | "height">): Promise<number[]> {
  return [...await decodeImage(pngFile({ width: 2, height: 2, ...image }), "test.png", 2)];
}

const grey = (...values: number[]) => values.flatMap((value) => [value, value, value]);

Deno.test("grey PNG images become RGB", async () => {
  const samples = Uint8Array.of(0, 60, 120, 255);
  assert.deepEqual(await decoded({ samples, colorType: 0, depth: 8 }), grey(0, 60, 120, 255));
});

Deno.test("grey PNG images with alpha lose the alpha", async () => {
  const samples = Uint8Array.of(0, 9, 60, 0, 120, 255, 255, 1);
  assert.deepEqual(await decoded({ samples, colorType: 4, depth: 8 }), grey(0, 60, 120, 255));
});

Deno.test("colour PNG images with alpha lose the alpha and keep the colour unblended", async () => {
  const samples = Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 255, 7, 8, 9, 128, 10, 11, 12, 1);
  const wanted = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
  assert.deepEqual(await decoded({ samples, colorType: 6, depth: 8 }), wanted);
});

Deno.test("PNG images of 16 bits keep the upper 8", async () => {
  const samples = Uint16Array.of(0x1234, 0x00ff, 0xffff, 0x8000);
  assert.deepEqual(await decoded({ samples, colorType: 0, depth: 16 }), grey(0x12, 0, 255, 0x80));
});

Deno.test("palette PNG images are looked up", async () => {
  // Two bits per index: row 0 is entries 2, 0; row 1 is entries 1, 2.
  const file = png(2, 3, { PLTE: [10, 11, 12, 20, 21, 22, 30, 31, 32] }, [
    [0b10_00_0000],
    [0b01_10_0000],
  ]);
  const wanted = [30, 31, 32, 10, 11, 12, 20, 21, 22, 30, 31, 32];
  assert.deepEqual([...await decodeImage(file, "test.png", 2)], wanted);
});

Deno.test("palette PNG images with transparent entries lose the transparency", async () => {
  const file = png(8, 3, { PLTE: [10, 11, 12, 20, 21, 22], tRNS: [0, 128] }, [[0, 1], [1, 0]]);
  const wanted = [10, 11, 12, 20, 21, 22, 20, 21, 22, 10, 11, 12];
  assert.deepEqual([...await decodeImage(file, "test.png", 2)], wanted);
});

for (
  const [depth, rows, wanted] of [
    [1, [[0b10_000000], [0b01_000000]], [255, 0, 0, 255]],
    [2, [[0b01_10_0000], [0b11_00_0000]], [85, 170, 255, 0]],
    [4, [[0x1f], [0x80]], [17, 255, 136, 0]],
  ] as const
) {
  Deno.test(`grey PNG images of ${depth} bits are scaled to 0 to 255`, async () => {
    const pixels = await decodeImage(png(depth, 0, {}, rows), "test.png", 2);
    assert.deepEqual([...pixels], grey(...wanted));
  });
}

Deno.test("CMYK JPEG images become RGB, within a level of Pillow's", async () => {
  const pixels = await decodeImage(cmykJpeg, "test.jpg", 16);
  const worst = pixels.reduce((most, v, i) => Math.max(most, Math.abs(v - cmykPixels[i])), 0);
  assert(worst <= 1, `worst ${worst}`);
  await assert.rejects(decodeImage(cmykJpeg.slice(0, 300), "test.jpg", 16), /damaged or cut short/);
  // Pillow makes the same of a file from which Adobe's segment was stripped off.
  const stripped = Uint8Array.of(0xff, 0xd8, ...cmykJpeg.subarray(18));
  assert.deepEqual(await decodeImage(stripped, "test.jpg", 16), pixels);
});

Deno.test("a sound JPEG image behind many damaged ones is decoded as ever", async () => {
  const sound = new Uint8Array(await plainJpeg(16, [10, 200, 30]));
  const expected = await decodeImage(sound, "sound.jpg", 16);
  const damaged = sound.slice();
  // The number of a Huffman table, which the decoder refuses by leaving its stack as it is.
  damaged[damaged.findIndex((byte, i) => byte === 0xff && damaged[i + 1] === 0xc4) + 4] = 0x44;
  for (let n = 0; n < 120; n++) {
    await assert.rejects(decodeImage(damaged, "damaged.jpg", 16), /Bogus DHT index 68/);
  }
  assert.deepEqual(await decodeImage(sound, "sound.jpg", 16), expected);
});

Deno.test("images that declare too many pixels, or none, are refused before they are unpacked", async () => {
  const declaring = (file: Uint8Array<ArrayBuffer>, at: number, sides: readonly number[]) => {
    file.set(sides, at);
    return decodeImage(file, "x", 2);
  };
  const plain = () => png(8, 0, {}, [[0, 0], [0, 0]]);
  const limit = /Cannot decode x: it declares \d+ x \d+ pixels, 1 to 100 million are decoded, /;
  await assert.rejects(declaring(plain(), 16, [0, 0, 0x40, 0, 0, 0, 0x40, 0]), limit);
  await assert.rejects(declaring(plain(), 16, [0, 0, 0, 0]), limit);
  const frame = cmykJpeg.findIndex((byte, i) =>
    byte === 0xff && /^c[0-2]$/.test(cmykJpeg[i + 1].toString(16))
  );
  await assert.rejects(declaring(cmykJpeg.slice(), frame + 5, [0x40, 0, 0x40, 0]), limit);
});

Deno.test("PNG images that unpack to more than they declare are refused, profiles are not unpacked", async () => {
  const bomb = [...deflateSync(new Uint8Array(2 ** 27))];
  const rows = [[0, 1], [2, 3]];
  await assert.rejects(
    decodeImage(png(8, 0, { IDAT: bomb }, rows), "x", 2),
    /\(its pixels unpack to more than the 6 bytes that it declares\)/,
  );
  const profile = { iCCP: [0x70, 0, 0, ...bomb] };
  assert.deepEqual([...await decodeImage(png(8, 0, profile, rows), "x", 2)], grey(0, 1, 2, 3));
});

Deno.test("PNG images without their palette, or with two headers, are refused", async () => {
  const rows = [[0, 1], [1, 0]];
  await assert.rejects(decodeImage(png(8, 3, {}, rows), "x", 2), /\(it has no palette\)/);
  const again = { IHDR: [0, 0, 0x40, 0, 0, 0, 0x40, 0, 8, 0, 0, 0, 0] };
  await assert.rejects(decodeImage(png(8, 0, again, rows), "x", 2), /\(it has two headers\)/);
});

/** A 2 x 2 PNG file by the letter of the standard, for what the encoder at hand cannot write. */
function png(
  depth: number,
  colorType: number,
  chunks: Record<string, readonly number[]>,
  rows: readonly (readonly number[])[],
): Uint8Array<ArrayBuffer> {
  const scanlines = Uint8Array.from(rows.flatMap((row) => [0, ...row]));
  return Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...chunk("IHDR", [0, 0, 0, 2, 0, 0, 0, 2, depth, colorType, 0, 0, 0]),
    ...Object.entries(chunks).flatMap(([type, data]) => chunk(type, data)),
    ...chunk("IDAT", [...deflateSync(scanlines)]),
    ...chunk("IEND", []),
  ]);
}

Deno.test("a JPEG file of a kind that is not read is not called damaged", async () => {
  const [frame] = placesOf(greyJpeg, 0xc0);
  const [scan] = placesOf(greyJpeg, 0xda);
  const component = greyJpeg.subarray(frame + 10, frame + 13);
  const pixels = greyJpeg.subarray(scan, -2);
  // The same component a second time, with a scan of its own.
  const twoComponents = Uint8Array.of(
    ...greyJpeg.subarray(0, frame + 3),
    ...[14, ...greyJpeg.subarray(frame + 4, frame + 9), 2, ...component, ...component.with(0, 9)],
    ...greyJpeg.subarray(frame + 13, scan),
    ...[...pixels, ...pixels.with(5, 9), 0xff, 0xd9],
  );
  verifyJpeg(twoComponents);
  const kinds: [change: (file: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>, is: RegExp][] =
    [
      [
        (file) => file.with(frame + 1, 0xc9),
        /with arithmetic coding, which is not read, convert it/,
      ],
      [
        (file) => file.with(frame + 1, 0xca),
        /with arithmetic coding, which is not read, convert it/,
      ],
      [(file) => file.with(frame + 1, 0xc3), /with lossless coding, which is not read, convert it/],
      [
        (file) => file.with(frame + 1, 0xc5),
        /with hierarchical coding, which is not read, convert it/,
      ],
      [() => twoComponents, /with two samples a pixel, which is not read, convert it/],
      [(file) => file.with(frame + 4, 12), /with 12 bits a sample, which is not read, convert it/],
    ];
  for (const [change, is] of kinds) await assert.rejects(decodeAny(change(greyJpeg), "x"), is);
});
