import type { ImageSet } from "./image_set.ts";
import type { DrawnSource } from "./source.ts";
export function drawImages(_s: DrawnSource, _p: "train" | "test"): ImageSet {
  throw new Error("todo");
}
