import { join } from "node:path";
import { ContinualLearner, type LearnerHost } from "../src/continual/continual_learner.ts";
import type { Given } from "../src/continual/given.ts";
import { MemoryLearnerStore } from "../src/continual/store.ts";
import { InputError } from "../src/errors.ts";
import { meanAndDeviation, pairedDifference } from "../src/experiment/comparison/statistics.ts";
import type { Override } from "../src/experiment/overrides.ts";
import { learnerHost } from "../src/host/learner_host.ts";
import { readTaught } from "../src/host/learner_images.ts";
import { readWeightsFile } from "../src/host/read_weights.ts";
import { Random } from "../src/random.ts";
import { table } from "./measure.ts";
import { type Output, settingOf } from "./setting.ts";

/** What `wscl bench days` was asked for. */
export interface DaysOptions {
  /** Folder with `train/CLASS` and `test/CLASS`. */
  readonly data: string;
  readonly seeds: readonly number[];
  /** Weights to begin with, or `none`. */
  readonly start: string;
  readonly size: number;
  readonly width: number;
  /** Images of each class to learn; as many test. */
  readonly images: number;
  /** Names of rows; none: all. */
  readonly rows: readonly string[];
  readonly out: string;
  readonly cacheDir: string;
}

/** One line of `days.jsonl`: an arm of the comparison, from its first day to its last. */
interface ArmResult {
  readonly bench: "days";
  readonly row: string;
  readonly start: string;
  readonly size: number;
  readonly width: number;
  readonly images: number;
  readonly seed: number;
  /** Percent of the test images of all classes so far that were answered right, day by day. */
  readonly right: readonly number[];
  /** The same of the classes of the first day. */
  readonly first: readonly number[];
  /** Images through training steps. */
  readonly trained: number;
  readonly seconds: number;
}

/** Classes that are new on each day. */
const DAYS = [4, 2, 2, 2];

/** Passes over a day. WSCL has them asleep, behind the one that it is awake for. */
const PASSES = 5;

/** Passes of WSCL without calibration that come to at least as many images through training steps as with it. */
const PASSES_FOR_CALIBRATION = 7;

interface Row {
  readonly name: string;
  readonly about: string;
  readonly changed: (passes: number) => readonly Override[];
  /** Everything is learned on one day. */
  readonly jointly?: boolean;
  /** As many images through training steps as this other row. */
  readonly like?: string;
}

const set = (values: Record<string, unknown>): Override[] =>
  Object.entries(values).map(([path, value]) => ({ path, value }));

const ROWS: readonly Row[] = [
  {
    name: "wscl",
    about: "WSCL, as a learner is by default",
    changed: (passes) => set({ "wscl.sleepEpochs": passes }),
  },
  {
    name: "wscl_dusk",
    about: "the same, with episodes handed over before sleep",
    changed: (passes) => set({ "wscl.sleepEpochs": passes, "wscl.transfer": "dusk" }),
  },
  {
    name: "wscl_dusk_uncalibrated",
    about: `the same without calibration, ${PASSES_FOR_CALIBRATION} passes for what that saves`,
    changed: () =>
      set({
        "wscl.sleepEpochs": PASSES_FOR_CALIBRATION,
        "wscl.transfer": "dusk",
        calibration: 0,
      }),
  },
  {
    name: "er_ace",
    about: `ER-ACE, ${PASSES} passes over each day, as many as WSCL has asleep`,
    changed: (passes) => set({ method: "er_ace", epochs: passes, calibration: 0 }),
  },
  {
    name: "er_ace_equal_compute",
    about: "ER-ACE, as many images through training steps as WSCL",
    changed: (passes) => set({ method: "er_ace", epochs: passes, calibration: 0 }),
    like: "wscl",
  },
  {
    name: "er_ace_calibrated",
    about: `ER-ACE, ${
      PASSES + 1
    } passes, as many as WSCL awake and asleep, and the same calibration at dawn`,
    changed: (passes) => set({ method: "er_ace", epochs: passes + 1 }),
  },
  {
    name: "finetune",
    about: `${PASSES} passes over each day and nothing against forgetting`,
    changed: (passes) => set({ method: "finetune", epochs: passes, calibration: 0 }),
  },
  {
    name: "joint",
    about: `${PASSES} passes over the images of all days at once`,
    changed: (passes) => set({ method: "finetune", epochs: passes, calibration: 0 }),
    jointly: true,
  },
];

