import type { HostTensor } from "./safetensors.ts";

/** Whose names a state has: those of the official implementation, or those of torchvision, which timm has too. */
export type StateLayout = "official" | "torchvision";

/** The layout of a state, by the names that only one of them has; `official` for a state that has neither. */
export function stateLayout(state: ReadonlyMap<string, HostTensor>): StateLayout {
  const names = [...state.keys()];
  if (names.some((name) => /^linear\.|\.shortcut\./.test(name))) return "official";
  return names.some((name) => /^fc\.|\.downsample\./.test(name)) ? "torchvision" : "official";
}

/** What a tensor or layer of an official name is called in a layout. */
export function nameInFile(name: string, layout: StateLayout): string {
  if (layout === "official") return name;
  return name.replace(/^linear\b/, "fc").replace(".shortcut.", ".downsample.");
}

/** The name of a tensor by which a state is that of a deeper ResNet; undefined: it has none. */
export function foreignArchitecture(state: ReadonlyMap<string, HostTensor>): string | undefined {
  return [...state.keys()].find((name) => /^layer[1-4]\.(\d+\.conv3|[2-9]\d*\.conv1)\./.test(name));
}
