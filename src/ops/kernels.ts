import type { Kernel } from "../gpu/kernel.ts";
import { augmentKernels } from "./augment.ts";
import { batchNormKernels } from "./batch_norm.ts";
import {
  forwardKernels,
  inputGradientKernels,
  reduceKernel,
  stemForwardKernels,
  stemWeightGradientKernels,
  weightGradientKernels,
} from "./conv2d_kernels.ts";
import { crossEntropyKernel } from "./cross_entropy.ts";
import { largestKernel } from "./largest.ts";
import { linearKernels } from "./linear.ts";
import { maxPoolKernels } from "./max_pool.ts";
import { mseKernel } from "./mse.ts";
import { poolKernels } from "./pool.ts";
import { predictKernel } from "./predict.ts";
import { sgdKernel } from "./sgd.ts";
import { storeImagesKernel } from "./store_images.ts";
import { storeLogitsKernel } from "./store_logits.ts";

/** Kernels, or groups of them by name. */
type Group = { readonly [name: string]: Kernel | Group };

const all: Group = {
  augmentKernels,
  storeImagesKernel,
  forwardKernels,
  inputGradientKernels,
  weightGradientKernels,
  stemForwardKernels,
  stemWeightGradientKernels,
  reduceKernel,
  batchNormKernels,
  maxPoolKernels,
  poolKernels,
  linearKernels,
  crossEntropyKernel,
  mseKernel,
  storeLogitsKernel,
  predictKernel,
  sgdKernel,
  largestKernel,
};

/** Every kernel of a run, whatever a process has loaded: what is tested, and what a run's identity is made of. */
export const kernels: readonly Kernel[] = Object.values(all).flatMap(kernelsIn);

function kernelsIn(group: Kernel | Group): Kernel[] {
  return isKernel(group) ? [group] : Object.values(group).flatMap(kernelsIn);
}

function isKernel(group: Kernel | Group): group is Kernel {
  return Array.isArray(group.bindings);
}
