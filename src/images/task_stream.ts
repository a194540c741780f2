import { InputError } from "../errors.ts";

/** How the images of the main data set are divided. */
export interface SplitOptions {
  trainLabels: ArrayLike<number>;
  testLabels: ArrayLike<number>;
  /** For messages. */
  classNames?: readonly string[];
  /** Task t has the classes t * classesPerTask and following; images of classes beyond are left out. */
  tasks: number;
  classesPerTask: number;
  /** Validation images per later task, shared evenly among its classes (rounded down). */
  validation: number;
  /** Images per task set apart to judge freezing later on, shared in the same way. */
  freezingBuffer: number;
  compat: "paper" | "official";
}

/** One task: its classes and, per use, indices into the train or test set in data order. */
export interface TaskSplit {
  classes: number[];
  train: Uint32Array<ArrayBuffer>;
  validation: Uint32Array<ArrayBuffer>;
  freezingBuffer: Uint32Array<ArrayBuffer>;
  test: Uint32Array<ArrayBuffer>;
}

/**
 * The tasks of a run. With V = validation, F = freezingBuffer, C = classesPerTask, and c[0], c[1], ...
 * the train images of one class in data order (`//` rounds down), each class gives
 *
 * | set             | "paper", task 0 | "paper", later    | "official", task 0 | "official", later     |
 * | --------------- | --------------- | ----------------- | ------------------ | --------------------- |
 * | validation      | none            | first V//C        | none               | V//C from c[F//C + 1] |
 * | freezing buffer | first F//C      | next F//C         | first F//C         | first F//C            |
 * | train           | the rest        | the rest          | from c[V//C]       | from c[(V+F)//C]      |
 *
 * "paper" keeps the sets apart and uses every image. "official" repeats what the official program does:
 * c[F//C] of a later task is in no set, its last validation image is trained on as well, and task 0
 * leaves out V//C images a class although it validates nothing.
 */
export function splitTasks(options: SplitOptions): TaskSplit[] {
  const { tasks, classesPerTask } = options;
  checkShares(options);
  const trainOf = imagesByLabel(options.trainLabels, tasks * classesPerTask);
  const testOf = imagesByLabel(options.testLabels, tasks * classesPerTask);
  return Array.from({ length: tasks }, (_, task) => {
    const classes = Array.from({ length: classesPerTask }, (_, i) => task * classesPerTask + i);
    const ranges = classRanges(task, options);
    for (const realClass of classes) {
      checkCounts(task, realClass, trainOf[realClass].length, testOf[realClass].length, options);
    }
    const gather = ([from, to]: Range) =>
      inDataOrder(classes.map((realClass) => trainOf[realClass].slice(from, to)));
    return {
      classes,
      train: gather(ranges.train),
      validation: gather(ranges.validation),
      freezingBuffer: gather(ranges.freezingBuffer),
      test: inDataOrder(classes.map((realClass) => testOf[realClass])),
    };
  });
}

/** Positions among the images of one class: from the first to before the second. */
type Range = readonly [from: number, to: number];

function classRanges(
  task: number,
  { validation, freezingBuffer, classesPerTask, compat }: SplitOptions,
): { train: Range; validation: Range; freezingBuffer: Range } {
  const share = (total: number) => Math.floor(total / classesPerTask);
  const perClass = share(freezingBuffer);
  const validated = task === 0 ? 0 : share(validation);
  if (compat === "paper") {
    return {
      validation: [0, validated],
      freezingBuffer: [validated, validated + perClass],
      train: [validated + perClass, Infinity],
    };
  }
  return {
    freezingBuffer: [0, perClass],
    validation: [perClass + 1, perClass + 1 + validated],
    train: [task === 0 ? share(validation) : share(validation + freezingBuffer), Infinity],
  };
}

function checkShares({ tasks, classesPerTask, validation, freezingBuffer }: SplitOptions): void {
  for (const [name, value] of Object.entries({ tasks, classesPerTask })) {
    if (Number.isInteger(value) && value > 0) continue;
    throw new RangeError(`Cannot split tasks: ${name} is ${value}, use a whole number, 1 or more`);
  }
  const shares = { "freezing.validation": validation, "freezing.buffer": freezingBuffer };
  for (const [name, value] of Object.entries(shares)) {
    if (value === 0 || (Number.isInteger(value) && value >= classesPerTask)) continue;
    throw new InputError(
      `Cannot split tasks: ${name} is ${value}, use 0 or a whole number of at least ` +
        `${classesPerTask}, one image per class of a task`,
    );
  }
}

