import assert from "node:assert/strict";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { checkData } from "../../src/data/check.ts";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import { FASHION_MNIST } from "../../src/data/fashion_mnist.ts";
import { readIdx } from "../../src/data/idx_file.ts";
import { locate } from "../../src/data/locate.ts";
import type { IdxSource } from "../../src/images/source.ts";
import { drawSubset } from "../../src/data/subset.ts";
import { InputError } from "../../src/errors.ts";
import { contextIn, withFolder, write } from "./fixtures.ts";
import { idxFile, idxImages, idxLabels, writeIdx } from "./idx_files.ts";

const SOURCE: IdxSource = {
  format: "idx",
  folder: "digits",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

const LABELS = { train: [2, 0, 1, 2, 1, 0, 0, 2], test: [1, 2, 0] };
const TEN = { train: Array.from({ length: 20 }, (_, i) => i % 10), test: [9, 4] };

async function refuses(promise: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert(error instanceof InputError, String(error));
    assert.match(error.message, message);
    return true;
  });
}

for (const [how, packed] of [["packed", true], ["unpacked", false]] as const) {
  Deno.test(`grey images of ${how} idx files become RGB pixels in file order`, () =>
    withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      writeIdx(join(dataRoot, "digits"), LABELS, packed);
      const { train, test } = await openDataset(SOURCE, context);
      assert.deepEqual(train.classNames, ["0", "1", "2"]);
      assert.deepEqual(test.classNames, train.classNames);
      assert.deepEqual([...train.labels], LABELS.train);
      assert.deepEqual([...test.labels], LABELS.test);
      assert.deepEqual([train.height, train.width, train.pixels.length], [8, 8, 8 * 64 * 3]);
      const from = 3 * 64 * 3;
      assert.deepEqual([...train.pixels.subarray(from, from + 7)], [3, 3, 3, 4, 4, 4, 3]);
      assert.deepEqual([...test.pixels.subarray(0, 3)], [100, 100, 100]);
    }));
}

Deno.test("packed and unpacked files, and other spellings of their names, are one data set", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const digits = join(dataRoot, "digits");
    writeIdx(digits, LABELS);
    await openDataset(SOURCE, context);
    const cached = [...Deno.readDirSync(context.cacheDir)].length;
    const move = (from: string, to: string) => {
      write(join(digits, to), gunzipSync(Deno.readFileSync(join(digits, `${from}.gz`))));
      Deno.removeSync(join(digits, `${from}.gz`));
    };
    // As torchvision unpacks them, with a dot, and as the relatives of MNIST are called.
    move("train-images-idx3-ubyte", "raw/train-images-idx3-ubyte");
    move("train-labels-idx1-ubyte", "raw/train-labels.idx1-ubyte");
    move("t10k-images-idx3-ubyte", "raw/test-images-idx3-ubyte");
    move("t10k-labels-idx1-ubyte", "raw/t10k-labels.idx1-ubyte");
    await openDataset(SOURCE, context);
    assert.equal([...Deno.readDirSync(context.cacheDir)].length, cached);
  }));

Deno.test("classes to learn and classes to dream of are chosen by Fashion-MNIST's names, or numbers", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const source = { ...SOURCE, folder: "fashion-mnist" };
    writeIdx(join(dataRoot, "fashion-mnist"), TEN);
    const { train, test } = await openDataset({ ...source, classes: ["Coat", 9, "0-1"] }, context);
    assert.deepEqual(train.classNames, ["Coat", "Ankle boot", "T-shirt/top", "Trouser"]);
    assert.deepEqual([...train.labels], [2, 3, 0, 1, 2, 3, 0, 1]);
    assert.deepEqual([...test.labels], [1, 0]);
    const dreams = await openDreams(
      { ...source, exclude: [4, 9, "T-shirt/top", "Trouser"] },
      context,
    );
    assert.equal(dreams.classNames.length, 6);
    assert.equal(dreams.count, 12);
    await refuses(openDataset({ ...source, classes: ["Hat"] }, context), /has no class Hat/);
  }));

