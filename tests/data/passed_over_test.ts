import assert from "node:assert/strict";
import { join } from "node:path";
import { checkTree } from "../../src/data/check_tree.ts";
import { classFolder } from "../../src/data/class_folder.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { endingOf, isImageName, isLitter, mayHoldImage } from "../../src/data/file_names.ts";
import { type FileTree, folderTree, treeOf } from "../../src/data/file_tree.ts";
import { InputError } from "../../src/errors.ts";
import { zipTree } from "../../src/data/zip_tree.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { zip } from "./archives.ts";
import { contextIn, makeLinks, plainJpeg, plainPng, withFolder, write } from "./fixtures.ts";

const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const WEBP = bytes("RIFF\x10\0\0\0WEBPVP8 ");
const GIF = bytes("GIF89a\x01\0\x01\0");
const BMP = bytes("BM\0\0\0\0");
const TIFF = bytes("II*\0\x08\0\0\0");

/** Class folders with everything that is not read, and with images whose names do not say so. */
async function strangeFiles(): Promise<Record<string, Uint8Array>> {
  const png = plainPng(8, [1, 2, 3]);
  const jpeg = await plainJpeg(8, [9, 9, 9]);
  return {
    "train/a/0.webp": WEBP,
    "train/a/1.webp": WEBP,
    "train/a/2.bmp": BMP,
    "train/a/3.GIF": GIF,
    "train/a/4.tif": TIFF,
    "train/a/5.heic": bytes("\0\0\0\x18ftypheic"),
    "train/a/6.jfif": jpeg,
    "train/a/7": png,
    "train/a/8.webp": jpeg, // saved from a page under the name that it had there
    "train/a/9.0001": png,
    "train/a/a.jpg_large": jpeg,
    "train/a/b.png": jpeg,
    "train/a/c": new Uint8Array(),
    "train/a/notes.txt": png,
    "train/a/old.jpg.bak": jpeg,
    "train/a/Thumbs.db": bytes("?"),
    "train/a/desktop.ini": bytes("?"),
    "train/a/.DS_Store": bytes("?"),
    "train/a/._b.png": bytes("?"),
    "train/b/0.png": png,
    "train/b/day1/0.png": png,
    "train/b/day1/more/1.JPG": jpeg,
    "train/b/day2/2.webp": WEBP,
    "train/b/day2/.hidden.png": png,
    "train/c/images/0.png": png,
    "train/c/1.png": png,
    "train/c/c_boxes.txt": bytes("?"),
    "train/c/2": jpeg,
    "train/d/images/0.webp": WEBP, // holds no image that is read: the class's own files are
    "train/d/0.PNG": png,
    "train/0.png": png,
    "train/list.csv": bytes("?"),
    "train/__MACOSX/._a": bytes("?"),
    "test/a/0.png": png,
    "test/b/0.png": png,
    "test/c/0.png": png,
    "test/d/0.png": png,
    "val/a/0.png": png,
    "__MACOSX/train/a/._b.png": bytes("?"),
  };
}

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

/** Notes on the strange files, in a folder and in an archive. */
const NOTES = [
  /^train\/a: 9 files are passed over: 2 \.webp, 1 without ending, 1 \.bak, 1 \.bmp, 1 \.gif, 1 \.heic, 1 \.tif, 1 \.txt/,
  /^train\/b: 3 files are passed over: 1 \.jpg, 1 \.png, 1 \.webp in folders below it \(day1, day2\); convert .*, move those below into the class's folder/,
  /^train\/c: 2 files are passed over: 1 without ending, 1 \.png beside its folder images; put all images into one folder/,
  /^train\/d: 1 file is passed over: 1 \.webp in folders below it \(images\); convert them to PNG or JPEG/,
  /^train: 1 image lies beside the class folders \(0\.png\), passed over; put each into/,
];

for (const kind of ["a folder", "a zip archive"]) {
  Deno.test(`files of ${kind} that are passed over are counted by class and ending`, () =>
    withFolder(async (folder) => {
      const { context, dataRoot, warnings } = contextIn(folder);
      const files = await strangeFiles();
      const path = join(dataRoot, kind === "a folder" ? "pets" : "pets.zip");
      if (kind === "a folder") {
        for (const [name, content] of Object.entries(files)) write(join(path, name), content);
      } else write(path, zip(files));
      const tree = kind === "a folder" ? folderTree(path) : zipTree(path);
      const report = await checkTree(tree, path, () => {});
      assert.deepEqual(report?.problems, []);
      for (const note of NOTES) {
        assert.ok(
          report!.notes.some((text) => note.test(text)),
          `${note}: ${report!.notes.join("\n")}`,
        );
      }
      // In "a" four, in "day2" one, "__MACOSX" of train one.
      assert.ok(
        report!.notes.some((text) => /^6 hidden or system files are passed over/.test(text)),
      );
      const [train] = report!.parts;
      const counts = [...train.classes].map(([name, images]) => [name, images.length]);
      assert.deepEqual(counts, [["a", 6], ["b", 1], ["c", 1], ["d", 1]]);

      const opened = await openDataset(SOURCE, context);
      assert.deepEqual([...opened.train.labels], [0, 0, 0, 0, 0, 0, 1, 2, 3]);
      assert.match(warnings[0], /train: 1 image lies beside the class folders/);
      assert.match(
        warnings[1],
        /train: 15 files are passed over, JPEG and PNG .* are read\n {2}train\/a: 9 files/,
      );
      assert.match(warnings[2], /val is passed over/);
      assert.equal(warnings.length, 3, "nothing is passed over in test");
      assert.ok(report!.notes.some((text) => /val is passed over/.test(text)));
    }));
}

