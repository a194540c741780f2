import { BatchRecord, type BatchRow } from "../../ops/batch_record.ts";
import { crossEntropyKernel, recordCrossEntropy } from "../../ops/cross_entropy.ts";
import { mseKernel, recordMse } from "../../ops/mse.ts";
import { predictKernel, recordPredict } from "../../ops/predict.ts";
import { recordStoreLogits, storeLogitsKernel } from "../../ops/store_logits.ts";
import { argmax } from "../../reference/argmax.ts";
import type { Shape4 } from "../../reference/conv2d.ts";
import { crossEntropy } from "../../reference/cross_entropy.ts";
import { fromNhwc, padded, toNhwc } from "../../reference/layout.ts";
import { meanSquaredError } from "../../reference/mse.ts";
import { defineOp, known, type OpRecord } from "../define_op.ts";
import type { CaseOutput } from "../kernel_case.ts";
import { usualHeads } from "../layers.ts";
import type { Operands } from "../operands.ts";

/** Logits of so many rows. */
interface LogitsShape {
  readonly rows: number;
  readonly heads: number;
  /** What the rows are for, where it is given. */
  readonly records?: readonly BatchRow[];
  /** The open heads, where they are given. */
  readonly masks?: readonly ReadonlySet<number>[];
  /** Of a distillation: the heads that are held; default: all. */
  readonly over?: "all" | "closed";
}

/** What all operations on logits have in common; the loss of the step goes to slot 1. */
function logitsRecord(
  about: Pick<OpRecord<LogitsShape>, "name" | "summary" | "kernels">,
  small: readonly LogitsShape[],
  perLogit: { readonly flops: number; readonly bytes: number },
): Omit<OpRecord<LogitsShape>, "prepare"> {
  return {
    ...about,
    small: () => small,
    ofNetwork: ({ batch, heads = usualHeads }) => [
      { layer: "logits", layers: 1, shape: { rows: batch, heads } },
    ],
    sizes: ({ rows, heads, over }) => {
      return { batch: rows, heads, ...(over === "closed" ? { closed: 1 } : {}) };
    },
    cost: ({ rows, heads }) => ({
      flops: perLogit.flops * rows * heads,
      bytes: perLogit.bytes * rows * padded(heads),
    }),
  };
}

/** More rows than a workgroup has threads, more heads than a mask word has bits. */
const classified: LogitsShape = { rows: 70, heads: 35 };
const distilled: LogitsShape = { rows: 70, heads: 7 };

const plainRow: BatchRow = {
  ...{ source: 0, index: 0, top: 0, left: 0, flip: false },
  ...{ label: 0, mask: 0, weight: 0, slot: -1 },
};

const rowAndHead = (heads: number) => (at: number) => ({
  row: Math.floor(at / padded(heads)),
  head: at % padded(heads),
});

function recordOf(
  { arena }: Operands,
  { rows, heads }: LogitsShape,
  records: readonly BatchRow[],
  masks: readonly ReadonlySet<number>[] = [],
) {
  const batch = new BatchRecord(arena, {
    maxRows: rows,
    maxMasks: Math.max(1, masks.length),
    heads,
  });
  batch.write({ lossSlot: 1, learningRate: 0 }, records, masks);
  return batch.tensor;
}

/** Labels and weights, and two masks of open heads, of which the second leaves every third closed. */
function labelled(operands: Operands, given: LogitsShape) {
  const { rows, heads } = given;
  const masks = given.masks ??
    [1, 3].map((third) =>
      new Set([...Array(heads).keys()].filter((head) => third === 1 || head % third !== 0))
    );
  const records = given.records ?? Array.from({ length: rows }, (): BatchRow => {
    const label = operands.below(heads);
    const weight = Math.fround((1 + operands.below(100)) / 100);
    return { ...plainRow, label, weight, mask: masks[1].has(label) ? 1 : 0 };
  });
  const isOpen = (mask: number) => Array.from({ length: heads }, (_, h) => masks[mask].has(h));
  return { records, isOpen, batch: recordOf(operands, { rows, heads }, records, masks) };
}

