import assert from "node:assert/strict";
import fc from "fast-check";
import {
  dreamHeads,
  dreamTrain,
  type SplitOptions,
  splitTasks,
  type TaskSplit,
} from "../../src/images/task_stream.ts";
import { InputError } from "../../src/errors.ts";
import { Random } from "../../src/random.ts";
import golden from "../golden/splits.json" with { type: "json" };

/** In the recorded train sets, dreams follow the main images with this added to their index. */
const DREAM = 100000;

const noDraws = {
  sampleWithoutReplacement(): never {
    throw new Error("nothing to draw");
  },
};

for (const [index, recorded] of golden.cases.entries()) {
  const { config } = recorded;
  const heads = config.cpt * config.tasks;
  const splits = () =>
    splitTasks({
      trainLabels: recorded.main_train_labels,
      testLabels: recorded.main_test_labels,
      tasks: config.tasks,
      classesPerTask: config.cpt,
      validation: config.val,
      freezingBuffer: config.buff,
      compat: "official",
    });

  Deno.test(`splitTasks() gives the official sets of case ${index}`, () => {
    splits().forEach((split, task) => {
      const expected = recorded.tasks[task];
      const train = expected.train.filter((image) => image < DREAM);
      assert.deepEqual(Array.from(split.train), train);
      assert.deepEqual(Array.from(split.validation), expected.val ?? []);
      assert.deepEqual(Array.from(split.freezingBuffer), expected.freeze_buffer);
      assert.deepEqual(Array.from(split.test), expected.test);
    });
  });

  Deno.test(`dreamTrain() gives the official dreams and labels of case ${index}`, () => {
    const dreams = dreamHeads({
      dreamLabels: recorded.dream_train_heads,
      heads,
      dreamClasses: heads,
      random: noDraws,
    });
    const free = new Set(Array.from({ length: heads }, (_, head) => head));
    for (const expected of recorded.tasks) {
      for (const head of expected.heads) free.delete(head);
      const found = dreamTrain(dreams, free);
      const isDream = (position: number) => expected.train[position] >= DREAM;
      assert.deepEqual(
        Array.from(found.images),
        expected.train.filter((_, position) => isDream(position)).map((image) => image - DREAM),
      );
      assert.deepEqual(
        Array.from(found.heads),
        expected.train_heads.filter((_, position) => isDream(position)),
      );
    }
  });
}

Deno.test("splitTasks() gives the official CIFAR-10 numbers: 9000, 8800, ... to train, 600 shared", () => {
  const trainLabels = Uint16Array.from({ length: 50000 }, (_, image) => image % 10);
  const splits = splitTasks({
    trainLabels,
    testLabels: trainLabels.subarray(0, 10000),
    tasks: 5,
    classesPerTask: 2,
    validation: 1000,
    freezingBuffer: 200,
    compat: "official",
  });
  assert.deepEqual(splits.map((split) => split.train.length), [9000, 8800, 8800, 8800, 8800]);
  assert.deepEqual(splits.map((split) => split.validation.length), [0, 1000, 1000, 1000, 1000]);
  const ofClass2 = (indices: Uint32Array) =>
    Array.from(indices).filter((image) => trainLabels[image] === 2).map((image) =>
      (image - 2) / 10
    );
  const [validation, train] = [ofClass2(splits[1].validation), ofClass2(splits[1].train)];
  assert.deepEqual([validation[0], validation.at(-1), train[0]], [101, 600, 600]);
});

Deno.test("splitTasks() of the paper takes validation, freezing buffer and train one after the other", () => {
  const split = (task: number) =>
    splitTasks({
      trainLabels: [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3],
      testLabels: [3, 2, 1, 0],
      tasks: 2,
      classesPerTask: 2,
      validation: 3,
      freezingBuffer: 2,
      compat: "paper",
    })[task];
  assert.deepEqual(split(0), {
    classes: [0, 1],
    validation: Uint32Array.of(),
    freezingBuffer: Uint32Array.of(0, 1),
    train: Uint32Array.of(4, 5, 8, 9, 12, 13),
    test: Uint32Array.of(2, 3),
  });
  assert.deepEqual(split(1), {
    classes: [2, 3],
    validation: Uint32Array.of(2, 3),
    freezingBuffer: Uint32Array.of(6, 7),
    train: Uint32Array.of(10, 11, 14, 15),
    test: Uint32Array.of(0, 1),
  });
});

