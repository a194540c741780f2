/** What is chosen for images of which only numbers and sizes are known. */

import fc from "fast-check";
import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { parseOverride } from "../../src/experiment/overrides.ts";
import {
  ownConfig,
  type OwnImages,
  type OwnWishes,
  sizesOfTasks,
  usualClassesPerTask,
  usualSize,
} from "../../src/experiment/own_data.ts";

function images(trained: readonly number[], others: Partial<OwnImages> = {}): OwnImages {
  const classes = trained.map((train, i) => ({ name: `class ${i}`, train, test: 3 }));
  return { folder: "my pictures", classes, apart: true, shorterSide: 300, ...others };
}

const chosen = (of: OwnImages, wishes: Partial<OwnWishes> = {}, ...set: string[]) =>
  resolveConfig(ownConfig(of, { dreams: "memory", ...wishes }), set.map(parseOverride));

const refused = (of: OwnImages, wishes: Partial<OwnWishes>, message: RegExp) =>
  assert.throws(
    () => chosen(of, wishes),
    (error) =>
      error instanceof InputError && message.test(error.message) || assert.fail(String(error)),
  );

Deno.test("four folders of 36 pictures: two tasks, all classes, ten remembered images of each", () => {
  const config = chosen(images([36, 36, 36, 36]));
  const { data, memory, wscl, network } = config;
  assert.equal(config.name, "my-pictures");
  assert.deepEqual([data.tasks, data.classesPerTask, data.size], [2, 2, 64]);
  assert.deepEqual([network.width, memory.longTerm, memory.shortTerm], [16, 40, 72]);
  assert.deepEqual([config.batchSize, config.replayBatchSize, wscl.sleepEpochs], [16, 16, 10]);
  assert.deepEqual([wscl.freezing, wscl.rem, wscl.dreamsFrom], [false, true, "memory"]);
  assert.equal(data.dreams, null);
  const { format, resize, testShare } = data.train as unknown as Record<string, unknown>;
  assert.deepEqual([format, resize, testShare], ["image_folder", "cover", 0.1]);
  // Where there are test images, none are set apart.
  assert(!("testShare" in chosen(images([36, 36], { apart: false })).data.train));
});

Deno.test("the size is the largest that does not blow most images up, 64 at most", () => {
  const cases = [[5, 16], [16, 16], [28, 24], [32, 32], [63, 48], [64, 64], [3000, 64]];
  for (const [shorter, size] of cases) assert.equal(usualSize(shorter), size);
  assert.equal(chosen(images([9, 9], { shorterSide: 28 })).data.size, 24);
  assert.equal(chosen(images([9, 9]), { size: 40, width: 8 }).data.size, 40);
});

Deno.test("all classes are learned, in equal tasks, two or more", () => {
  const expected = [[2, 1], [3, 1], [4, 2], [6, 2], [7, 1], [9, 3], [15, 3], [25, 5], [35, 5]];
  for (const [classes, perTask] of expected) {
    assert.equal(usualClassesPerTask(classes), perTask, `${classes} classes`);
  }
  assert.equal(chosen(images([9, 9, 9]), { classesPerTask: 3 }).data.tasks, 1);
  refused(
    images([9, 9, 9, 9, 9, 9, 9]),
    { classesPerTask: 2 },
    /choose 1 or 7 classes a task, or move the folder of 1 class/,
  );
  refused(
    images([9, 9, 9, 9, 9, 9]),
    { classesPerTask: 4 },
    /choose 2 or 3 classes a task, or move the folders of 2/,
  );
  refused(images([9, 9]), { classesPerTask: 4 }, /choose 1 or 2 classes a task, or add classes$/);
});

Deno.test("whatever the numbers, the configuration resolves, and no batch has one image", () => {
  const counts = fc.array(fc.integer({ min: 5, max: 900 }), { minLength: 2, maxLength: 30 });
  const side = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(counts, side, (trained, shorterSide) => {
      const of = images(trained, { shorterSide });
      const config = chosen(of);
      const { tasks, classesPerTask } = config.data;
      assert.equal(tasks * classesPerTask, trained.length);
      const sizes = sizesOfTasks(of.classes, classesPerTask);
      assert.equal(sizes.reduce((a, b) => a + b), trained.reduce((a, b) => a + b));
      // Of many tasks some may have one over, whatever the size.
      const lone = (batch: number) => sizes.some((size) => size % batch === 1);
      const { batchSize } = config;
      if (sizes.length <= 4) assert(!lone(batchSize), `${sizes} in ${batchSize}`);
      assert(batchSize >= 4 && batchSize < 64, `${sizes} in ${batchSize}`);
      assert(config.memory.shortTerm >= Math.min(5000, Math.max(...sizes)));
      assert(config.replayBatchSize <= config.memory.longTerm);
      // Freezing, asked for, finds numbers that the images suffice for.
      const frozen = chosen(of, {}, "wscl.freezing=true").freezing;
      const judged = (frozen.validation + frozen.buffer) / classesPerTask;
      assert(judged < Math.min(...trained) && frozen.validation >= classesPerTask);
    }),
    { numRuns: 200 },
  );
});

Deno.test("more work, fewer passes, within limits", () => {
  const passes = (trained: number[], wishes: Partial<OwnWishes> = {}) =>
    chosen(images(trained), wishes).wscl.sleepEpochs;
  assert.equal(passes([36, 36, 36, 36]), 10);
  assert.equal(passes([90, 90, 90, 90]), 7);
  assert.equal(passes([90, 90, 90, 90], { size: 32 }), 10);
  assert.equal(passes([90, 90, 90, 90], { width: 32 }), 3);
  assert.equal(passes([5000, 5000]), 3);
});

Deno.test("dreams: what is remembered, a folder with a class for each head to come, or none", () => {
  const of = images([9, 9, 9, 9]);
  const none = chosen(of, { dreams: "none" });
  assert.deepEqual([none.wscl.rem, none.data.dreams], [false, null]);
  const dreams = { folder: "../dreams", classes: 2, images: 20 };
  const { wscl, data } = chosen(of, { dreams });
  assert.deepEqual([wscl.rem, wscl.dreamsFrom], [true, "images"]);
  const { folder, resize } = data.dreams as unknown as Record<string, unknown>;
  assert.deepEqual([folder, resize], ["../dreams", "cover"]);
  refused(
    of,
    { dreams: { ...dreams, classes: 1 } },
    /they have 1 of the 2 classes that are needed.* \(memory\)$/,
  );
  chosen(of, { dreams: { ...dreams, classes: 1 }, classesPerTask: 4 });
});

Deno.test("measured pixels are rounded, and never divided by nothing", () => {
  const pixels = { mean: [0.123456, 0, 1], std: [0.25, 0, 0.51239] } as const;
  const { mean, std } = chosen(images([9, 9], { pixels })).data;
  assert.deepEqual([mean, std], [[0.1235, 0, 1], [0.25, 0.01, 0.5124]]);
});

Deno.test("a class with too few images is refused with its name and the fix", () => {
  refused(
    images([9, 4, 2]),
    {},
    /class class 1 has 7 images, of which 3 are set apart to test, and at least 5 .*and 1 more have too few/,
  );
  refused(
    images([4, 9], { apart: false }),
    {},
    /class class 0 has 4 training images, and at least 5 .*add images, or move/,
  );
});

Deno.test("a run has a name whatever the folder's is", () => {
  const name = (folder: string) => chosen(images([9, 9], { folder })).name;
  assert.deepEqual(["Fotos", "été 2024!", "写真", "..x"].map(name), [
    "Fotos",
    "t-2024",
    "images",
    "x",
  ]);
});
