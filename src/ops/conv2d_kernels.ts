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
import stemForwardCode from "../../shaders/conv2d_stem_forward.wgsl" with { type: "text" };
import stemWeightGradientCode from "../../shaders/conv2d_stem_weight_gradient.wgsl" with {
  type: "text",
};
import { shader } from "./shader.ts";
import { bothStorages } from "./storage.ts";

/** The kernels of a pass: strips of pixels in registers, without and with subgroups; tiles of workgroup memory. */
function kinds<T>(define: (kind: "plain" | "subgroup" | "tiled") => T) {
  return { plain: define("plain"), subgroup: define("subgroup"), tiled: define("tiled") };
}

/** Forward convolution, by how activations are stored and by kind. */
export const forwardKernels = bothStorages((half, storage) =>
  kinds((kind) =>
    kind === "tiled" ? shader(`conv2d_forward_tiled${half}`, forwardTiledCode, storage) : shader(
      `conv2d_forward${kind === "plain" ? "" : "_subgroup"}${half}`,
      forwardCode,
      `lib/conv2d_weights_${kind}`,
      storage,
    )
  )
);

/** Gradient of the input, by kind. */
export const inputGradientKernels = kinds((kind) =>
  kind === "tiled" ? shader("conv2d_input_gradient_tiled", inputGradientTiledCode) : shader(
    `conv2d_input_gradient${kind === "plain" ? "" : "_subgroup"}`,
    inputGradientCode,
    `lib/conv2d_weights_${kind}`,
  )
);

/** Partial sums of the gradient of the weights, by how activations are stored and by kind. */
export const weightGradientKernels = bothStorages((half, storage) =>
  kinds((kind) =>
    kind === "tiled"
      ? shader(`conv2d_weight_gradient_tiled${half}`, weightGradientTiledCode, storage)
      : shader(
        `conv2d_weight_gradient${kind === "plain" ? "" : "_subgroup"}${half}`,
        weightGradientCode,
        `lib/conv2d_rows_${kind}`,
        storage,
      )
  )
);

/** Forward convolution of a 7x7 stem, by how activations are stored and by kind. */
export const stemForwardKernels = bothStorages((half, storage) => ({
  plain: shader(
    `conv2d_stem_forward${half}`,
    stemForwardCode,
    "lib/conv2d_weights_plain",
    storage,
  ),
  subgroup: shader(
    `conv2d_stem_forward_subgroup${half}`,
    stemForwardCode,
    "lib/conv2d_weights_subgroup",
    storage,
  ),
}));

/** Partial sums of the gradient of its weights, by how activations are stored. */
export const stemWeightGradientKernels = bothStorages((half, storage) =>
  shader(`conv2d_stem_weight_gradient${half}`, stemWeightGradientCode, storage)
);

/** The sums of the partial sums. */
export const reduceKernel = shader("conv2d_weight_gradient_reduce", reduceCode);