function checkCounts(
  task: number,
  realClass: number,
  trainCount: number,
  testCount: number,
  options: SplitOptions,
): void {
  const { train, validation, freezingBuffer } = classRanges(task, options);
  const name = options.classNames?.[realClass];
  const ofClass = `class ${realClass}${name === undefined ? "" : ` (${name})`}`;
  const ends = [validation, freezingBuffer].map(([from, to]) => to > from ? to : 0);
  const needed = Math.max(train[0] + 1, ...ends);
  if (trainCount === 0 || testCount === 0) {
    throw new InputError(
      `Cannot split task ${task}: ${ofClass} has ${trainCount} train and ${testCount} test ` +
        `images, it needs both; complete the data set or lower data.tasks`,
    );
  }
  if (trainCount < needed) {
    throw new InputError(
      `Cannot split task ${task}: ${ofClass} has ${trainCount} train images, the split needs ` +
        `${needed}; lower freezing.validation (${options.validation}) or ` +
        `freezing.buffer (${options.freezingBuffer})`,
    );
  }
}

/** The labelled images of other classes that stand for heads still free. */
export interface DreamOptions {
  dreamLabels: ArrayLike<number>;
  /** Heads of the network, H. */
  heads: number;
  /** Heads 0 .. firstHeads - 1 are taken by the first task before any dream is seen. Default 0. */
  firstHeads?: number;
  /** Classes of the dream set, labelled 0 .. dreamClasses - 1. */
  dreamClasses: number;
  random: { sampleWithoutReplacement(n: number, k: number): ArrayLike<number> };
}

/** The dream class of each head, -1 for one without, and its images, indices into the dream set in data order. */
export interface DreamHeads {
  classOfHead: number[];
  imagesOfHead: Uint32Array<ArrayBuffer>[];
}

/**
 * Binds a dream class to each head, for the whole run: with as many classes as heads, class h to head
 * h; with more, H different ones are drawn, the i-th for head i. A dream set with too few classes for
 * that, but enough for the heads that the first task leaves free, is bound to those in the same way.
 */
export function dreamHeads(
  { dreamLabels, heads, firstHeads = 0, dreamClasses, random }: DreamOptions,
): DreamHeads {
  const without = dreamClasses < heads ? firstHeads : 0;
  const bound = heads - without;
  if (dreamClasses < bound) {
    throw new InputError(
      `Cannot bind dreams to heads: the dream set has ${dreamClasses} classes for ${heads} heads` +
        `${without > 0 ? `, ${bound} of them free after the first task` : ""}, ` +
        `use a dream set with at least ${bound} classes`,
    );
  }
  const chosen = dreamClasses === bound
    ? Array.from({ length: bound }, (_, i) => i)
    : Array.from(random.sampleWithoutReplacement(dreamClasses, bound));
  const classOfHead = [...Array<number>(without).fill(-1), ...chosen];
  const images = imagesByLabel(dreamLabels, dreamClasses);
  const imagesOfHead = classOfHead.map((dreamClass) => Uint32Array.from(images[dreamClass] ?? []));
  const empty = imagesOfHead.findIndex((list, head) => head >= without && list.length === 0);
  if (empty !== -1) {
    throw new InputError(
      `Cannot bind dreams to heads: dream class ${classOfHead[empty]} has no images, ` +
        `complete the dream set`,
    );
  }
  return { classOfHead, imagesOfHead };
}

/** All dreams of the free heads: indices into the dream set in data order, and the head of each. */
export function dreamTrain(
  { imagesOfHead }: DreamHeads,
  freeHeads: Iterable<number>,
): { images: Uint32Array<ArrayBuffer>; heads: Uint16Array<ArrayBuffer> } {
  const headOf = new Map<number, number>();
  for (const head of freeHeads) for (const image of imagesOfHead[head]) headOf.set(image, head);
  const images = Uint32Array.from(headOf.keys()).sort();
  return { images, heads: Uint16Array.from(images, (image) => headOf.get(image)!) };
}

function imagesByLabel(labels: ArrayLike<number>, classes: number): number[][] {
  const images: number[][] = Array.from({ length: classes }, () => []);
  for (let image = 0; image < labels.length; image++) images[labels[image]]?.push(image);
  return images;
}

function inDataOrder(lists: readonly (readonly number[])[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.from(lists.flat()).sort();
}
