import fc from "fast-check";
import assert from "node:assert/strict";
import { openDataset, openDreams } from "../../src/data/dataset.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { DREAMS, SHAPES } from "../../src/images/figures.ts";
import type { DrawnSource } from "../../src/images/source.ts";
import { InputError } from "../../src/errors.ts";

const SHAPES_16: DrawnSource = {
  format: "drawn",
  drawn: { kind: "shapes", classes: 10, trainPerClass: 6, testPerClass: 3 },
  size: 16,
  seed: 5,
};
const CONTEXT = { dataRoot: null, cacheDir: "never written" };

Deno.test("drawn sets need no files: every class, in order, in both parts", async () => {
  const { name, train, test } = await openDataset(SHAPES_16, CONTEXT);
  assert.equal(name, "drawn-shapes");
  assert.deepEqual([train.count, test.count], [60, 30]);
  assert.equal(train.pixels.length, 60 * 16 * 16 * 3);
  assert.deepEqual([...test.labels.subarray(0, 7)], [0, 0, 0, 1, 1, 1, 2]);
  assert.equal(train.classNames.length, 10);
  const drawn = { ...SHAPES_16.drawn, kind: "dreams", classes: 12 } as const;
  assert.equal((await openDreams({ ...SHAPES_16, drawn }, CONTEXT)).count, 72);
});

Deno.test("the same seed draws the same bytes, another seed others", () => {
  const images = drawImages(SHAPES_16, "train");
  assert.deepEqual(drawImages(SHAPES_16, "train"), images);
  assert.notDeepEqual(drawImages({ ...SHAPES_16, seed: 6 }, "train").pixels, images.pixels);
});

Deno.test("a smaller set is the beginning of each class of a larger one", () => {
  const large = drawImages(SHAPES_16, "train");
  const drawn = { ...SHAPES_16.drawn, classes: 3, trainPerClass: 2 };
  const small = drawImages({ ...SHAPES_16, drawn }, "train");
  const stride = 16 * 16 * 3;
  for (let label = 0; label < 3; label++) {
    assert.deepEqual(
      small.pixels.subarray(2 * label * stride, 2 * (label + 1) * stride),
      large.pixels.subarray(6 * label * stride, (6 * label + 2) * stride),
    );
  }
});

Deno.test("no two pictures are the same, within a part or across parts", () => {
  const seen = new Set<string>();
  for (const part of ["train", "test"] as const) {
    const { pixels, count } = drawImages(SHAPES_16, part);
    for (let i = 0; i < count; i++) seen.add(pixels.subarray(i * 768, (i + 1) * 768).join());
  }
  assert.equal(seen.size, 90);
});

Deno.test("shapes and dreams have no figure in common", () => {
  const names = [...SHAPES, ...DREAMS].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("a class cannot be told by its average colour", () => {
  // Colour is drawn alike for all classes; a difference would let a network pass without shapes.
  const drawn = { ...SHAPES_16.drawn, trainPerClass: 200 };
  const { pixels } = drawImages({ ...SHAPES_16, drawn }, "train");
  const perClass = 200 * 768;
  for (let label = 0; label < 10; label++) {
    let sum = 0;
    for (let i = 0; i < perClass; i++) sum += pixels[label * perClass + i];
    const mean = sum / perClass;
    assert.ok(Math.abs(mean - 127.5) < 12, `class ${label}: mean ${mean}`);
  }
});

Deno.test("every size from 8 to 64 is drawn", () => {
  const drawn = { kind: "dreams", classes: 12, trainPerClass: 1, testPerClass: 1 } as const;
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 64 }), fc.nat(), (size, seed) => {
      const { pixels, height } = drawImages({ format: "drawn", drawn, size, seed }, "test");
      assert.equal(height, size);
      assert.equal(pixels.length, 12 * size * size * 3);
    }),
    { numRuns: 10 },
  );
});

Deno.test("more classes than there are figures are refused, and sizes out of range", async () => {
  const drawn = { ...SHAPES_16.drawn, classes: 11 };
  await assert.rejects(
    openDataset({ ...SHAPES_16, drawn }, CONTEXT),
    (error) => error instanceof InputError && error.message.includes("choose 1 to 10"),
  );
  await assert.rejects(
    openDataset({ ...SHAPES_16, size: 4 }, CONTEXT),
    (error) => error instanceof InputError && error.message.includes("choose 8 to 64"),
  );
  const many = { ...SHAPES_16.drawn, testPerClass: 2 ** 31 - 1 };
  await assert.rejects(
    openDataset({ ...SHAPES_16, drawn: many }, CONTEXT),
    (error) => error instanceof InputError && /; lower drawn\.testPerClass$/.test(error.message),
  );
});
