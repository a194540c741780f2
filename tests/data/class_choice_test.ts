import fc from "fast-check";
import assert from "node:assert/strict";
import { join } from "node:path";
import { readClassList } from "../../src/data/class_list.ts";
import { chooseClasses, renumbered } from "../../src/data/class_selection.ts";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import { folderTree } from "../../src/data/file_tree.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { InputError } from "../../src/errors.ts";
import { cifarRecord, contextIn, joined, plainPng, withFolder, write } from "./fixtures.ts";

const LETTERS = ["a", "b", "c", "d", "e"];

const refused = (message: RegExp) => (error: unknown) => {
  assert(error instanceof InputError, String(error));
  assert.match(error.message, message);
  return true;
};

Deno.test("classes are chosen by number, range and name, in the order given", () => {
  const choose = (classes: (number | string)[] | null, exclude: (number | string)[] = []) =>
    chooseClasses(LETTERS, { classes, exclude }, "x");
  assert.deepEqual(choose(null), [0, 1, 2, 3, 4]);
  assert.deepEqual(choose([3, "a", "1-2"]), [3, 0, 1, 2]);
  assert.deepEqual(choose(null, ["b", "3-4"]), [0, 2]);
  assert.deepEqual(choose(["2-4", 0], [3]), [2, 4, 0]);
  assert.deepEqual(
    chooseClasses(["0-1", "b"], { classes: ["0-1"] }, "x"),
    [0],
    "a name goes first",
  );
});

Deno.test("classes that are not there, twice there or all left out are refused", () => {
  const choose = (classes: (number | string)[] | null, exclude: (number | string)[] = []) => () =>
    chooseClasses(LETTERS, { classes, exclude }, "x");
  assert.throws(choose([5]), refused(/5 is not among its classes, which are numbered 0 to 4$/));
  assert.throws(choose(["3-5"]), refused(/3-5 is not among/));
  assert.throws(choose(["3-1"]), refused(/3-1 is not among/));
  assert.throws(choose(["z"]), refused(/it has no class z, its classes are a, b, c, \.\.\.$/));
  assert.throws(choose([1, "b"]), refused(/class 1 \(b\) is named twice/));
  assert.throws(choose(null, ["0-4"]), refused(/none is left/));
});

Deno.test("labels are renumbered to places among the chosen, others to -1", () => {
  const labels = fc.array(fc.nat(4));
  const chosen = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 1 });
  fc.assert(fc.property(labels, chosen, (labels, chosen) => {
    const found = renumbered(labels, chosen);
    labels.forEach((label, i) => assert.equal(found[i], chosen.indexOf(label)));
  }));
});

Deno.test("the official dreams of CIFAR-10 are 12 superclasses of CIFAR-100, renumbered in order", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const lines = (count: number, word: string) =>
      Array.from({ length: count }, (_, i) => `${word}${i}\n`).join("");
    write(join(dataRoot, "c/fine_label_names.txt"), lines(100, "fine"));
    write(join(dataRoot, "c/coarse_label_names.txt"), lines(20, "coarse"));
    const records = Array.from({ length: 40 }, (_, i) => cifarRecord([i % 20, i], [i, 0, 0]));
    write(join(dataRoot, "c/train.bin"), joined(records));
    write(join(dataRoot, "c/test.bin"), cifarRecord([0, 0], [0, 0, 0]));
    const dreams = await openDreams({
      format: "cifar100",
      folder: "c",
      labels: "coarse",
      exclude: [8, 11, 12, 13, 15, 16, 18, 19],
      trainPerClass: null,
      testPerClass: null,
      size: 32,
    }, context);
    const kept = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 14, 17];
    assert.deepEqual(dreams.classNames, kept.map((i) => `coarse${i}`));
    assert.deepEqual([...dreams.labels], [...kept.keys(), ...kept.keys()]);
    const reds = Array.from(dreams.labels, (_, i) => dreams.pixels[i * 3072]);
    assert.deepEqual(reds, [...kept, ...kept.map((i) => i + 20)]);
  }));

/** Class folders n1 to n4, in train and val; the colour of class nK's images is K. */
function writeFolders(root: string): void {
  for (const k of [1, 2, 3, 4]) {
    for (const part of ["train", "val"]) {
      write(join(root, part, `n${k}`, "0.png"), plainPng(8, [k, 0, 0]));
    }
  }
}

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "net",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

