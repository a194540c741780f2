import batch from "../../shaders/lib/batch.wgsl" with { type: "text" };
import batchNorm from "../../shaders/lib/batch_norm.wgsl" with { type: "text" };
import batchNormFinish from "../../shaders/lib/batch_norm_finish.wgsl" with { type: "text" };
import conv2d from "../../shaders/lib/conv2d.wgsl" with { type: "text" };
import conv2dAddend from "../../shaders/lib/conv2d_addend.wgsl" with { type: "text" };
import conv2dColumns from "../../shaders/lib/conv2d_columns.wgsl" with { type: "text" };
import conv2dForward from "../../shaders/lib/conv2d_forward.wgsl" with { type: "text" };
import conv2dOuter from "../../shaders/lib/conv2d_outer.wgsl" with { type: "text" };
import conv2dRowsPlain from "../../shaders/lib/conv2d_rows_plain.wgsl" with { type: "text" };
import conv2dRowsSubgroup from "../../shaders/lib/conv2d_rows_subgroup.wgsl" with { type: "text" };
import conv2dStrips from "../../shaders/lib/conv2d_strips.wgsl" with { type: "text" };
import conv2dTile from "../../shaders/lib/conv2d_tile.wgsl" with { type: "text" };
import conv2dWeightsPlain from "../../shaders/lib/conv2d_weights_plain.wgsl" with { type: "text" };
import conv2dWeightsSubgroup from "../../shaders/lib/conv2d_weights_subgroup.wgsl" with {
  type: "text",
};
import laneSums from "../../shaders/lib/lane_sums.wgsl" with { type: "text" };
import linear from "../../shaders/lib/linear.wgsl" with { type: "text" };
import maxPool from "../../shaders/lib/max_pool.wgsl" with { type: "text" };
import moments from "../../shaders/lib/moments.wgsl" with { type: "text" };
import multiplyAdd from "../../shaders/lib/multiply_add.wgsl" with { type: "text" };
import pool from "../../shaders/lib/pool.wgsl" with { type: "text" };
import rowLosses from "../../shaders/lib/row_losses.wgsl" with { type: "text" };
import storageF16 from "../../shaders/lib/storage_f16.wgsl" with { type: "text" };
import storageF32 from "../../shaders/lib/storage_f32.wgsl" with { type: "text" };
import tileSums from "../../shaders/lib/tile_sums.wgsl" with { type: "text" };
import { defineKernel, type Kernel } from "../gpu/kernel.ts";

/** The texts of `shaders/lib/`, by the names that lines `// needs:` have for them. */
export const libraries = {
  "lib/batch": batch,
  "lib/batch_norm": batchNorm,
  "lib/batch_norm_finish": batchNormFinish,
  "lib/conv2d": conv2d,
  "lib/conv2d_addend": conv2dAddend,
  "lib/conv2d_columns": conv2dColumns,
  "lib/conv2d_forward": conv2dForward,
  "lib/conv2d_outer": conv2dOuter,
  "lib/conv2d_rows_plain": conv2dRowsPlain,
  "lib/conv2d_rows_subgroup": conv2dRowsSubgroup,
  "lib/conv2d_strips": conv2dStrips,
  "lib/conv2d_tile": conv2dTile,
  "lib/conv2d_weights_plain": conv2dWeightsPlain,
  "lib/conv2d_weights_subgroup": conv2dWeightsSubgroup,
  "lib/lane_sums": laneSums,
  "lib/linear": linear,
  "lib/max_pool": maxPool,
  "lib/moments": moments,
  "lib/multiply_add": multiplyAdd,
  "lib/pool": pool,
  "lib/row_losses": rowLosses,
  "lib/storage_f16": storageF16,
  "lib/storage_f32": storageF32,
  "lib/tile_sums": tileSums,
} as const;

/** The name of a library. */
export type Library = keyof typeof libraries;

/**
 * A kernel of `shaders/`.
 *
 * @param chosen libraries, where lines `// needs:` leave a choice.
 */
export function shader(name: string, code: string, ...chosen: readonly Library[]): Kernel {
  return defineKernel({ name, code, libraries, chosen });
}
