import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { decodePng } from "../../src/data/decode_png.ts";
import { Random } from "../../src/random.ts";
import { CHANNELS, chunk, PIXEL_TYPES, pngFile, type PngImage, rgbOf } from "./png_files.ts";

/** Widths around the distances of interlacing and the pixels of a byte, and one of many bytes. */
const SIZES = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((width) => [1, 2, 5, 9].map((height) => [width, height])),
  [33, 17],
];

function randomImage(
  type: typeof PIXEL_TYPES[number],
  [width, height]: number[],
  random: Random,
): PngImage {
  const { colorType, depth } = type;
  const entries = colorType === 3 ? 1 + random.below(2 ** depth) : 2 ** depth;
  const length = width * height * CHANNELS[colorType];
  const palette = Array.from({ length: 3 * entries }, () => random.below(256));
  return {
    ...type,
    width,
    height,
    samples: Array.from({ length }, () => random.below(entries)),
    ...(colorType === 3 ? { palette } : {}),
  };
}

type Chunks = Record<string, ArrayLike<number>>;

/** Palettes of colour images, for screens of few colours: none, a short one, one for any byte. */
const SUGGESTED: Chunks[] = [
  {},
  { PLTE: [1, 2, 3] },
  { PLTE: new Uint8Array(768).fill(77) },
];

/** Ways to say which pixels are transparent, and palettes that a colour image may suggest. */
function chunksFor({ colorType, samples, palette }: PngImage): Chunks[] {
  const first = Array.from(samples).slice(0, CHANNELS[colorType]);
  const color = first.flatMap((sample) => [sample >> 8, sample & 255]);
  switch (colorType) {
    case 0:
      return [{}, { tRNS: color }];
    case 2:
      return SUGGESTED.flatMap((palette) => [palette, { ...palette, tRNS: color }]);
    case 3:
      return [{}, { tRNS: [0, 128, 7].slice(0, palette!.length / 3) }];
    case 4:
      return [{}];
    case 6:
      return SUGGESTED;
  }
}

for (const type of PIXEL_TYPES) {
  const { colorType, depth } = type;
  Deno.test(`PNG images of colour type ${colorType} and ${depth} bits decode to their pixels`, () => {
    const random = Random.stream(depth, `PNG type ${colorType}`);
    let files = 0;
    for (const size of SIZES) {
      for (const interlaced of [false, true]) {
        const image = randomImage(type, size, random);
        for (const chunks of chunksFor(image)) {
          const filters = Array.from({ length: 7 }, () => random.below(5));
          const { height, width, pixels } = decodePng(
            pngFile(image, { interlaced, filters, chunks }),
          );
          const what = `${size}, interlaced ${interlaced}, ${Object.keys(chunks)}, ${filters}`;
          assert.deepEqual([width, height], size);
          assert.deepEqual(pixels, rgbOf(image), what);
          files++;
        }
      }
    }
    assert(files >= 2 * SIZES.length);
  });
}

/** A sound image to be damaged: 8 x 8, RGB, 25 bytes a row. */
const sound: PngImage = {
  width: 8,
  height: 8,
  colorType: 2,
  depth: 8,
  samples: Uint8Array.from({ length: 192 }, (_, i) => i),
};
const file = pngFile(sound);

/** Where a chunk of the sound file begins. */
const at = (type: string) => new TextDecoder("latin1").decode(file).indexOf(type) - 4;

/** The sound file with other chunks in place of its pixels. */
const withPixels = (...chunks: number[][]) =>
  Uint8Array.from([...file.slice(0, at("IDAT")), ...chunks.flat(), ...file.slice(at("IEND"))]);

const withHeader = (change: (header: Uint8Array) => void) => {
  const header = file.slice(16, 29);
  change(header);
  return Uint8Array.from([...file.slice(0, 8), ...chunk("IHDR", header), ...file.slice(33)]);
};

const packed = [...file.slice(at("IDAT") + 8, at("IEND") - 4)];

