const ARRAYS = {
  F64: Float64Array,
  I64: BigInt64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
} as const;

/** A tensor in host memory: row-major, last dimension fastest; `shape` is `[]` for a scalar. */
export type HostTensor =
  | { dtype: "F64"; shape: number[]; data: Float64Array }
  | { dtype: "I64"; shape: number[]; data: BigInt64Array }
  | { dtype: "F32"; shape: number[]; data: Float32Array }
  | { dtype: "I32"; shape: number[]; data: Int32Array }
  | { dtype: "U32"; shape: number[]; data: Uint32Array }
  | { dtype: "U8"; shape: number[]; data: Uint8Array };

/** A tensor to be written: what is in memory, or rounded to F16 for the file. */
export type WrittenTensor =
  | HostTensor
  | { dtype: "F16"; shape: number[]; data: Float16Array };

/** The value types that tensors have in memory and are written in, named as in a safetensors file. */
export type Dtype = HostTensor["dtype"];

/** The value types that are read: those, and half types, which are widened to F32. */
export type StoredDtype = Dtype | "F16" | "BF16";

/** By type: the bytes of one value in a file. */
export const storedBytes: Readonly<Record<StoredDtype, number>> = {
  ...Object.fromEntries(
    Object.entries(ARRAYS).map(([dtype, array]) => [dtype, array.BYTES_PER_ELEMENT]),
  ) as Record<Dtype, number>,
  F16: 2,
  BF16: 2,
};

/** Whether values of a type of this name are read. */
export function isStoredDtype(dtype: string): dtype is StoredDtype {
  return Object.hasOwn(storedBytes, dtype);
}

/** The kind of array that holds values of a type. */
export function arrayOf(dtype: Dtype | "F16"): typeof ARRAYS[Dtype] | typeof Float16Array {
  return dtype === "F16" ? Float16Array : ARRAYS[dtype];
}

/**
 * A tensor from its bytes in a file (little-endian), which it takes over. Half types become F32: each of their values,
 * subnormal numbers, infinities and NaN included, is one of f32.
 */
export function hostTensor(
  dtype: StoredDtype,
  shape: number[],
  { buffer }: Uint8Array<ArrayBuffer>,
): HostTensor {
  if (dtype === "F16") {
    return { dtype: "F32", shape, data: new Float32Array(new Float16Array(buffer)) };
  }
  if (dtype === "BF16") {
    const upper = new Uint16Array(buffer); // the upper halves of the bits of f32
    const words = new Uint32Array(upper.length);
    for (let i = 0; i < upper.length; i++) words[i] = upper[i] << 16;
    return { dtype: "F32", shape, data: new Float32Array(words.buffer) };
  }
  return { dtype, shape, data: new ARRAYS[dtype](buffer) } as HostTensor;
}