Deno.test("a class of files that are not read is refused, and it is said what they are", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const root = join(dataRoot, "pets");
    for (const part of ["train", "test"]) {
      write(join(root, part, "a/0.png"), plainPng(8, [1, 1, 1]));
    }
    for (const n of [1, 2, 3]) write(join(root, `train/b/${n}.webp`), WEBP);
    write(join(root, "test/b/0.png"), plainPng(8, [1, 1, 1]));
    await assert.rejects(openDataset(SOURCE, context), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(
        error.message,
        /class b has 0 JPEG or PNG files and at least 1 is needed, 3 files are passed over: 3 \.webp; convert them to PNG or JPEG/,
      );
      return true;
    });
    const report = await checkTree(folderTree(root), root, () => {});
    assert.match(
      report!.problems.join(),
      /class b has no images in train: 3 files are passed over: 3 \.webp/,
    );
  }));

Deno.test("the official layout of Tiny-ImageNet passes nothing over", () =>
  withFolder((folder) => {
    write(join(folder, "train/n01/images/n01_0.JPEG"), "?");
    write(join(folder, "train/n01/n01_boxes.txt"), "?");
    const { images, passedOver } = classFolder(folderTree(folder), "train/n01");
    assert.deepEqual(images, ["train/n01/images/n01_0.JPEG"]);
    assert.deepEqual(passedOver.besideImages, new Map());
    return Promise.resolve();
  }));

Deno.test("images that val_annotations.txt names twice are refused, and those it does not name are said", () =>
  withFolder(async (folder) => {
    const { context, dataRoot, warnings } = contextIn(folder);
    const root = join(dataRoot, "pets");
    const png = plainPng(8, [1, 1, 1]);
    for (const name of ["n01", "n02"]) write(join(root, `train/${name}/images/0.png`), png);
    for (const n of [0, 1, 2, 3, 4]) write(join(root, `val/images/val_${n}.png`), png);
    write(join(root, "val/images/val_5.webp"), WEBP);
    write(join(root, "wnids.txt"), "n01\nn02\n");
    const annotate = (...lines: string[]) =>
      write(join(root, "val/val_annotations.txt"), lines.map((line) => `${line}\t0\n`).join(""));
    const check = async () => (await checkTree(folderTree(root), root, () => {}))!;
    const twice = /line 3 is "val_0\.png\tn0[12]\t0", and line 1 names the same image/;
    for (const name of ["n01", "n02"]) {
      annotate("val_0.png\tn01", "val_1.png\tn02", `val_0.png\t${name}`);
      await assert.rejects(openDataset(SOURCE, context), (error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, twice);
        return true;
      });
      assert.match((await check()).problems.join(), twice);
    }

    annotate("val_0.png\tn01", "val_1.png\tn02");
    const { test } = await openDataset(SOURCE, context);
    assert.equal(test.count, 2);
    assert.match(
      warnings.join("\n"),
      /pets\/val: 1 file is passed over.*\n {2}val\/images: .*\.webp/,
    );
    assert.match(
      warnings.join("\n"),
      /val\/images: 3 images are not in val_annotations\.txt \(val_2\.png, val_3\.png, val_4\.png\)/,
    );
    const { problems, notes } = await check();
    const unnamed = problems.filter((text) => /it is not in val_annotations\.txt/.test(text));
    assert.equal(unnamed.length, 3);
    assert.match(notes.join("\n"), /^val\/images: 1 file is passed over: 1 \.webp/m);

    write(join(root, "wnids.txt"), "n02\nn02\n");
    const report = await check();
    assert.match(report.problems.join(), /wnids\.txt names class n02 twice/);
    assert.match(report.notes.join("\n"), /train has a class n01 that wnids\.txt does not name/);
  }));

Deno.test("a name tells images, files that may hold one, and what systems leave", () => {
  for (const name of ["a.jpg", "a.JPEG", "b.png", "c.jfif", "d.JPE", "e.f.pjpeg"]) {
    assert.ok(isImageName(name), name);
  }
  for (const name of ["a", "a.webp", "a.001", "jpg", "a.jpg_large", "a.dat"]) {
    assert.ok(!isImageName(name) && mayHoldImage(name), name);
  }
  for (const name of ["a.txt", "a.jpg.part", "a.png~", "a.zip", "n_boxes.txt"]) {
    assert.ok(!isImageName(name) && !mayHoldImage(name), name);
  }
  for (const name of [".DS_Store", "._a.png", "Thumbs.db", "THUMBS.DB", "__MACOSX", "Icon\r"]) {
    assert.ok(isLitter(name) && !isImageName(name) && !mayHoldImage(name), name);
  }
  const endings = ["a.WebP", "a.tar.gz", "a", "a.01", ".a", "a."].map(endingOf);
  assert.deepEqual(endings, [".webp", ".gz", "", "", "", ""]);
});

