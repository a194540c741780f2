/** The search for how much to freeze. */

import assert from "node:assert/strict";
import { samplesOf } from "../../src/learner/batch.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { copyTensor, downloadF32, downloadU32, upload } from "../../src/gpu/tensor.ts";
import {
  type FreezingChoice,
  searchFreezing,
  searchFreezingTogether,
} from "../../src/method/freezing.ts";
import { learnMerged } from "../../src/method/merged.ts";
import { batchesOf, type Session, type Task } from "../../src/method/session.ts";
import { aceSegment, wake } from "../../src/method/wake.ts";
import { assertSameBits, gpuTests } from "../support/gpu.ts";
import { type SmallSession, withSession } from "../support/session.ts";

const test = await gpuTests();

/** What `wake` and the merged schedule see of a second task: classes 2 and 3 of the noise. */
function secondTask({ samples }: SmallSession, { heads }: Pick<Session, "heads">): Task {
  heads.assign([0, 1, 2, 3], [0, 1, 2, 3]);
  const of = (from: number, to: number, classes: number[]) =>
    samples(from, to).filter(({ label }) => classes.includes(label));
  return {
    index: 1,
    heads: [2, 3],
    train: of(0, 30, [2, 3]),
    validation: of(30, 48, [2, 3]),
    previousBuffer: of(30, 48, [0, 1]),
  };
}

test("the first of the candidates that judge best wins, each from the same start", async (gpu) => {
  const scores = [[3, 1, 1, 2], [1, 1, 1, 1], [4, 3, 2, 1], [2, 5, 1, 1]];
  for (const [index, losses] of scores.entries()) {
    await withSession(gpu, { seed: index }, async ({ session }) => {
      const { learner: { network }, random } = session;
      const start = await downloadF32(gpu, network.values);
      const streams = [random.order.state(), random.augment.state()];
      const candidates: { frozen: number; first: boolean }[] = [];
      const epoch = async (first: boolean) => {
        const found = await downloadF32(gpu, network.values);
        assertSameBits(found, start, `start of candidate ${candidates.length}`);
        assert.deepEqual([random.order.state(), random.augment.state()], streams);
        candidates.push({ frozen: network.frozenBlocks, first });
        // Leaves a mark in all that a candidate changes, and draws, as an epoch does.
        upload(gpu, network.values, start.map((value) => value + candidates.length));
        upload(
          gpu,
          network.running,
          new Float32Array(network.running.length).fill(network.frozenBlocks),
        );
        copyTensor(gpu, [[network.values, network.velocities]]);
        network.batchesTracked += 10 + candidates.length;
        random.order.permutation(2);
        random.augment.uniform();
        session.learner.prior.rows[0] += candidates.length;
      };
      const judge = () => {
        const loss = losses[candidates.length - 1];
        return Promise.resolve({ validation: [loss], buffer: [loss] });
      };
      const choice = await searchFreezing(session, epoch, judge);
      const best = losses.indexOf(Math.min(...losses));
      assert.deepEqual(
        candidates,
        losses.map((_, frozen) => ({ frozen, first: frozen === 0 })),
      );
      assert.deepEqual(choice, {
        candidates: losses.map((loss, frozen) => ({ frozen, loss })),
        chosen: best,
      });
      assert.equal(network.frozenBlocks, best);
      const winner = start.map((value) => value + best + 1);
      assertSameBits(await downloadF32(gpu, network.values), winner, "winner's values");
      assertSameBits(await downloadF32(gpu, network.velocities), winner, "winner's velocities");
      assert((await downloadF32(gpu, network.running)).every((value) => value === best));
      assert.equal(network.batchesTracked, 11 + best);
      assert.equal(session.learner.prior.rows[0], 1 + best, "labels that the winner has seen");
    });
  }
});

test("what is frozen stays frozen, and is the least that the next search tries", async (gpu) => {
  await withSession(gpu, {}, async ({ session }) => {
    const { learner: { network } } = session;
    const tried: number[] = [];
    const search = async (limit: number) => {
      tried.length = 0;
      const options = { ...session.options, maxBlocks: limit };
      await searchFreezing(
        { ...session, options },
        () => Promise.resolve(void tried.push(network.frozenBlocks)),
        () => Promise.resolve({ validation: [tried.length === 2 ? 0 : 1], buffer: [1] }),
      );
      return network.frozenBlocks;
    };
    network.freeze(2);
    assert.equal(await search(6), 3);
    assert.deepEqual(tried, [2, 3, 4, 5, 6]);
    // Nothing more may be frozen: the one candidate is what is there.
    assert.equal(await search(1), 3);
    assert.deepEqual(tried, [3]);
  });
});

test("a search that fails releases its copies", async (gpu) => {
  await withSession(gpu, {}, async ({ session }) => {
    const before = gpu.memory;
    await assert.rejects(
      searchFreezing(session, () => Promise.reject(new Error("stop")), () => Promise.reject()),
      /stop/,
    );
    assert.deepEqual(gpu.memory, before);
  });
});

