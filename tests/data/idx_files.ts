import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { write } from "./fixtures.ts";

/** An idx file: unsigned bytes of this shape, unless `type` says another. */
export function idxFile(shape: readonly number[], values: Uint8Array, type = 0x08): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, type);
  header.setUint8(3, shape.length);
  shape.forEach((side, i) => header.setUint32(4 + 4 * i, side));
  return Uint8Array.from([...new Uint8Array(header.buffer), ...values]);
}

/** Grey images of `side` pixels, image `i` filled with `grey(i)`, its second pixel one brighter. */
export function idxImages(count: number, side: number, grey: (image: number) => number) {
  const values = new Uint8Array(count * side * side);
  for (let i = 0; i < count; i++) {
    values.fill(grey(i), i * side * side, (i + 1) * side * side);
    values[i * side * side + 1]++;
  }
  return idxFile([count, side, side], values);
}

/** Labels. */
export const idxLabels = (labels: readonly number[]) =>
  idxFile([labels.length], Uint8Array.from(labels));

/** A data set of 8 pixels: training image `i` is grey `i`, test image `i` is grey `100 + i`. */
export function writeIdx(
  folder: string,
  { train, test }: { readonly train: readonly number[]; readonly test: readonly number[] },
  packed = true,
): void {
  const files = {
    "train-images-idx3-ubyte": idxImages(train.length, 8, (i) => i),
    "train-labels-idx1-ubyte": idxLabels(train),
    "t10k-images-idx3-ubyte": idxImages(test.length, 8, (i) => 100 + i),
    "t10k-labels-idx1-ubyte": idxLabels(test),
  };
  for (const [name, bytes] of Object.entries(files)) {
    write(join(folder, packed ? `${name}.gz` : name), packed ? gzipSync(bytes) : bytes);
  }
}
