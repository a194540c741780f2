/** The learner: its step against the twin, what freezing keeps, what equal seeds repeat. */

import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { download, downloadU32 } from "../../src/gpu/tensor.ts";
import { batchRows, placeOf, type Sample, type Segment } from "../../src/learner/batch.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerOptions, StepLoss } from "../../src/learner/options.ts";
import type { Network } from "../../src/net/network.ts";
import { Random } from "../../src/random.ts";
import { augment } from "../../src/reference/augment.ts";
import { argmax } from "../../src/reference/argmax.ts";
import { assertClose } from "../support/assert_close.ts";
import { crossEntropy } from "../../src/reference/cross_entropy.ts";
import { applySgd, type Learner as PlainLearner } from "../../src/reference/learner.ts";
import {
  type Activation,
  type Resnet18,
  resnet18Eval,
  resnet18Train,
  type State,
} from "../../src/reference/resnet18.ts";
import { assertSameBits, gpuTests } from "../support/gpu.ts";
import { reluOutputs, reluSwitches } from "../support/relu_switches.ts";
import { hostState, irregularState } from "../support/network.ts";
import { type SmallSession, withSession } from "../support/session.ts";

const test = await gpuTests();

const normal = {
  mean: [0.4914, 0.4822, 0.4465] as [number, number, number],
  std: [0.247, 0.2435, 0.2615] as [number, number, number],
};

/** The pictures of samples as the network sees them without augmentation. */
function plainPictures({ images }: SmallSession, samples: readonly Sample[]): Activation {
  const { height, width } = images;
  const size = height * width * 3;
  const bytes = samples.map(placeOf).flatMap((image) => [
    ...images.pixels.subarray(image * size, (image + 1) * size),
  ]);
  const draws = samples.map(() => ({ top: 0, left: 0, flip: false }));
  const options = { height, width, padding: 0, mean: normal.mean, deviation: normal.std };
  return { data: augment(bytes, draws, options), shape: [samples.length, 3, height, width] };
}

/** One step of the twin: a forward pass per segment, the losses added, one update. */
function plainStep(small: SmallSession, plain: PlainLearner, segments: readonly Segment[]): number {
  const gradients: State = new Map();
  let sum = 0;
  for (const { samples, open } of segments) {
    const pass = resnet18Train(plain.net, plainPictures(small, samples));
    const labels = samples.map(({ label }) => label);
    const { loss, gradLogits } = crossEntropy(pass.logits, labels, plain.net.heads, {
      open: Array.from({ length: plain.net.heads }, (_, head) => open.has(head)),
    });
    pass.backward(gradLogits, gradients);
    sum += loss;
  }
  applySgd(plain, gradients);
  return sum;
}

/**
 * Two steps of two segments each, beside the twin. Says whether all ReLUs agreed about the signs of
 * their inputs: if not, the states have parted and are not compared.
 */
async function twoSteps(gpu: Gpu, seed: number, sgd: LearnerOptions["sgd"]): Promise<boolean> {
  // With 8 pixels each channel of the last stage has one value per row: too few for close numbers.
  const size = 16;
  const images = { ...normal, height: size, width: size, padding: 0 };
  let agreed = true;
  await withSession(gpu, { size, learner: { images, flip: false, sgd } }, async (small) => {
    const { session: { learner: { network }, learner, heads }, samples, losses } = small;
    const state = irregularState(Random.stream(seed, "learner test"), 4, 6);
    network.load(hostState(state, 4, 6), "the test");
    const net: Resnet18 = { width: 4, heads: 6, state };
    const plain: PlainLearner = { net, sgd, velocity: new Map(), frozen: new Set() };
    for (const from of [0, 10]) {
      const lower = samples(20, 26).filter(({ label }) => label < 3);
      const segments: Segment[] = [
        { samples: samples(from, from + 5), open: heads.all },
        { samples: lower, open: new Set([0, 1, 2]) },
      ];
      await learner.step("nrem", segments);
      await learner.readLosses();
      const pictures = segments.map(({ samples }) => plainPictures(small, samples));
      const outputs = await reluOutputs(network);
      const switches = reluSwitches(network.architecture, outputs, net, pictures);
      const loss = plainStep(small, plain, segments);
      assertClose("step of two segments, loss", [losses.at(-1)!.loss], [loss], 1e-5);
      assert.equal(losses.at(-1)!.rows, 8);
      if (switches.length > 0) {
        agreed = false;
        return;
      }
    }
    const found = await network.export();
    for (const [name, values] of net.state) {
      const data = found.get(name)!.data as Float32Array;
      assertClose("step of two segments, state", data, values, 1e-4);
    }
    assert.equal(network.batchesTracked, 4);
    assert.equal(learner.steps, 2);
    assert.equal(learner.rows, 16);
  });
  return agreed;
}

