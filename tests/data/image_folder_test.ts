import assert from "node:assert/strict";
import { join } from "node:path";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { drawSubset } from "../../src/data/subset.ts";
import { InputError } from "../../src/errors.ts";
import {
  contextIn,
  joined,
  plainJpeg,
  plainPng,
  withFolder,
  write,
  writeImageFolder,
} from "./fixtures.ts";

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

/** Opens `pets` after `change` had its way with a good folder. */
function opening(
  change: (root: string) => void | Promise<void>,
  options: Partial<typeof SOURCE> = {},
) {
  return async (
    check: (dataset: ReturnType<typeof openDataset>, root: string) => Promise<void>,
  ) => {
    await withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      const root = join(dataRoot, "pets");
      await writeImageFolder(root, 8);
      await change(root);
      await check(openDataset({ ...SOURCE, ...options }, context), root);
    });
  };
}

function refused(...words: readonly (string | RegExp)[]) {
  return async (dataset: Promise<unknown>) => {
    await assert.rejects(dataset, (error) => {
      assert.ok(error instanceof InputError, String(error));
      for (const word of words) {
        const found = typeof word === "string"
          ? error.message.includes(word)
          : word.test(error.message);
        assert.ok(found, `"${error.message}" does not say ${word}`);
      }
      return true;
    });
  };
}

Deno.test("an image folder of PNG and JPEG files opens in the order of class and file names", async () => {
  await opening(() => {})(async (opened) => {
    const { name, train, test } = await opened;
    assert.equal(name, "pets");
    assert.deepEqual(train.classNames, ["cat", "dog"]);
    assert.deepEqual([...train.labels], [0, 0, 0, 1, 1, 1]);
    assert.deepEqual([train.count, train.height, train.width], [6, 8, 8]);
    assert.equal(train.pixels.length, 6 * 8 * 8 * 3);
    for (let i = 0; i < 6; i++) {
      const first = train.pixels.subarray(i * 192, i * 192 + 3);
      assert.deepEqual([...first], [Math.floor(i / 3), i % 3, 7]);
    }
    assert.deepEqual([...test.labels], [0, 0, 1, 1]);
    // JPEG is lossy: a plain colour comes back within a few steps.
    for (const [i, wanted] of [[0, 0], [2, 200]]) {
      assert.ok(Math.abs(test.pixels[i * 192] - wanted) <= 4, `${test.pixels[i * 192]}`);
    }
  });
});

Deno.test("a limit per class takes the files drawn by the seed and does not decode the others", async () => {
  const choice = { perClass: 2, subsetSeed: 5 };
  const drawn = ["cat", "dog"].map((name) => [...drawSubset(3, name, "train", choice)]);
  const left = [0, 1, 2].find((place) => !drawn[0].includes(place));
  const spoil = (root: string) => write(join(root, `train/cat/${left}.png`), "not an image");
  const limits = { trainPerClass: 2, testPerClass: 1, subsetSeed: 5 };
  await opening(spoil, limits)(async (opened) => {
    const { train, test } = await opened;
    assert.deepEqual([...train.labels], [0, 0, 1, 1]);
    const numbers = Array.from({ length: 4 }, (_, i) => train.pixels[i * 192 + 1]);
    assert.deepEqual(numbers, drawn.flat());
    assert.deepEqual([...test.labels], [0, 1]);
  });
});

Deno.test("images to dream of are drawn, too, and another seed draws others", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    for (let n = 10; n < 50; n++) {
      write(join(dataRoot, `pets/group/${n}.png`), plainPng(8, [n, 0, 0]));
    }
    const numbers = async (subsetSeed: number) => {
      const source = { ...SOURCE, trainPerClass: 8, subsetSeed };
      const { pixels } = await openDreams(source, context);
      return Array.from({ length: 8 }, (_, i) => pixels[i * 192]);
    };
    const places = drawSubset(40, "group", "train", { perClass: 8, subsetSeed: 0 });
    assert.deepEqual(await numbers(0), Array.from(places, (place) => 10 + place));
    assert.notDeepEqual(await numbers(1), await numbers(0));
  }));

Deno.test("a limit above the number of files of a class is refused", () =>
  opening((root) => Deno.removeSync(join(root, "train/dog/1.png")), { trainPerClass: 3 })(
    refused("class dog has 2", "lower the limit"),
  ));

Deno.test("val serves where test is missing", async () => {
  const rename = (root: string) => Deno.renameSync(join(root, "test"), join(root, "val"));
  await opening(rename)(async (opened) => {
    assert.equal((await opened).test.count, 4);
  });
});

