/** Class folders without test images: a share of each class is set apart. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import { InputError } from "../../src/errors.ts";
import { imagePixels, type ImageSet } from "../../src/images/image_set.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { contextIn, plainPng, withFolder, write, writeImageFolder } from "./fixtures.ts";

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
  testShare: 0.1,
};

/** Images of one colour each: `[class, number, 7]`. */
function writeFlat(root: string, counts: Readonly<Record<string, number>>): void {
  for (const [label, [name, count]] of Object.entries(counts).entries()) {
    for (let n = 0; n < count; n++) write(join(root, name, `${n}.png`), plainPng(8, [label, n, 7]));
  }
}

/** Class and number of each image. */
function told(images: ImageSet): string[] {
  return Array.from({ length: images.count }, (_, i) => {
    const [label, number] = imagePixels(images, i);
    assert.equal(images.labels[i], label);
    return `${label} ${number}`;
  });
}

Deno.test("a tenth of each class, at least three, tests and is not trained on", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    // A class may have the name of a part.
    writeFlat(join(dataRoot, "pets"), { cat: 5, test: 46, train: 12 });
    const opened = await openDataset(SOURCE, context);
    const [train, test] = [told(opened.train), told(opened.test)];
    assert.deepEqual(opened.train.classNames, ["cat", "test", "train"]);
    assert.deepEqual(opened.test.classNames, ["cat", "test", "train"]);
    const counts = ({ labels }: ImageSet) =>
      [0, 1, 2].map((label) => labels.filter((l) => l === label).length);
    assert.deepEqual(counts(opened.test), [3, 5, 3]);
    assert.deepEqual(counts(opened.train), [2, 41, 9]);
    assert.equal(new Set([...train, ...test]).size, 63);
    // Drawn, not the first ones; the same again; others with another seed.
    assert.notDeepEqual(test.slice(3, 8), [0, 1, 2, 3, 4].map((n) => `1 ${n}`));
    assert.deepEqual(told((await openDataset(SOURCE, context)).test), test);
    const other = await openDataset({ ...SOURCE, subsetSeed: 1 }, context);
    assert.notDeepEqual(told(other.test), test);
    // Subsets are drawn from either side.
    const some = await openDataset({ ...SOURCE, trainPerClass: 2, testPerClass: 1 }, context);
    assert.deepEqual([counts(some.train), counts(some.test)], [[2, 2, 2], [1, 1, 1]]);
    assert(told(some.train).every((image) => train.includes(image)));
    assert(told(some.test).every((image) => test.includes(image)));
    assert.deepEqual((await openDreams(SOURCE, context)).count, 63);
  }));

Deno.test("class folders in train are divided, too, but not where there are test images", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeFlat(join(dataRoot, "pets/train"), { cat: 6, dog: 6 });
    const { train, test } = await openDataset(SOURCE, context);
    assert.deepEqual([train.count, test.count], [6, 6]);
    Deno.removeSync(join(dataRoot, "pets"), { recursive: true });
    await writeImageFolder(join(dataRoot, "pets"), 8);
    await assert.rejects(
      openDataset(SOURCE, context),
      (error: Error) =>
        error instanceof InputError &&
        /it has test images in test, leave testShare out/.test(error.message),
    );
  }));

Deno.test("a class that would be left without training images is refused", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeFlat(join(dataRoot, "pets"), { cat: 6, dog: 3 });
    await assert.rejects(
      openDataset(SOURCE, context),
      (error: Error) =>
        error instanceof InputError &&
        /class dog has 3, and at least 4 are needed, 3 to test and others/.test(error.message),
    );
  }));

Deno.test("the cache knows images that cover from images that are squeezed", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeFlat(join(dataRoot, "pets"), { cat: 6, dog: 6 });
    const opened = async (resize: "lanczos" | "cover") =>
      (await openDataset({ ...SOURCE, size: 4, resize }, context)).train.count;
    assert.equal(await opened("lanczos"), 6);
    const before = [...Deno.readDirSync(context.cacheDir)].length;
    assert.equal(await opened("cover"), 6);
    assert.equal([...Deno.readDirSync(context.cacheDir)].length, 2 * before);
  }));