for (const nesterov of [false, true]) {
  test(`steps of two segments agree with the twin, Nesterov ${nesterov}`, async (gpu) => {
    const sgd = { learningRate: 0.03, momentum: 0.9, weightDecay: 0.01, nesterov };
    let clean = 0;
    for (let seed = 0; seed < 8 && clean < 2; seed++) clean += +await twoSteps(gpu, seed, sgd);
    assert(clean > 0, "in eight runs of two steps ReLU signs have switched each time");
  });
}

/** Values and velocities of the entries that are frozen, and those that are not. */
async function tables(network: Network): Promise<Record<"frozen" | "plastic", Float32Array[]>> {
  const [values, velocities] = await download(network.gpu, [network.values, network.velocities]);
  const parts: Record<"frozen" | "plastic", Float32Array[]> = { frozen: [], plastic: [] };
  for (const { offset, length, frozenFrom } of network.table.learned) {
    const kind = frozenFrom <= network.frozenBlocks ? "frozen" : "plastic";
    for (const table of [values, velocities] as Float32Array[]) {
      parts[kind].push(table.subarray(offset, offset + length));
    }
  }
  return parts;
}

test("frozen parameters and velocities keep every bit, their running statistics move", async (gpu) => {
  const sgd = { learningRate: 0.05, momentum: 0.9, weightDecay: 0.1, nesterov: true };
  await withSession(gpu, { learner: { sgd } }, async ({ session, samples }) => {
    const { learner, heads } = session;
    const { network } = learner;
    // A step before, so that velocities are not 0.
    await learner.step("wake", [{ samples: samples(0, 6), open: heads.all }]);
    for (const blocks of [1, 2, 4, 6]) {
      network.freeze(blocks);
      const before = await tables(network);
      const statistics = await network.export();
      assert(before.frozen.length > 0);
      assert(before.frozen.some((part) => part.some((value) => value !== 0)));
      for (const [from, to] of [[0, 6], [6, 10]]) {
        await learner.step("wake", [{ samples: samples(from, to), open: heads.all }]);
      }
      const after = await tables(network);
      after.frozen.forEach((part, i) =>
        assertSameBits(part, before.frozen[i], `frozen part ${i} of ${blocks} blocks`)
      );
      after.plastic.forEach((part, i) =>
        assert.notDeepEqual(part, before.plastic[i], `plastic part ${i} of ${blocks} blocks`)
      );
      const moved = await network.export();
      for (const name of ["bn1.running_mean", "layer1.0.bn2.running_var"]) {
        assert.notDeepEqual(moved.get(name), statistics.get(name), name);
      }
    }
  });
});