/** Every class has 24 images in random order, more than any split below sets apart. */
const options: fc.Arbitrary<SplitOptions> = fc.record({
  tasks: fc.integer({ min: 1, max: 4 }),
  classesPerTask: fc.integer({ min: 1, max: 3 }),
  validation: fc.constantFrom(0, 3, 5, 9, 12),
  freezingBuffer: fc.constantFrom(0, 3, 4),
  compat: fc.constantFrom("paper" as const, "official" as const),
  seed: fc.nat(),
}).map(({ seed, ...rest }) => {
  const classes = rest.tasks * rest.classesPerTask;
  const labels = (perClass: number) =>
    Random.stream(seed, "labels").shuffle(
      Array.from({ length: perClass * classes }, (_, image) => image % classes),
    );
  return { ...rest, trainLabels: labels(24), testLabels: labels(3) };
});

Deno.test("splitTasks() never shows an image of a later task in an earlier one", () => {
  fc.assert(fc.property(options, (given) => {
    splitTasks(given).forEach((split, task) => {
      const taskOf = (label: number) => Math.floor(label / given.classesPerTask);
      for (const set of ["train", "validation", "freezingBuffer"] as const) {
        for (const image of split[set]) assert.equal(taskOf(given.trainLabels[image]), task);
      }
      for (const image of split.test) assert.equal(taskOf(given.testLabels[image]), task);
    });
  }));
});

Deno.test("splitTasks() gives every set in data order, without repeats", () => {
  fc.assert(fc.property(options, (given) => {
    for (const { classes: _, ...sets } of splitTasks(given)) {
      for (const set of Object.values(sets)) {
        assert(set.every((image, i) => i === 0 || set[i - 1] < image));
      }
    }
  }));
});

Deno.test("splitTasks() of the paper keeps the sets apart and uses every image", () => {
  fc.assert(fc.property(options, (given) => {
    const all = (split: TaskSplit) => [
      ...split.train,
      ...split.validation,
      ...split.freezingBuffer,
    ];
    const splits = splitTasks({ ...given, compat: "paper" });
    const used = splits.flatMap(all);
    assert.equal(new Set(used).size, used.length);
    assert.equal(used.length, given.trainLabels.length);
    assert.equal(splits.flatMap((s) => [...s.test]).length, given.testLabels.length);
    splits.forEach((split, task) => {
      const share = (total: number) => Math.floor(total / given.classesPerTask);
      const expected = task === 0 ? 0 : share(given.validation) * given.classesPerTask;
      assert.equal(split.validation.length, expected);
      assert.equal(split.freezingBuffer.length, share(given.freezingBuffer) * given.classesPerTask);
    });
  }));
});

Deno.test("splitTasks() trains on everything where nothing is set apart", () => {
  fc.assert(fc.property(options, (given) => {
    const splits = splitTasks({ ...given, validation: 0, freezingBuffer: 0 });
    assert.equal(splits.flatMap((s) => [...s.train]).length, given.trainLabels.length);
  }));
});

Deno.test("splitTasks() leaves out classes beyond the last task", () => {
  const [split] = splitTasks({
    trainLabels: [5, 0, 7, 1],
    testLabels: [1, 9, 0],
    tasks: 1,
    classesPerTask: 2,
    validation: 0,
    freezingBuffer: 0,
    compat: "paper",
  });
  assert.deepEqual([...split.train], [1, 3]);
  assert.deepEqual([...split.test], [0, 2]);
});

Deno.test("splitTasks() names class, count and settings where a class has too few images", () => {
  const given: SplitOptions = {
    trainLabels: [0, 0, 0, 1, 1, 1],
    testLabels: [0, 1],
    tasks: 2,
    classesPerTask: 1,
    validation: 2,
    freezingBuffer: 1,
    compat: "paper",
  };
  const message = "Cannot split task 1: class 1 has 3 train images, the split needs 4; " +
    "lower freezing.validation (2) or freezing.buffer (1)";
  for (const compat of ["paper", "official"] as const) {
    assert.throws(() => splitTasks({ ...given, compat }), new InputError(message));
  }
  assert.equal(splitTasks({ ...given, freezingBuffer: 0 })[1].train.length, 1);
});

