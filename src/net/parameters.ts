import { groupsOf4 } from "../ops/dispatch_size.ts";
import { type ConvNorm, convNormsOf, type ResNet18 } from "./resnet18.ts";

/** What a stretch of a flat table holds, and so how it is laid out. */
export type EntryKind = "conv" | "norm" | "linear_weight" | "linear_bias";

/** One layer's stretch of a flat table. Offsets are multiples of 64 elements, so that kernels can be bound to it. */
export interface Entry {
  readonly kind: EntryKind;
  /** Official module name, e.g. "layer1.0.conv1", "layer1.0.bn1", "linear". */
  readonly name: string;
  /** Leading blocks that must be frozen for this entry to be frozen: stem and block 0: 1; ...; stage 4: never. */
  readonly frozenFrom: number;
  readonly offset: number;
  readonly length: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
}

/**
 * The network's numbers as flat tables: one for what is learned (values, gradients, velocities and mask share it) and
 * one for the running statistics. Saving, copying and masking are loops over one buffer.
 *
 * Layouts inside: conv `[kernel, kernel, inputs, outputs]`, norm `[2, outputs]` (gamma, beta; or running mean,
 * variance), linear weight `[inputs, outputs]`, linear bias `[outputs]`; inputs and outputs padded to multiples of 4.
 */
export interface ParameterTable {
  readonly learned: readonly Entry[];
  readonly learnedLength: number;
  readonly running: readonly Entry[];
  readonly runningLength: number;
}

/** Lays out the tables for an architecture, in the order of the official parameters. */
export function parameterTable(net: ResNet18): ParameterTable {
  const learned: Entry[] = [];
  const running: Entry[] = [];
  const add = (table: Entry[], entry: Omit<Entry, "offset" | "length">, length: number) => {
    const last = table.at(-1);
    table.push({
      ...entry,
      offset: last ? Math.ceil((last.offset + last.length) / 64) * 64 : 0,
      length,
    });
  };
  const addConvNorm = (layer: ConvNorm, frozenFrom: number) => {
    const inputs = layer.inputChannels;
    const outputs = layer.outputChannels;
    const conv = {
      kind: "conv",
      name: layer.conv,
      frozenFrom,
      inputs,
      outputs,
      kernel: layer.kernel,
    } as const;
    const norm = {
      kind: "norm",
      name: layer.norm,
      frozenFrom,
      inputs: outputs,
      outputs,
      kernel: 1,
    } as const;
    add(learned, conv, layer.kernel ** 2 * padded(inputs) * padded(outputs));
    add(learned, norm, 2 * padded(outputs));
    add(running, norm, 2 * padded(outputs));
  };
  addConvNorm(net.stem, 1);
  net.blocks.forEach((block, index) => {
    for (const layer of convNormsOf(block)) addConvNorm(layer, index + 1);
  });
  const linear = {
    name: "linear",
    frozenFrom: Infinity,
    inputs: net.features,
    outputs: net.heads,
    kernel: 1,
  };
  add(learned, { ...linear, kind: "linear_weight" }, padded(net.features) * padded(net.heads));
  add(learned, { ...linear, kind: "linear_bias" }, padded(net.heads));
  return { learned, learnedLength: lengthOf(learned), running, runningLength: lengthOf(running) };
}

/** Values with their PyTorch shape. */
export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Names and PyTorch shapes of the arrays that an entry holds; `running` entries hold `running_mean`, `running_var`. */
export function arraysOf(entry: Entry, running: boolean): { name: string; shape: number[] }[] {
  const { name, kind, inputs, outputs, kernel } = entry;
  switch (kind) {
    case "conv":
      return [{ name: `${name}.weight`, shape: [outputs, inputs, kernel, kernel] }];
    case "norm":
      return (running ? ["running_mean", "running_var"] : ["weight", "bias"])
        .map((part) => ({ name: `${name}.${part}`, shape: [outputs] }));
    case "linear_weight":
      return [{ name: `${name}.weight`, shape: [outputs, inputs] }];
    case "linear_bias":
      return [{ name: `${name}.bias`, shape: [outputs] }];
  }
}

/** Takes an entry's arrays out of a flat table, in PyTorch's layout. */
export function unpack(table: Float32Array, entry: Entry, running = false): NamedArray[] {
  return arraysOf(entry, running).map(({ name, shape }, part) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    forEachElement(entry, part, (flat, index) => data[index] = table[flat]);
    return { name, shape, data };
  });
}

/** Puts an entry's arrays, in PyTorch's layout and in the order of {@linkcode arraysOf}, into a flat table. */
export function pack(
  table: Float32Array,
  entry: Entry,
  arrays: readonly ArrayLike<number>[],
): void {
  arrays.forEach((data, part) =>
    forEachElement(entry, part, (flat, index) => table[flat] = data[index])
  );
}

/** Visits the elements of the entry's array number `part`: its place in the flat table and in PyTorch's array. */
function forEachElement(
  entry: Entry,
  part: number,
  visit: (flat: number, index: number) => void,
): void {
  const { kind, offset, inputs, outputs, kernel } = entry;
  const inputsPadded = padded(inputs);
  const outputsPadded = padded(outputs);
  if (kind === "norm" || kind === "linear_bias") {
    for (let o = 0; o < outputs; o++) visit(offset + part * outputsPadded + o, o);
    return;
  }
  const taps = kernel * kernel;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++) {
        visit(offset + (tap * inputsPadded + i) * outputsPadded + o, (o * inputs + i) * taps + tap);
      }
    }
  }
}

function padded(channels: number): number {
  return groupsOf4(channels) * 4;
}

function lengthOf(table: readonly Entry[]): number {
  const last = table.at(-1)!;
  return Math.ceil((last.offset + last.length) / 64) * 64;
}