test("losses() in inference changes nothing, in training it moves the statistics only", async (gpu) => {
  const options = { learner: { flip: false } };
  await withSession(gpu, options, async (small) => {
    const { session: { learner, random }, samples } = small;
    const { network } = learner;
    await learner.step("wake", [{ samples: samples(0, 8), open: new Set([0, 1, 2, 3, 4, 5]) }]);
    const before = await network.export();
    const draws = random.augment.state();
    const batches = [samples(0, 5), samples(5, 8), samples(8, 9)];
    const found = await learner.losses(batches, "inference");
    assert.deepEqual(await network.export(), before);
    assert.deepEqual(random.augment.state(), draws);
    const state: State = new Map([...before].map(([name, { data }]) => [
      name,
      Float64Array.from(data as Float32Array, Number),
    ]));
    const net: Resnet18 = { width: 4, heads: 6, state };
    const expected = batches.map((batch) => {
      const logits = resnet18Eval(net, plainPictures(small, batch));
      return crossEntropy(logits, batch.map(({ label }) => label), 6).loss;
    });
    assertClose("losses in inference", found, expected, 1e-5);

    await learner.losses(batches.slice(0, 2), "training");
    const after = await network.export();
    assert.notDeepEqual(random.augment.state(), draws);
    for (const [name, tensor] of before) {
      const moves = name.includes("running") || name.includes("tracked");
      if (moves) assert.notDeepEqual(after.get(name), tensor, name);
      else assert.deepEqual(after.get(name), tensor, name);
    }
    assert.equal(network.batchesTracked, 3);
  });
});

test("predictions() counts what the twin answers, over more images than fit at once", async (gpu) => {
  await withSession(gpu, {}, async (small) => {
    const { session: { learner }, samples } = small;
    const state = irregularState(Random.stream(1, "learner test"), 4, 6);
    learner.network.load(hostState(state, 4, 6), "the test");
    const all = samples(0, 41);
    const masks = [new Set([0, 1, 2, 3, 4, 5]), new Set([4, 1])];
    const counts = await learner.predictions(all, masks);
    const logits = resnet18Eval({ width: 4, heads: 6, state }, plainPictures(small, all));
    masks.forEach((open, mask) => {
      const allowed = Array.from({ length: 6 }, (_, head) => open.has(head));
      const expected = Array.from({ length: 6 }, () => new Uint32Array(6));
      argmax(logits, 6, allowed).forEach((head, i) => expected[all[i].label][head]++);
      assert.deepEqual(counts[mask], expected);
    });
  });
});

test("predictions() of shifted logits are the twin's, and a shift of nothing changes none", async (gpu) => {
  await withSession(gpu, {}, async (small) => {
    const { session: { learner }, samples } = small;
    const state = irregularState(Random.stream(1, "learner test"), 4, 6);
    learner.network.load(hostState(state, 4, 6), "the test");
    const all = samples(0, 41);
    const masks = [new Set([0, 1, 2, 3, 4, 5]), new Set([4, 1])];
    const logits = resnet18Eval({ width: 4, heads: 6, state }, plainPictures(small, all));
    const plain = await learner.predictions(all, masks);
    for (const shift of [[0, 0, 0, 0, 0, 0], [1, -2, 0.5, 3, 0, -1], [0, 0, 0, 0, 0, 1e4]]) {
      const counts = await learner.predictions(all, masks, false, new Float32Array(shift));
      const shifted = Array.from(logits, (logit, i) => logit + shift[i % 6]);
      masks.forEach((open, mask) => {
        const allowed = Array.from({ length: 6 }, (_, head) => open.has(head));
        const expected = Array.from({ length: 6 }, () => new Uint32Array(6));
        argmax(shifted, 6, allowed).forEach((head, i) => expected[all[i].label][head]++);
        assert.deepEqual(counts[mask], expected);
      });
    }
    assert.deepEqual(await learner.predictions(all, masks), plain);
  });
});