function logitsOf(operands: Operands, name: string, { rows, heads }: LogitsShape) {
  const shape: Shape4 = [rows, heads, 1, 1];
  const values = operands.values(name, rows * padded(heads), { channels: heads, spread: 4 });
  return { shape, values, twin: fromNhwc(values, shape) };
}

/** The loss in its slot of the log. */
function lossOutput(operands: Operands, before: readonly number[], after: number) {
  const losses = operands.output("losses", before);
  const output: CaseOutput = {
    ...{ name: "loss", tensor: losses, at: [1], expected: [after] },
    where: (slot) => ({ slot }),
  };
  return { losses, output };
}

/** Softmax cross-entropy over each row's open heads, and its gradient: the ACE loss. */
export const crossEntropyOp = defineOp<LogitsShape>({
  ...logitsRecord(
    {
      name: "cross_entropy",
      summary: "the asymmetric cross-entropy over the open heads, and its gradient",
      kernels: [crossEntropyKernel],
    },
    [classified],
    { flops: 8, bytes: 8 },
  ),
  prepare: (operands, given) => {
    const { rows, heads } = given;
    const { records, isOpen, batch } = labelled(operands, given);
    const { shape, values, twin } = logitsOf(operands, "logits", given);
    const results = records.map(({ label, mask, weight }, i) =>
      crossEntropy(twin.slice(i * heads, (i + 1) * heads), [label], heads, {
        open: isOpen(mask),
        rowWeights: [weight],
      })
    );
    const logits = operands.tensor("logits", values);
    const gLogits = operands.output("gLogits", values.length);
    const rowLosses = operands.output("rowLosses", rows);
    const total = results.reduce((sum, { loss }) => sum + loss, 0);
    const { losses, output } = lossOutput(operands, [NaN, NaN, NaN, NaN], total);
    const gradients = results.flatMap(({ gradLogits }) => [...gradLogits]);
    return {
      dispatches: () => [
        recordCrossEntropy({ rows, heads, batch, logits, gLogits, rowLosses, losses }),
      ],
      outputs: [
        known(operands, "gLogits", gLogits, toNhwc(gradients, shape), rowAndHead(heads)),
        output,
        known(operands, "rowLosses", rowLosses, results.map(({ loss }) => loss)),
      ],
    };
  },
});

/** Counted arg maxes over the open heads. */
export const predictOp = defineOp<LogitsShape>({
  ...logitsRecord(
    {
      name: "predict",
      summary: "predicted heads, counted by label",
      kernels: [predictKernel],
    },
    [classified],
    { flops: 1, bytes: 4 },
  ),
  exact: true,
  prepare: (operands, given) => {
    const { rows, heads } = given;
    const { records, isOpen, batch } = labelled(operands, given);
    const { values, twin } = logitsOf(operands, "logits", given);
    const counted = new Uint32Array(2 * heads * heads);
    argmax(twin, heads, isOpen(1)).forEach((head, i) =>
      counted[(heads + records[i].label) * heads + head]++
    );
    const logits = operands.tensor("logits", values);
    const counts = operands.output("counts", new Uint32Array(counted.length), "u32");
    return {
      dispatches: () => [
        recordPredict({ rows, heads, mask: 1, offset: heads, batch, logits, counts }),
      ],
      outputs: [known(operands, "counts", counts, counted)],
    };
  },
});

/**
 * Rows of which every third is held to remembered logits, and every second is remembered itself; where closed heads are
 * held, every second one is open.
 */
