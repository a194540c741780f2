import fc from "fast-check";
import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { openDataset } from "../../src/data/dataset.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { openPacked, PackedWriter } from "../../src/data/packed_file.ts";
import type { ImageFolderSource } from "../../src/images/source.ts";
import { InputError } from "../../src/errors.ts";
import { contextIn, plainPng, withFolder, write, writeImageFolder } from "./fixtures.ts";

const SOURCE: ImageFolderSource = {
  format: "image_folder",
  folder: "pets",
  trainPerClass: null,
  testPerClass: null,
  size: 8,
};

/** The set-up of every test here: a good folder, opened once. */
function opened(
  use: (given: ReturnType<typeof contextIn> & { files: () => string[] }) => Promise<void>,
) {
  return () =>
    withFolder(async (folder) => {
      const given = contextIn(folder);
      await writeImageFolder(join(given.dataRoot, "pets"), 8);
      await openDataset(SOURCE, given.context);
      const { cacheDir } = given.context;
      const files = () =>
        [...Deno.readDirSync(cacheDir)].map(({ name }) => join(cacheDir, name)).sort();
      await use({ ...given, files });
    });
}

const decodings = (steps: readonly string[]) => steps.filter((step) => step.startsWith("decoding"));

Deno.test(
  "a second opening decodes nothing and gives the same images",
  opened(async ({ context, steps, files }) => {
    assert.equal(files().length, 2);
    assert.deepEqual(decodings(steps), ["decoding pets-train 6/6", "decoding pets-test 4/4"]);
    const first = await openDataset(SOURCE, {
      ...context,
      cacheDir: join(context.cacheDir, "new"),
    });
    steps.length = 0;
    const second = await openDataset(SOURCE, context);
    assert.deepEqual(decodings(steps), []);
    assert.deepEqual(second, first);
  }),
);

Deno.test(
  "a touched file is not decoded again, a changed one is",
  opened(async ({ context, steps, dataRoot, files }) => {
    const file = join(dataRoot, "pets/train/cat/0.png");
    Deno.utimeSync(file, 0, 0);
    steps.length = 0;
    await openDataset(SOURCE, context);
    assert.deepEqual(decodings(steps), []);
    write(file, plainPng(8, [77, 0, 0]));
    const { train } = await openDataset(SOURCE, context);
    assert.equal(train.pixels[0], 77);
    assert.deepEqual(decodings(steps), ["decoding pets-train 6/6"]);
    assert.equal(files().length, 3);
  }),
);

Deno.test(
  "a renamed class and a limit per class have caches of their own",
  opened(async ({ context, dataRoot, files }) => {
    const limited = await openDataset({ ...SOURCE, trainPerClass: 1 }, context);
    assert.equal(limited.train.count, 2);
    for (const part of ["train", "test"]) {
      Deno.renameSync(join(dataRoot, "pets", part, "dog"), join(dataRoot, "pets", part, "wolf"));
    }
    assert.deepEqual((await openDataset(SOURCE, context)).train.classNames, ["cat", "wolf"]);
    assert.equal(files().length, 5);
  }),
);

for (
  const [name, damage] of [
    ["cut short", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 5)],
    ["changed in one pixel", (bytes: Uint8Array) => bytes.with(bytes.length - 40, 99)],
    ["changed in its header", (bytes: Uint8Array) => bytes.with(60, bytes[60] ^ 1)],
    ["of another kind", () => new TextEncoder().encode("something else")],
    ["empty", () => new Uint8Array()],
  ] as const
) {
  Deno.test(
    `a cache that is ${name} is reported and made again`,
    opened(async ({ context, warnings, steps, files }) => {
      const path = files().find((file) => file.includes("pets-train"))!;
      const good = Deno.readFileSync(path);
      Deno.writeFileSync(path, damage(good));
      steps.length = 0;
      await openDataset(SOURCE, context);
      assert.equal(warnings.length, 1);
      assert.ok(warnings[0].includes(path) && warnings[0].includes("making it again"), warnings[0]);
      assert.deepEqual(decodings(steps), ["decoding pets-train 6/6"]);
      assert.deepEqual(Deno.readFileSync(path), good);
    }),
  );
}

