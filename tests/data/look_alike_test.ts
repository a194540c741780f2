import assert from "node:assert/strict";
import { join } from "node:path";
import { checkTree } from "../../src/data/check_tree.ts";
import { readClassList } from "../../src/data/class_list.ts";
import { noteLeftOut, noteOrder } from "../../src/data/class_order.ts";
import { chooseClasses } from "../../src/data/class_selection.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { folderTree } from "../../src/data/file_tree.ts";
import { difference, lookAlikePairs, lookAlikes, nameText } from "../../src/images/look_alike.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { InputError } from "../../src/errors.ts";
import { contextIn, plainPng, withFolder, write } from "./fixtures.ts";

/** Names that look alike or nearly so, and what is to be said of them. */
const PAIRS: readonly (readonly [string, string, RegExp])[] = [
  ["caf\u00e9", "cafe\u0301", /^in Unicode form \(U\+00E9 and U\+0065 U\+0301\)$/],
  ["\uac00", "\u1100\u1161", /^in Unicode form \(U\+AC00 and U\+1100 U\+1161\)$/],
  ["\u212b", "\u00c5", /^in Unicode form/],
  ["cat", "cat ", /^in spaces \(nothing and U\+0020\)$/],
  [" cat", "cat", /^in spaces \(U\+0020 and nothing\)$/],
  ["big cat", "big  cat", /^in spaces \(nothing and U\+0020\)$/],
  ["big cat", "big\u00a0cat", /^in spaces \(U\+0020 and U\+00A0\)$/],
  ["cat", "cat\t", /^in spaces \(nothing and U\+0009\)$/],
  ["Cat", "cAT", /^in upper and lower case$/],
  ["cat", "c\u200bat", /^in characters \(nothing and U\+200B\)$/],
  ["cat", "\ufeffcat", /^in (spaces|characters) \(nothing and U\+FEFF\)$/],
  ["cat", "c\u0430t", /^in characters \(U\+0061 and U\+0430\)$/],
  ["a-b", "a\u2013b", /^in characters \(U\+002D and U\+2013\)$/],
  ["cat", "\uff43at", /^in characters \(U\+0063 and U\+FF43\)$/],
];

Deno.test("names that look alike are found, and what they differ in is said", () => {
  for (const [a, b, message] of PAIRS) {
    assert.deepEqual(lookAlikes(a, ["x", b, a]), [b], JSON.stringify([a, b]));
    assert.match(difference(a, b), message);
  }
  assert.deepEqual(lookAlikes("cat", ["cats", "dog", "c-at", "ca"]), []);
  assert.deepEqual(
    lookAlikePairs(["a", "A", "cat", "cat ", "dog"]),
    [["cat", "cat "]],
    "letters may well be classes",
  );
  const texts = ["dog", "big dog", "dog ", "d\u200bog", ""].map(nameText);
  assert.deepEqual(texts, ["dog", "big dog", '"dog "', '"d\\u{200B}og"', '""']);
});

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof InputError, String(error));
  assert.match(error.message, message);
  return true;
};

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

for (const [a, b, message] of PAIRS.filter(([a]) => a !== "Cat")) {
  const what = JSON.stringify([a, b]);
  Deno.test(`train, test, classes and a class list with one of ${what} each: it is said what differs`, () =>
    withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      const root = join(dataRoot, "pets");
      const png = plainPng(8, [1, 1, 1]);
      for (const path of ["train/x", "test/x", `train/${a}`, `test/${b}`]) {
        write(join(root, path, "0.png"), png);
      }
      const says = RegExp(`looks like .*differs ${escaped(difference(b, a))}`);
      assert.match(difference(a, b), message);
      await assert.rejects(openDataset(SOURCE, context), refused(says));
      const report = await checkTree(folderTree(root), root, () => {});
      assert.equal(report!.problems.length, 2);
      assert.match(report!.problems[0], says);
      assert.throws(() => chooseClasses(["x", b], { classes: [a] }, root), refused(says));
      // Quotes keep the spaces at either end.
      write(join(root, "list.txt"), `x\n${JSON.stringify(b)}\n`);
      await assert.rejects(
        openDataset({ ...SOURCE, classList: "list.txt" }, context),
        refused(RegExp(`have no folder there .*differs ${escaped(difference(a, b))}`)),
      );
    }));
}

Deno.test("a data set's folder, and train in it, are not found under a name that looks alike", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    write(join(dataRoot, "caf\u00e9/Train/x/0.png"), plainPng(8, [1, 1, 1]));
    await assert.rejects(
      openDataset({ ...SOURCE, folder: "cafe\u0301" }, context),
      refused(
        /has "caf\u00e9", which looks like .*in Unicode form \(U\+00E9 and U\+0065 U\+0301\)$/,
      ),
    );
    await assert.rejects(
      openDataset({ ...SOURCE, folder: "caf\u00e9" }, context),
      refused(/no folder train, .*; it has "Train", which looks like "train" and differs in upper/),
    );
  }));

