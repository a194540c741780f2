/** Event files say what a run says, also of one that was cut: they are read by protobufjs, pngjs and another CRC-32C. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { crc32c } from "../../src/exchange/crc32c.ts";
import { Message } from "../../src/exchange/protobuf.ts";
import type { RunEvent } from "../../src/experiment/events.ts";
import { listCheckpoints } from "../../src/host/checkpoint_files.ts";
import { readLog } from "../../src/host/log.ts";
import { runFolder } from "../../src/host/run_folder.ts";
import { TensorBoardFolder } from "../../src/host/tensorboard/folder.ts";
import { matrixPicture } from "../../src/host/tensorboard/pictures.ts";
import type { RunOptions } from "../../src/host/worker_messages.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { withFolder } from "../data/fixtures.ts";
import { noReaders, read } from "../readers/readers.ts";
import { runTiny, tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const ignore = adapter === null || noReaders !== null;

interface Value {
  readonly tag: string;
  readonly scalar?: number;
  readonly width?: number;
  readonly height?: number;
  readonly pixels?: readonly number[];
}

interface Event {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion?: string;
  readonly session?: string;
  readonly values?: readonly Value[];
}

/** What is shown of files: a restart makes what they had of its step, and of later ones, old. */
function shown(files: readonly (readonly Event[])[]): Map<string, [step: number, value: Value][]> {
  const tags = new Map<string, [number, Value][]>();
  for (const { step, session, values = [] } of files.flat()) {
    if (session === "START") {
      for (const [tag, points] of tags) tags.set(tag, points.filter(([at]) => at < step));
    }
    for (const value of values) tags.set(value.tag, [...tags.get(value.tag) ?? [], [step, value]]);
  }
  return tags;
}

/** Runs a tiny experiment that is watched; the events are those of this execution. */
async function watched(
  out: string,
  options: Partial<RunOptions> = {},
  changes: Record<string, unknown> = {},
  listen: (event: RunEvent) => void = () => {},
): Promise<RunEvent[]> {
  using board = new TensorBoardFolder(runFolder(out), { tasks: 3, warn: assert.fail });
  const events: RunEvent[] = [];
  const emit = (event: RunEvent) => {
    events.push(event);
    board.observe(event);
    listen(event);
  };
  await runTiny({ out, changes, options: { emit, tells: { memory: true }, ...options } });
  return events;
}

const scalars = (points: readonly [number, Value][] = []) =>
  points.map(([step, { scalar }]) => [step, scalar]);

Deno.test("CRC-32C and varints are those of their definitions", () => {
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa); // RFC 3720, B.4
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.deepEqual([...new Message().integer(1, 150).encode()], [0x08, 0x96, 0x01]);
  assert.deepEqual([...new Message().text(2, "testing").encode()], [
    0x12,
    7,
    ...new TextEncoder().encode("testing"),
  ]);
  assert.throws(() => new Message().integer(1, -1), RangeError);
});

