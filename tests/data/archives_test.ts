import assert from "node:assert/strict";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import type { SourceOptions } from "../../src/images/source.ts";
import { readTarGz } from "../../src/data/tar.ts";
import { zipTree } from "../../src/data/zip_tree.ts";
import { InputError } from "../../src/errors.ts";
import { tarGz, tarHeader, zip } from "./archives.ts";
import { cifarRecord, contextIn, joined, plainPng, withFolder, write } from "./fixtures.ts";

const CIFAR10: SourceOptions = {
  format: "cifar10",
  folder: "cifar-10-batches-bin",
  trainPerClass: null,
  testPerClass: null,
  size: 32,
};

/** The official archive with two records in each file. */
function cifar10Files(): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {
    "batches.meta.txt": new TextEncoder().encode(
      Array.from({ length: 10 }, (_, i) => `class${i}\n`).join(""),
    ),
    "test_batch.bin": cifarRecord([3], [1, 2, 3]),
  };
  for (let n = 0; n < 5; n++) {
    const records = [cifarRecord([2 * n], [n, 100, 200]), cifarRecord([2 * n + 1], [n, 101, 201])];
    files[`data_batch_${n + 1}.bin`] = joined(records);
  }
  return Object.fromEntries(
    Object.entries(files).map(([name, bytes]) => [`cifar-10-batches-bin/${name}`, bytes]),
  );
}

const LIMITS = { fileBytes: 1000, totalBytes: 100_000 };

const refused = (message: RegExp) => (error: unknown) => {
  assert(error instanceof InputError, String(error));
  assert.match(error.message, message);
  return true;
};

Deno.test("CIFAR's archive is read as it is, and shares the cache of the unpacked folder", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const files = cifar10Files();
    write(join(dataRoot, "cifar-10-binary.tar.gz"), tarGz(files));
    const packed = await openDataset(CIFAR10, context);
    assert.deepEqual([...packed.train.labels], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual([...packed.test.pixels.subarray(0, 3)], [1, 2, 3]);
    const cached = () => [...Deno.readDirSync(context.cacheDir)].length;
    assert.equal(cached(), 2);
    for (const [name, bytes] of Object.entries(files)) write(join(dataRoot, name), bytes);
    assert.deepEqual(await openDataset(CIFAR10, context), packed);
    assert.equal(cached(), 2);
  }));

Deno.test("--data may name the archive, or the data set's folder, itself", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const files = cifar10Files();
    const archive = join(dataRoot, "cifar-10-binary.tar.gz");
    write(archive, tarGz(files));
    assert.equal((await openDataset(CIFAR10, { ...context, dataRoot: archive })).train.count, 10);
    for (const [name, bytes] of Object.entries(files)) write(join(dataRoot, name), bytes);
    const itself = join(dataRoot, "cifar-10-batches-bin");
    assert.equal((await openDataset(CIFAR10, { ...context, dataRoot: itself })).train.count, 10);
  }));

Deno.test("a damaged CIFAR archive is refused with its path", async (test) => {
  const whole = tarGz(cifar10Files());
  const plain = gunzipSync(whole);
  const without = { ...cifar10Files() };
  const stored = new Uint8Array(gzipSync(plain, { level: 0 }));
  delete without["cifar-10-batches-bin/data_batch_4.bin"];
  const cases: [string, Uint8Array, RegExp][] = [
    ["cut short", whole.subarray(0, whole.length - 500), /Cannot read .*cifar-10-binary.tar.gz/],
    ["no gzip", new TextEncoder().encode("<html>"), /Cannot read .*cifar-10-binary.tar.gz/],
    ["no tar", gzipSync(new Uint8Array(2000).fill(7)), /no tar archive/],
    ["a changed header", gzipSync(plain.with(3, 88)), /no tar archive, or damaged/],
    ["ends in a file", gzipSync(plain.subarray(0, 5000)), /cut short/],
    ["a changed pixel", stored.with(20_000, stored[20_000] ^ 1), /matching checksum/],
    ["no checksum", whole.subarray(0, whole.length - 8), /matching checksum/],
    ["a missing file", tarGz(without), /it has no file .*data_batch_4\.bin/],
  ];
  for (const [name, bytes, message] of cases) {
    await test.step(name, () =>
      withFolder(async (folder) => {
        const { context, dataRoot } = contextIn(folder);
        write(join(dataRoot, "cifar-10-binary.tar.gz"), bytes);
        await assert.rejects(openDataset(CIFAR10, context), refused(message));
      }));
  }
});