Deno.test("two classes that look alike are taken, and this is said", () =>
  withFolder(async (folder) => {
    const { context, dataRoot, warnings } = contextIn(folder);
    for (const part of ["train", "test"]) {
      for (const name of ["cat", "cat "]) {
        write(join(dataRoot, "pets", part, name, "0.png"), plainPng(8, [1, 1, 1]));
      }
    }
    assert.deepEqual((await openDataset(SOURCE, context)).train.classNames, ["cat", "cat "]);
    assert.match(
      warnings.join(),
      /the classes "cat" and "cat " look alike and are two, .* in spaces/,
    );
  }));

Deno.test("a number that is the name of another class is refused, one of the same class is not", () => {
  const names = ["1", "10", "11", "12", "2", "3"];
  const choose =
    (classes: (number | string)[], exclude: (number | string)[] = [], all = names) => () =>
      chooseClasses(all, { classes, exclude }, "x");
  assert.throws(
    choose([1]),
    refused(
      /1 is the name of a class and the number of class "10"; write .* in quotes, such as "1"$/,
    ),
  );
  assert.throws(
    choose(["1-2"]),
    refused(/1-2 holds 1, which is the name of a class and the number of class "10"/),
  );
  assert.throws(
    choose([12]),
    refused(/12 is the name of a class, and the numbers of its classes are 0 to 5/),
  );
  assert.throws(
    choose(["1", "2"], [3]),
    refused(/3 is the name of a class and the number of class "12"/),
  );
  assert.throws(
    choose([1], [], ["01", "02"]),
    refused(/1 is the name of a class and the number of class "02"; .* "01"$/),
  );
  assert.deepEqual(choose(["1", "2", "10"])(), [0, 4, 1]);
  assert.deepEqual(choose([0, "4-4"])(), [0, 4], "neither is the name of another class");
  const digits = Array.from({ length: 10 }, (_, i) => String(i));
  assert.deepEqual(choose([3, "0-2", 9], [1], digits)(), [3, 0, 2, 9]);
});

Deno.test("the order of names is told where that of their numbers is another", () => {
  assert.match(
    noteOrder(["1", "10", "2"])!,
    /not that of their numbers: 1, 10, 2; for another order/,
  );
  assert.match(noteOrder(["class 10", "class 9"])!, /class 10, class 9/);
  for (
    const names of [["a", "b"], ["01", "02", "10"], ["n01", "n1"], ["0", "1", "2"], ["B", "a"]]
  ) {
    assert.equal(noteOrder(names), null, names.join());
  }
  assert.equal(noteLeftOut(["a", "b"], ["b", "a"]), null);
  assert.match(noteLeftOut(["a", "b", "c"], ["b"])!, /^1 of 3 classes are taken, left out: a, c$/);
  const many = Array.from({ length: 30 }, (_, i) => `n${10 + i}`);
  assert.match(noteLeftOut(many, many.slice(0, 5))!, /n24 and 15 more$/);
});

Deno.test("classes left out and the order of numbers are told when a data set is opened", () =>
  withFolder(async (folder) => {
    const { context, dataRoot, warnings } = contextIn(folder);
    for (const part of ["train", "test"]) {
      for (const name of ["1", "2", "10"]) {
        write(join(dataRoot, "pets", part, name, "0.png"), plainPng(8, [1, 1, 1]));
      }
    }
    await openDataset(SOURCE, context);
    assert.match(
      warnings.join(),
      /train: the classes count in the order of their names by code unit/,
    );
    warnings.length = 0;
    const { train } = await openDataset({ ...SOURCE, classes: ["2", "10"] }, context);
    assert.deepEqual(train.classNames, ["2", "10"]);
    assert.equal(warnings.length, 1, warnings.join());
    assert.match(warnings[0], /train: 2 of 3 classes are taken, left out: 1$/);
  }));

Deno.test("a class list may hold names with spaces, in quotes where it has to be", () =>
  withFolder((folder) => {
    for (const name of ["golden retriever", "cat 7", "cat", "tail ", "#1", "n01"]) {
      Deno.mkdirSync(join(folder, "train", name), { recursive: true });
    }
    const read = (...lines: string[]) => {
      write(join(folder, "list.txt"), "\ufeff" + lines.join("\r\n"));
      return readClassList("list.txt", folderTree(folder), folder);
    };
    assert.deepEqual(read("golden retriever", "n01"), ["golden retriever", "n01"]);
    assert.deepEqual(read("golden retriever 1", "n01 0"), ["n01", "golden retriever"]);
    assert.deepEqual(read('"tail "', '"#1"', '"cat 7"'), ["tail ", "#1", "cat 7"]);
    assert.deepEqual(read('"cat 7" 1', '"cat"\t0'), ["cat", "cat 7"]);
    assert.throws(
      () => read("cat 7", "n01"),
      refused(/"cat 7" is a class folder, and so is "cat" with a number behind it; put .* quotes$/),
    );
    assert.throws(
      () => read("golden  retriever"),
      refused(
        /is not the name of a class folder.*has "golden retriever", which looks like .* in spaces.*data\.train\.classes$/,
      ),
    );
    assert.throws(
      () => read("silver retriever"),
      refused(/name the classes in data\.train\.classes$/),
    );
    assert.throws(() => read('"a/b"'), refused(/is not the name of a class folder/));
    return Promise.resolve();
  }));