for (
  const [what, bytes, message] of [
    ["cut in its pixels", file.slice(0, at("IEND") - 20), /^it ends in its chunk "IDAT"$/],
    ["cut before its end", file.slice(0, at("IEND")), /^it ends before its chunk IEND$/],
    ["cut in its last byte", file.slice(0, -1), /^it ends before its chunk IEND$/],
    ["cut in its header", file.slice(0, 20), /^it ends in its chunk "IHDR"$/],
    ["with a changed byte", file.with(at("IDAT") + 30, 0xff), /^the checksum of its chunk "IDAT" /],
    [
      "with an unknown chunk",
      withPixels(chunk("CgBI", [0])),
      /^its chunk "CgBI" is not known$/,
    ],
    ["without pixels", withPixels(), /^it has no pixels$/],
    [
      "with a row less",
      pngFile(sound, { damage: (rows) => rows.slice(25) }),
      /175 of the 200 bytes/,
    ],
    [
      "with a byte less",
      pngFile(sound, { damage: (rows) => rows.slice(1) }),
      /199 of the 200 bytes/,
    ],
    [
      "with an unknown filter",
      pngFile(sound, { damage: (rows) => rows.with(25, 5) }),
      /^a row of it has filter 5, /,
    ],
    [
      "whose pixels lack their checksum",
      withPixels(chunk("IDAT", packed.slice(0, -4))),
      /^its pixels cannot be unpacked: /,
    ],
    [
      "whose pixels have another checksum",
      withPixels(chunk("IDAT", [...packed.slice(0, -1), packed.at(-1)! ^ 1])),
      /^its pixels cannot be unpacked: /,
    ],
    [
      "whose pixels are no packed bytes",
      withPixels(chunk("IDAT", [1, 2, 3])),
      /^its pixels cannot be unpacked: /,
    ],
    ["of 3 bits", withHeader((header) => header[8] = 3), /colour type 2 with 3 bits/],
    ["of colour type 5", withHeader((header) => header[9] = 5), /colour type 5 with 8 bits/],
    ["interlaced in another way", withHeader((header) => header[12] = 2), /interlacing 2/],
    ["with a short header", chunkFirst("IHDR", [0, 0, 0, 1]), /^its header has 4 bytes, not 13$/],
    ["that starts otherwise", chunkFirst("tEXt", [65, 0]), /^its first chunk is not IHDR$/],
    [
      "whose palette lacks a colour",
      pngFile({ ...sound, colorType: 3, samples: Array(64).fill(4), palette: Array(12).fill(0) }),
      /^a pixel has colour 4, its palette 4$/,
    ],
    [
      "whose palette is cut",
      pngFile({ ...sound, colorType: 3, samples: Array(64).fill(0), palette: Array(4).fill(0) }),
      /^its palette has 4 bytes, /,
    ],
  ] as const
) {
  Deno.test(`a PNG image ${what} is refused`, () => {
    assert.throws(() => decodePng(bytes), (error: Error) => {
      assert.equal(error.name, "SyntaxError");
      assert.match(error.message, message);
      return true;
    });
  });
}

function chunkFirst(type: string, data: number[]) {
  return Uint8Array.from([...file.slice(0, 8), ...chunk(type, data), ...file.slice(33)]);
}

for (
  const [what, bytes] of [
    [
      "pixels in pieces",
      withPixels(
        ...[0, 1, 9, 50].map((from, i, all) => chunk("IDAT", packed.slice(from, all[i + 1]))),
        chunk("IDAT", []),
      ),
    ],
    ["a row more", withPixels(chunk("IDAT", deflateSync(moreRows())))],
    ["bytes behind its packed pixels", withPixels(chunk("IDAT", [...packed, 0, 0, 0]))],
    ["bytes behind its end", Uint8Array.from([...file, 1, 2, 3])],
    [
      "chunks that do not matter",
      pngFile(sound, { chunks: { gAMA: [0, 0, 0, 9], sRGB: [0], tRNS: [1], abCd: [1, 2] } }),
    ],
  ] as const
) {
  Deno.test(`a PNG image with ${what} decodes to its pixels`, () => {
    assert.deepEqual(decodePng(bytes).pixels, rgbOf(sound));
  });
}

function moreRows(): Uint8Array {
  let rows = new Uint8Array();
  pngFile(sound, { damage: (all) => rows = Uint8Array.from([...all, ...all.slice(0, 25)]) });
  return rows;
}
