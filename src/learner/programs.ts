import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { Program } from "../gpu/program.ts";
import { Arena, range, type Tensor, upload } from "../gpu/tensor.ts";
import { recordAugment } from "../ops/augment.ts";
import { maxSegments } from "../ops/batch_norm.ts";
import { BatchRecord } from "../ops/batch_record.ts";
import { recordCrossEntropy } from "../ops/cross_entropy.ts";
import { groupsOf4 } from "../ops/dispatch_size.ts";
import { recordLargest } from "../ops/largest.ts";
import { recordLinearForward } from "../ops/linear.ts";
import { recordMse } from "../ops/mse.ts";
import { recordPredict } from "../ops/predict.ts";
import { recordSgd } from "../ops/sgd.ts";
import { recordStoreImages } from "../ops/store_images.ts";
import { recordStoreLogits } from "../ops/store_logits.ts";
import type { SampleSource } from "./batch.ts";
import { type LearnerProgramOptions, lossSlots } from "./options.ts";

/** What one submission does with the rows of a batch, in this order; what is absent is left out. */
export interface Plan {
  readonly rows: number;
  /** From the bytes of these sources to the network's input; absent: the input is there. */
  readonly gather?: readonly SampleSource[];
  /** `sizes` of the segments; `start`: see `Network.recordForward`. */
  readonly forward?: {
    readonly mode: "training" | "inference";
    readonly sizes: readonly number[];
    readonly start?: number;
  };
  /**
   * The loss of the logits, and its gradient; with targets also the distance to remembered logits, over which heads.
   */
  readonly loss?: { readonly targets: Tensor | null; readonly over?: "all" | "closed" };
  /** Backward pass and update of what is not frozen: the blocks behind the first `frozen` ones. */
  readonly update?: { readonly frozen: number };
  /** Copies the images that have a slot from their sources into a memory, and their logits. */
  readonly keep?: {
    readonly from: readonly SampleSource[];
    readonly images: Tensor | null;
    readonly logits: Tensor | null;
  };
  /**
   * Counts predictions over the heads that are open in each of so many masks of the batch; `shifted`: of logits shifted by what
   * {@linkcode LearnerPrograms.setShift} was given.
   */
  readonly predict?: { readonly masks: number; readonly shifted?: boolean };
  /** Finds the largest magnitudes of gradients and values of what is not frozen: as in `update`. */
  readonly watch?: { readonly frozen: number };
}

/** Plans that do the same have the same key; it also names the program. */
function keyOf({ rows, gather, forward, loss, update, keep, predict, watch }: Plan): string {
  const names = (sources: readonly SampleSource[]) => sources.map(({ source }) => source).join("+");
  const parts = [
    `${rows} rows`,
    gather && `gather ${names(gather)}`,
    forward && `forward ${forward.mode} [${forward.sizes}] from ${forward.start ?? 0}`,
    loss && `loss ${loss.targets?.label ?? ""} ${loss.over ?? ""}`,
    update && `update behind ${update.frozen}`,
    keep && `keep ${names(keep.from)} ${keep.images?.label ?? ""} ${keep.logits?.label ?? ""}`,
    predict && `predict ${predict.masks}${predict.shifted ? " shifted" : ""}`,
    watch && `watch behind ${watch.frozen}`,
  ];
  return parts.filter(Boolean).join(", ");
}

/** What shifts logits before they are predicted from. Heads are padded to a multiple of 4. */
interface Shifting {
  readonly arena: Arena;
  /** f32 `[heads, heads]`. */
  readonly identity: Tensor;
  /** f32 `[heads]`. */
  readonly shift: Tensor;
  /** f32 `[rows, heads]`. */
  readonly shifted: Tensor;
}

function makeShifting(gpu: Gpu, rows: number, heads: number): Shifting {
  // The host uploads all of it again on the way to a checkpoint.
  const arena = new Arena(gpu, "learner/shift", { state: false });
  const identity = arena.tensor("identity", [heads, heads]);
  const ones = new Float32Array(heads * heads);
  for (let head = 0; head < heads; head++) ones[head * heads + head] = 1;
  upload(gpu, identity, ones);
  const shift = arena.tensor("shift", [heads]);
  return { arena, identity, shift, shifted: arena.tensor("shifted logits", [rows, heads]) };
}

/** A learner's programs, recorded once for each plan, and the tensors that they share. */
export class LearnerPrograms {
  /** What changes from batch to batch. */
  readonly batch: BatchRecord;
  /** By slot. */
  readonly losses: Tensor;
  /** Bits of the largest magnitudes of gradients and of values. */
  readonly largest: Tensor;
  /** `[masks * heads, heads]`: predictions by label. */
  readonly counts: Tensor;
  readonly #options: LearnerProgramOptions;
  readonly #arena: Arena;
  /** What shifts logits; made when it is first asked for. */
  #shifting: Shifting | null = null;
  readonly #programs = new Map<string, { readonly plan: Plan; readonly program: Program }>();

