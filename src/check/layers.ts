import { type ConvNorm, convNormsOf, resnet18 } from "../net/resnet18.ts";
import type { Layers, NetworkSize } from "./kernel_case.ts";

/** Heads of the networks whose shapes are listed, where none are named. */
export const usualHeads = 10;

/** The network of a size. */
export function networkOf({ width, size, stem, heads = usualHeads }: Omit<NetworkSize, "batch">) {
  return resnet18({ width, heads, height: size, inputWidth: size, stem });
}

/** The convolutions of a network with their norms, in the order in which they come. */
export function convNorms(size: Omit<NetworkSize, "batch">): ConvNorm[] {
  const { stem, blocks } = networkOf(size);
  return [stem, ...blocks.flatMap(convNormsOf)];
}

/** Each different shape once, with the first layer that has it and how many have. */
export function different<Shape extends object>(
  layers: readonly { readonly layer: string; readonly shape: Shape }[],
): (Layers & { readonly shape: Shape })[] {
  const groups = Map.groupBy(layers, ({ shape }) => JSON.stringify(shape));
  return [...groups.values()].map((group) => ({
    ...group[0],
    layers: group.length,
    names: group.map(({ layer }) => layer),
  }));
}
