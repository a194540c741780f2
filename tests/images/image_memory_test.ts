/** Memories: capacity, uniform filling, the share that judges, and images that stay as they are. */

import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { Arena, downloadU32, upload } from "../../src/gpu/tensor.ts";
import { ImageMemory } from "../../src/images/image_memory.ts";
import { LongTermMemory } from "../../src/images/long_term.ts";
import { ShortTermMemory } from "../../src/images/short_term.ts";
import { Random } from "../../src/random.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();

const pixel = { label: "memory", source: 1, height: 1, width: 1 };

async function withArena(gpu: Gpu, use: (arena: Arena) => Promise<void> | void): Promise<void> {
  const arena = new Arena(gpu, "test");
  try {
    await use(arena);
  } finally {
    arena.destroy();
  }
}

/** Counts of equally likely cells: at most five deviations above the mean of chi-square. */
function assertUniform(counts: ArrayLike<number>, what: string): void {
  const cells = Array.from(counts);
  const expected = cells.reduce((a, b) => a + b, 0) / cells.length;
  const found = cells.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  const freedom = cells.length - 1;
  const limit = freedom + 5 * Math.sqrt(2 * freedom);
  console.log(`chi-square of ${what}: ${found.toFixed(1)} (limit ${limit.toFixed(1)})`);
  assert(found < limit, `chi-square of ${what} is ${found}, above ${limit}`);
}

test("each of n offered images is kept equally often, in batches of any size", async (gpu) => {
  await withArena(gpu, (arena) => {
    const [capacity, offered, runs] = [7, 30, 6000];
    const memory = new ImageMemory(arena, { ...pixel, capacity });
    const random = Random.stream(1, "memory test");
    const kept = new Uint32Array(offered);
    const firstSlot = new Uint32Array(offered);
    for (let run = 0; run < runs; run++) {
      memory.clear();
      for (let from = 0; from < offered;) {
        const size = Math.min(1 + random.below(9), offered - from);
        memory.offer(Array.from({ length: size }, (_, i) => from + i), random);
        from += size;
      }
      assert.equal(memory.filled, capacity);
      for (const label of memory.labels) kept[label]++;
      if (memory.labels[0] < offered) firstSlot[memory.labels[0]]++;
    }
    assertUniform(kept, "kept images");
    // Slot by slot only the images behind the first `capacity` are equally likely.
    assertUniform(firstSlot.subarray(capacity), "late images in slot 0");
  });
});

test("a memory never holds more than its capacity, and only slots below it are given", async (gpu) => {
  await withArena(gpu, (arena) => {
    for (const capacity of [0, 1, 5, 64]) {
      const memory = new ImageMemory(arena, { ...pixel, capacity });
      const random = Random.stream(capacity, "memory test");
      for (let offered = 0; offered < 200;) {
        const labels = Array.from({ length: random.below(12) }, (_, i) => offered + i);
        const slots = memory.offer(labels, random);
        offered += labels.length;
        assert.equal(slots.length, labels.length);
        assert(slots.every((slot) => slot >= -1 && slot < capacity));
        const given = slots.filter((slot) => slot >= 0);
        assert.equal(new Set(given).size, given.length, "two images for one slot");
        slots.forEach((slot, i) => {
          if (slot >= 0) assert.equal(memory.labels[slot], labels[i]);
        });
        assert.equal(memory.filled, Math.min(offered, capacity));
        assert.equal(memory.labels.length, capacity);
      }
    }
  });
});

test("of two images that draw one slot in a call the later one gets it", async (gpu) => {
  await withArena(gpu, (arena) => {
    const memory = new ImageMemory(arena, { ...pixel, capacity: 2 });
    const draws = [1, 5, 1, 0];
    const random = Object.assign(Random.stream(0, "unused"), { below: () => draws.shift()! });
    assert.deepEqual(memory.offer([10, 11, 12, 13, 14, 15], random), [-1, -1, -1, -1, 1, 0]);
    assert.deepEqual([...memory.labels], [15, 14]);
  });
});

test("the share of the long-term memory that judges is never replayed", async (gpu) => {
  await withArena(gpu, (arena) => {
    const random = Random.stream(2, "memory test");
    const memory = new LongTermMemory(arena, { ...pixel, capacity: 20, judgingShare: 0.1 });
    assert.equal(memory.judging, 2);
    for (let offered = 0; offered < 60; offered++) {
      memory.offer([offered % 7], random);
      const drawn = memory.draw(8, random);
      assert.equal(drawn.length, Math.min(8, Math.max(0, memory.filled - 2)));
      assert.equal(new Set(drawn.map(({ slot }) => slot)).size, drawn.length);
      assert(drawn.every(({ slot }) => slot >= 2 && slot < memory.filled), "a judge was replayed");
      assert(drawn.every(({ slot, label }) => label === memory.labels[slot]));
      const judges = memory.judges().map(({ slot }) => slot);
      assert.deepEqual(judges, [0, 1].slice(0, memory.filled));
    }
    const counts = new Uint32Array(18);
    for (let run = 0; run < 4000; run++) {
      for (const { slot } of memory.draw(5, random)) counts[slot - 2]++;
    }
    assertUniform(counts, "replayed slots");
  });
});