/**
 * Four classes on the first day and two more on each of three days, learned by a learner that is kept: its exam on test
 * images day by day, beside ER-ACE, fine-tuning and all images at once. Arms that `out/days.jsonl` has are not repeated.
 */
export async function benchDays(options: DaysOptions, output: Output): Promise<void> {
  const { out, seeds, rows: wanted } = options;
  const unknown = wanted.find((name) => !ROWS.some((row) => row.name === name));
  if (unknown !== undefined) {
    throw new InputError(
      `Cannot compare ${unknown}: it is no row; choose of ${
        ROWS.map(({ name }) => name).join(", ")
      }`,
    );
  }
  const rows = ROWS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const read = (part: string) =>
    readTaught(join(options.data, part), undefined, {
      size: options.size,
      progress: () => {},
      note: () => {},
    });
  const images = { train: await read("train"), test: await read("test") };
  const host = hostOf(options);
  const gpu = await host.openGpu();
  const setting = settingOf(gpu);
  gpu.destroy();
  Deno.mkdirSync(out, { recursive: true });
  const path = join(out, "days.jsonl");
  const results = readResults(path).filter((result) => isSame(result, options));
  for (const seed of seeds) {
    for (const row of rows) {
      if (results.some((result) => result.seed === seed && result.row === row.name)) continue;
      const passes = passesOf(row, results.filter((result) => result.seed === seed));
      const result = await runArm(row, passes, seed, images, options, host);
      results.push(result);
      Deno.writeTextFileSync(path, JSON.stringify({ ...setting, ...result }) + "\n", {
        append: true,
      });
      output.print(
        `seed ${seed}, ${row.name}: ${
          result.right.map((value) => value.toFixed(1)).join(", ")
        } % after each day, ${result.trained} images, ${result.seconds.toFixed(0)} s`,
      );
    }
  }
  output.print(`\n${summary(rows, results.filter(({ seed }) => seeds.includes(seed)))}`);
  output.print(`\nwritten: ${path}`);
}

interface Images {
  readonly train: readonly Given[];
  readonly test: readonly Given[];
}

async function runArm(
  row: Row,
  passes: number,
  seed: number,
  images: Images,
  { start, size, width, images: count }: DaysOptions,
  host: LearnerHost,
): Promise<ArmResult> {
  const began = performance.now();
  const names = [...new Set(images.train.map(({ label }) => label))].sort();
  const order = Random.stream(seed, "days").shuffle([...names]);
  const days = DAYS.map((classes, day) => {
    const first = DAYS.slice(0, day).reduce((a, b) => a + b, 0);
    return order.slice(first, first + classes);
  });
  const bytes = start === "none" ? null : readWeightsFile(start, "start from");
  const right: number[] = [];
  const first: number[] = [];
  const store = new MemoryLearnerStore();
  const learner = await ContinualLearner.create(store, {
    settings: {
      ...bytes ? {} : { width },
      ...{ size, seed, maxClasses: 20, memory: 200, margin: 100 },
      changed: row.changed(passes),
    },
    start: bytes && { bytes, name: start },
  }, host);
  try {
    for (const [day, classes] of days.entries()) {
      const known = days.slice(0, day + 1).flat();
      if (!row.jointly || day === days.length - 1) {
        const taught = row.jointly ? known : classes;
        await learner.observeAll(taught.flatMap((name) => drawn(images.train, name, count, seed)));
        await learner.sleep({ accept: true });
        right.push(await examined(learner, images.test, known, count, seed));
        first.push(await examined(learner, images.test, days[0], count, seed));
      }
    }
  } finally {
    learner.close();
  }
  return {
    bench: "days",
    ...{ row: row.name, start, size, width: learner.state.settings.width, images: count, seed },
    ...{ right, first, trained: learner.state.images },
    seconds: (performance.now() - began) / 1000,
  };
}