Deno.test("a tar archive gives wanted files only, and none beyond its limits", () =>
  withFolder(async (folder) => {
    const path = join(folder, "x.tar.gz");
    const big = new Uint8Array(2000);
    const inner = { "../escape": Uint8Array.of(1), "./a": Uint8Array.of(2), "b/big": big };
    write(path, tarGz(inner));
    const found = await readTarGz(path, new Set(["a", "c"]), LIMITS);
    assert.deepEqual([...found], [["a", Uint8Array.of(2)]]);
    await assert.rejects(
      readTarGz(path, new Set(["b/big"]), LIMITS),
      refused(/b\/big in it has 2000 bytes, the limit is 1000/),
    );
    await assert.rejects(
      readTarGz(path, new Set(["a"]), { ...LIMITS, totalBytes: 2000 }),
      refused(/unpacks to more than 2000 bytes/),
    );
    write(join(folder, "padded.tar.gz"), gzipSync(new Uint8Array(200_000), { level: 0 }));
    await assert.rejects(
      readTarGz(join(folder, "padded.tar.gz"), new Set(["a"]), LIMITS),
      refused(/unpacks to more than 100000 bytes/),
    );
    const stopped = new Error("stopped");
    const stop = () => {
      throw stopped;
    };
    await assert.rejects(readTarGz(path, new Set(["a"]), LIMITS, stop), stopped);
    // A link of a wanted name is not followed, and is no file.
    write(path, gzipSync(joined([tarHeader("a", 0, "2"), new Uint8Array(1024)])));
    assert.equal((await readTarGz(path, new Set(["a"]), LIMITS)).size, 0);
  }));

/** Tiny-ImageNet's layout with two classes, in one folder as the official archive has it. */
function tinyFiles(): Record<string, Uint8Array> {
  const text = (content: string) => new TextEncoder().encode(content);
  return {
    "tiny-imagenet-200/": new Uint8Array(),
    "tiny-imagenet-200/wnids.txt": text("n02\nn01\n"),
    "tiny-imagenet-200/train/n01/images/n01_0.JPEG": plainPng(8, [1, 0, 0]),
    "tiny-imagenet-200/train/n02/images/n02_0.JPEG": plainPng(8, [2, 0, 0]),
    "tiny-imagenet-200/train/n02/n02_boxes.txt": text("n02_0.JPEG\t0\t0\t7\t7\n"),
    "tiny-imagenet-200/val/images/val_0.JPEG": plainPng(8, [3, 0, 0]),
    "tiny-imagenet-200/val/images/val_1.JPEG": plainPng(8, [4, 0, 0]),
    "tiny-imagenet-200/val/val_annotations.txt": text("val_0.JPEG\tn02\t0\nval_1.JPEG\tn01\t0\n"),
    "tiny-imagenet-200/test/images/test_0.JPEG": plainPng(8, [9, 9, 9]),
    "__MACOSX/tiny-imagenet-200/._wnids.txt": text("?"),
  };
}

const TINY: SourceOptions = {
  format: "image_folder",
  folder: "tiny-imagenet-200",
  trainPerClass: null,
  testPerClass: null,
  classList: "wnids.txt",
  size: 8,
};

for (const zip64 of [false, true]) {
  Deno.test(`Tiny-ImageNet's ${zip64 ? "64-bit " : ""}zip archive opens in wnids order`, () =>
    withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      write(join(dataRoot, "tiny-imagenet-200.zip"), zip(tinyFiles(), { zip64 }));
      const { train, test } = await openDataset(TINY, context);
      assert.deepEqual(train.classNames, ["n02", "n01"]);
      assert.deepEqual([train.pixels[0], train.pixels[192]], [2, 1]);
      assert.deepEqual([test.pixels[0], test.pixels[192]], [3, 4]);
      assert.deepEqual([...test.labels], [0, 1]);
      const dreams = await openDreams({ ...TINY, classes: ["1-1"] }, context);
      assert.deepEqual(dreams.classNames, ["n01"]);
      assert.equal(dreams.pixels[0], 1);
    }));
}

