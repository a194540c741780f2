/** Element type of a {@linkcode Tensor}. The host sees `f16` as f32: widened when read back, rounded when uploaded. */
export type ElementType = "f32" | "u32" | "f16";

/** A GPU buffer with a shape, row-major, last axis fastest. */
export interface Tensor {
  readonly label: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly buffer: GPUBuffer;
  /** Elements, that is the product of the shape. */
  readonly length: number;
}

/** A part of a tensor that a kernel is bound to: offset and size in bytes, offset a multiple of 256. */
export interface TensorRange {
  readonly tensor: Tensor;
  readonly offset: number;
  readonly size: number;
  /** How the kernel reads it; default: as what it holds. */
  readonly type?: ElementType;
}