test("without a judging share every slot is replayed", async (gpu) => {
  await withArena(gpu, (arena) => {
    const random = Random.stream(3, "memory test");
    const memory = new LongTermMemory(arena, { ...pixel, capacity: 4, judgingShare: 0 });
    assert.deepEqual(memory.draw(3, random), []);
    memory.offer([5, 6, 7, 8], random);
    const drawn = memory.draw(9, random).sort((a, b) => a.slot - b.slot);
    assert.deepEqual(drawn.map(({ label }) => label), [5, 6, 7, 8]);
    assert.deepEqual(memory.judges(), []);
  });
});

test("some slots are read back alone, in the order in which they are asked for", async (gpu) => {
  await withArena(gpu, async (arena) => {
    const memory = new ImageMemory(arena, { ...pixel, width: 3, capacity: 100 });
    const labels = Array.from({ length: 90 }, (_, i) => i);
    const images = labels.map((i) => Uint8Array.from({ length: 9 }, (_, byte) => 9 * i + byte));
    memory.load(images, labels, { capacity: 100, offered: 90 });
    const slots = [...labels.filter((i) => i % 4 !== 1).toReversed(), 7, 7];
    assert.deepEqual(await memory.readSlots(slots), slots.map((slot) => images[slot]));
    assert.deepEqual(await memory.readSlots([]), []);
    assert.deepEqual(await memory.read(), images);
  });
});

test("a pass over the short-term memory meets each episode once, in a fresh order", async (gpu) => {
  await withArena(gpu, (arena) => {
    const random = Random.stream(4, "memory test");
    const memory = new ShortTermMemory(arena, { ...pixel, capacity: 40 });
    memory.offer(Array.from({ length: 30 }, (_, i) => i), random);
    const passes = [0, 1].map(() => memory.pass(random).map(({ slot }) => slot));
    assert.notDeepEqual(passes[0], passes[1]);
    for (const pass of passes) {
      assert.deepEqual(pass.toSorted((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i));
    }
    assert.deepEqual(
      memory.episodes().map(({ label }) => label),
      passes[0].toSorted((a, b) => a - b),
    );
    memory.clear();
    assert.deepEqual(memory.pass(random), []);
  });
});

test("a snapshot brings back images, labels and counter", async (gpu) => {
  await withArena(gpu, async (arena) => {
    const random = Random.stream(5, "memory test");
    const memory = new ImageMemory(arena, { ...pixel, width: 3, capacity: 4 });
    const images = Uint32Array.from({ length: 12 }, () => random.uint32());
    upload(gpu, memory.tensor, images);
    memory.offer([1, 2, 3, 4, 5, 6], random);
    const labels = [...memory.labels];
    const snapshot = memory.snapshot();
    upload(gpu, memory.tensor, new Uint32Array(12));
    memory.offer([7, 8, 9, 7, 8, 9, 7, 8, 9], random);
    memory.restore(snapshot);
    assert.deepEqual(await downloadU32(gpu, memory.tensor), images);
    assert.deepEqual([...memory.labels], labels);
    assert.equal(memory.reservoir.offered, 6);
    snapshot.destroy();
  });
});

test("a balanced memory is even, judges with its share, and comes back from a snapshot", async (gpu) => {
  await withArena(gpu, (arena) => {
    const random = Random.stream(6, "memory test");
    const options = { capacity: 20, judgingShare: 0.2, logits: 5, selection: "balanced" } as const;
    const memory = new LongTermMemory(arena, { ...pixel, ...options });
    const offer = (count: number, label: (i: number) => number) => {
      for (let from = 0; from < count; from += 8) {
        const slots = memory.offer(Array.from({ length: 8 }, (_, i) => label(from + i)), random);
        const given = slots.filter((slot) => slot >= 0);
        assert.equal(new Set(given).size, given.length, "two images for one slot");
      }
    };
    offer(400, (i) => i % 10 === 0 ? 1 : 0);
    offer(40, () => 2);
    offer(400, () => 3);
    const held = (examples: readonly { label: number }[]) =>
      [0, 1, 2, 3].map((head) => examples.filter(({ label }) => label === head).length);
    const [replayed, judges] = [memory.replayed(), memory.judges()];
    assert.deepEqual([replayed.length, judges.length], [16, 4]);
    assert.deepEqual(held([...replayed, ...judges]), [5, 5, 5, 5]);
    assert.deepEqual([...memory.labels], [...judges, ...replayed].map(({ label }) => label));
    const snapshot = memory.snapshot();
    offer(80, () => 4);
    assert.notDeepEqual(memory.reservoir.state(), snapshot.reservoir);
    memory.restore(snapshot);
    assert.deepEqual(memory.reservoir.state(), snapshot.reservoir);
    assert.deepEqual([...memory.labels], [...judges, ...replayed].map(({ label }) => label));
    snapshot.destroy();
  });
});
