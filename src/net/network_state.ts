import { InputError } from "../errors.ts";
import { arraysOf, type Entry, pack, type ParameterTable, unpack } from "./parameters.ts";
import { foreignArchitecture, nameInFile, type StateLayout, stateLayout } from "./state_layout.ts";
import type { HostTensor } from "./safetensors.ts";

/** What a state holds, as a network has it on the GPU. */
export interface NetworkState {
  /** Flat f32 table with the layout of `table.learned`. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Flat f32 table with the layout of `table.running`. */
  readonly running: Float32Array<ArrayBuffer>;
  /** Training forward passes so far; 0 where the state does not say. */
  readonly batchesTracked: number;
  /** Tensors that were F64 and are rounded to f32 here. */
  readonly narrowed: number;
  /** Whose names it has. */
  readonly layout: StateLayout;
  /** Whether its classifier is in `values`; else zeros are there. */
  readonly hasHead: boolean;
}

/** What is taken over of a state. */
export interface PackOptions {
  /** Leave its classifier where it is. Default: it is taken over, and must be there. */
  readonly withoutHead?: boolean;
}

/**
 * Lays a state with the official names, as PyTorch's `state_dict` has it, or with those of torchvision and timm, out in
 * the tables of a network. Tensors that the network has no use for are passed over (`classifier.*`, a second name of
 * `linear.*` there); of those that it takes every value is looked at.
 *
 * @param source where the state comes from, for messages
 * @throws {InputError} for a tensor that is missing, of another shape or no floating-point type; for a value that is
 * infinite, NaN or beyond f32; for a running variance below 0; for a count of batches that is none. Elements are named
 * by their index along each dimension.
 */
export function packState(
  table: ParameterTable,
  state: ReadonlyMap<string, HostTensor>,
  source: string,
  { withoutHead = false }: PackOptions = {},
): NetworkState {
  const layout = stateLayout(state);
  const foreign = foreignArchitecture(state);
  if (foreign) {
    throw new InputError(
      `Cannot load weights from ${source}: it has ${foreign}, which a ResNet-18 has not; ` +
        "use the weights of a ResNet-18",
    );
  }
  const values = new Float32Array(table.learnedLength);
  const running = new Float32Array(table.runningLength);
  let narrowed = 0;
  const take = (entry: Entry, isRunning: boolean) =>
    arraysOf(entry, isRunning).map(({ name, shape }) => {
      const tensor = weights(state, source, nameInFile(name, layout), shape);
      if (tensor.dtype === "F64") narrowed++;
      return tensor.data;
    });
  for (const entry of table.learned) {
    if (withoutHead && entry.kind.startsWith("linear")) continue;
    pack(values, entry, take(entry, false));
  }
  for (const entry of table.running) pack(running, entry, take(entry, true));
  const counts = table.running.map(({ name }) =>
    batchesTracked(state, source, nameInFile(name, layout))
  );
  const hasHead = !withoutHead;
  return { values, running, batchesTracked: counts[0], narrowed, layout, hasHead };
}

/** A state under its official names, in PyTorch's layouts: what {@linkcode packState} reads. */
export function stateTensors(
  table: ParameterTable,
  { values, running, batchesTracked }: {
    readonly values: Float32Array;
    readonly running: Float32Array;
    readonly batchesTracked: number;
  },
): Map<string, HostTensor> {
  const arrays = [
    ...table.learned.flatMap((entry) => unpack(values, entry)),
    ...table.running.flatMap((entry) => unpack(running, entry, true)),
  ];
  const state = new Map<string, HostTensor>(
    arrays.map(({ name, shape, data }) => [name, { dtype: "F32", shape: [...shape], data }]),
  );
  for (const { name } of table.running) {
    state.set(`${name}.num_batches_tracked`, {
      dtype: "I64",
      shape: [],
      data: BigInt64Array.of(BigInt(batchesTracked)),
    });
  }
  return state;
}

