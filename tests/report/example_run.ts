/** Folders of runs that never ran: numbers from a seed, as many tasks and classes as are asked for. */

import { join } from "node:path";
import { encodeGallery, type GalleryPicture } from "../../src/experiment/gallery.ts";
import type { AccuracySummary, Summary } from "../../src/experiment/summary.ts";
import type { LoggedEvent, RunEvent } from "../../src/experiment/events.ts";
import { runFolder, writeJson, writeSummary } from "../../src/host/run_folder.ts";
import { forgetting } from "../../src/experiment/metrics.ts";
import { Random } from "../../src/random.ts";
import { exampleSummary } from "../experiment/example_summary.ts";

export interface ExampleRun {
  readonly tasks: number;
  readonly names: readonly string[];
  readonly seed?: number;
  readonly method?: string;
  readonly dataset?: string;
}

/** Names that a page must not take for more than names. */
export const HOSTILE = [
  "<script>alert(1)</script>",
  `" onload="alert(1)`,
  "'><img src=x onerror=alert(1)>",
  "very-long-".repeat(25),
  "קטן 🦄 \u202egnp",
  "&lt;b&gt; ${x} `y`",
  "  ",
  "a\u0000b\nc",
] as const;

function accuracy(tasks: number, random: Random, best: number): AccuracySummary {
  const matrix = Array.from(
    { length: tasks },
    (_, t) =>
      Array.from({ length: t + 1 }, (_, i) => best * Math.exp((i - t) / 6) * random.range(0.85, 1)),
  );
  const last = matrix[tasks - 1];
  return {
    matrix,
    finalAverage: last.reduce((a, b) => a + b, 0) / tasks,
    backwardTransfer: -7.25,
    forwardTransfer: 1.5,
    forgetting: tasks > 1 ? forgetting(matrix) : 0,
  };
}

/** Its summary; the classes are divided evenly among the tasks. */
export function exampleOf(
  { tasks, names, seed = 0, method = "wscl", dataset = "drawn" }: ExampleRun,
): Summary {
  const random = Random.stream(seed, `example ${method}`);
  const each = names.length / tasks;
  const wscl = method === "wscl";
  const counts = names.map((_, i) => {
    const row = names.map((_, j) => (i + 3 * j) % 7 === 0 ? random.below(4) : 0);
    row[i] += 10 + random.below(20);
    return row;
  });
  return {
    ...exampleSummary({ method, dataset, seed, tasks, schedule: wscl ? "staged" : null }),
    classIl: accuracy(tasks, random, 90),
    taskIl: accuracy(tasks, random, 98),
    freezing: wscl
      ? Array.from({ length: tasks - 1 }, (_, i) => ({
        task: i + 1,
        candidates: [0, 1, 2].map((frozen) => ({ frozen, loss: random.range(0.5, 3) })),
        chosen: i % 3,
      }))
      : [],
    heads: Array.from({ length: tasks }, (_, task) => ({
      task,
      heads: Array.from({ length: each }, (_, i) => task * each + (each - 1 - i)),
      classes: names.slice(task * each, (task + 1) * each),
    })),
    confusion: { classes: names, counts, elsewhere: names.map((_, i) => i % 5 === 4 ? 1 : 0) },
    remembered: names.map((name, i) => ({ class: name, images: i % 9 })),
    ...(wscl ? { dreams: names.map((name, i) => i < each ? null : `dream of ${name}`) } : {}),
  };
}

/** Writes the folder of a run. */
export function writeExample(path: string, run: ExampleRun): Summary {
  const summary = exampleOf(run);
  const folder = runFolder(path);
  Deno.mkdirSync(path, { recursive: true });
  writeSummary(folder.summary, summary);
  const { tasks, names, seed = 0, method = "wscl" } = run;
  writeJson(folder.config, {
    ...{ name: "example", method, seed, epochs: method === "wscl" ? 2 : 8 },
    data: { tasks, classesPerTask: names.length / tasks, train: { classes: names } },
  });
  writeJson(folder.run, { dataRoot: "data of mine", init: null });
  const random = Random.stream(seed, "pixels");
  const picture = (facts: Omit<GalleryPicture, "pixels">): GalleryPicture => ({
    ...facts,
    pixels: Uint8Array.from({ length: 8 * 8 * 3 }, () => random.below(256)),
  });
  Deno.writeFileSync(
    folder.gallery,
    encodeGallery({
      size: 8,
      pictures: [
        ...names.flatMap((name) => [0, 1, 2].map(() => picture({ kind: "memory", class: name }))),
        ...names.map((name, head) => picture({ kind: "dream", class: `dream of ${name}`, head })),
        ...names.slice(0, 5).map((name, i) =>
          picture({
            kind: "misleading",
            class: name,
            answer: names.at(-1 - i)!,
            confidence: 0.9731 - i / 10,
          })
        ),
      ],
    }),
  );
  Deno.writeTextFileSync(
    folder.log,
    logOf(run).map(({ at, time, event }) =>
      JSON.stringify({ time: new Date(time).toISOString(), seconds: at / 1000, ...event }) + "\n"
    ).join(""),
  );
  return summary;
}

/** A log with all that a page shows. */
export function logOf({ tasks, names }: ExampleRun): LoggedEvent[] {
  let at = 0;
  const events: LoggedEvent[] = [];
  const add = (event: object, after = 0.25) => {
    at += 1000 * after;
    events.push({ at, time: Date.UTC(2026, 10, 26, 14), event: event as RunEvent });
  };
  add({ type: "phase", task: null, phase: "data" }, 0);
  const digests = { train: "ab".repeat(32), test: "cd".repeat(32), dreams: null };
  const data = {
    name: "drawn",
    classes: names.length,
    train: 1200,
    test: 345,
    dreams: 67,
    classNames: names,
    leftOut: [],
    dreamClassNames: [],
    digests,
  };
  add({ type: "start", adapter: "test", denoVersion: "2.9.6", data, parameters: 44622 });
  for (let task = 0; task < tasks; task++) {
    add({ type: "phase", task, phase: "wake" });
    for (const step of [10, 20]) {
      add({
        type: "step",
        task,
        phase: "wake",
        step,
        steps: 20,
        loss: 2.5 - step / 20 + task / 10,
        milliseconds: 25,
        samplesPerSecond: 400,
      }, 0.5);
    }
    add({ type: "phase", task, phase: "sleep" });
    for (const step of [10, 20, 30]) {
      for (const phase of ["nrem", "rem"]) {
        add({
          type: "step",
          task,
          phase,
          step,
          steps: 30,
          loss: 3 - step / 20 + (phase === "rem" ? 1 : 0),
          milliseconds: 50,
          samplesPerSecond: 800,
        }, 0.5);
      }
    }
    add({ type: "phase", task, phase: "evaluation" });
    add({ type: "evaluation", task, classIl: [], taskIl: [], gpuBytes: 1e7 + task });
  }
  add({ type: "phase", task: null, phase: "saving" });
  add({ type: "end" });
  return events;
}

/** Names of as many classes. */
export const classNames = (count: number) =>
  Array.from({ length: count }, (_, i) => `class ${i + 1}`);

/** A folder of many runs: three methods, seeds from 0. */
export function writeMany(
  folder: string,
  runs: number,
  example: Omit<ExampleRun, "seed" | "method">,
): void {
  for (let i = 0; i < runs; i++) {
    const method = ["wscl", "er_ace", "finetune"][i % 3];
    writeExample(join(folder, `${method}-${Math.floor(i / 3)}`), {
      ...example,
      method,
      seed: Math.floor(i / 3),
    });
  }
}
