/** Image stores: only what is loaded can be read, resident or streamed alike. */

import assert from "node:assert/strict";
import { createImageStore } from "../../src/images/image_store.ts";
import { Arena, downloadU32 } from "../../src/gpu/tensor.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { gpuTests } from "../support/gpu.ts";
import { toPixelWords } from "../../src/reference/layout.ts";
import { colouredNoise, withSession } from "../support/session.ts";

const test = await gpuTests();
const images = colouredNoise({ count: 20, classes: 4, size: 5 });
const area = 25;

function storeOf(arena: Arena, capacity: number) {
  const size = { height: 5, width: 5 };
  return createImageStore(arena, { label: "store", source: 3, capacity, maxRows: 6, ...size });
}

/** No adapter binds so much: the store is streamed. */
const tooMany = 1e12;

async function withArena(gpu: Gpu, use: (arena: Arena) => Promise<void>): Promise<void> {
  const arena = new Arena(gpu, "test");
  try {
    await use(arena);
  } finally {
    arena.destroy();
  }
}

test("a small set of images is resident, a huge one is streamed by the batch", async (gpu) => {
  await withArena(gpu, (arena) => {
    assert.deepEqual(storeOf(arena, 20).tensor.shape, [20, 5, 5]);
    assert.deepEqual(storeOf(arena, tooMany).tensor.shape, [6, 5, 5]);
    return Promise.resolve();
  });
});

for (const [kind, capacity] of [["resident", 20], ["streamed", tooMany]] as const) {
  test(`a ${kind} store shows the bytes of the images asked for`, async (gpu) => {
    await withArena(gpu, async (arena) => {
      const store = storeOf(arena, capacity);
      store.load(images, [3, 19, 0, 7]);
      const asked = [7, 3, 7, 19];
      const places = store.stage(asked);
      const words = await downloadU32(gpu, store.tensor);
      asked.forEach((index, row) => {
        const bytes = images.pixels.subarray(index * area * 3, (index + 1) * area * 3);
        const found = words.subarray(places[row] * area, (places[row] + 1) * area);
        assert.deepEqual([...found], [...toPixelWords(bytes)]);
      });
    });
  });

  test(`a ${kind} store does not show images of another task`, async (gpu) => {
    await withArena(gpu, (arena) => {
      const store = storeOf(arena, capacity);
      assert.throws(() => store.stage([3]), /test\/store has not loaded it/);
      store.load(images, [0, 1, 2, 3]);
      assert.throws(
        () => store.stage([0, 4]),
        /Cannot read image 4: test\/store has not loaded it/,
      );
      // The next task: its images can be read, and those of the last one no longer.
      store.load(images, [4, 5, 6]);
      store.stage([4, 6]);
      assert.throws(() => store.stage([3]), /Cannot read image 3/);
      return Promise.resolve();
    });
  });

  test(`a ${kind} store refuses images of another size`, async (gpu) => {
    await withArena(gpu, (arena) => {
      const other = colouredNoise({ count: 2, classes: 2, size: 6 });
      assert.throws(
        () => storeOf(arena, capacity).load(other, [0]),
        /6x6 pixels, the store has 5x5/,
      );
      return Promise.resolve();
    });
  });
}

test("more images than a store has room for are refused", async (gpu) => {
  await withArena(gpu, (arena) => {
    assert.throws(() => storeOf(arena, 2).load(images, [0, 1, 2]), /it holds 2/);
    const streamed = storeOf(arena, tooMany);
    streamed.load(images, [0, 1, 2, 3, 4, 5, 6]);
    assert.throws(() => streamed.stage([0, 1, 2, 3, 4, 5, 6]), /takes 6 at a time/);
    return Promise.resolve();
  });
});

test("training from a streamed store equals training from a resident one, bit by bit", async (gpu) => {
  const states: unknown[] = [];
  for (const capacity of [48, tooMany]) {
    await withSession(gpu, { seed: 4 }, async ({ session, samples, images, arena, losses }) => {
      const store = createImageStore(arena, {
        label: "other",
        source: 5,
        capacity,
        height: 8,
        width: 8,
        maxRows: 16,
      });
      store.load(images, Array.from({ length: 48 }, (_, i) => i));
      const { learner } = session;
      for (const [from, to] of [[0, 5], [5, 10], [30, 46]]) {
        const batch = samples(from, to).map((sample) => ({ ...sample, from: store }));
        await learner.step("stream", [{ samples: batch, open: session.heads.all }]);
      }
      await learner.readLosses();
      states.push({ state: await learner.network.export(), losses: [...losses] });
    });
  }
  assert.deepEqual(states[1], states[0]);
});