Deno.test({
  name: "event files have the losses, accuracies, freezing and memory of a run",
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      Deno.mkdirSync(out);
      const events = await watched(out);
      const files = await read<Event[][]>("read_events.ts", join(out, "tensorboard"));
      assert.equal(files.length, 1);
      assert.equal(files[0][0].fileVersion, "brain.Event:2");
      assert(files[0].every(({ wallTime }) => Math.abs(wallTime - Date.now() / 1000) < 600));
      const tags = shown(files);

      const steps = events.filter((event) => event.type === "step");
      for (const phase of ["wake", "freezing", "nrem", "rem"]) {
        const own = steps.filter((event) => event.phase === phase);
        assert(own.length > 0, phase);
        const expected = own.map(({ total, loss }) => [total, Math.fround(loss)]);
        assert.deepEqual(scalars(tags.get(`loss/${phase}`)), expected);
      }
      const speed = scalars(tags.get("images_per_second"));
      assert.deepEqual(speed.map(([step]) => step), [...new Set(steps.map(({ total }) => total))]);

      const evaluations = events.filter((event) => event.type === "evaluation");
      for (const [name, key] of [["class_il", "classIl"], ["task_il", "taskIl"]] as const) {
        for (const task of [0, 1, 2]) {
          const expected = evaluations.slice(task).map((event) => Math.fround(event[key][task]));
          const found = scalars(tags.get(`${name}/task_${task + 1}`)).map(([, value]) => value);
          assert.deepEqual(found, expected);
        }
        const pictures = tags.get(`${name}/matrix`)!;
        assert.equal(pictures.length, 3);
        const { width, height, pixels } = matrixPicture(evaluations.map((event) => event[key]), 3);
        const { 1: last } = pictures[2];
        assert.deepEqual([last.width, last.height], [width, height]);
        assert.deepEqual(last.pixels, [...pixels]);
      }
      const freezing = events.filter((event) => event.type === "freezing");
      const chosen = scalars(tags.get("frozen_blocks")).map(([, value]) => value);
      assert.deepEqual(chosen, freezing.map((event) => event.chosen));

      await checkMemory(events, tags);
    }),
});

/** Every picture of the memory is one of its class that was learned. */
async function checkMemory(
  events: readonly RunEvent[],
  tags: ReturnType<typeof shown>,
): Promise<void> {
  const images = await drawImages(
    { ...tinyOptions.data.train, size: 8, seed: 0 } as never,
    "train",
    () => {},
  );
  const learned = new Map(images.classNames.map((name, label) => [
    name,
    new Set(
      [...images.labels.keys()].filter((image) => images.labels[image] === label)
        .map((image) => imagePixels(images, image).join()),
    ),
  ]));
  const memories = events.filter((event) => event.type === "memory");
  assert.deepEqual(memories.map(({ classes }) => classes.length), [2, 4, 6]);
  const last = memories.at(-1)!;
  assert.equal(
    last.classes.reduce((sum, { count }) => sum + count, 0),
    tinyOptions.memory.longTerm,
  );
  for (const { name, count } of last.classes) {
    assert.equal(scalars(tags.get(`remembered/${name}`)).at(-1)![1], count);
    if (count === 0) continue;
    const { width = 0, pixels = [] } = tags.get(`memory/${name}`)!.at(-1)![1];
    const pictures = Array.from(
      { length: (width + 1) / 9 },
      (_, i) =>
        Array.from(
          { length: 8 },
          (_, y) => pixels.slice(3 * (y * width + 9 * i), 3 * (y * width + 9 * i + 8)),
        )
          .flat().join(),
    );
    assert.equal(pictures.length, Math.min(10, count));
    for (const picture of pictures) {
      assert(learned.get(name)!.has(picture), `a stranger among ${name}`);
    }
  }
}

