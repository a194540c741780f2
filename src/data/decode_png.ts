import { convertIndexedToRgb, decode, type DecodedPng } from "fast-png";
import type { RgbImage } from "./decode_image.ts";
import { decodablePng } from "./png_chunks.ts";

/**
 * The image in a PNG file, as RGB: grey is repeated, a palette looked up, 16 bits cut to the upper 8,
 * and alpha dropped (not blended), as Pillow's `convert("RGB")` does.
 *
 * @throws {Error} If the bytes are damaged; checksums are compared.
 */
export function decodePng(bytes: Uint8Array<ArrayBuffer>): RgbImage {
  const png = decode(decodablePng(bytes), { checkCrc: true });
  const { height, width } = png;
  const { samples, channels } = toSamples(png);
  if (samples.length !== height * width * channels) {
    throw new SyntaxError(
      `found ${samples.length} samples for ${width} x ${height} pixels of ${channels} channels`,
    );
  }
  const pixels = new Uint8Array(height * width * 3);
  const color = channels >= 3;
  for (let i = 0; i < height * width; i++) {
    for (let c = 0; c < 3; c++) pixels[3 * i + c] = samples[i * channels + (color ? c : 0)];
  }
  return { height, width, pixels };
}

/** One byte per sample, `[height, width, channels]`. */
function toSamples(png: DecodedPng): { samples: Uint8Array | Uint8ClampedArray; channels: number } {
  if (png.palette) {
    return { samples: convertIndexedToRgb(png), channels: png.palette[0].length };
  }
  const { channels, data } = png;
  if (data instanceof Uint16Array) {
    return { samples: Uint8Array.from(data, (sample) => sample >> 8), channels };
  }
  if (png.depth < 8) return { samples: unpackGrey(png), channels };
  return { samples: data, channels };
}

/** Grey of 1, 2 or 4 bits: rows start at a byte, the first sample in the upper bits. */
function unpackGrey({ height, width, depth, data }: DecodedPng): Uint8Array {
  const rowBytes = Math.ceil(width * depth / 8);
  const highest = 2 ** depth - 1;
  const samples = new Uint8Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = data[y * rowBytes + (x * depth >> 3)];
      const sample = byte >> (8 - depth - x * depth % 8) & highest;
      samples[y * width + x] = sample * 255 / highest;
    }
  }
  return samples;
}
