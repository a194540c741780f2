import { downloadF32, downloadU32, head, upload } from "../gpu/tensor.ts";
import { remedyFor } from "../ops/storage.ts";
import { type Sample, sourcesOf } from "./batch.ts";
import type { BatchWriter } from "./batch_writer.ts";
import { type LearnerOptions, lossSlots } from "./options.ts";
import type { LearnerPrograms } from "./programs.ts";
import { withoutPadding } from "./tensor_inputs.ts";

/** What a network does with samples that it does not learn from: losses and predictions. */
export class Judge {
  readonly #options: Pick<LearnerOptions, "network" | "checkpoint">;
  readonly #programs: LearnerPrograms;
  readonly #writer: BatchWriter;

  constructor(
    options: Pick<LearnerOptions, "network" | "checkpoint">,
    programs: LearnerPrograms,
    writer: BatchWriter,
  ) {
    this.#options = options;
    this.#programs = programs;
    this.#writer = writer;
  }

  /**
   * Mean cross-entropy over all heads of each batch. "training" normalises by batch statistics, moves the running
   * ones and augments, as the official implementation judges candidates; "inference" changes nothing and takes the
   * plain images.
   *
   * @throws {Error} for a loss that is not finite.
   */
  async losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    const { network } = this.#options;
    const open = new Set(Array(network.architecture.heads).keys());
    const result: number[] = [];
    for (let start = 0; start < batches.length; start += lossSlots) {
      const part = batches.slice(start, start + lossSlots);
      for (const [lossSlot, samples] of part.entries()) {
        await this.#options.checkpoint?.();
        const segments = [{ samples, open }];
        const rows = this.#writer.rows(segments, mode === "training");
        this.#writer.write({ lossSlot, learningRate: 0 }, rows, [open]);
        await this.#programs.run({
          rows: samples.length,
          gather: sourcesOf(segments),
          forward: { mode, sizes: [samples.length] },
          loss: { targets: null },
        });
      }
      const losses = head(this.#programs.losses, part.length);
      result.push(...await downloadF32(network.gpu, losses));
    }
    const wrong = result.find((loss) => !Number.isFinite(loss));
    if (wrong !== undefined) {
      throw new Error(`Cannot judge the network: the loss of a batch is ${wrong}; ${this.#remedy}`);
    }
    return result;
  }

  /**
   * Predictions in inference mode, counted: `counts[mask][label][head]` is the number of samples of that label whose
   * arg max over the heads open in that mask (one or two masks, none empty) is that head. `shift`, by head, is added to
   * the logits before; null: nothing is.
   *
   * @throws {Error} for logits that are not numbers.
   */
  async predictions(
    samples: readonly Sample[],
    masks: readonly ReadonlySet<number>[],
    augmented: boolean,
    shift: Float32Array<ArrayBuffer> | null = null,
  ): Promise<Uint32Array[][]> {
    const { network: { gpu, activations: { rows: maxRows }, architecture: { heads } } } =
      this.#options;
    const table = this.#programs.counts;
    upload(gpu, table, new Uint32Array(table.length));
    if (shift) this.#programs.setShift(shift);
    for (let start = 0; start < samples.length; start += maxRows) {
      await this.#options.checkpoint?.();
      const part = samples.slice(start, start + maxRows);
      const segments = [{ samples: part, open: masks[0] }];
      const rows = this.#writer.rows(segments, augmented);
      this.#writer.write({ lossSlot: 0, learningRate: 0 }, rows, masks);
      await this.#programs.run({
        rows: part.length,
        gather: sourcesOf(segments),
        forward: { mode: "inference", sizes: [part.length] },
        predict: { masks: masks.length, shifted: shift !== null },
      });
    }
    const counts = await downloadU32(gpu, table);
    const wanted = samples.length * masks.length;
    const missing = wanted - counts.reduce((sum, count) => sum + count, 0);
    if (missing > 0) {
      throw new Error(
        `Cannot count predictions: ${missing} of ${wanted} are not to be had, their logits are not ` +
          `numbers; ${this.#remedy}`,
      );
    }
    return masks.map((_, mask) =>
      Array.from({ length: heads }, (_, label) => {
        const at = (mask * heads + label) * heads;
        return counts.subarray(at, at + heads);
      })
    );
  }

  /**
   * Logits of plain images in inference mode, `[samples, heads]`.
   *
   * @throws {Error} for logits that are not finite.
   */
  async logits(samples: readonly Sample[]): Promise<Float32Array<ArrayBuffer>> {
    const { network: { gpu, activations, architecture: { heads } } } = this.#options;
    const { logits, rows: maxRows } = activations;
    const [, padded] = logits.shape;
    const result = new Float32Array(samples.length * heads);
    for (let start = 0; start < samples.length; start += maxRows) {
      await this.#options.checkpoint?.();
      const part = samples.slice(start, start + maxRows);
      const segments = [{ samples: part, open: new Set<number>() }];
      this.#writer.write(
        { lossSlot: 0, learningRate: 0 },
        this.#writer.rows(segments, false),
        segments.map(({ open }) => open),
      );
      await this.#programs.run({
        rows: part.length,
        gather: sourcesOf(segments),
        forward: { mode: "inference", sizes: [part.length] },
      });
      const found = await downloadF32(gpu, head(logits, part.length * padded));
      result.set(withoutPadding(found, part.length, heads, padded), start * heads);
    }
    const wrong = result.find((logit) => !Number.isFinite(logit));
    if (wrong !== undefined) {
      throw new Error(`Cannot judge images: one of their logits is ${wrong}; ${this.#remedy}`);
    }
    return result;
  }

  get #remedy(): string {
    return remedyFor(this.#options.network.precision);
  }
}
