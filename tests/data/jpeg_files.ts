/** JPEG files, and places in them. */

import encodeJpeg, { init } from "@jsquash/jpeg/encode.js";

type Options = Parameters<typeof encodeJpeg>[1];

let encoderReady: Promise<void> | null = null;

/** The file of an image whose pixel at a place has this colour; halved colour and progressive unless told. */
export async function jpegFile(
  width: number,
  height: number,
  colorAt: (x: number, y: number) => readonly number[],
  options?: Options,
): Promise<Uint8Array<ArrayBuffer>> {
  await (encoderReady ??= startEncoder());
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colorAt(x, y), (y * width + x) * 4);
  }
  const image = { width, height, data, colorSpace: "srgb" } as unknown as ImageData;
  return new Uint8Array(await encodeJpeg(image, options));
}

/** Where markers of this kind lie, behind `from`. */
export function placesOf(file: Uint8Array, marker: number, from = 0): number[] {
  return Array.from(file.keys()).filter((at) =>
    at >= from && file[at] === 0xff && file[at + 1] === marker
  );
}

/** Where the packed pixels of each scan begin. */
export function scansIn(file: Uint8Array): number[] {
  return placesOf(file, 0xda).map((at) => at + 2 + (file[at + 2] << 8 | file[at + 3]));
}

/** The file with other bytes from `at` to `end`. */
export function spliced(
  file: Uint8Array,
  at: number,
  end: number,
  bytes: ArrayLike<number> = [],
): Uint8Array<ArrayBuffer> {
  return Uint8Array.from([...file.slice(0, at), ...Array.from(bytes), ...file.slice(end)]);
}

async function startEncoder(): Promise<void> {
  const url = import.meta.resolve("@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm");
  const module = await WebAssembly.compile(await Deno.readFile(new URL(url)));
  await init({
    instantiateWasm: (imports: WebAssembly.Imports, done: (instance: never) => void) => {
      const instance = new WebAssembly.Instance(module, imports);
      done(instance as never);
      return instance.exports;
    },
  });
}
