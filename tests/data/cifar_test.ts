import assert from "node:assert/strict";
import { join } from "node:path";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import type { SourceOptions } from "../../src/images/source.ts";
import { drawSubset } from "../../src/data/subset.ts";
import { InputError } from "../../src/errors.ts";
import { cifarRecord, contextIn, joined, withFolder, write } from "./fixtures.ts";

const FILES = { folder: "cifar", trainPerClass: null, testPerClass: null, size: 32 };
const CIFAR10: SourceOptions = { format: "cifar10", ...FILES };
const NAMES = Array.from({ length: 10 }, (_, i) => `class${i}`);

/** Five training files of two records, labels 0 1, 2 3, ..., and four test records. */
function writeCifar10(folder: string): void {
  write(join(folder, "batches.meta.txt"), NAMES.join("\n") + "\n\n");
  for (let n = 0; n < 5; n++) {
    const records = [cifarRecord([2 * n], [n, 100, 200]), cifarRecord([2 * n + 1], [n, 101, 201])];
    write(join(folder, `data_batch_${n + 1}.bin`), joined(records));
  }
  const tests = [7, 7, 8, 7].map((label, i) => cifarRecord([label], [i, i, i]));
  write(join(folder, "test_batch.bin"), joined(tests));
}

/** One training record per class, in order; superclass = class modulo 20; one test record. */
function writeCifar100(folder: string): void {
  const lines = (count: number, word: string) =>
    Array.from({ length: count }, (_, i) => `${word}${i}\n`).join("");
  write(join(folder, "fine_label_names.txt"), lines(100, "fine"));
  write(join(folder, "coarse_label_names.txt"), lines(20, "coarse"));
  const records = Array.from({ length: 100 }, (_, i) => cifarRecord([i % 20, i], [i, 0, 0]));
  write(join(folder, "train.bin"), joined(records));
  write(join(folder, "test.bin"), cifarRecord([19, 99], [1, 2, 3]));
}

async function refuses(promise: Promise<unknown>, ...words: readonly string[]): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof InputError, String(error));
    for (const word of words) {
      assert.ok(error.message.includes(word), `"${error.message}" does not say "${word}"`);
    }
    return true;
  });
}

Deno.test("CIFAR-10's planes become RGB pixels in file order", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeCifar10(join(dataRoot, "cifar"));
    const { train, test } = await openDataset(CIFAR10, context);
    assert.deepEqual(train.classNames, NAMES);
    assert.deepEqual([...train.labels], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual([train.height, train.width, train.pixels.length], [32, 32, 10 * 3072]);
    const pixel = (image: number, y: number, x: number) => {
      const at = ((image * 32 + y) * 32 + x) * 3;
      return [...train.pixels.subarray(at, at + 3)];
    };
    assert.deepEqual(pixel(7, 0, 0), [3, 101, 201]);
    assert.deepEqual(pixel(7, 1, 1), [255, 101, 201]);
    assert.deepEqual([...test.labels], [7, 7, 8, 7]);
  }));

Deno.test("the files may lie in the archive's own folder below", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeCifar10(join(dataRoot, "cifar", "cifar-10-batches-bin"));
    assert.equal((await openDataset(CIFAR10, context)).train.count, 10);
  }));

Deno.test("another number of records than the official one is told and used", () =>
  withFolder(async (folder) => {
    const { context, dataRoot, warnings } = contextIn(folder);
    writeCifar10(join(dataRoot, "cifar"));
    await openDataset(CIFAR10, context);
    assert.equal(warnings.length, 2);
    await openDataset(CIFAR10, context);
    assert.equal(warnings.length, 4, "told again when the cache is used");
    assert.match(warnings[0], /train files have 10 records .* official ones have 50000/);
  }));

Deno.test("a limit per class takes the records drawn by the seed, in file order", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const cifar = join(dataRoot, "cifar");
    writeCifar10(cifar);
    const twice = NAMES.flatMap((_, label) => [[label], [label]]);
    write(
      join(cifar, "test_batch.bin"),
      joined(twice.map((label, i) => cifarRecord(label, [i, i, i]))),
    );
    for (const subsetSeed of [0, 1]) {
      const source = { ...CIFAR10, testPerClass: 1, subsetSeed };
      const { test } = await openDataset(source, context);
      const drawn = NAMES.map((name, label) =>
        2 * label + drawSubset(2, name, "test", { perClass: 1, subsetSeed })[0]
      );
      assert.deepEqual(Array.from({ length: 10 }, (_, i) => test.pixels[i * 3072]), drawn);
    }
    await refuses(openDataset({ ...CIFAR10, trainPerClass: 2 }, context), "class0 has 1", "lower");
  }));

Deno.test("CIFAR-100 has fine labels, or coarse ones when asked", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeCifar100(join(dataRoot, "cifar"));
    const fine = await openDataset({ format: "cifar100", ...FILES }, context);
    assert.equal(fine.train.classNames[99], "fine99");
    assert.deepEqual([...fine.train.labels.subarray(38, 42)], [38, 39, 40, 41]);
    assert.deepEqual([...fine.test.pixels.subarray(0, 3)], [1, 2, 3]);
    const coarse = await openDreams({ format: "cifar100", ...FILES, labels: "coarse" }, context);
    assert.equal(coarse.classNames.length, 20);
    assert.deepEqual([...coarse.labels.subarray(38, 42)], [18, 19, 0, 1]);
    assert.equal(coarse.pixels[41 * 3072], 41);
  }));

Deno.test("what is wrong with CIFAR files is said with path and fix", async (test) => {
  const cases: {
    name: string;
    spoil: (cifar: string) => void;
    words: readonly string[];
  }[] = [
    {
      name: "a file cut short",
      spoil: (cifar) => Deno.truncateSync(join(cifar, "data_batch_3.bin"), 6000),
      words: ["data_batch_3.bin", "6000 bytes", "3073", "cut short", "cifar-10-binary.tar.gz"],
    },
    {
      name: "an empty file",
      spoil: (cifar) => write(join(cifar, "test_batch.bin"), ""),
      words: ["test_batch.bin", "0 bytes"],
    },
    {
      name: "a label out of range",
      spoil: (cifar) => write(join(cifar, "data_batch_2.bin"), cifarRecord([10], [0, 0, 0])),
      words: ["data_batch_2.bin", "record 0 has label 10", "0 to 9"],
    },
    {
      name: "a missing file",
      spoil: (cifar) => Deno.removeSync(join(cifar, "data_batch_5.bin")),
      words: ["data_batch_5.bin", "no such file", "unpack cifar-10-binary.tar.gz"],
    },
    {
      name: "missing class names",
      spoil: (cifar) => write(join(cifar, "batches.meta.txt"), "cat\ndog\n"),
      words: ["batches.meta.txt", "2 class names", "10"],
    },
  ];
  for (const { name, spoil, words } of cases) {
    await test.step(name, () =>
      withFolder(async (folder) => {
        const { context, dataRoot } = contextIn(folder);
        const cifar = join(dataRoot, "cifar");
        writeCifar10(cifar);
        spoil(cifar);
        await refuses(openDataset(CIFAR10, context), join(cifar, ""), ...words);
      }));
  }
});

Deno.test("a size other than 32 is refused", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeCifar10(join(dataRoot, "cifar"));
    await refuses(
      openDataset({ ...CIFAR10, size: 16 }, context),
      "16 pixels",
      "set the size to 32",
    );
  }));