/**
 * Passes of a row: with so many it comes to as many images through training steps as the row that it is like, by what
 * the same row with the usual passes came to.
 */
function passesOf({ name, like }: Row, results: readonly ArmResult[]): number {
  if (like === undefined) return PASSES;
  const trained = (row: string) => {
    const found = results.find((result) => result.row === row);
    if (found) return found.trained;
    throw new InputError(
      `Cannot match ${name} to ${like}: ${row} has not been run; name it in --rows`,
    );
  };
  return Math.ceil(PASSES * trained(like) / trained("er_ace"));
}

/** Some images of a class, the same for every row. */
function drawn(images: readonly Given[], name: string, count: number, seed: number): Given[] {
  const ofClass = images.filter(({ label }) => label === name);
  const random = Random.stream(seed, `images of ${name}`);
  const places = random.sampleWithoutReplacement(ofClass.length, Math.min(count, ofClass.length));
  return Array.from(places, (place) => ofClass[place]);
}

async function examined(
  learner: ContinualLearner,
  test: readonly Given[],
  names: readonly string[],
  count: number,
  seed: number,
): Promise<number> {
  const asked = names.flatMap((name) => drawn(test, name, count, seed));
  const { right, images } = await learner.exam(asked);
  return 100 * right / images;
}

function hostOf({ cacheDir }: DaysOptions): LearnerHost {
  return learnerHost({ cacheDir, skipSelfTest: true, checkpointEvery: "never" });
}

function summary(rows: readonly Row[], results: readonly ArmResult[]): string {
  const of = (name: string) => results.filter(({ row }) => row === name);
  const last = ({ right }: ArmResult) => right.at(-1)!;
  const said = (values: readonly number[]) => {
    const found = meanAndDeviation(values);
    if (!found) return "-";
    const { mean, deviation } = found;
    return deviation === null ? mean.toFixed(1) : `${mean.toFixed(1)} ± ${deviation.toFixed(1)}`;
  };
  const lines = rows.map(({ name }) => {
    const own = of(name);
    const pairs = own.flatMap((result) => {
      const wscl = of("wscl").find(({ seed }) => seed === result.seed);
      return wscl ? [[last(wscl), last(result)] as const] : [];
    });
    const difference = name === "wscl" ? null : pairedDifference(pairs);
    const days = DAYS.map((_, day) =>
      said(own.flatMap(({ right }) => right.length === DAYS.length ? [right[day]] : []))
    );
    if (name === "joint") days[DAYS.length - 1] = said(own.map(last));
    return [
      name,
      ...days,
      said(own.map(({ first }) => first.at(-1)!)),
      difference
        ? `${difference.mean.toFixed(1)}${
          difference.interval
            ? ` (${difference.interval.map((value) => value.toFixed(1)).join(" to ")})`
            : ""
        }, ${difference.wins} of ${difference.pairs}`
        : "",
    ];
  });
  const heading = ["", ...DAYS.map((_, day) => `day ${day + 1} %`), "first 4 %", "wscl ahead by"];
  return `${table([heading, ...lines])}\n\n${
    rows.map(({ name, about }) => `${name}: ${about}`).join("\n")
  }`;
}

/** Whether a result is of the same setting; a start has a width of its own. */
function isSame(result: ArmResult, { start, size, width, images }: DaysOptions): boolean {
  return result.start === start && result.size === size && result.images === images &&
    (start !== "none" || result.width === width);
}

function readResults(path: string): ArmResult[] {
  try {
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "")
      .map((line) => JSON.parse(line) as ArmResult);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