Deno.test("splitTasks() refuses classes without images and shares below one per class", () => {
  const given: SplitOptions = {
    trainLabels: [0, 1],
    testLabels: [0],
    tasks: 1,
    classesPerTask: 2,
    validation: 0,
    freezingBuffer: 0,
    compat: "paper",
  };
  assert.throws(() => splitTasks(given), /class 1 has 1 train and 0 test images/);
  assert.throws(() => splitTasks({ ...given, validation: 1 }), InputError);
  assert.throws(() => splitTasks({ ...given, freezingBuffer: -2 }), InputError);
  assert.throws(() => splitTasks({ ...given, tasks: 0 }), RangeError);
});

Deno.test("dreamHeads() draws different classes where the dream set has more than heads", () => {
  const dreamLabels = Array.from({ length: 36 }, (_, image) => (image * 7) % 12);
  const draws = Array.from({ length: 300 }, (_, seed) => {
    const random = Random.stream(seed, "dreams");
    return dreamHeads({ dreamLabels, heads: 10, dreamClasses: 12, random });
  });
  for (const { classOfHead, imagesOfHead } of draws) {
    assert.equal(new Set(classOfHead).size, 10);
    imagesOfHead.forEach((images, head) => {
      assert.equal(images.length, 3);
      assert(images.every((image) => dreamLabels[image] === classOfHead[head]));
      assert(images.every((image, i) => i === 0 || images[i - 1] < image));
    });
  }
  for (let head = 0; head < 10; head++) {
    assert.equal(new Set(draws.map((draw) => draw.classOfHead[head])).size, 12);
  }
});

Deno.test("dreamHeads() refuses too few dream classes and classes without images", () => {
  const random = Random.stream(0, "dreams");
  assert.throws(
    () => dreamHeads({ dreamLabels: [0, 1], heads: 3, dreamClasses: 2, random }),
    new InputError(
      "Cannot bind dreams to heads: the dream set has 2 classes for 3 heads, " +
        "use a dream set with at least 3 classes",
    ),
  );
  assert.throws(
    () => dreamHeads({ dreamLabels: [0, 2], heads: 3, dreamClasses: 3, random }),
    /dream class 1 has no images/,
  );
});

Deno.test("dreamHeads() binds too few classes to the heads that the first task leaves free", () => {
  const dreamLabels = Array.from({ length: 15 }, (_, image) => image % 5);
  const given = { dreamLabels, heads: 6, firstHeads: 2, random: Random.stream(0, "dreams") };
  const exact = dreamHeads({ ...given, dreamClasses: 4, dreamLabels: [0, 1, 2, 3, 0] });
  assert.deepEqual(exact.classOfHead, [-1, -1, 0, 1, 2, 3]);
  assert.deepEqual(exact.imagesOfHead.map((images) => [...images]), [[], [], [0, 4], [1], [2], [
    3,
  ]]);
  const drawn = dreamHeads({ ...given, dreamClasses: 5 });
  assert.deepEqual(drawn.classOfHead.slice(0, 2), [-1, -1]);
  assert.equal(new Set(drawn.classOfHead.slice(2)).size, 4);
  drawn.imagesOfHead.forEach((images, head) => {
    assert.equal(images.length, head < 2 ? 0 : 3);
    assert(images.every((image) => dreamLabels[image] === drawn.classOfHead[head]));
  });
  assert.deepEqual([...dreamTrain(exact, [2, 5]).images], [0, 3, 4]);
  assert.throws(
    () => dreamHeads({ ...given, dreamClasses: 3 }),
    /3 classes for 6 heads, 4 of them free after the first task, use a dream set with at least 4 classes/,
  );
});

Deno.test("dreamTrain() of no free head is empty", () => {
  const dreams = dreamHeads({ dreamLabels: [1, 0], heads: 2, dreamClasses: 2, random: noDraws });
  assert.equal(dreamTrain(dreams, []).images.length, 0);
});