for (const freezingMode of ["training_and_buff", "training", "buffer"] as const) {
  test(`wake searches in its epoch and remembers the stream once (${freezingMode})`, async (gpu) => {
    const method = { freezingMode, maxBlocks: 2 };
    const capacity = { longTerm: 10, shortTerm: 50 };
    await withSession(gpu, { method, capacity, judgingShare: 0.3 }, async (small) => {
      const { session, phases } = small;
      const { learner, shortTerm, longTerm } = session;
      const task = secondTask(small, session);
      // Something to judge by: old images in the long-term memory.
      const old = task.previousBuffer.slice(0, 5);
      const slots = longTerm.offer(old.map(({ label }) => label), session.random.reservoir);
      await learner.remember(old.map((s, i) => ({ ...s, slot: slots[i] })), longTerm.tensor);
      const choice = (await wake(session, task))!;
      assert.deepEqual(choice.candidates.map(({ frozen }) => frozen), [0, 1, 2]);
      const losses = choice.candidates.map(({ loss }) => loss);
      assert(losses.every(Number.isFinite));
      assert.equal(choice.chosen, losses.indexOf(Math.min(...losses)));
      assert.equal(learner.network.frozenBlocks, choice.chosen);
      assert.equal(shortTerm.reservoir.offered, task.train.length);
      // Three candidates side by side in one epoch.
      assert.deepEqual(phases, [`freezing ${3 * Math.ceil(task.train.length / 4)}`]);
      // The network in use is the winner: judged again, it has the winner's loss.
      const judge = async (samples: typeof old) =>
        (await learner.losses([samples], "inference"))[0];
      const judges = samplesOf(longTerm, longTerm.judges());
      const [v, b] = [await judge([...task.validation]), await judge(judges)];
      const score = { training_and_buff: (v + b) / 2, training: v, buffer: b }[freezingMode];
      assert(Math.abs(score - losses[choice.chosen]) < 1e-5, `${score} against ${losses}`);
    });
  });
}

for (const compat of ["paper", "official"] as const) {
  test(`the merged search keeps ${compat === "paper" ? "the first candidate's" : "the old"} memory`, async (gpu) => {
    const method = { compat, maxBlocks: 1, epochs: 1, replayBatchSize: 3 };
    await withSession(gpu, { method, capacity: { longTerm: 40, shortTerm: 1 } }, async (small) => {
      const { session } = small;
      const { learner, longTerm, random } = session;
      const task = secondTask(small, session);
      const old = task.previousBuffer.slice(0, 5);
      const slots = longTerm.offer(old.map(({ label }) => label), random.reservoir);
      await learner.remember(old.map((s, i) => ({ ...s, slot: slots[i] })), longTerm.tensor);
      const seen = new Set([0, 1]);
      const choice = (await learnMerged(session, task, seen))!;
      assert.deepEqual(choice.candidates.map(({ frozen }) => frozen), [0, 1]);
      // One epoch, and it was the search: quirk Q1 of the official program.
      const offered = compat === "paper" ? 5 + task.train.length : 5;
      assert.equal(longTerm.reservoir.offered, offered);
      assert.deepEqual([...longTerm.labels.subarray(0, 5)], old.map(({ label }) => label));
      assert(longTerm.labels.subarray(offered).every((label) => label === -1));
      assert.deepEqual([...seen], [0, 1]);
    });
  });
}

/** Everything that a search leaves behind. */
async function outcomeOf(gpu: Gpu, session: Session, choice: FreezingChoice) {
  const { learner, learner: { network }, shortTerm, random } = session;
  return {
    choice,
    frozen: network.frozenBlocks,
    tracked: network.batchesTracked,
    steps: learner.steps,
    augment: random.augment.state(),
    values: await downloadF32(gpu, network.values),
    velocities: await downloadF32(gpu, network.velocities),
    running: await downloadF32(gpu, network.running),
    memory: await downloadU32(gpu, shortTerm.tensor),
  };
}

test("candidates that share their frozen prefix end with the bits of candidates that do not", async (gpu) => {
  for (const already of [0, 2]) {
    const outcomes: Awaited<ReturnType<typeof outcomeOf>>[] = [];
    for (const together of [false, true]) {
      await withSession(gpu, { seed: 3, method: { maxBlocks: 6 } }, async (small) => {
        const { session, session: { learner, learner: { network }, shortTerm } } = small;
        const task = secondTask(small, session);
        network.freeze(already);
        const batches = batchesOf(task.train, session.options.batchSize).map((batch) => [
          aceSegment(session, task, batch.map((sample, slot) => ({ ...sample, slot }))),
        ]);
        const judge = async () => ({
          validation: await learner.losses([task.validation], "inference"),
          buffer: await learner.losses([task.previousBuffer], "inference"),
        });
        const choice = together
          ? await searchFreezingTogether(session, batches, shortTerm.tensor, judge)
          : await searchFreezing(session, async (first) => {
            const memory = first ? shortTerm.tensor : null;
            for (const segments of batches) await learner.step("freezing", segments, memory);
          }, judge);
        outcomes.push(await outcomeOf(gpu, session, choice));
      });
    }
    assert.deepEqual(outcomes[1], outcomes[0]);
    assert.equal(outcomes[0].choice.candidates.length, 7 - already);
    assert.ok(outcomes[0].steps > 7 - already);
  }
});

test("the pass behind a frozen prefix is shorter by the prefix", async (gpu) => {
  await withSession(gpu, {}, ({ session: { learner: { network } } }) => {
    const whole = network.recordForward([4], "training");
    for (let blocks = 1; blocks <= 6; blocks++) {
      const rest = network.recordForward([4], "training", blocks);
      const labels = (dispatches: readonly { readonly label?: string }[]) =>
        dispatches.map(({ label }) => label);
      assert.deepEqual(labels(rest), labels(whole).slice(-rest.length));
      assert.ok(!labels(rest).includes("conv1"));
    }
    return Promise.resolve();
  });
});