test("remember() copies images byte by byte and learns nothing", async (gpu) => {
  await withSession(gpu, { capacity: { longTerm: 30, shortTerm: 1 } }, async (small) => {
    const { session: { learner, longTerm }, samples, store } = small;
    const before = await learner.network.export();
    const kept = samples(10, 35).map((sample, i) => ({ ...sample, slot: 29 - i }));
    await learner.remember(kept, longTerm.tensor);
    const memory = await downloadU32(gpu, longTerm.tensor);
    const images = await downloadU32(gpu, store.tensor);
    const at = (words: Uint32Array<ArrayBuffer>, i: number) => words.subarray(i * 64, i * 64 + 64);
    for (const sample of kept) {
      const { slot } = sample;
      assertSameBits(at(memory, slot), at(images, placeOf(sample)), `slot ${slot}`);
    }
    assert(memory.subarray(0, 5 * 64).every((word) => word === 0));
    assert.deepEqual(await learner.network.export(), before);
  });
});

test("a table of logits leaves no buffer behind when it is destroyed, and the others as they are", async (gpu) => {
  await withSession(gpu, {}, async ({ session: { learner, heads }, samples }) => {
    /** A table that is filled and held to, in batches of two shapes. */
    const distil = async () => {
      const { targets, destroy } = learner.logitsTable("old answers", 9);
      const images = samples(0, 9).map((sample, i) => ({ ...sample, slot: i, target: i }));
      await learner.rememberLogits(images, targets);
      const distillation = { weight: 1, heads: 6, targets };
      const hold = async (from: number, to: number) => {
        const held = samples(from, to).map((sample, i) => ({ ...sample, target: from + i }));
        await learner.step("stream", [{ samples: held, open: heads.all, distillation }]);
        await learner.readLosses();
      };
      await hold(0, 6);
      await hold(6, 9);
      return { hold, destroy };
    };
    const [kept, first] = [await distil(), await distil()];
    first.destroy();
    const before = gpu.allocations.map(({ label }) => label);
    for (let task = 0; task < 3; task++) (await distil()).destroy();
    assert.deepEqual(gpu.allocations.map(({ label }) => label), before);
    await kept.hold(0, 6);
    assert.deepEqual(gpu.allocations.map(({ label }) => label), before);
    kept.destroy();
  });
});

/** State and losses after some steps of every kind. */
async function someSteps(gpu: Gpu, seed: number, readEvery: number) {
  let result: { state: unknown; losses: StepLoss[] } | undefined;
  await withSession(gpu, { seed, learner: { readEvery } }, async (small) => {
    const { session: { learner, heads }, samples, losses } = small;
    for (const [from, to] of [[0, 5], [5, 10], [10, 15], [15, 18]]) {
      await learner.step("wake", [{
        samples: samples(from, to),
        open: new Set([0, 1, 2, 3, 4, 5]),
      }]);
      const rest = { samples: samples(20, 24), open: heads.all };
      await learner.step("nrem", [{ samples: samples(from, to), open: heads.all }, rest]);
    }
    await learner.readLosses();
    result = { state: await learner.network.export(), losses: [...losses] };
  });
  return result!;
}

test("equal seeds give equal networks and losses, however often losses are read", async (gpu) => {
  const first = await someSteps(gpu, 5, 1000);
  assert.equal(first.losses.length, 8);
  assert.deepEqual(first.losses.map(({ phase, rows }) => `${phase} ${rows}`).slice(0, 3), [
    "wake 5",
    "nrem 9",
    "wake 5",
  ]);
  assert.deepEqual(await someSteps(gpu, 5, 1000), first);
  assert.deepEqual(await someSteps(gpu, 5, 3), first);
  assert.deepEqual(await someSteps(gpu, 5, 1), first);
  assert.notDeepEqual((await someSteps(gpu, 6, 1000)).state, first.state);
});

Deno.test("more steps between two read-backs than losses are kept of are refused", () => {
  assert.throws(
    () => new Learner({ readEvery: 1025 } as LearnerOptions),
    /^RangeError: Cannot read losses back every 1025 steps: 1024 are kept on the GPU; read them/,
  );
});

