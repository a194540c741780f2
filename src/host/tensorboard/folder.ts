import { join } from "node:path";
import type { RunEvent } from "../../experiment/events.ts";
import { mean } from "../../experiment/metrics.ts";
import {
  type BoardTime,
  type BoardValue,
  restartEvent,
  valuesEvent,
  versionEvent,
} from "../../exchange/tensorboard_event.ts";
import { tfRecord } from "../../exchange/tf_record.ts";
import { diskProblem } from "../durable.ts";
import { readLog } from "../log.ts";
import type { RunFolder } from "../run_folder.ts";
import { matrixPicture, stripPicture } from "./pictures.ts";
import { type Bitmap, encodePng } from "./png.ts";

/** What event files are called, so that TensorBoard finds them; those of later starts come later in order. */
const PREFIX = "events.out.tfevents.";

/**
 * Event files of a run, for TensorBoard, as it happens. By training steps:
 *
 * - `loss/PHASE`, `images_per_second`
 * - `class_il/task_N`, `task_il/task_N` and their means, in percent, and as pictures `class_il/matrix`,
 *   `task_il/matrix`
 * - `frozen_blocks`
 * - `remembered/CLASS`, how many images of it, and `memory/CLASS`, some of them as a picture
 *
 * A run that goes on writes another file, which says from which step on those before hold no more. What it has in its
 * log from before, but in no such file, is written as well.
 */
export class TensorBoardFolder {
  readonly #folder: string;
  readonly #log: string;
  readonly #tasks: number;
  readonly #warn: (text: string) => void;
  readonly #matrices = { classIl: [] as number[][], taskIl: [] as number[][] };
  #file: Deno.FsFile | null = null;
  #step = 0;
  #failed = false;

  /** @param options.warn is told once that nothing more can be written; the run goes on without. */
  constructor(
    { tensorboard, log }: Pick<RunFolder, "tensorboard" | "log">,
    { tasks, warn }: { readonly tasks: number; readonly warn: (text: string) => void },
  ) {
    this.#folder = tensorboard;
    this.#log = log;
    this.#tasks = tasks;
    this.#warn = warn;
  }

  /** What is told of the run, in its order. */
  observe(event: RunEvent): void {
    if (this.#failed) return;
    try {
      if (event.type === "resume") this.#resume(event.steps, event.logBytes);
      else this.#write(event, Date.now());
    } catch (error) {
      this.#failed = true;
      this.#warn(
        `Cannot write to ${this.#folder}: ${
          diskProblem(error)
        }; the run goes on without TensorBoard`,
      );
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = null;
  }

  #resume(steps: number, logBytes: number): void {
    this[Symbol.dispose]();
    const before = readLog(this.#log, { bytes: logBytes });
    // Where an evaluation goes on, what was told of this step is told again: losses from the log, the rest by the run.
    const last = before.findLast(({ event: { type } }) =>
      type === "phase" || type === "evaluation"
    );
    const evaluates = last?.event.type === "phase" && last.event.phase === "evaluation";
    const from = evaluates ? steps : steps + 1;
    const hadFiles = this.#open(from);
    for (const { event, time } of before) {
      // Also for what the pictures of the matrices are made of, and for the place in the run.
      const values = this.#valuesOf(event);
      const isThere = hadFiles && this.#step < from;
      if (!isThere && values.length > 0) this.#append(time, values);
    }
  }

  #write(event: RunEvent, time: number): void {
    const values = this.#valuesOf(event);
    if (values.length === 0) return;
    if (this.#file === null) this.#open(0);
    this.#append(time, values);
  }

  #append(time: number, values: readonly BoardValue[]): void {
    this.#record(valuesEvent(this.#at(time), values));
  }

  /** Begins a file; whether there were others. */
  #open(step: number): boolean {
    Deno.mkdirSync(this.#folder, { recursive: true });
    const names = [...Deno.readDirSync(this.#folder)].map(({ name }) => name)
      .filter((name) => name.startsWith(PREFIX));
    const now = Date.now();
    // By their names they are read in the order in which they were begun, several in a second included.
    const name = `${PREFIX}${Math.floor(now / 1000)}.wscl.${String(names.length).padStart(4, "0")}`;
    const path = join(this.#folder, name);
    this.#file = Deno.openSync(path, { write: true, createNew: true });
    this.#record(versionEvent(now / 1000));
    if (names.length === 0) return false;
    this.#record(restartEvent({ wallTime: now / 1000, step }));
    return true;
  }

  #record(event: Uint8Array): void {
    let bytes = tfRecord(event);
    while (bytes.length > 0) bytes = bytes.subarray(this.#file!.writeSync(bytes));
  }

  #at(time: number): BoardTime {
    return { wallTime: time / 1000, step: this.#step };
  }

  /** What is to be seen of an event. */
  #valuesOf(event: RunEvent): BoardValue[] {
    switch (event.type) {
      case "step": {
        // Several phases may be told of at the same step, each with the speed of all.
        const isNew = event.total !== this.#step;
        this.#step = event.total;
        return [
          { tag: `loss/${event.phase}`, scalar: event.loss },
          ...isNew ? [{ tag: "images_per_second", scalar: event.samplesPerSecond }] : [],
        ];
      }
      case "freezing":
        return [{ tag: "frozen_blocks", scalar: event.chosen }];
      case "evaluation":
        return (["classIl", "taskIl"] as const).flatMap((key) => {
          const name = key === "classIl" ? "class_il" : "task_il";
          const values = [...event[key]];
          this.#matrices[key][event.task] = values;
          return [
            ...values.map((scalar, task) => ({ tag: `${name}/task_${task + 1}`, scalar })),
            { tag: `${name}/mean`, scalar: mean(values) },
            picture(`${name}/matrix`, matrixPicture(this.#matrices[key], this.#tasks)),
          ];
        });
      case "memory":
        return event.classes.flatMap(({ name, count, pictures }) => [
          { tag: `remembered/${name}`, scalar: count },
          ...count === 0 ? [] : [picture(`memory/${name}`, stripPicture(pictures, event.size))],
        ]);
      default:
        return [];
    }
  }
}

function picture(tag: string, bitmap: Bitmap): BoardValue {
  return { tag, png: encodePng(bitmap), width: bitmap.width, height: bitmap.height };
}