function remembering(operands: Operands, { rows, heads, records: given, over }: LogitsShape) {
  const opened = new Set([...Array(heads).keys()].filter((head) => head % 2 === 0));
  const slots = given ? rows : rows + 20;
  // Out of order, and each at most once: 7919 is a prime.
  const places = Array.from({ length: slots }, (_, i) => i).sort((a, b) =>
    (a * 7919) % slots - (b * 7919) % slots
  );
  const records = given ?? Array.from({ length: rows }, (_, i): BatchRow => ({
    ...plainRow,
    slot: i % 2 === 0 ? places[i] : -1,
    ...(i % 3 === 0 &&
      { target: { slot: places[i], weight: Math.fround((1 + operands.below(100)) / 100) } }),
  }));
  return {
    records,
    batch: recordOf(operands, { rows, heads }, records, over === "closed" ? [opened] : []),
    isHeld: (head: number) => over !== "closed" || !opened.has(head),
    logits: logitsOf(operands, "logits", { rows, heads }),
    memory: logitsOf(operands, "remembered", { rows: slots, heads }),
  };
}

/** Adds the squared distance to remembered logits to losses and gradients that are there. */
export const mseOp = defineOp<LogitsShape>({
  learns: true,
  ...logitsRecord(
    {
      name: "mse",
      summary:
        "distillation: the squared distance to remembered logits, added to loss and gradient",
      kernels: [mseKernel],
    },
    [distilled, { ...distilled, over: "closed" }],
    { flops: 5, bytes: 16 },
  ),
  forms: (shape) => [{ ...shape, over: "closed" }],
  prepare: (operands, given) => {
    const { rows, heads } = given;
    const { records, batch, logits, memory, isHeld } = remembering(operands, given);
    const before = logitsOf(operands, "gLogits", given);
    const lossesBefore = operands.values("rowLosses", rows);
    const gradients = before.twin.slice();
    const rowLosses = Float64Array.from(lossesBefore);
    const lossBefore = operands.values("loss", 1)[0];
    let total = lossBefore;
    records.forEach(({ target }, i) => {
      if (!target) return;
      const own = logits.twin.subarray(i * heads, (i + 1) * heads);
      const from = target.slot * heads;
      // What is not held has no distance.
      const held = memory.twin.slice(from, from + heads).map((v, h) => isHeld(h) ? v : own[h]);
      const { loss, gradInput } = meanSquaredError(own, held);
      gradInput.forEach((g, h) => gradients[i * heads + h] += target.weight * heads * g);
      rowLosses[i] += target.weight * heads * loss;
      total += target.weight * heads * loss;
    });
    const gLogits = operands.output("gLogits", before.values);
    const rowTensor = operands.output("rowLosses", lossesBefore);
    const { losses, output } = lossOutput(operands, [0, lossBefore, 0, 0], total);
    const tensors = {
      logits: operands.tensor("logits", logits.values),
      targets: operands.tensor("targets", memory.values),
      ...{ gLogits, rowLosses: rowTensor, losses },
    };
    return {
      dispatches: () => [recordMse({ rows, heads, over: given.over, batch, ...tensors })],
      outputs: [
        known(operands, "gLogits", gLogits, toNhwc(gradients, before.shape), rowAndHead(heads)),
        known(operands, "rowLosses", rowTensor, rowLosses),
        output,
      ],
    };
  },
});

/** Copies the logits of rows that are remembered into their slots; the others are left alone. */
export const storeLogits = defineOp<LogitsShape>({
  ...logitsRecord(
    {
      name: "store_logits",
      summary: "copies logits that a memory keeps",
      kernels: [storeLogitsKernel],
    },
    [distilled],
    { flops: 0, bytes: 8 },
  ),
  exact: true,
  prepare: (operands, given) => {
    const { rows, heads } = given;
    const width = padded(heads);
    const { records, batch, logits, memory } = remembering(operands, given);
    const expected = memory.values.slice();
    records.forEach(({ slot }, i) => {
      const own = logits.values.subarray(i * width, (i + 1) * width);
      if (slot >= 0) expected.set(own, slot * width);
    });
    const source = { ...operands.tensor("logits", logits.values), shape: [rows, width] };
    const store = operands.output("memory", memory.values);
    return {
      dispatches: () => [recordStoreLogits({ rows, batch, logits: source, memory: store })],
      outputs: [known(operands, "memory", store, expected, rowAndHead(heads))],
    };
  },
});