Deno.test("Fashion-MNIST is known by its labels wherever it lies, and another set is not", () =>
  withFolder(async (folder) => {
    const { context, dataRoot, warnings } = contextIn(folder);
    writeIdx(join(dataRoot, "digits"), TEN);
    assert.equal((await openDataset(SOURCE, context)).train.classNames[9], "9");
    assert.deepEqual(warnings, []);
    writeIdx(join(dataRoot, "FashionMNIST"), TEN);
    const fashion = await openDataset({ ...SOURCE, folder: "FashionMNIST" }, context);
    assert.equal(fashion.train.classNames[9], "Ankle boot");
    assert.match(warnings[0], /train files have 20 images where those of Fashion-MNIST have 60000/);
  }));

Deno.test("a limit per class takes the images drawn by the seed", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeIdx(join(dataRoot, "digits"), LABELS);
    for (const subsetSeed of [0, 1, 2]) {
      const source = { ...SOURCE, trainPerClass: 1, subsetSeed };
      const { train } = await openDataset(source, context);
      const drawn = [[1, 5, 6], [2, 4], [0, 3, 7]].map((places, label) =>
        places[drawSubset(places.length, String(label), "train", { perClass: 1, subsetSeed })[0]]
      ).sort();
      assert.deepEqual(Array.from({ length: 3 }, (_, i) => train.pixels[i * 64 * 3]), drawn);
    }
    await refuses(
      openDataset({ ...SOURCE, trainPerClass: 3 }, context),
      /class 1 has 2, add images or lower/,
    );
  }));

Deno.test("what is wrong with idx files is said with path and fix", async (test) => {
  const images = "train-images-idx3-ubyte.gz";
  const labels = "t10k-labels-idx1-ubyte.gz";
  const pack = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));
  const sound = pack(idxImages(8, 8, (i) => i));
  const cases: readonly [string, Readonly<Record<string, Uint8Array | null>>, RegExp][] = [
    [
      "a missing file",
      { [images]: null },
      /digits: it has no file train-images-idx3-ubyte or .*\.gz/,
    ],
    [
      "an empty file",
      { [images]: new Uint8Array(0) },
      /is cut short: 0 bytes where 16 are expected/,
    ],
    [
      "another kind of file",
      { [images]: Uint8Array.of(137, 80, 78, 71, ...new Uint8Array(20)) },
      /begins with the bytes 89 50 4e 47, and an idx file of images with 00 00 08 03/,
    ],
    [
      "labels in place of images",
      { [images]: idxLabels(LABELS.train.concat(LABELS.train)) },
      /it has 1 dimension, and images have 3/,
    ],
    [
      "images in place of labels",
      { [labels]: idxImages(3, 8, () => 0) },
      /it has 3 dimensions, and labels have 1/,
    ],
    [
      "values that are no bytes",
      { [images]: idxFile([8, 8, 8], new Uint8Array(2048), 0x0d) },
      /its values are of type 0x0d, and images are unsigned bytes, 0x08/,
    ],
    ["no images", { [images]: idxFile([0, 8, 8], new Uint8Array(0)) }, /it holds no images/],
    [
      "images without pixels",
      { [images]: idxFile([8, 0, 8], new Uint8Array(0)) },
      /its images have 0 x 8 pixels, 1 to 1024 are possible/,
    ],
    [
      "images of too many pixels",
      { [images]: idxFile([1, 2000, 8], new Uint8Array(16_000)) },
      /its images have 2000 x 8 pixels/,
    ],
    [
      "more than can be",
      { [images]: idxFile([2 ** 32 - 1, 1024, 1024], new Uint8Array(100)) },
      /its header says \d+ bytes, at most 1073741824 are read/,
    ],
    [
      "a header that says more than a packed file can hold",
      { [images]: pack(idxFile([100_000, 28, 28], new Uint8Array(10))) },
      /is cut short: \d+ bytes cannot hold the 78400016 that its header says/,
    ],
    [
      "an unpacked file that is cut short",
      { [images]: idxImages(8, 8, () => 0).slice(0, 500) },
      /is cut short: 500 bytes cannot hold the 528/,
    ],
    [
      "content that is cut short before packing",
      { [images]: pack(idxImages(8, 8, () => 0).slice(0, 500)) },
      /is cut short: 500 bytes where 528 are expected/,
    ],
    [
      "content that goes on",
      { [images]: pack(Uint8Array.from([...idxImages(8, 8, () => 0), 0])) },
      /it goes on behind what its header says/,
    ],
    [
      "a bomb",
      {
        [images]: pack(Uint8Array.from([...idxImages(8, 8, () => 0), ...new Uint8Array(2 ** 22)])),
      },
      /it goes on behind what its header says/,
    ],
    [
      "a packed file that is cut short",
      { [images]: sound.slice(0, -9) },
      /it is damaged or cut short/,
    ],
    [
      "a packed file with a changed byte",
      { [images]: sound.map((byte, i) => i === sound.length - 6 ? byte ^ 1 : byte) },
      /it is damaged or cut short/,
    ],
    [
      "fewer labels than images",
      { [labels]: idxLabels([0, 1]) },
      /it has 2 labels, and .*t10k-images-idx3-ubyte\.gz has 3 images; the two do not belong together/,
    ],
    [
      "a label without a class",
      { [labels]: idxLabels([0, 7, 1]) },
      /label 1 is 7, the classes of the training part are 0 to 2/,
    ],
    [
      "images of another size than asked for",
      { [images]: idxImages(8, 9, (i) => i) },
      /size asked for is 8 pixels and its images have 9 x 9, set the size to 9/,
    ],
    [
      "images that are not square",
      { [images]: idxFile([8, 8, 9], new Uint8Array(576)) },
      /its images have 8 x 9; idx images are not resized/,
    ],
  ];
  for (const [name, files, message] of cases) {
    await test.step(name, () =>
      withFolder(async (folder) => {
        const { context, dataRoot } = contextIn(folder);
        writeIdx(join(dataRoot, "digits"), LABELS);
        for (const [file, bytes] of Object.entries(files)) {
          const path = join(dataRoot, "digits", file);
          if (bytes === null) Deno.removeSync(path);
          else write(path, bytes);
        }
        await refuses(openDataset(SOURCE, context), message);
      }));
  }
});