Deno.test({
  name: "of a run that was cut, and of one that was watched late, every step is there once",
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const make = (name: string) => {
        const out = join(folder, name);
        Deno.mkdirSync(out);
        return out;
      };
      const filesOf = (out: string) => read<Event[][]>("read_events.ts", join(out, "tensorboard"));
      const points = (files: Event[][]) =>
        Object.fromEntries(
          [...shown(files)].filter(([tag]) => tag !== "images_per_second")
            .map((
              [tag, points],
            ) => [tag, points.map(([step, { scalar, pixels }]) => [step, scalar ?? pixels])]),
        );
      const whole = make("whole");
      let most = 0;
      const changes = { data: { ...tinyOptions.data, tasks: 2 } };
      await watched(whole, { atPoint: (point) => most = point }, changes);
      const expected = points(await filesOf(whole));

      const cut = make("cut");
      const dies = (point: number) => {
        if (point === Math.floor(0.7 * most)) throw new Error("killed");
      };
      await assert.rejects(
        watched(cut, { atPoint: dies, checkpointEvery: { steps: 9 } }, changes),
        /killed/,
      );
      const before = (await filesOf(cut))[0].at(-1)!.step;
      // The same run, of which nobody has written event files before.
      const late = make("late");
      for (const { name, isFile } of Deno.readDirSync(cut)) {
        if (isFile) Deno.copyFileSync(join(cut, name), join(late, name));
      }
      const checkpoints = listCheckpoints(join(cut, "checkpoints"));
      for (const name of checkpoints) {
        const [from, to] = [cut, late].map((out) => join(out, "checkpoints", name));
        Deno.mkdirSync(to, { recursive: true });
        for (const { name } of Deno.readDirSync(from)) {
          Deno.copyFileSync(join(from, name), join(to, name));
        }
      }
      const events = await watched(cut, { resume: true }, changes);
      const [resumed] = events.filter((event) => event.type === "resume");
      assert(resumed.steps < before, "nothing was told twice");
      const files = await filesOf(cut);
      assert.equal(files.length, 2);
      assert.deepEqual([files[1][1].session, files[1][1].step], ["START", resumed.steps + 1]);
      assert.deepEqual(points(files), expected);

      await watched(late, { resume: true }, changes);
      const only = points(await filesOf(late));
      for (const tag of Object.keys(expected).filter((tag) => !/^(memory|remembered)/.test(tag))) {
        assert.deepEqual(only[tag], expected[tag], tag);
      }

      // Saved in the middle of an evaluation, and killed when that had been told.
      const out = make("in an evaluation");
      let [evaluates, told] = [false, false];
      const listen = ({ type, ...event }: RunEvent) => {
        if (type === "phase") evaluates = "phase" in event && event.phase === "evaluation";
        if (type === "evaluation") told = true;
      };
      await watched(out, { shouldStop: () => evaluates }, changes, listen);
      const atPoint = () => {
        if (told) throw new Error("killed");
      };
      const never = { checkpointEvery: "never", resume: true } as const;
      await assert.rejects(watched(out, { atPoint, ...never }, changes, listen), /killed/);
      await watched(out, never, changes);
      const three = await filesOf(out);
      assert.deepEqual(three.map(([, second]) => second.session), [undefined, "START", "START"]);
      assert.deepEqual(points(three), expected);
    }),
});

Deno.test("a disk that takes no event files is told once, and nobody is stopped", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(join(folder, "tensorboard"), "a file where the folder should be");
    const warnings: string[] = [];
    using board = new TensorBoardFolder(runFolder(folder), {
      tasks: 1,
      warn: (text) => warnings.push(text),
    });
    const evaluation = {
      type: "evaluation",
      task: 0,
      classIl: [50],
      taskIl: [50],
      gpuBytes: 0,
    } as const;
    board.observe(evaluation);
    board.observe(evaluation);
    assert.equal(warnings.length, 1);
    assert.match(
      warnings[0],
      /^Cannot write to .*tensorboard: .*; the run goes on without TensorBoard$/,
    );
    return Promise.resolve();
  }));

Deno.test("the matrix of a hundred tasks is a picture of moderate size", () => {
  const matrix = Array.from({ length: 100 }, (_, row) => Array(row + 1).fill(50));
  const { width, height } = matrixPicture(matrix, 100);
  assert.deepEqual([width, height], [601, 601]);
});

Deno.test("a log is read as far as it is whole, and as far as is asked for", () =>
  withFolder((folder) => {
    const path = join(folder, "log.jsonl");
    assert.deepEqual(readLog(path), []);
    const line = '{"time":"2026-01-01T00:00:00.000Z","seconds":1.5,"type":"message","text":"é"}\n';
    Deno.writeTextFileSync(path, `${line}[1]\n${line}{"time":"2026`);
    const event = { type: "message", text: "é" };
    const expected = { at: 1500, time: Date.UTC(2026, 0, 1), event };
    const told: number[] = [];
    const read = readLog(path, { passedOver: (lines) => told.push(lines) });
    assert.deepEqual([read, told], [[expected, expected], [2]]);
    assert.deepEqual(readLog(path, { bytes: new TextEncoder().encode(line).length }), [expected]);
    return Promise.resolve();
  }));
