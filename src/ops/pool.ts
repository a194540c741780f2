import backwardCode from "../../shaders/pool_backward.wgsl" with { type: "text" };
import forwardCode from "../../shaders/pool_forward.wgsl" with { type: "text" };
import { type Dispatch, dispatch } from "../gpu/dispatch.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64, groupsOf64WithoutStride } from "./dispatch_size.ts";
import { shader } from "./shader.ts";
import { bothStorages, storedAs } from "./storage.ts";

const forward = bothStorages((suffix, storage) =>
  shader(`pool_forward${suffix}`, forwardCode, storage)
);
const backward = shader("pool_backward", backwardCode);

/** Its kernels. */
export const poolKernels = { forward, backward };

/** Rows, pixels per row and channel groups of 4 of a pooled activation. */
export interface PoolShape {
  readonly rows: number;
  readonly area: number;
  readonly channels4: number;
}

const dims = ({ rows, area, channels4 }: PoolShape) => ({ rows, area, channels4 });

/** Global average pooling: `x` `[rows, area, channels]` to `features` `[rows, channels]`. */
export function recordPoolForward(shape: PoolShape, x: Tensor, features: Tensor): Dispatch {
  const kernel = forward[storedAs(x)];
  return dispatch({
    kernel,
    uniform: dims(shape),
    buffers: { x, features },
    workgroups: [groupsOf64WithoutStride(kernel.name, shape.rows * shape.channels4)],
  });
}

/** Its gradient: each pixel gets 1 / area of its row's `gFeatures`. */
export function recordPoolBackward(shape: PoolShape, gFeatures: Tensor, gx: Tensor): Dispatch {
  return dispatch({
    kernel: backward,
    uniform: dims(shape),
    buffers: { gFeatures, gx },
    workgroups: [groupsOf64(shape.rows * shape.area * shape.channels4)],
  });
}
