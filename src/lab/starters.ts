import normApply from "../../shaders/plain/batch_norm_apply.wgsl" with { type: "text" };
import normBackwardApply from "../../shaders/plain/batch_norm_backward_apply.wgsl" with {
  type: "text",
};
import normBackwardReduce from "../../shaders/plain/batch_norm_backward_reduce.wgsl" with {
  type: "text",
};
import normFinalize from "../../shaders/plain/batch_norm_finalize.wgsl" with { type: "text" };
import normStatistics from "../../shaders/plain/batch_norm_statistics.wgsl" with { type: "text" };
import forward from "../../shaders/plain/conv2d_forward.wgsl" with { type: "text" };
import inputGradient from "../../shaders/plain/conv2d_input_gradient.wgsl" with { type: "text" };
import weightGradient from "../../shaders/plain/conv2d_weight_gradient.wgsl" with { type: "text" };
import type { Op } from "../check/kernel_case.ts";
import type { Kernel } from "../gpu/kernel.ts";

/** A kernel to start from: how many workgroups it wants, and its text, where it is not our own kernel's. */
interface Starter {
  readonly workgroups: string;
  readonly code?: string;
}

/** Of the longest segment of a norm, in pixels. */
const longest = "max(ends_0, ends_1 - ends_0, ends_2 - ends_1, ends_3 - ends_2)";

/** By operation. Our own kernel serves where it is plain: a thread for an element, in a grid of any size. */
const starters: Readonly<Record<string, Starter>> = {
  augment: { workgroups: "ceil(rows * height * width / 64)" },
  store_images: { workgroups: "ceil(rows * area / 64)" },
  conv2d_forward: {
    workgroups: "ceil(batch * outHeight * outWidth / 64), outGroups",
    code: forward,
  },
  conv2d_input_gradient: {
    workgroups: "ceil(batch * inHeight * inWidth / 64), inGroups",
    code: inputGradient,
  },
  conv2d_weight_gradient: {
    workgroups: "ceil(KERNEL * KERNEL * 4 * inGroups * outGroups / 64), chunks",
    code: weightGradient,
  },
  conv2d_weight_gradient_reduce: {
    workgroups: sumOfList((i) => `ceil(layers_${i}_2 / 64)`, 15),
  },
  batch_norm_statistics: {
    workgroups: "ceil(channels4 / 64), chunks, segments",
    code: normStatistics,
  },
  batch_norm_apply: {
    workgroups: `ceil(channels4 / 4), ceil(${longest} / 512), segments`,
    code: normApply,
  },
  batch_norm_finalize: { workgroups: "ceil(channels4 / 64)", code: normFinalize },
  batch_norm_inference: { workgroups: "ceil(channels4 / 64)" },
  batch_norm_backward_reduce: {
    workgroups: "ceil(channels4 / 64), chunks, segments",
    code: normBackwardReduce,
  },
  batch_norm_backward_apply: {
    workgroups: `ceil(channels4 / 4), ceil(${longest} / 512), segments`,
    code: normBackwardApply,
  },
  max_pool_forward: { workgroups: "ceil(rows * outHeight * outWidth * channels4 / 64)" },
  max_pool_backward: { workgroups: "ceil(rows * inHeight * inWidth * channels4 / 64)" },
  pool_forward: { workgroups: "ceil(rows * channels4 / 64)" },
  pool_backward: { workgroups: "ceil(rows * area * channels4 / 64)" },
  linear_forward: { workgroups: "ceil(rows * heads4 / 64)" },
  linear_input_gradient: { workgroups: "ceil(rows * channels4 / 64)" },
  linear_weight_gradient: { workgroups: "ceil((4 * channels4 + 1) * heads4 / 64)" },
  cross_entropy: { workgroups: "1" },
  predict: { workgroups: "ceil(rows / 64)" },
  mse: { workgroups: "1" },
  store_logits: { workgroups: "ceil(rows * width / 64)" },
  sgd_masked: { workgroups: "min(65535, ceil(count4 / 64))" },
  largest: { workgroups: "min(256, ceil(count4 / 64))" },
};

function sumOfList(term: (i: number) => string, length: number): string {
  return Array.from({ length }, (_, i) => term(i)).join(" + ");
}

/** A plain kernel for an operation, which passes its check: to start from. */
export function starterOf({ name, kernels: [ours] }: Op): string {
  const { workgroups, code = ownText(ours) } = starters[name];
  return `//@ op: ${name}\n//@ workgroups: ${workgroups}\n\n${code}`;
}

/** The text of a kernel's own file. */
export function ownText({ code, files }: Kernel): string {
  if (files.length === 1) return code;
  return code.split("\n").slice(0, files[1].before).join("\n") + "\n";
}
