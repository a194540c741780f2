import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Stem } from "../net/resnet18.ts";
import type { Conv2dPass, Conv2dShape, Conv2dVariant } from "../ops/conv2d_variants.ts";
import type { StoredType } from "../ops/storage.ts";
import type { Operands } from "./operands.ts";

/** How far from the reference a result may be. */
export interface Tolerance {
  /** Of each output: `‖found - expected‖ / ‖expected‖`. */
  readonly error: number;
  readonly why: string;
}

/** A convolution that there are several ways to compute: what a variant is chosen for. */
export interface Conv2dTask {
  readonly pass: Conv2dPass;
  readonly layer: Conv2dShape;
  /** Images in the batch. */
  readonly rows: number;
  /** How x and y are stored. */
  readonly stored: StoredType;
}

/** Sizes of a network and of its batch. */
export interface NetworkSize {
  readonly width: number;
  /** Height and width of the images, in pixels. */
  readonly size: number;
  /** Images in a batch. */
  readonly batch: number;
  /** Default: cifar. */
  readonly stem?: Stem;
  /** Default: 10. */
  readonly heads?: number;
  /** Images of each segment that batch norm normalises by itself; default: all of the batch are one. */
  readonly segments?: readonly number[];
  /** Whether nothing is learned from the batch, so that it may be of one image; default: no. */
  readonly inference?: boolean;
}

/** Where in a network a shape occurs: its first layer, such as "layer1.0.conv1", and how many layers have it. */
export interface Layers {
  readonly layer: string;
  readonly layers: number;
  /** All of them, where there are several. */
  readonly names?: readonly string[];
}

/** An operation at one shape: how to run it, what it must give, what it costs at least. */
export interface KernelCase extends Layers {
  /** Operation, such as "conv2d_forward". */
  readonly op: string;
  readonly shape: Readonly<Record<string, number>>;
  /** Floating-point operations; a multiply-add is two. */
  readonly flops: number;
  /** Bytes that must move if every operand is read once and every result written once, in f32. */
  readonly bytes: number;
  readonly tolerance: Tolerance;
  /** Whether networks with an `imagenet` stem alone launch it at such a shape. */
  readonly imagenetOnly: boolean;
  /** For a convolution: what a variant is chosen for. */
  readonly task: Conv2dTask | null;
  /** Allocates and fills the operands. */
  readonly prepare: (operands: Operands) => PreparedCase;
}

/** A case whose operands are on the GPU. */
export interface PreparedCase {
  /**
   * The launches, of which the first is that of the operation's own kernel; variant: default, where there are several.
   */
  readonly dispatches: (variant?: Conv2dVariant) => readonly Dispatch[];
  readonly outputs: readonly CaseOutput[];
  /** What the first launch leaves, where others follow: then a wrong result accuses its kernel and no other. */
  readonly first?: readonly CaseOutput[];
}

/** Some elements of a result, or all, in double precision from the definition. */
export interface CaseOutput {
  readonly name: string;
  readonly tensor: Tensor;
  /** Places in the tensor. */
  readonly at: ArrayLike<number>;
  readonly expected: ArrayLike<number>;
  /** Coordinates of a place, by name. */
  readonly where: (at: number) => Readonly<Record<string, number>>;
  /**
   * All places that it has, for comparison with our own kernel; default: the whole tensor, or where others have their
   * places in it as well, these alone.
   */
  readonly every?: readonly number[];
  /**
   * How large the terms are that each expected element is the sum of, where they may cancel: then a sixteenth of them
   * is what an error is measured by, if that is more than the elements themselves.
   */
  readonly terms?: ArrayLike<number>;
  /** What the kernel has found for a place, where that is not simply the element. */
  readonly read?: (values: ArrayLike<number>, at: number) => number;
}

/** An operation: what computes it, its cases at small odd shapes, and those that the training of a network launches. */
export interface Op {
  readonly name: string;
  /** A few words: what it computes. */
  readonly summary: string;
  /** The kernels that compute it, for all ways of storing activations: the plain one for f32 first. */
  readonly kernels: readonly Kernel[];
  /** Whether its kernels read or write activations, for which there are two ways of storing. */
  readonly activations: boolean;
  /** For tests: shapes that fill no workgroup evenly, whose results are compared element by element. */
  readonly small: (stored: StoredType) => KernelCase[];
  /**
   * Every different shape that the training of a network of this size asks for on an adapter; activations in f32 unless
   * it is said otherwise.
   */
  readonly ofNetwork: (size: NetworkSize, gpu: Gpu, stored?: StoredType) => KernelCase[];
  /** Other launches at the same shapes, such as with a shortcut to be added: to be tried, not to be timed. */
  readonly otherForms: (size: NetworkSize, gpu: Gpu, stored?: StoredType) => KernelCase[];
}

/** An operation that can be had at any shape. */
export interface ShapedOp<Shape> extends Op {
  readonly at: (shape: Shape, stored?: StoredType) => KernelCase;
}
