import type { Op } from "./kernel_case.ts";
import {
  batchNormApply,
  batchNormBackwardApply,
  batchNormBackwardReduce,
  batchNormFinalize,
  batchNormInference,
  batchNormStatistics,
} from "./ops/batch_norm.ts";
import {
  linearInputGradient,
  linearLogits,
  linearWeightGradient,
  poolBackward,
  poolForward,
} from "./ops/classifier.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  conv2dWeightGradient,
  conv2dWeightGradientReduce,
} from "./ops/convolution.ts";
import { crossEntropyOp, mseOp, predictOp, storeLogits } from "./ops/heads.ts";
import { augmentOp, storeImages } from "./ops/images.ts";
import { maxPoolBackwardOp, maxPoolForwardOp } from "./ops/max_pool.ts";
import { largest, sgdMasked } from "./ops/update.ts";

/**
 * Every operation that a training launches, in the order of a step. Each is described here and nowhere else: the
 * self-test, the tuning, the benches, custom kernels and the replay of official operations take their cases from it.
 */
export const ops: readonly Op[] = [
  augmentOp,
  storeImages,
  conv2dForward,
  conv2dInputGradient,
  conv2dWeightGradient,
  conv2dWeightGradientReduce,
  batchNormStatistics,
  batchNormApply,
  batchNormFinalize,
  batchNormInference,
  batchNormBackwardReduce,
  batchNormBackwardApply,
  maxPoolForwardOp,
  maxPoolBackwardOp,
  poolForward,
  poolBackward,
  linearLogits,
  linearInputGradient,
  linearWeightGradient,
  crossEntropyOp,
  predictOp,
  mseOp,
  storeLogits,
  sgdMasked,
  largest,
];