Deno.test("who listens may end the reading, and is not taken for damage", () =>
  withFolder(async (folder) => {
    const path = join(folder, "images");
    write(path, gzipSync(idxImages(8, 8, () => 0)));
    const stop = new Error("stop");
    await assert.rejects(
      readIdx(path, "images", () => {
        throw stop;
      }),
      (error) => error === stop,
    );
  }));

Deno.test("a data set that a package has installed is found where the data folder has none", () =>
  withFolder((folder) => {
    const installed = { path: join(folder, "share"), hint: "apt-get install it" };
    const find = (dataRoot: string | null) => locate("set", dataRoot, [], installed);
    assert.throws(() => find(folder), (error: Error) => {
      assert.match(
        error.message,
        /no folder .*set \(folders there: none\), put .*; apt-get install it$/,
      );
      return error instanceof InputError;
    });
    Deno.mkdirSync(installed.path);
    const share = { path: installed.path, isArchive: false };
    assert.deepEqual(find(folder), share);
    assert.deepEqual(find(join(folder, "nowhere")), share);
    Deno.mkdirSync(join(folder, "set"));
    assert.deepEqual(find(folder), { path: join(folder, "set"), isArchive: false });
    return Promise.resolve();
  }));

Deno.test("Fashion-MNIST as Debian has it is the one that was published", {
  ignore: !installedHere(),
}, () =>
  withFolder(async (folder) => {
    const { context, warnings } = contextIn(folder);
    const source = { ...SOURCE, folder: "fashion-mnist", size: 28, trainPerClass: 1 };
    const { train, test } = await openDataset(source, context);
    assert.deepEqual([train.count, test.count, train.classNames.length], [10, 10_000, 10]);
    assert.deepEqual(warnings, []);
    // Its report compares the four files with the digests.
    const [{ problems, notes }] = await checkData(FASHION_MNIST.installed.path, () => {});
    assert.deepEqual([problems, notes], [[], []]);
  }));

function installedHere(): boolean {
  try {
    return Deno.statSync(FASHION_MNIST.installed.path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