Deno.test("a damaged zip archive is refused with its path and the file in it", async (test) => {
  const whole = zip(tinyFiles());
  const end = whole.length - 9 - 22;
  const changed = whole.slice();
  // The first bytes of content behind the name, which is there a second time in the directory.
  const name = "train/n01/images/n01_0.JPEG";
  const at = new TextDecoder("latin1").decode(whole).indexOf(name) + name.length + 4;
  changed.fill(0xff, at, at + 5);
  const cases: [string, Uint8Array, RegExp][] = [
    ["cut short", whole.subarray(0, end), /no end record/],
    ["no zip", new TextEncoder().encode("<html>"), /no zip archive or cut short/],
    ["a directory elsewhere", whole.with(end + 15, 127), /is not in it/],
    ["a changed file", changed, /tiny-imagenet-200\.zip: .*n01_0\.JPEG: .*, copy or download/],
    [
      "a wrong checksum",
      zip(tinyFiles(), { spoil: (entry) => entry.setUint32(16, 1, true) }),
      /checksum does not match/,
    ],
    [
      "another size than declared",
      zip(tinyFiles(), { spoil: (entry) => entry.setUint32(24, 3, true) }),
      /cannot be unpacked|checksum does not match/,
    ],
    [
      "a size beyond the limit",
      zip(tinyFiles(), { spoil: (entry) => entry.setUint32(24, 2 ** 31, true) }),
      /declares 2147483648 bytes/,
    ],
    [
      "encrypted",
      zip(tinyFiles(), { spoil: (entry) => entry.setUint16(8, 1, true) }),
      /is encrypted/,
    ],
    [
      "an unknown method",
      zip(tinyFiles(), { spoil: (entry) => entry.setUint16(10, 12, true) }),
      /compressed by method 12/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    await test.step(name, () =>
      withFolder(async (folder) => {
        const { context, dataRoot } = contextIn(folder);
        write(join(dataRoot, "tiny-imagenet-200.zip"), bytes);
        await assert.rejects(openDataset(TINY, context), refused(message));
      }));
  }
});

Deno.test("names that lead out of a zip archive do not count", () =>
  withFolder((folder) => {
    const path = join(folder, "x.zip");
    write(path, zip({ "a/../../b.png": Uint8Array.of(1), "a/c.png": Uint8Array.of(2) }));
    const tree = zipTree(path);
    assert.deepEqual([tree.folders(""), tree.images("a")], [["a"], ["c.png"]]);
    assert.equal(tree.isFile("../b.png"), false);
    return Promise.resolve();
  }));

/** Two classes, each with an image in both parts; `join` makes a path of names. */
function petFiles(path: (...names: string[]) => string): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const [k, part] of ["train", "test"].entries()) {
    files[path("pets", part, "")] = new Uint8Array();
    for (const [label, name] of ["cat", "dog"].entries()) {
      files[path("pets", part, name, "0.png")] = plainPng(8, [k, label, 0]);
    }
  }
  return files;
}

const PETS: SourceOptions = { ...TINY, folder: "pets", classList: null };

for (
  const [name, path] of [
    ["backslashes", (...names: string[]) => names.join("\\")],
    [
      "backslashes and slashes",
      (first: string, ...names: string[]) => [first, names.join("\\")].join("/"),
    ],
    ["a dot in front", (...names: string[]) => [".", ...names].join("/")],
    ["two slashes", (...names: string[]) => names.join("//")],
  ] as const
) {
  Deno.test(`a zip archive with ${name} in its names is read`, () =>
    withFolder(async (folder) => {
      const { context, dataRoot } = contextIn(folder);
      write(join(dataRoot, "pets.zip"), zip(petFiles(path)));
      const { train, test } = await openDataset(PETS, context);
      assert.deepEqual([train.classNames, [...train.labels]], [["cat", "dog"], [0, 1]]);
      assert.deepEqual([...test.pixels.subarray(192, 195)], [1, 1, 0]);
    }));
}

