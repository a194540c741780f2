import decode, { init } from "@jsquash/jpeg/decode.js";
import { type RgbImage, withoutAlpha } from "../images/rgb_image.ts";
import { verifyJpeg } from "./verify_jpeg.ts";

// libjpeg reports through printErr and goes on where it can; a truncated file becomes a half-grey
// image. Its first words of a file are kept here, to be looked at after each decode.
let reports: string[] = [];
let compiled: Promise<WebAssembly.Module> | null = null;
let ready: Promise<void> | null = null;

/** Of what libjpeg goes on with, stray bytes and unknown versions of an application's segment are harmless. */
const DAMAGE =
  /^(Premature end|Inconsistent progression|Corrupt JPEG data: (?!\d+ extraneous bytes))/;

/** Compiles the decoder from the package's own file: needs read permission, no network. */
async function compile(): Promise<WebAssembly.Module> {
  const url = import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
  return await WebAssembly.compile(await Deno.readFile(new URL(url)));
}

/** Gives the decoder a memory of its own. */
async function start(): Promise<void> {
  const module = await (compiled ??= compile());
  const overrides = {
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: never) => void) => {
      const instance = new WebAssembly.Instance(module, imports);
      // The package's types say Module here; its code wants, and gets, the instance.
      done(instance as never);
      return instance.exports;
    },
    printErr: (line: string) => reports.push(line),
  };
  await init(overrides);
}

/**
 * The image in a baseline or progressive JPEG file; grey and CMYK (some two dozen files of ImageNet)
 * become RGB. Pixels are as they are stored.
 *
 * @throws {Error} If the bytes are damaged: in the decoder's words, or those of {@linkcode verifyJpeg}.
 */
export async function decodeJpeg(bytes: Uint8Array<ArrayBuffer>): Promise<RgbImage> {
  await (ready ??= start());
  reports = [];
  const whole = bytes.byteLength === bytes.buffer.byteLength;
  let image: ImageData;
  try {
    image = await decode(whole ? bytes.buffer : bytes.slice().buffer);
  } catch {
    // What is thrown leaves the decoder's stack as it was then: some seventy damaged files later it would reach into
    // other data, and a sound file be decoded wrongly, or never. So the next one gets a decoder anew.
    ready = null;
    // It is a pointer into the decoder's memory: only the report is readable.
    const report = reports.join("; ") || "the JPEG decoder gave up";
    if (report.includes("Unsupported color conversion")) return await decodeCmyk(bytes);
    throw new SyntaxError(report);
  }
  const damage = reports.find((line) => DAMAGE.test(line));
  if (damage !== undefined) throw new SyntaxError(damage);
  // It says nothing of what it can put somewhere, nor of scans that are missing.
  verifyJpeg(bytes);
  return { height: image.height, width: image.width, pixels: withoutAlpha(image.data) };
}

/**
 * Adobe's segment, as in a file of CMYK that is stored inverted. Some programs strip it off; with Pillow, a file without
 * it is taken for one that had it.
 */
const ADOBE = Uint8Array.fromHex("ffee000e41646f626500640000000000");

/** By another decoder: libjpeg leaves the way from CMYK to RGB to its callers. */
async function decodeCmyk(bytes: Uint8Array<ArrayBuffer>): Promise<RgbImage> {
  verifyJpeg(bytes);
  const { decode } = await import("jpeg-js");
  // In front of all others: one that the file has counts for more.
  const marked = new Uint8Array(bytes.length + ADOBE.length);
  marked.set(bytes.subarray(0, 2));
  marked.set(ADOBE, 2);
  marked.set(bytes.subarray(2), 2 + ADOBE.length);
  const { height, width, data } = decode(marked, {
    useTArray: true,
    formatAsRGBA: false,
    // Or it refuses sound files whose last restart interval is a short one.
    tolerantDecoding: true,
  });
  return { height, width, pixels: Uint8Array.from(data) };
}
