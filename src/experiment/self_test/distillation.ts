import type { Shape4 } from "../../reference/conv2d.ts";
import { meanSquaredError } from "../../reference/mse.ts";
import { fromNhwc, normals, padded, toNhwc } from "../../reference/layout.ts";
import { BatchRecord, type BatchRow } from "../../ops/batch_record.ts";
import { recordMse } from "../../ops/mse.ts";
import { recordStoreLogits } from "../../ops/store_logits.ts";
import { Random } from "../../random.ts";
import type { CaseTensors, KernelCase } from "./case.ts";

/** Logits held to remembered ones, and the copies into a memory; rows without a target or slot are left alone. */
export function distillationCases(tensors: CaseTensors): KernelCase[] {
  const random = Random.stream(0, "self-test distillation");
  const [rows, heads, slots] = [70, 7, 90];
  const [shape, memoryShape]: Shape4[] = [[rows, heads, 1, 1], [slots, heads, 1, 1]];
  const values = normals(random, rows * heads);
  const remembered = normals(random, slots * heads);
  const places = random.permutation(slots);
  const row = { source: 0, index: 0, top: 0, left: 0, flip: false, label: 0, mask: 0, weight: 0 };
  const records = Array.from({ length: rows }, (_, i): BatchRow => ({
    ...row,
    slot: i % 2 === 0 ? places[i] : -1,
    ...(i % 3 === 0 && { target: { slot: places[i], weight: Math.fround(random.uniform()) } }),
  }));
  const batch = new BatchRecord(tensors.arena, { maxRows: rows, maxMasks: 1, heads });
  batch.write({ lossSlot: 1, learningRate: 0 }, records, []);

  // What the cross-entropy before it has written.
  const gradients = normals(random, rows * heads);
  const rowLosses = normals(random, rows);
  const loss = Math.fround(random.normal());
  const expected = { gradients: gradients.slice(), rowLosses: rowLosses.slice(), loss };
  const memory = remembered.slice();
  records.forEach(({ slot, target }, i) => {
    const own = values.subarray(i * heads, (i + 1) * heads);
    if (slot >= 0) memory.set(own, slot * heads);
    if (!target) return;
    const from = target.slot * heads;
    const { loss, gradInput } = meanSquaredError(own, remembered.slice(from, from + heads));
    gradInput.forEach((g, h) => expected.gradients[i * heads + h] += target.weight * heads * g);
    expected.rowLosses[i] += target.weight * heads * loss;
    expected.loss += target.weight * heads * loss;
  });

  const logits = tensors.arena.tensor("logits", [rows, padded(heads)]);
  tensors.fill(logits, toNhwc(values, shape));
  const held = {
    targets: tensors.f32(toNhwc(remembered, memoryShape)),
    gLogits: tensors.f32(toNhwc(gradients, shape)),
    rowLosses: tensors.f32(rowLosses),
    losses: tensors.f32([0, loss, 0, 0]),
  };
  const store = tensors.f32(toNhwc(remembered, memoryShape));
  return [
    {
      dispatch: recordMse({ rows, heads, batch: batch.tensor, logits, ...held }),
      outputs: [
        {
          tensor: held.gLogits,
          expected: expected.gradients,
          read: (read) => fromNhwc(read, shape),
        },
        { tensor: held.rowLosses, expected: expected.rowLosses },
        { tensor: held.losses, expected: [expected.loss], read: (read) => [read[1]] },
      ],
    },
    {
      dispatch: recordStoreLogits({ rows, batch: batch.tensor, logits, memory: store }),
      outputs: [{ tensor: store, expected: memory, read: (read) => fromNhwc(read, memoryShape) }],
      exact: true,
    },
  ];
}