Deno.test("a folder that all of a zip archive lies in counts where it means something", async (test) => {
  const png = plainPng(8, [1, 1, 1]);
  const cases: [string, string[], string[]][] = [
    ["a wrapper", ["pets/cat/0.png", "pets/dog/0.png"], ["cat", "dog"]],
    ["wrappers in wrappers", ["a/b/cat/0.png", "a/b/dog/0.png"], ["cat", "dog"]],
    ["a part", ["train/cat/0.png", "train/dog/0.png"], ["train"]],
    ["a part in a wrapper", ["pets/train/cat/0.png", "__MACOSX/pets/._train"], ["train"]],
    ["a single class", ["cat/0.png", "cat/1.png"], ["cat"]],
    ["a single class in a wrapper", ["pets/cat/0.png", ".DS_Store"], ["cat"]],
    ["a class with a folder images", ["n01/images/0.png", "n01/n01_boxes.txt"], ["n01"]],
    ["a wrapper of the name images", ["images/cat/0.png", "images/dog/0.png"], ["cat", "dog"]],
    ["a picture beside the classes", ["pets/preview.png", "pets/cat/0.png"], ["cat"]],
    ["a session", ["core50/s3/o1/0.png", "core50/s3/o2/0.png"], ["s3"]],
  ];
  for (const [name, files, folders] of cases) {
    await test.step(name, () =>
      withFolder((folder) => {
        const path = join(folder, "x.zip");
        write(path, zip(Object.fromEntries(files.map((file) => [file, png]))));
        assert.deepEqual(zipTree(path).folders(""), folders);
        return Promise.resolve();
      }));
  }
});

Deno.test("a zip archive of train alone opens with a share set apart, and one of a single class to dream of", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    const files: Record<string, Uint8Array> = {};
    for (const name of ["cat", "dog"]) {
      for (let n = 0; n < 5; n++) files[`train/${name}/${n}.png`] = plainPng(8, [n, 0, 0]);
    }
    write(join(dataRoot, "pets.zip"), zip(files));
    const { train, test } = await openDataset({ ...PETS, testShare: 0.1 }, context);
    assert.deepEqual([train.count, test.count, train.classNames], [4, 6, ["cat", "dog"]]);
    write(join(dataRoot, "owls.zip"), zip({ "owl/0.png": plainPng(8, [7, 0, 0]) }));
    const dreams = await openDreams({ ...PETS, folder: "owls" }, context);
    assert.deepEqual([dreams.count, dreams.classNames], [1, ["owl"]]);
  }));

Deno.test("names in a zip archive that become one are refused, and lead nowhere as before", () =>
  withFolder((folder) => {
    const path = join(folder, "x.zip");
    const one = Uint8Array.of(1);
    const refusal = (files: Record<string, Uint8Array>, message: RegExp) => {
      write(path, zip(files));
      assert.throws(() => zipTree(path), refused(message));
    };
    refusal(
      { "a/b.png": one, "a\\b.png": one },
      /a\\b\.png in it cannot be told from another: there is another file of that name, make the archive anew/,
    );
    refusal({ "a": one, "a\\b.png": one }, /a is there as a file and as a folder/);
    refusal({ "a/b.png": one, "a": one }, /a is there as a file and as a folder/);
    write(
      path,
      zip({ "a\\..\\..\\b.png": one, "..\\c.png": one, "a\\d.png": one, "C:\\e.png": one }),
    );
    const tree = zipTree(path);
    assert.deepEqual([tree.folders(""), tree.images(""), tree.images("a")], [["C:", "a"], [], [
      "d.png",
    ]]);
    return Promise.resolve();
  }));

Deno.test("a name in a zip archive that is not UTF-8 is of code page 437", () =>
  withFolder((folder) => {
    const path = join(folder, "x.zip");
    const bytes = zip({
      "caf?/0.png": Uint8Array.of(1),
      "caf\u00e9/1.png": Uint8Array.of(2),
      "b/2.png": Uint8Array.of(3),
    });
    const named = bytes.map((byte, i) => byte === 0x3f && bytes[i + 1] === 0x2f ? 0x82 : byte);
    write(path, named);
    const tree = zipTree(path);
    assert.deepEqual(tree.folders(""), ["b", "caf\u00e9"]);
    assert.deepEqual(tree.images("caf\u00e9"), ["0.png", "1.png"]);
    return Promise.resolve();
  }));

Deno.test("a link in a zip archive is no image, and is named", () =>
  withFolder((folder) => {
    const path = join(folder, "x.zip");
    const asLink = (entry: DataView) => {
      entry.setUint8(5, 3); // made by Unix
      entry.setUint16(40, 0o120777, true);
    };
    write(path, zip({ "a/0.png": new TextEncoder().encode("../b/0.png") }, { spoil: asLink }));
    const tree = zipTree(path);
    assert.deepEqual(tree.images("a"), []);
    assert.match(
      tree.entries("a")[0].problem!,
      /it is a link, which leads nowhere from an archive/,
    );
    return Promise.resolve();
  }));