Deno.test("Tiny-ImageNet's own layout opens: images below each class, annotated validation", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const root = join(dataRoot, "pets");
    write(join(root, "train/n01/images/n01_0.JPEG"), await plainJpeg(8, [0, 0, 0]));
    write(join(root, "train/n01/n01_boxes.txt"), "n01_0.JPEG\t0\t0\t7\t7\n");
    write(join(root, "train/n02/images/n02_0.JPEG"), await plainJpeg(8, [255, 255, 255]));
    write(join(root, "val/images/val_0.JPEG"), await plainJpeg(8, [255, 255, 255]));
    write(join(root, "val/images/val_1.JPEG"), await plainJpeg(8, [0, 0, 0]));
    const lines = "val_0.JPEG\tn02\t0\t0\t7\t7\nval_1.JPEG\tn01\t0\t0\t7\t7\n";
    write(join(root, "val/val_annotations.txt"), lines);
    const { train, test } = await openDataset(SOURCE, context);
    assert.deepEqual([train.pixels[0], train.pixels[192]], [0, 255]);
    assert.deepEqual([...test.labels], [0, 1]);
    assert.deepEqual([test.pixels[0], test.pixels[192]], [0, 255]);

    // The paths stay the same: only the labels tell that the cached images are not these.
    write(join(root, "val/val_annotations.txt"), lines.replace("n02", "n03"));
    await refused("line 1", "n03")(openDataset(SOURCE, context));
    write(
      join(root, "val/val_annotations.txt"),
      "val_0.JPEG\tn01\t0\t0\t7\t7\nval_1.JPEG\tn02\t0\t0\t7\t7\n",
    );
    const swapped = await openDataset(SOURCE, context);
    assert.deepEqual([swapped.test.pixels[0], swapped.test.pixels[192]], [255, 0]);
  }));

Deno.test("dreams open from class folders directly in the folder, or below train", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    write(join(dataRoot, "pets/groups.txt"), "not an image");
    write(join(dataRoot, "pets/group00/a.png"), plainPng(8, [1, 2, 3]));
    write(join(dataRoot, "pets/group01/a.png"), plainPng(8, [4, 5, 6]));
    const flat = await openDreams(SOURCE, context);
    assert.deepEqual(flat.classNames, ["group00", "group01"]);
    assert.deepEqual([...flat.pixels.subarray(192, 195)], [4, 5, 6]);
    await writeImageFolder(join(dataRoot, "pets"), 8);
    assert.deepEqual((await openDreams(SOURCE, context)).classNames, ["cat", "dog"]);
  }));

Deno.test("an image of another size is refused with both sizes", () =>
  opening((root) => write(join(root, "train/dog/1.png"), plainPng(9, [0, 0, 0])))(
    refused(join("train", "dog", "1.png"), "9 x 9", "8 x 8", "resize"),
  ));

Deno.test("a JPEG cut short is refused, although its decoder would fill the rest with grey", () =>
  opening(async (root) => {
    const whole = await plainJpeg(8, [9, 9, 9]);
    write(join(root, "test/cat/0.jpg"), whole.subarray(0, whole.length - 4));
  })(refused(join("test", "cat", "0.jpg"), "cut short", "Premature end", "replace the file")));

Deno.test("a JPEG whose pixels end early is refused, although it has an end marker", () =>
  opening(async (root) => {
    const whole = await plainJpeg(8, [9, 9, 9]);
    write(join(root, "test/cat/0.jpg"), joined([whole.subarray(0, -9), whole.subarray(-2)]));
  })(refused(join("test", "cat", "0.jpg"), "damaged or cut short", "replace the file")));

Deno.test("a JPEG cut within its header is refused", () =>
  opening(async (root) => {
    write(join(root, "test/cat/0.jpg"), (await plainJpeg(8, [9, 9, 9])).subarray(0, 100));
  })(refused(join("test", "cat", "0.jpg"), "cut short", "replace the file")));

Deno.test("a PNG cut short is refused", () =>
  opening((root) => write(join(root, "train/cat/0.png"), plainPng(8, [9, 9, 9]).subarray(0, 60)))(
    refused(join("train", "cat", "0.png"), "cut short", "replace the file"),
  ));

Deno.test("a PNG with a changed byte is refused by its checksum", () =>
  opening((root) => {
    const bytes = plainPng(8, [9, 9, 9]);
    bytes[45] ^= 1;
    write(join(root, "train/cat/0.png"), bytes);
  })(refused(join("train", "cat", "0.png"), "damaged")));

Deno.test("a file that is no image is refused with its first bytes", () =>
  opening((root) => write(join(root, "train/cat/0.png"), "<html>"))(
    refused(join("train", "cat", "0.png"), "3c 68 74 6d", "neither JPEG nor PNG"),
  ));

Deno.test("an empty file is refused", () =>
  opening((root) => write(join(root, "train/cat/0.png"), ""))(refused("the file is empty")));

Deno.test("classes that only one of train and test has are named", () =>
  opening((root) => Deno.renameSync(join(root, "test/dog"), join(root, "test/wolf")))(
    refused("only in train: dog", "only in test: wolf"),
  ));

Deno.test("a class folder without images is refused", () =>
  opening((root) => {
    Deno.mkdirSync(join(root, "train/bird"));
    write(join(root, "train/bird/notes.txt"), "none yet");
  })(refused("class bird has 0")));

Deno.test("a folder without train is refused with the layout to make", () =>
  opening((root) => Deno.removeSync(join(root, "train"), { recursive: true }))(
    refused("no folder train", "train/CLASS"),
  ));

Deno.test("a missing data set is refused with the folders that are there", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    await writeImageFolder(join(dataRoot, "birds"), 8);
    await refused(join(dataRoot, "pets"), "birds", "--data")(openDataset(SOURCE, context));
    await refused("--data DIR")(openDataset(SOURCE, { ...context, dataRoot: null }));
  }));