Deno.test(
  "a refused image leaves no cache file and nothing half written",
  opened(async ({ context, dataRoot, files }) => {
    const before = files();
    write(join(dataRoot, "pets/train/cat/0.png"), "not an image");
    await assert.rejects(openDataset(SOURCE, context), InputError);
    assert.deepEqual(files(), before);
  }),
);

Deno.test("a data set deeper in the data folder is cached too", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    await writeImageFolder(join(dataRoot, "photos", "pets"), 8);
    await openDataset({ ...SOURCE, folder: "photos/pets" }, context);
    const names = [...Deno.readDirSync(context.cacheDir)].map(({ name }) => name).sort();
    assert.match(names.join(), /^photos-pets-test-\w+\.images,photos-pets-train-\w+\.images$/);
  }));

Deno.test("a cache folder that cannot be made is refused with its path and the fix", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    await writeImageFolder(join(dataRoot, "pets"), 8);
    write(join(folder, "file"), "in the way");
    const cacheDir = join(folder, "file", "cache");
    await assert.rejects(openDataset(SOURCE, { ...context, cacheDir }), (error) => {
      assert.ok(error instanceof InputError, String(error));
      assert.ok(error.message.includes(cacheDir) && error.message.includes("cache folder"));
      return true;
    });
  }));

/** A packed file of such images, written in two pieces, the second first. */
function packed(path: string, shape: { count: number; height: number; width: number }) {
  const { count, height, width } = shape;
  const bytes = height * width * 3;
  const info = {
    ...shape,
    name: "things",
    classNames: ["a", "b\u00e9"],
    labels: Uint16Array.from({ length: count }, (_, i) => i % 2),
  };
  const pixels = Uint8Array.from({ length: count * bytes }, (_, i) => i * 31);
  using file = Deno.openSync(path, { write: true, createNew: true });
  const writer = new PackedWriter(file, info, "key");
  const half = Math.ceil(count / 2);
  writer.write(half, pixels.subarray(half * bytes));
  writer.write(0, pixels.subarray(0, half * bytes));
  writer.finish();
  return { ...info, pixels };
}

Deno.test("packed images of any shape come back as they were", () =>
  withFolder(async (folder) => {
    const shapes = fc.record({
      count: fc.nat(5),
      height: fc.integer({ min: 1, max: 4 }),
      width: fc.integer({ min: 1, max: 4 }),
    });
    let n = 0;
    await fc.assert(fc.asyncProperty(shapes, (shape) => {
      const path = join(folder, String(n++));
      const images = packed(path, shape);
      assert.deepEqual(openPacked(path, "key", Infinity), images);
      assert.throws(() => openPacked(path, "other", Infinity), SyntaxError);
      return Promise.resolve();
    }));
  }));

Deno.test("images too many for the memory are read from their file, each with its checksum", () =>
  withFolder((folder) => {
    const path = join(folder, "things");
    const { pixels } = packed(path, { count: 5, height: 4, width: 3 });
    assert.equal(openPacked(path, "key", 5 * 36).pixels.length, 5 * 36, "they just fit");
    const images = openPacked(path, "key", 5 * 36 - 1);
    for (const i of [4, 0, 2]) {
      assert.deepEqual(imagePixels(images, i), pixels.subarray(i * 36, (i + 1) * 36));
    }
    assert.throws(() => images.pixels, /Cannot hold things in memory/);
    assert.throws(() => imagePixels(images, 5), RangeError);
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(path, bytes);
    imagePixels(images, 3);
    assert.throws(() => imagePixels(images, 4), /image 4 is changed/);
    return Promise.resolve();
  }));

Deno.test("a file that was not finished is no packed file", () =>
  withFolder((folder) => {
    const path = join(folder, "half");
    const labels = Uint16Array.of(0);
    const info = { name: "x", count: 1, height: 1, width: 1, classNames: ["a"], labels };
    {
      using file = Deno.openSync(path, { write: true, createNew: true });
      const writer = new PackedWriter(file, info, "key");
      writer.write(0, Uint8Array.of(1, 2, 3));
    }
    assert.throws(() => openPacked(path, "key", Infinity), /does not start as a packed file/);
    return Promise.resolve();
  }));

