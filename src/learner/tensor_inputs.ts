/** Given tensors instead of stored images: from PyTorch's layouts to the network's and back. */

/** Inputs `[rows, 3, height, width]`, one after another, as one `[rows, height, width, 4]`, fourth channel 0. */
export function toPaddedNhwc(
  parts: readonly { readonly inputs: Float32Array; readonly rows: number }[],
  height: number,
  width: number,
): Float32Array<ArrayBuffer> {
  const area = height * width;
  const result = new Float32Array(
    parts.reduce((sum, { rows }) => sum + Math.ceil(rows), 0) * area * 4,
  );
  let row = 0;
  for (const { inputs, rows } of parts) {
    if (!Number.isInteger(rows) || rows < 1 || inputs.length !== rows * 3 * area) {
      throw new TypeError(
        `Cannot use tensors: ${inputs.length} inputs for ${rows} rows, the network reads ` +
          `[rows, 3, ${height}, ${width}]`,
      );
    }
    for (let n = 0; n < rows; n++, row++) {
      for (let c = 0; c < 3; c++) {
        for (let p = 0; p < area; p++) {
          result[(row * area + p) * 4 + c] = inputs[(n * 3 + c) * area + p];
        }
      }
    }
  }
  return result;
}

/** Logits as the network holds them, columns padded to `padded`, as `[rows, heads]`. */
export function withoutPadding(
  logits: ArrayLike<number>,
  rows: number,
  heads: number,
  padded: number,
): Float32Array {
  return Float32Array.from(
    { length: rows * heads },
    (_, i) => logits[Math.floor(i / heads) * padded + i % heads],
  );
}
