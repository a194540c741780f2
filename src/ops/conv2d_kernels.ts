import forwardCode from "../../shaders/conv2d_forward.wgsl" with { type: "text" };
import forwardTiledCode from "../../shaders/conv2d_forward_tiled.wgsl" with { type: "text" };
import inputGradientCode from "../../shaders/conv2d_input_gradient.wgsl" with { type: "text" };
import inputGradientTiledCode from "../../shaders/conv2d_input_gradient_tiled.wgsl" with {
  type: "text",
};
import weightGradientCode from "../../shaders/conv2d_weight_gradient.wgsl" with { type: "text" };
import weightGradientTiledCode from "../../shaders/conv2d_weight_gradient_tiled.wgsl" with {
  type: "text",
};
import reduceCode from "../../shaders/conv2d_weight_gradient_reduce.wgsl" with { type: "text" };
import plainRows from "../../shaders/conv2d_rows_plain.wgsl" with { type: "text" };
import subgroupRows from "../../shaders/conv2d_rows_subgroup.wgsl" with { type: "text" };
import plainWeights from "../../shaders/conv2d_weights_plain.wgsl" with { type: "text" };
import subgroupWeights from "../../shaders/conv2d_weights_subgroup.wgsl" with { type: "text" };
import tileCore from "../../shaders/lib/conv2d_tile.wgsl" with { type: "text" };
import tileSums from "../../shaders/lib/tile_sums.wgsl" with { type: "text" };
import multiplyAdd from "../../shaders/lib/multiply_add.wgsl" with { type: "text" };
import { type Access, defineKernel } from "../gpu/kernel.ts";
import { bothStorages } from "./storage.ts";

/** The kernels of a pass: strips of pixels in registers, without and with subgroups; tiles of workgroup memory. */
function kinds<T>(define: (suffix: "" | "_subgroup" | "_tiled") => T) {
  return { plain: define(""), subgroup: define("_subgroup"), tiled: define("_tiled") };
}

const forwardBindings = {
  dims: "uniform",
  x: "read",
  weights: "read",
  y: "write",
} satisfies Record<string, Access>;
const inputGradientBindings = {
  dims: "uniform",
  gy: "read",
  weights: "read",
  addend: "read",
  gx: "write",
} satisfies Record<string, Access>;
const weightGradientBindings = {
  dims: "uniform",
  x: "read",
  gy: "read",
  partial: "write",
} satisfies Record<string, Access>;

const stripConstants = ["KERNEL", "STRIDE", "SECOND", "EXCHANGE"];
const tileConstants = [
  "KERNEL",
  "STRIDE",
  "GROUPS",
  "TILE_PIXELS",
  "TILE_CHANNELS",
  "THREAD_ROWS",
];

/** Forward convolution, by how activations are stored and by kind. */
export const forwardKernels = bothStorages((half, storage) =>
  kinds((kind) =>
    defineKernel({
      name: `conv2d_forward${kind}${half}`,
      bindings: forwardBindings,
      ...(kind === "_tiled"
        ? {
          code: forwardTiledCode,
          library: [tileCore, tileSums, storage],
          constants: tileConstants,
        }
        : {
          code: forwardCode,
          library: [kind ? subgroupWeights : plainWeights, multiplyAdd, storage],
          constants: stripConstants,
        }),
    })
  )
);

/** Gradient of the input, by kind. */
export const inputGradientKernels = kinds((kind) =>
  defineKernel({
    name: `conv2d_input_gradient${kind}`,
    bindings: inputGradientBindings,
    ...(kind === "_tiled"
      ? { code: inputGradientTiledCode, library: [tileCore, tileSums], constants: tileConstants }
      : {
        code: inputGradientCode,
        library: [kind ? subgroupWeights : plainWeights, multiplyAdd],
        constants: stripConstants,
      }),
  })
);

/** Partial sums of the gradient of the weights, by how activations are stored and by kind. */
export const weightGradientKernels = bothStorages((half, storage) =>
  kinds((kind) =>
    defineKernel({
      name: `conv2d_weight_gradient${kind}${half}`,
      bindings: weightGradientBindings,
      ...(kind === "_tiled"
        ? {
          code: weightGradientTiledCode,
          library: [tileSums, storage],
          constants: ["KERNEL", "STRIDE", "TILE_INPUTS", "TILE_OUTPUTS", "THREAD_ROWS"],
        }
        : {
          code: weightGradientCode,
          library: [kind ? subgroupRows : plainRows, storage],
          constants: ["KERNEL", "STRIDE", ...(kind ? ["SHARED", "PAIRS"] : [])],
        }),
    })
  )
);

/** The sums of the partial sums. */
export const reduceKernel = defineKernel({
  name: "conv2d_weight_gradient_reduce",
  code: reduceCode,
  bindings: { dims: "uniform", partial: "read", gradients: "write" },
});
