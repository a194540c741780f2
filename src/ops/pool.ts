import backwardCode from "../../shaders/pool_backward.wgsl" with { type: "text" };
import forwardCode from "../../shaders/pool_forward.wgsl" with { type: "text" };
import { defineKernel } from "../gpu/kernel.ts";
import { type Dispatch, words } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { groupsOf64 } from "./dispatch_size.ts";
import { bothStorages, storedAs } from "./storage.ts";

const forward = bothStorages((suffix, storage) =>
  defineKernel({
    name: `pool_forward${suffix}`,
    code: forwardCode,
    library: [storage],
    bindings: { dims: "uniform", x: "read", features: "write" },
  })
);
const backward = defineKernel({
  name: "pool_backward",
  code: backwardCode,
  bindings: { dims: "uniform", gFeatures: "read", gx: "write" },
});

/** Rows, pixels per row and channel groups of 4 of a pooled activation. */
export interface PoolShape {
  readonly rows: number;
  readonly area: number;
  readonly channels4: number;
}

/** Global average pooling: `x` `[rows, area, channels]` to `features` `[rows, channels]`. */
export function recordPoolForward(shape: PoolShape, x: Tensor, features: Tensor): Dispatch {
  return {
    kernel: forward[storedAs(x)],
    uniform: words(shape.rows, shape.area, shape.channels4, 0),
    buffers: [x, features],
    workgroups: [groupsOf64(shape.rows * shape.channels4)],
  };
}

/** Its gradient: each pixel gets 1 / area of its row's `gFeatures`. */
export function recordPoolBackward(shape: PoolShape, gFeatures: Tensor, gx: Tensor): Dispatch {
  return {
    kernel: backward,
    uniform: words(shape.rows, shape.area, shape.channels4, 0),
    buffers: [gFeatures, gx],
    workgroups: [groupsOf64(shape.rows * shape.area * shape.channels4)],
  };
}