test("a loss that is not finite stops training with its step and phase", async (gpu) => {
  const sgd = { learningRate: 1e30, momentum: 0, weightDecay: 0, nesterov: false };
  await withSession(gpu, { learner: { sgd } }, async ({ session: { learner, heads }, samples }) => {
    const segments = [{ samples: samples(0, 4), open: heads.all }];
    for (let step = 0; step < 3; step++) await learner.step("rem", segments);
    await assert.rejects(
      learner.readLosses(),
      /loss of step [12] \(rem\) is (NaN|-?Infinity); lower optimizer\.learningRate/,
    );
  });
});

test("an interruption is asked for before each step, and leaves the network alone", async (gpu) => {
  let asked = 0;
  const checkpoint = () => {
    if (++asked === 2) throw new RangeError("stop");
  };
  await withSession(gpu, { learner: { checkpoint } }, async ({ session, samples }) => {
    const { learner, heads } = session;
    const segments = [{ samples: samples(0, 4), open: heads.all }];
    await learner.step("wake", segments);
    const before = await learner.network.export();
    await assert.rejects(learner.step("wake", segments), /stop/);
    assert.deepEqual(await learner.network.export(), before);
    assert.equal(learner.steps, 1);
  });
});

Deno.test("batchRows() weighs each segment by its mean and draws row, column, coin per image", () => {
  const from = { source: 7, tensor: null as never };
  const sample = (image: number): Sample => ({ from, image, label: image % 3 });
  const open = new Set([0]);
  const segments = [{ samples: [sample(4), sample(5)], open }, { samples: [sample(6)], open }];
  const drawn: string[] = [];
  const coins = [0.4, 0.5, 0.1];
  const random = Object.assign(Random.stream(0, "unused"), {
    below: (n: number) => drawn.push(`below ${n}`) % n,
    uniform: () => {
      drawn.push("coin");
      return coins.shift()!;
    },
  });
  const rows = batchRows(segments, 2, { padding: 2, flip: true, random });
  assert.deepEqual(drawn, [0, 1, 2].flatMap(() => ["below 5", "below 5", "coin"]));
  assert.deepEqual(rows.map(({ weight }) => weight), [0.5, 0.5, 1]);
  assert.deepEqual(rows.map(({ mask }) => mask), [0, 0, 1]);
  assert.deepEqual(rows.map(({ flip }) => flip), [true, false, true]);
  assert.deepEqual(rows.map(({ source, index, slot }) => [source, index, slot]), [
    [7, 4, -1],
    [7, 5, -1],
    [7, 6, -1],
  ]);
  const plain = batchRows(segments, 2, null);
  assert(plain.every(({ top, left, flip }) => top === 2 && left === 2 && !flip));
});

test("an annealed learning rate falls along half a cosine and is constant again behind it", async (gpu) => {
  await withSession(gpu, {}, async ({ session: { learner }, samples }) => {
    const { network } = learner;
    const open = new Set([0, 1, 2, 3, 4, 5]);
    const tables = async () =>
      await download(gpu, [network.values, network.gradients]) as Float32Array[];
    /** What the step multiplied the gradient by, from the largest element. */
    const rate = async () => {
      const [before] = await tables();
      await learner.step("nrem", [{ samples: samples(0, 6), open }]);
      const [after, gradient] = await tables();
      let largest = 0;
      gradient.forEach((g, i) => {
        if (Math.abs(g) > Math.abs(gradient[largest])) largest = i;
      });
      return (before[largest] - after[largest]) / gradient[largest];
    };
    const found: number[] = [await rate()];
    learner.anneal(4);
    for (let step = 0; step < 5; step++) found.push(await rate());
    learner.anneal(null);
    found.push(await rate());
    const half = Math.SQRT1_2 / 2;
    const expected = [1, 1, 0.5 + half, 0.5, 0.5 - half, 0, 1].map((factor) => 0.05 * factor);
    expected.forEach((value, i) => {
      assert.ok(Math.abs(found[i] - value) < 1e-4, `step ${i}: ${found[i]}, not ${value}`);
    });
  });
});