Deno.test("a class list names the folders to read and numbers them", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeFolders(join(dataRoot, "net"));
    const colors = async (changes: Partial<ImageFolderSource>) => {
      const { train, test } = await openDataset({ ...SOURCE, ...changes }, context);
      const reds = [train, test].map(({ pixels, count }) =>
        Array.from({ length: count }, (_, i) => pixels[i * 192])
      );
      assert.deepEqual(reds[0], reds[1]);
      return reds[0];
    };
    write(join(dataRoot, "list.txt"), "# comment\n\nn3\nn1\r\nn4\n");
    assert.deepEqual(await colors({ classList: "list.txt" }), [3, 1, 4]);
    assert.deepEqual(await colors({ classList: "list.txt", classes: ["1-2"] }), [1, 4]);
    write(join(dataRoot, "net/list.txt"), "n2 1\nn4 0\n");
    assert.deepEqual(
      await colors({ classList: "list.txt" }),
      [4, 2],
      "the folder's own goes first",
    );
    assert.deepEqual(await colors({ exclude: ["n1"] }), [2, 3, 4]);
    write(join(dataRoot, "list2.txt"), "n2\nn9\n");
    await assert.rejects(
      colors({ classList: "list2.txt" }),
      refused(/1 of the 2 classes wanted have no folder there \(n9\)/),
    );
    await assert.rejects(
      colors({ classList: "imagenet100_aux.txt" }),
      refused(/100 of the 100 classes wanted have no folder/),
    );
  }));

Deno.test("a class list that cannot be used is refused with its line", async () => {
  await withFolder((folder) => {
    const read = (text: string) => () => {
      write(join(folder, "l.txt"), text);
      return readClassList("l.txt", folderTree(folder), folder);
    };
    assert.throws(read("n1 0\nn2 0\n"), refused(/l\.txt: "n2 0" makes the numbering wrong/));
    assert.throws(read("n1\nn1\n"), refused(/makes the numbering wrong/));
    assert.throws(read("n1 2\nn2 0\n"), refused(/"n1 2" makes the numbering wrong/));
    assert.throws(read("../n1\n"), refused(/is not the name of a class folder/));
    assert.throws(read("n1 goldfish and more\n"), refused(/is not the name of a class folder/));
    assert.throws(read("# nothing\n"), refused(/names no class/));
    assert.throws(
      () => readClassList("no.txt", folderTree(folder), folder),
      refused(/Cannot find the class list no\.txt: it is neither in/),
    );
    return Promise.resolve();
  });
});

Deno.test("this program's own lists are those of FG-ImageNet", () => {
  const lists = ["primary", "aux"].map((name) =>
    readClassList(`imagenet100_${name}.txt`, folderTree("nowhere"), "nowhere")
  );
  for (const list of lists) assert.equal(new Set(list).size, 100);
  assert.deepEqual(lists[0].filter((name) => lists[1].includes(name)), []);
  assert.deepEqual([lists[0][0], lists[0][99]], ["n01943899", "n01828970"]);
  assert.deepEqual(lists[1], [...lists[1]].sort());
});

Deno.test("images of other sizes are resized while they are packed", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeFolders(join(dataRoot, "net"));
    write(join(dataRoot, "net/train/n1/0.png"), plainPng(13, [1, 0, 0]));
    await assert.rejects(
      openDataset(SOURCE, context),
      refused(/13 x 13 .* 8 x 8 .*set the source's resize/),
    );
    for (const resize of ["lanczos", "bilinear", "skimage", "official_cifar100_aux"] as const) {
      const { train } = await openDataset({ ...SOURCE, resize }, context);
      assert.equal(train.pixels.length, 4 * 192);
      assert.deepEqual([...train.pixels.subarray(0, 3)], [1, 0, 0]);
    }
    const names = [...Deno.readDirSync(context.cacheDir)].filter(({ name }) =>
      name.includes("train")
    );
    assert.equal(names.length, 4, "each way of resizing has a cache of its own");
  }));

Deno.test("a folder test without classes, as ImageNet has it, does not hide val", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    writeFolders(join(dataRoot, "net"));
    write(join(dataRoot, "net/test/0.png"), plainPng(8, [0, 0, 0]));
    assert.equal((await openDataset(SOURCE, context)).test.count, 4);
    Deno.removeSync(join(dataRoot, "net/val"), { recursive: true });
    await assert.rejects(
      openDataset(SOURCE, context),
      refused(/neither test nor val has class folders, put the test images into test\/CLASS$/),
    );
  }));

Deno.test("CORe50 opens by sessions and objects", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    for (let session = 1; session <= 11; session++) {
      for (let object = 1; object <= 50; object++) {
        const path = join(dataRoot, `core50_128x128/s${session}/o${object}/C_0.png`);
        write(path, plainPng(4, [session, object, 0]));
      }
    }
    const { train, test } = await openDataset({
      ...SOURCE,
      format: "core50",
      folder: "core50_128x128",
      classes: [9, 0],
      size: 4,
    }, context);
    assert.deepEqual(train.classNames, ["remote_controls", "plug_adapters"]);
    assert.deepEqual([train.count, test.count], [2 * 5 * 8, 2 * 5 * 3]);
    const origin = (i: number) => [...test.pixels.subarray(i * 48, i * 48 + 2)];
    assert.deepEqual([0, 5, 15].map(origin), [[3, 46], [7, 46], [3, 1]]);
    assert.deepEqual([...test.labels], Array.from({ length: 30 }, (_, i) => Math.floor(i / 15)));
  }));