function weights(
  state: ReadonlyMap<string, HostTensor>,
  source: string,
  name: string,
  shape: readonly number[],
): HostTensor & { dtype: "F32" | "F64" } {
  const fail: Fail = (found) => {
    throw new InputError(`Cannot load weights from ${source}: ${found}`);
  };
  const found = state.get(name) ??
    fail(`${name} is missing; use a state of the official ResNet-18`);
  const stem = name === "conv1.weight" ? otherStem(found.shape, shape) : undefined;
  if (stem) fail(`${name} is ${found.dtype} [${found.shape}], ${stem}`);
  if (found.shape.join() !== shape.join()) {
    return fail(
      `${name} is ${found.dtype} [${found.shape}], this network has F32 [${shape}]; ` +
        (name.startsWith("fc.") && found.shape.at(1) === shape.at(1)
          ? "leave --keep-head out, and it is replaced, or set the number of classes to that of the file"
          : "set network.width and the number of classes to those of the file"),
    );
  }
  if (found.dtype !== "F32" && found.dtype !== "F64") {
    return fail(
      `${name} is of type ${found.dtype}, weights are floating-point numbers; ` +
        "convert them to float32 and save the file again",
    );
  }
  const { data } = found;
  const isVariance = name.endsWith(".running_var");
  for (let at = 0; at < data.length; at++) {
    const value = data[at];
    const wrong = problemOf(value, isVariance);
    if (wrong) fail(`element [${indexOf(at, shape).join(", ")}] of ${name} is ${value}, ${wrong}`);
  }
  return found;
}

type Fail = (found: string) => never;

/** What is wrong with a first convolution of another size than the network's, and the fix. */
function otherStem(found: readonly number[], wanted: readonly number[]): string | undefined {
  const [kernel, own] = [found.at(-1), wanted.at(-1)];
  if (found.length !== 4 || kernel === own || !(kernel === 3 || kernel === 7)) return undefined;
  return `a ${kernel}x${kernel} stem, and this network has a ${own}x${own} one; ` +
    `use --set network.stem=${kernel === 7 ? "imagenet" : "cifar"}`;
}

/** What is wrong with a value of a state, and the fix; undefined if nothing is. */
function problemOf(value: number, isVariance: boolean): string | undefined {
  if (!Number.isFinite(value)) {
    return "not a finite number; use weights saved before they were spoilt";
  }
  if (!Number.isFinite(Math.fround(value))) {
    return "beyond the range of float32; use weights whose magnitudes are below 3.4e38";
  }
  if (isVariance && value < 0) {
    return "and a variance is not negative; use weights saved before they were spoilt";
  }
  return undefined;
}

/** A running variance below 0. */
export interface NegativeVariance {
  /** Official name of the tensor. */
  readonly name: string;
  /** Index in it. */
  readonly at: number;
  readonly value: number;
}

/**
 * The first running variance below 0 in a flat table with the layout of `table.running`; undefined if there is none.
 */
export function negativeVariance(
  table: ParameterTable,
  running: Float32Array,
): NegativeVariance | undefined {
  for (const entry of table.running) {
    const [, { name, data }] = unpack(running, entry, true);
    const at = data.findIndex((value) => value < 0);
    if (at >= 0) return { name, at, value: data[at] };
  }
  return undefined;
}

/** PyTorch's counter of a batch norm, which programs that convert a whole state may have made a number of any type. */
function batchesTracked(
  state: ReadonlyMap<string, HostTensor>,
  source: string,
  norm: string,
): number {
  const name = `${norm}.num_batches_tracked`;
  const counter = state.get(name);
  if (!counter) return 0;
  const count = Number(counter.data[0]);
  if (counter.data.length === 1 && Number.isSafeInteger(count) && count >= 0) return count;
  throw new InputError(
    `Cannot load weights from ${source}: ${name} is ${
      counter.data.length === 1 ? count : `of shape [${counter.shape}]`
    }, expected one whole number of at least 0; leave it out or save it as int64`,
  );
}

/** The index along each dimension of an element of a row-major tensor. */
function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of shape.toReversed()) {
    index.unshift(flat % size);
    flat = Math.floor(flat / size);
  }
  return index;
}