Deno.test("each thing that cannot be read is a problem of its own, and the rest is counted", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const root = join(dataRoot, "pets");
    for (const part of ["train", "test"]) {
      for (const name of ["a", "b"]) write(join(root, part, name, "0.png"), plainPng(8, [1, 1, 1]));
    }
    write(join(root, "test/b/1.png"), "");
    write(join(folder, "elsewhere/2.png"), plainPng(8, [2, 2, 2]));
    const links = {
      "train/a/README": "/nowhere/README",
      "train/a/loop.png": "loop.png",
      "train/a/device.png": "/dev/null",
      "train/a/pipe.jpg": "",
      "train/a/up": "..",
      "train/cat": "/nowhere/cat",
      "test/b/2.png": join(folder, "elsewhere/2.png"),
      "test/b/3.png": "0.png",
    };
    await makeLinks(
      Object.fromEntries(Object.entries(links).map(([path, to]) => [join(root, path), to])),
    );
    const report = await checkTree(folderTree(root), root, () => {});
    const problems = [
      /train\/a\/README: it is a link to \/nowhere\/README, which is not there, restore that or remove/,
      /train\/a\/loop\.png: it is a link that leads in a circle/,
      /train\/a\/device\.png: it is a link to a device and no file/,
      /train\/a\/pipe\.jpg: it is a pipe and no file, remove it/,
      /train\/cat: it is a link to \/nowhere\/cat, which is not there/,
      /test\/b\/1\.png: the file is empty/,
    ];
    assert.equal(report!.problems.length, problems.length, report!.problems.join("\n"));
    for (const problem of problems) {
      assert.equal(
        report!.problems.filter((text) => problem.test(text)).length,
        1,
        String(problem),
      );
    }
    assert.match(
      report!.notes.join("\n"),
      /train\/a: passed over: links to folders \(up\)/,
    );
    assert.match(report!.notes.join("\n"), /1 link leads out of the folder/);
    const counts = report!.parts.map(({ classes }) =>
      [...classes.values()].map((list) => list.length)
    );
    assert.deepEqual(counts, [[1, 1], [1, 4]]);

    const refused = (message: RegExp) => (error: unknown) => {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, message);
      return true;
    };
    // A class that is a broken link would number the others anew.
    await assert.rejects(openDataset(SOURCE, context), refused(/train\/cat: it is a link to/));
    Deno.removeSync(join(root, "train/cat"));
    await assert.rejects(
      openDataset(SOURCE, context),
      refused(
        /device\.png: it is a link to a device and no file, remove it \(and 2 more like it; .* check/,
      ),
    );
    for (const name of ["loop.png", "device.png", "pipe.jpg"]) {
      Deno.removeSync(join(root, "train/a", name));
    }
    Deno.removeSync(join(root, "test/b/1.png"));
    const { train, test } = await openDataset(SOURCE, context);
    assert.deepEqual(
      [train.count, test.count],
      [2, 4],
      "a broken link of another name is no image",
    );
  }));

Deno.test("a class folder that cannot be read does not hide the others", async () => {
  const png = plainPng(8, [1, 1, 1]);
  await withFolder(async (folder) => {
    for (const name of ["train/a", "train/b", "test/a", "test/b"]) {
      write(join(folder, name, "0.png"), png);
    }
    const whole = folderTree(folder);
    const tree: FileTree = treeOf({
      ...whole,
      entries(path) {
        if (path === "train/b") throw new InputError(`Cannot read ${path}: Permission denied, ...`);
        return whole.entries(path);
      },
    });
    const report = await checkTree(tree, folder, () => {});
    assert.deepEqual(report!.problems, ["Cannot read train/b: Permission denied, ..."]);
    const counts = report!.parts.map(({ classes }) =>
      [...classes.values()].map((list) => list.length)
    );
    assert.deepEqual(counts, [[1, 0], [1, 1]]);
    for (const part of ["train", "test"]) {
      const closed: FileTree = treeOf({
        ...whole,
        entries(path) {
          if (path === part) throw new InputError(`Cannot read ${path}: Permission denied, ...`);
          return whole.entries(path);
        },
      });
      const { problems, parts } = (await checkTree(closed, folder, () => {}))!;
      assert.deepEqual(problems, [`Cannot read ${part}: Permission denied, ...`]);
      const found = parts.flatMap(({ classes }) => [...classes.values()].flat());
      assert.equal(found.length, 2, "the other part is counted");
    }
  });
});
