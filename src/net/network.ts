import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { Arena, copyTensor, download, type Tensor, upload } from "../gpu/tensor.ts";
import { type Conv2dChoice, defaultVariant } from "../ops/conv2d_variants.ts";
import { type Precision, storedTypes } from "../ops/storage.ts";
import type { Random } from "../random.ts";
import { type Activations, createActivations, type NetworkUse } from "./activations.ts";
import { initialRunning, initialValues } from "./initialize.ts";
import {
  arraysOf,
  type Entry,
  type NamedArray,
  type ParameterTable,
  parameterTable,
  unpack,
} from "./parameters.ts";
import { type NormMode, type PassContext, recordBackward, recordForward } from "./passes.ts";
import { freezableBlocks, type ResNet18, resnet18, type Stem } from "./resnet18.ts";
import { type NetworkState, packState, stateTensors } from "./network_state.ts";
import type { HostTensor } from "./safetensors.ts";

/** Sizes of a {@linkcode Network}. */
export interface NetworkOptions {
  readonly width: number;
  readonly heads: number;
  /** Of the images, in pixels. */
  readonly height: number;
  readonly imageWidth: number;
  /** Most rows of a batch. */
  readonly maxRows: number;
  /** Default "full". */
  readonly precision?: Precision;
  /** What is asked of it; default "training", which is everything. */
  readonly use?: NetworkUse;
  /** How it begins; default "cifar". */
  readonly stem?: Stem;
  /** How convolutions are computed; default: what suits this kind of adapter. Changes no bit of the results. */
  readonly choice?: Conv2dChoice;
  /** What is launched in place of what is recorded: kernels of one's own; default: the same. */
  readonly replace?: (launch: Dispatch) => Dispatch;
  /** Awaited before the first launch of a batch unlike any before; default: nothing. */
  readonly beforeBatch?: (batch: BatchSizes) => Promise<void>;
}

/** Images of each segment of a batch, and whether nothing is learned from it. */
export interface BatchSizes {
  readonly segments: readonly number[];
  readonly inference: boolean;
}

/** A copy of everything that training changes, on the GPU. */
export interface NetworkSnapshot {
  readonly values: Tensor;
  readonly velocities: Tensor;
  readonly running: Tensor;
  batchesTracked: number;
  destroy(): void;
}

/**
 * A ResNet-18 on the GPU: parameters, running statistics, freezing mask and activations for up to `maxRows` rows, and
 * the recorders of its passes.
 */
export class Network {
  readonly gpu: Gpu;
  readonly architecture: ResNet18;
  readonly table: ParameterTable;
  readonly activations: Activations;
  readonly precision: Precision;
  /** What is launched in place of what is recorded. */
  readonly replace: (launch: Dispatch) => Dispatch;
  /** Awaited before the first launch of a batch unlike any before. */
  readonly beforeBatch: NonNullable<NetworkOptions["beforeBatch"]>;
  /** Flat f32 tables with the layout of `table.learned`. */
  readonly values: Tensor;
  readonly gradients: Tensor;
  readonly velocities: Tensor;
  /** Flat f32 table with the layout of `table.running`. */
  readonly running: Tensor;
  /** Training forward passes so far (PyTorch's `num_batches_tracked`, the same for every batch norm here). */
  batchesTracked = 0;
  readonly #arena: Arena;
  /** What each step computes anew. */
  readonly #scratch: Arena;
  readonly #context: PassContext;
  readonly #use: NetworkUse;
  /** Freezing masks by the number of frozen blocks, made when first needed. */
  readonly #masks = new Map<number, Tensor>();
  #frozenBlocks = 0;

