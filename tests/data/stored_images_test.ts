/** Images too many for the memory, all the way to the GPU. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openDataset } from "../../src/data/dataset.ts";
import { createImageStore } from "../../src/images/image_store.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { InputError } from "../../src/errors.ts";
import { Arena, downloadU32 } from "../../src/gpu/tensor.ts";
import { gpuTests } from "../support/gpu.ts";
import { toPixelWords } from "../../src/reference/layout.ts";
import { contextIn, withFolder, writeImageFolder } from "./fixtures.ts";

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

const test = await gpuTests();

for (const [kind, capacity] of [["resident", 6], ["streamed", 1e12]] as const) {
  test(`a ${kind} store reads images that stay in their file`, async (gpu) => {
    await withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      await writeImageFolder(join(dataRoot, "pets"), 8);
      const { train: inMemory } = await openDataset(SOURCE, context);
      const { train } = await openDataset(SOURCE, { ...context, mostBytes: 1000 });
      assert.throws(() => train.pixels, RangeError);
      const arena = new Arena(gpu, "test");
      try {
        const image = { height: 8, width: 8, maxRows: 4 };
        const store = createImageStore(arena, { label: "store", source: 0, capacity, ...image });
        store.load(train, [0, 1, 3, 5]);
        // The second time the same batch: nothing is read, and nothing changes.
        for (const asked of [[5, 0, 5], [5, 0, 5], [3, 1, 0, 5]]) {
          const places = store.stage(asked);
          const words = await downloadU32(gpu, store.tensor);
          for (const [row, index] of asked.entries()) {
            const wanted = inMemory.pixels.subarray(index * 192, (index + 1) * 192);
            const found = words.subarray(places[row] * 64, (places[row] + 1) * 64);
            assert.deepEqual([...found], [...toPixelWords(wanted)]);
          }
        }
      } finally {
        arena.destroy();
      }
    });
  });
}

Deno.test("an image that was damaged since is refused with the file and the fix", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    await writeImageFolder(join(dataRoot, "pets"), 8);
    const { train } = await openDataset(SOURCE, { ...context, mostBytes: 0 });
    const name = [...Deno.readDirSync(context.cacheDir)].map(({ name }) => name)
      .find((name) => name.startsWith("pets-train") && name.endsWith(".images"))!;
    const path = join(context.cacheDir, name);
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(path, bytes);
    train.read!(4);
    assert.throws(() => train.read!(5), (error) => {
      assert(error instanceof InputError);
      assert(error.message.includes(path), error.message);
      assert.match(error.message, /image 5 is changed.*delete it, it is made again/);
      return true;
    });
  }));
