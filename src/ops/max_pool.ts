import backwardCode from "../../shaders/max_pool_backward.wgsl" with { type: "text" };
import forwardCode from "../../shaders/max_pool_forward.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { shader } from "./shader.ts";
import { bothStorages, storedAs } from "./storage.ts";

const forward = bothStorages((suffix, storage) =>
  shader(`max_pool_forward${suffix}`, forwardCode, storage)
);
const backward = shader("max_pool_backward", backwardCode);

/** Its kernels. */
export const maxPoolKernels = { forward, backward };

/** Rows, sizes before the pooling in pixels, and channel groups of 4. */
export interface MaxPoolShape {
  readonly rows: number;
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly channels4: number;
}

/** Pixels behind a 3x3 window of stride 2 and padding 1, of so many before it. */
export function maxPooled(size: number): number {
  return Math.ceil(size / 2);
}

const dims = ({ rows, inputHeight, inputWidth, channels4 }: MaxPoolShape) => ({
  rows,
  inHeight: inputHeight,
  inWidth: inputWidth,
  outHeight: maxPooled(inputHeight),
  outWidth: maxPooled(inputWidth),
  channels4,
});

/**
 * Max pooling in 3x3 windows of stride 2 and padding 1: `x` `[rows, inputHeight, inputWidth, channels]` to `y` `[rows,
 * outHeight, outWidth, channels]`, and to `taps` (u32, one for 4 channels of y) where in its window each was found.
 */
export function recordMaxPoolForward(
  shape: MaxPoolShape,
  x: Tensor,
  y: Tensor,
  taps: Tensor,
): Dispatch {
  const { rows, inputHeight, inputWidth, channels4 } = shape;
  return dispatch({
    kernel: forward[storedAs(x, y)],
    uniform: dims(shape),
    buffers: { x, y, taps },
    workgroups: [
      groupsOf64(rows * maxPooled(inputHeight) * maxPooled(inputWidth) * channels4),
    ],
  });
}

/** Its gradient: `gy` goes to the places that `taps` names; all of `gx` is written. */
export function recordMaxPoolBackward(
  shape: MaxPoolShape,
  gy: Tensor,
  taps: Tensor,
  gx: Tensor,
): Dispatch {
  const { rows, inputHeight, inputWidth, channels4 } = shape;
  return dispatch({
    kernel: backward,
    uniform: dims(shape),
    buffers: { gy, taps, gx },
    workgroups: [groupsOf64(rows * inputHeight * inputWidth * channels4)],
  });
}