Deno.test(
  "files that have not changed since are not read again, once they are a few seconds old",
  opened(async ({ context, steps, dataRoot }) => {
    const later = async (change = () => {}) => {
      change();
      steps.length = 0;
      const { now } = Date;
      Date.now = () => now() + 60_000;
      try {
        return await openDataset(SOURCE, context);
      } finally {
        Date.now = now;
      }
    };
    const reading = () => steps.filter((step) => step.startsWith("reading pets-train"));
    const first = await later();
    assert.equal(reading().length, 1, "not old enough before");
    assert.deepEqual(await later(), first);
    assert.deepEqual(steps, []);
    // Another size, or another time of change alone, and the bytes decide again.
    const file = join(dataRoot, "pets/train/cat/0.png");
    await later(() => Deno.utimeSync(file, 0, 0));
    assert.equal(reading().length, 1);
    assert.deepEqual(decodings(steps), []);
    const { train } = await later(() => write(file, plainPng(8, [77, 0, 0])));
    assert.equal(train.pixels[0], 77);
    await later(() => {
      for (const { name } of Deno.readDirSync(context.cacheDir)) {
        if (name.endsWith(".key")) Deno.writeTextFileSync(join(context.cacheDir, name), "?");
      }
    });
    assert.equal(reading().length, 1, "a damaged note is no note");
  }),
);

Deno.test(
  "images that change between being read and being decoded are not kept under the old key",
  opened(async ({ context, dataRoot, files, steps }) => {
    const file = join(dataRoot, "pets/train/cat/0.png");
    const original = Deno.readFileSync(file);
    for (const { name } of Deno.readDirSync(context.cacheDir)) {
      Deno.removeSync(join(context.cacheDir, name));
    }
    const changing = {
      ...context,
      progress: (done: number, total: number, what: string) => {
        if (what === "reading pets-train" && done === total) write(file, plainPng(8, [77, 0, 0]));
      },
    };
    await assert.rejects(openDataset(SOURCE, changing), (error) => {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, /Cannot pack pets-train: its files are not those .* start again/);
      return true;
    });
    assert.deepEqual(files(), [], "nothing is kept");
    write(file, original);
    const { train } = await openDataset(SOURCE, context);
    assert.equal(train.pixels[0], 0);

    // So it is where the key is known by a note, which is then not believed again.
    write(file, plainPng(8, [77, 0, 0]));
    const { now } = Date;
    Date.now = () => now() + 60_000;
    try {
      await openDataset(SOURCE, context);
      const note = files().find((path) => /pets-train.*\.key$/.test(path))!;
      const [stamp] = Deno.readTextFileSync(note).split("\n");
      Deno.writeTextFileSync(note, `${stamp}\n${"a".repeat(64)}\n`);
      await assert.rejects(openDataset(SOURCE, context), /Cannot pack pets-train/);
      assert.ok(!files().includes(note));
      steps.length = 0;
      assert.equal((await openDataset(SOURCE, context)).train.pixels[0], 77);
      assert.deepEqual(decodings(steps), []);
    } finally {
      Date.now = now;
    }
  }),
);

Deno.test("what a killed process has left is removed, and what is written now stays", () =>
  withFolder(async (folder) => {
    const { context, dataRoot } = contextIn(folder);
    await writeImageFolder(join(dataRoot, "pets"), 8);
    const temporary = (name: string) =>
      join(context.cacheDir, `${name}.${crypto.randomUUID()}.tmp`);
    const left = [
      temporary("pets-train-0123456789abcdef.images"),
      temporary("other-0123456789abcdef.images"),
    ];
    const held = temporary("pets-test-0123456789abcdef.images");
    const foreign = [
      temporary("notes"),
      join(context.cacheDir, "pets-0123456789abcdef.images.tmp"),
    ];
    for (const path of [...left, held, ...foreign]) write(path, "half");
    using file = Deno.openSync(held, { write: true });
    assert.ok(file.tryLockSync(true));
    const opened = await Promise.all([openDataset(SOURCE, context), openDataset(SOURCE, context)]);
    assert.deepEqual(opened[0], opened[1], "two that decode the same at once");
    const there = [...Deno.readDirSync(context.cacheDir)].map(({ name }) => name);
    const expected = [held, ...foreign].map((path) => basename(path));
    assert.deepEqual(there.filter((name) => name.endsWith(".tmp")).sort(), expected.sort());
    assert.equal(there.filter((name) => name.endsWith(".images")).length, 2);
  }));