  /**
   * Allocates a network for images of `height` x `imageWidth` pixels and batches of up to `maxRows` rows. Its values
   * are all zero until {@linkcode initialize} or {@linkcode load} is called.
   */
  constructor(gpu: Gpu, options: NetworkOptions) {
    this.gpu = gpu;
    this.precision = options.precision ?? "full";
    this.#use = options.use ?? "training";
    this.replace = options.replace ?? ((launch) => launch);
    this.beforeBatch = options.beforeBatch ?? (() => Promise.resolve());
    this.architecture = resnet18({ ...options, inputWidth: options.imageWidth });
    this.table = parameterTable(this.architecture);
    this.#arena = new Arena(gpu, "network");
    this.#scratch = new Arena(gpu, "network", { state: false });
    const length = this.table.learnedLength;
    this.values = this.#arena.tensor("values", [length]);
    this.gradients = this.#scratch.tensor("gradients", [this.#use === "training" ? length : 0]);
    this.velocities = this.#arena.tensor("velocities", [length]);
    this.running = this.#arena.tensor("running", [this.table.runningLength]);
    this.activations = createActivations(
      this.#scratch,
      this.architecture,
      options.maxRows,
      storedTypes[this.precision],
      this.#use,
    );
    this.#context = {
      net: this.architecture,
      activations: this.activations,
      values: this.values,
      gradients: this.gradients,
      running: this.running,
      choice: options.choice ?? defaultVariant(gpu),
      learnedEntry: (name, kind) => find(this.table.learned, name, kind),
      runningEntry: (name) => find(this.table.running, name, "norm"),
    };
    this.freeze(0);
  }

  /** Number of parameters, padding not counted. */
  get parameterCount(): number {
    return this.table.learned.flatMap((entry) => arraysOf(entry, false))
      .reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
  }

  /** Leading blocks that are frozen, the stem with them; 0: none. */
  get frozenBlocks(): number {
    return this.#frozenBlocks;
  }

  /**
   * Freezes the stem and the first `blocks` blocks, 0 to 6: their parameters and velocities keep every bit in updates
   * from now on. Their batch norms go on normalising by batch statistics and moving their running statistics, as in the
   * official implementation.
   */
  freeze(blocks: number): void {
    if (!(Number.isInteger(blocks) && blocks >= 0 && blocks <= freezableBlocks)) {
      throw new RangeError(`Cannot freeze ${blocks} blocks: 0 to ${freezableBlocks} can be frozen`);
    }
    this.#frozenBlocks = blocks;
    if (this.#masks.has(blocks)) return;
    const mask = new Uint32Array(this.table.learnedLength / 4);
    for (const entry of this.table.learned) {
      if (entry.frozenFrom > blocks) {
        mask.fill(1, entry.offset / 4, (entry.offset + entry.length) / 4);
      }
    }
    const tensor = this.#scratch.tensor(`mask ${blocks}`, [mask.length], "u32");
    upload(this.gpu, tensor, mask);
    this.#masks.set(blocks, tensor);
  }

  /** u32, one per 4 values: 1 where the update may write, as it is frozen now. */
  get mask(): Tensor {
    return this.#masks.get(this.#frozenBlocks)!;
  }

  /** Draws fresh parameters; running statistics 0 and 1, velocities 0. */
  initialize(random: Random): void {
    upload(this.gpu, this.values, initialValues(this.table, random));
    upload(this.gpu, this.running, initialRunning(this.table));
    this.resetVelocities();
    this.batchesTracked = 0;
  }

  resetVelocities(): void {
    upload(this.gpu, this.velocities, new Float32Array(this.table.learnedLength));
  }

  /**
   * Forward pass over `activations.input` in segments of so many rows; see {@linkcode recordForward}.
   *
   * @throws {RangeError} for more rows than there is room for, and for what a network for inference does not keep.
   */
  recordForward(segments: readonly number[], mode: NormMode, start = 0): Dispatch[] {
    if (mode === "training" || start > 0) this.#refuseInference("this forward pass");
    const rows = segments.reduce((a, b) => a + b, 0);
    if (rows > this.activations.rows || segments.some((n) => n < 1)) {
      throw new RangeError(
        `Cannot record a forward pass: segments [${segments}], the network has room for ${this.activations.rows} rows`,
      );
    }
    return recordForward(this.#context, segments, mode, start);
  }

  /** Backward pass from `activations.gLogits` down to what is not frozen now; see {@linkcode recordBackward}. */
  recordBackward(segments: readonly number[]): Dispatch[] {
    this.#refuseInference("a backward pass");
    return recordBackward(this.#context, segments, this.#frozenBlocks);
  }

  /** Room for a copy of the state; filled by {@linkcode save}. */
  snapshot(label: string): NetworkSnapshot {
    const arena = new Arena(this.gpu, label);
    return {
      values: arena.tensor("values", this.values.shape),
      velocities: arena.tensor("velocities", this.velocities.shape),
      running: arena.tensor("running", this.running.shape),
      batchesTracked: 0,
      destroy: () => arena.destroy(),
    };
  }

  /** Copies the state into a snapshot, on the GPU. */
  save(snapshot: NetworkSnapshot): void {
    copyTensor(this.gpu, this.#pairs(snapshot));
    snapshot.batchesTracked = this.batchesTracked;
  }

  /** Copies a snapshot back. */
  restore(snapshot: NetworkSnapshot): void {
    copyTensor(this.gpu, this.#pairs(snapshot).map(([mine, theirs]) => [theirs, mine]));
    this.batchesTracked = snapshot.batchesTracked;
  }

  /** Copies the running statistics of the stem and the first `blocks` blocks from one snapshot to another. */
  copyRunning(from: NetworkSnapshot, to: NetworkSnapshot, blocks: number): void {
    const length = this.table.running.find(({ frozenFrom }) => frozenFrom > blocks)!.offset;
    if (blocks > 0) copyTensor(this.gpu, [[from.running, to.running]], length);
  }

  /** Parameters and running statistics under their official names, in PyTorch's layouts. */
  async export(): Promise<Map<string, HostTensor>> {
    const [values, running] = await download(this.gpu, [
      this.values,
      this.running,
    ]) as Float32Array[];
    return stateTensors(this.table, { values, running, batchesTracked: this.batchesTracked });
  }

  /** Gradients of the last backward pass under the official parameter names. */
  async exportGradients(): Promise<NamedArray[]> {
    const [gradients] = await download(this.gpu, [this.gradients]) as Float32Array[];
    return this.table.learned.flatMap((entry) => unpack(gradients, entry));
  }

  /**
   * Takes over a state with the official names, as {@linkcode export} gives it or PyTorch's `state_dict` has it; see
   * {@linkcode packState} for what is taken and what is refused. Velocities become 0.
   *
   * @throws {InputError} for a state that does not fit; nothing is changed then.
   */
  load(state: ReadonlyMap<string, HostTensor>, source: string): void {
    this.setState(packState(this.table, state, source));
  }

  /** Takes over a state that has been laid out for this network's table. Velocities become 0. */
  setState({ values, running, batchesTracked }: NetworkState): void {
    upload(this.gpu, this.values, values);
    upload(this.gpu, this.running, running);
    this.resetVelocities();
    this.batchesTracked = batchesTracked;
  }

  destroy(): void {
    this.#arena.destroy();
    this.#scratch.destroy();
  }

  #refuseInference(what: string): void {
    if (this.#use === "training") return;
    throw new RangeError(
      `Cannot record ${what}: the network is for inference, and keeps nothing of its layers; make one for training`,
    );
  }

  #pairs(snapshot: NetworkSnapshot): (readonly [Tensor, Tensor])[] {
    return [
      [this.values, snapshot.values],
      [this.velocities, snapshot.velocities],
      [this.running, snapshot.running],
    ];
  }
}

function find(table: readonly Entry[], name: string, kind: Entry["kind"]): Entry {
  const entry = table.find((candidate) => candidate.name === name && candidate.kind === kind);
  if (!entry) {
    throw new RangeError(`Cannot find parameters ${name}: this network has none of kind ${kind}`);
  }
  return entry;
}
