/** Rules of the official freezing epoch that a small session shows: who judges, and what the epoch leaves behind. */

import assert from "node:assert/strict";
import { Arena, download } from "../../src/gpu/tensor.ts";
import { LongTermMemory } from "../../src/images/long_term.ts";
import type { FreezingMode } from "../../src/method/freezing_score.ts";
import { derppStepWith } from "../../src/method/derpp.ts";
import { erStep } from "../../src/method/er.ts";
import { learnMerged } from "../../src/method/merged.ts";
import type { Task } from "../../src/method/session.ts";
import { assertSameBits, gpuTests } from "../support/gpu.ts";
import { type SmallSession, withSession } from "../support/session.ts";

const test = await gpuTests();

/** Task 1 of the small session: heads 2 and 3 of 6, as many of its images as wanted. */
function laterTask({ samples }: SmallSession): Task {
  const of = (heads: number[], count: number) =>
    samples(0, 48).filter(({ label }) => heads.includes(label)).slice(0, count);
  return {
    index: 1,
    heads: [2, 3],
    train: of([2, 3], 10),
    validation: of([2, 3], 14).slice(10),
    previousBuffer: of([0, 1], 10),
  };
}

for (
  const [mode, passes] of [["training_and_buff", 4], ["training", 1], ["buffer", 3]] as [
    FreezingMode,
    number,
  ][]
) {
  test(`official freezing mode ${mode} judges by ${passes} passes, and only by them`, async (gpu) => {
    const method = { compat: "official", freezingMode: mode, epochs: 1, maxBlocks: 1 } as const;
    await withSession(gpu, { method }, async (small) => {
      const { session } = small;
      const { network } = session.learner;
      await learnMerged(session, laterTask(small), new Set());
      // 10 images in batches of 4 are 3 steps; the second and the third replay what the one before remembered.
      assert.equal(network.batchesTracked, 3 + 2 + passes);
    });
  });
}

test("the official freezing epoch leaves memory and seen labels as they were, the paper's keeps one", async (gpu) => {
  for (const compat of ["official", "paper"] as const) {
    await withSession(gpu, { method: { compat, epochs: 1, maxBlocks: 1 } }, async (small) => {
      const { session: { longTerm, ...rest } } = small;
      longTerm.offer([0, 1], rest.random.reservoir);
      const [before] = await download(gpu, [longTerm.tensor]);
      const seen = new Set([0, 1]);
      await learnMerged(small.session, laterTask(small), seen);
      const [after] = await download(gpu, [longTerm.tensor]);
      if (compat === "official") {
        assert.equal(longTerm.reservoir.offered, 2);
        assertSameBits(after, before, "the memory's images");
        assert.deepEqual([...seen], [0, 1]);
      } else {
        assert.equal(longTerm.reservoir.offered, 12);
        assert.notDeepEqual(after, before);
      }
    });
  }
});

test("a memory's snapshot holds logits as well as images", async (gpu) => {
  await withSession(gpu, {}, async (small) => {
    const arena = new Arena(gpu, "memory with logits");
    const longTerm = new LongTermMemory(arena, {
      label: "with logits",
      source: 5,
      capacity: 6,
      height: 8,
      width: 8,
      judgingShare: 0,
      logits: small.session.learner.heads,
    });
    const session = { ...small.session, longTerm };
    const task = laterTask(small);
    const step = derppStepWith({ alpha: 0.5, beta: 0.5 });
    const options = { seen: new Set<number>(), phase: "stream" } as const;
    await step(session, task, task.train.slice(0, 4), options);
    const snapshot = longTerm.snapshot();
    const held = await download(gpu, [longTerm.tensor, longTerm.logits!]);
    assert(held[1].subarray(0, 4 * 8).some((value) => value !== 0));
    await step(session, task, task.train.slice(4, 8), options);
    const [, changed] = await download(gpu, [longTerm.tensor, longTerm.logits!]);
    assert.notDeepEqual(changed, held[1]);
    longTerm.restore(snapshot);
    const back = await download(gpu, [longTerm.tensor, longTerm.logits!]);
    assertSameBits(back[0], held[0], "images");
    assertSameBits(back[1], held[1], "logits");
    snapshot.destroy();
    arena.destroy();
  });
});

test("DER++ refuses a memory that keeps no logits", async (gpu) => {
  await withSession(gpu, {}, async (small) => {
    const task = laterTask(small);
    const options = { seen: new Set<number>(), phase: "stream" } as const;
    await assert.rejects(
      derppStepWith({ alpha: 1, beta: 1 })(small.session, task, task.train, options),
      /Cannot run DER\+\+: the long-term memory keeps no logits/,
    );
  });
});

test("ER replays in the first task, in one batch with the stream, and stores no dream", async (gpu) => {
  await withSession(gpu, { method: { replayBatchSize: 2 } }, async (small) => {
    const { session, samples } = small;
    const task: Task = { ...laterTask(small), index: 0 };
    const options = { phase: "stream" } as const;
    // Images 0 to 5 have labels 0 to 5: two of them are the task's, the others stand for dreams.
    await erStep(session, task, samples(0, 6), options);
    assert.equal(session.longTerm.reservoir.offered, 2);
    await erStep(session, task, samples(6, 10), options);
    await session.learner.readLosses();
    assert.deepEqual(small.losses.map(({ rows }) => rows), [6, 4 + 2]);
    assert.equal(session.learner.network.batchesTracked, 2);
  });
});