  constructor(options: LearnerProgramOptions) {
    this.#options = options;
    const { gpu, activations, architecture: { heads } } = options.network;
    this.#arena = new Arena(gpu, "learner");
    this.batch = new BatchRecord(this.#arena, {
      maxRows: activations.rows,
      maxMasks: maxSegments,
      heads,
    });
    this.losses = this.#arena.tensor("losses", [lossSlots]);
    this.largest = this.#arena.tensor("largest magnitudes", [2], "u32");
    this.counts = this.#arena.tensor("counts", [2 * heads, heads], "u32");
  }

  /** What predictions of shifted logits add to these, f32 by head. */
  setShift(values: Float32Array<ArrayBuffer>): void {
    upload(this.#options.network.gpu, this.#shiftingOf().shift, values);
  }

  /** Submits what a plan says, and counts the batches that running statistics have seen. */
  async run(plan: Plan): Promise<void> {
    const { forward } = plan;
    (await this.programOf(plan)).run();
    if (forward?.mode === "training") {
      this.#options.network.batchesTracked += forward.sizes.length;
    }
  }

  /** The program of a plan, built when it is first asked for. */
  async programOf(plan: Plan): Promise<Program> {
    const key = keyOf(plan);
    const known = this.#programs.get(key);
    if (known) return known.program;
    const { gpu, replace, beforeBatch } = this.#options.network;
    const { rows, forward } = plan;
    if (rows > 0) {
      const segments = forward?.sizes ?? [rows];
      await beforeBatch({ segments, inference: forward?.mode !== "training" });
    }
    const program = await Program.build(gpu, key, this.#record(plan).map(replace));
    this.#programs.set(key, { plan, program });
    return program;
  }

  /** Frees the programs that read or write a table of logits: nobody can run them once it is destroyed. */
  forget(table: Tensor): void {
    for (const [key, { plan: { loss, keep }, program }] of this.#programs) {
      if (loss?.targets !== table && keep?.logits !== table) continue;
      program.destroy();
      this.#programs.delete(key);
    }
  }

  destroy(): void {
    for (const { program } of this.#programs.values()) program.destroy();
    this.#programs.clear();
    this.#shifting?.arena.destroy();
    this.#arena.destroy();
  }

  #record({ rows, gather, forward, loss, update, keep, predict, watch }: Plan): Dispatch[] {
    const { network } = this.#options;
    const { sizes = [], mode = "inference", start = 0 } = forward ?? {};
    return [
      ...(gather ? this.#augment(rows, gather) : []),
      ...(forward ? network.recordForward(sizes, mode, start) : []),
      ...(loss ? this.#loss(rows, loss) : []),
      ...(update ? [...network.recordBackward(sizes), this.#sgd()] : []),
      ...(keep ? this.#keep(rows, keep) : []),
      ...(predict ? this.#predict(rows, predict) : []),
      ...(watch ? [this.#watch()] : []),
    ];
  }

  #augment(rows: number, sources: readonly SampleSource[]): Dispatch[] {
    const { images, network } = this.#options;
    return sources.map(({ source, tensor }) =>
      recordAugment({
        ...images,
        rows,
        source,
        batch: this.batch.tensor,
        images: tensor,
        input: network.activations.input,
      })
    );
  }

  #loss(rows: number, { targets, over }: NonNullable<Plan["loss"]>): Dispatch[] {
    const { activations: { logits, gLogits, rowLosses }, architecture } = this.#options.network;
    const [batch, losses] = [this.batch.tensor, this.losses];
    const { heads } = architecture;
    const tensors = { rows, heads, batch, logits, gLogits, rowLosses, losses };
    return [
      recordCrossEntropy(tensors),
      ...(targets ? [recordMse({ ...tensors, targets, over })] : []),
    ];
  }

  #sgd(): Dispatch {
    const { network: { gradients, mask, values, velocities }, sgd } = this.#options;
    return recordSgd({ ...sgd, batch: this.batch.tensor, gradients, mask, values, velocities });
  }

  #keep(rows: number, { from, images: memory, logits: kept }: NonNullable<Plan["keep"]>) {
    const { images: { height, width }, network: { activations: { logits } } } = this.#options;
    const batch = this.batch.tensor;
    // A kernel cannot copy within one buffer, and what is in the memory is there.
    const others = from.filter(({ tensor }) => memory !== null && tensor !== memory);
    return [
      ...others.map(({ source, tensor: images }) =>
        recordStoreImages({
          ...{ rows, area: height * width, source, batch, images },
          memory: memory!,
        })
      ),
      ...(kept ? [recordStoreLogits({ rows, batch, logits, memory: kept })] : []),
    ];
  }

  #predict(rows: number, { masks, shifted }: NonNullable<Plan["predict"]>): Dispatch[] {
    const { activations, architecture: { heads } } = this.#options.network;
    const { batch: { tensor: batch }, counts } = this;
    const logits = shifted ? this.#shiftingOf().shifted : activations.logits;
    return [
      ...(shifted ? [this.#shift(rows)] : []),
      ...Array.from(
        { length: masks },
        (_, mask) =>
          recordPredict({ rows, heads, mask, offset: mask * heads, batch, logits, counts }),
      ),
    ];
  }

  /**
   * shifted = logits I + shift: a linear layer whose weight is the identity. Sums of zeros and one logit are exact, so
   * that only the addition rounds; an infinite logit makes its whole row NaN, which is not counted.
   */
  #shift(rows: number): Dispatch {
    const { identity, shift, shifted } = this.#shiftingOf();
    const { activations: { logits }, architecture } = this.#options.network;
    const heads4 = groupsOf4(architecture.heads);
    const shape = { rows, channels4: heads4, heads4 };
    return recordLinearForward(shape, logits, range(identity), range(shift), shifted);
  }

  #shiftingOf(): Shifting {
    const { gpu, activations, architecture } = this.#options.network;
    this.#shifting ??= makeShifting(gpu, activations.rows, 4 * groupsOf4(architecture.heads));
    return this.#shifting;
  }

  #watch(): Dispatch {
    const { gradients, values, mask } = this.#options.network;
    return recordLargest({ gradients, values, mask, result: this.largest });
  }
}
