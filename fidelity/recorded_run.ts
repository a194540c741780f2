import type { ImageSet } from "../src/images/image_set.ts";
import type { TaskSplit } from "../src/images/task_stream.ts";
import type { Assembly } from "../src/experiment/build.ts";
import type { Materials } from "../src/experiment/materials.ts";
import type { Sample } from "../src/learner/batch.ts";
import type { HostTensor } from "../src/net/safetensors.ts";
import { LIMIT, widthOf } from "./network_state.ts";
import { officialConfig, type OfficialRun } from "./official_config.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";
import { imagesOf, normalisation, selectImages } from "./pictures.ts";
import type { Draws } from "./recorded_draws.ts";

/** Steps of one segment: an epoch of the learner, or a candidate. */
export interface Section {
  readonly name: string;
  readonly first: number;
  readonly steps: number;
}

/** Parameters, statistics and counters at one point of a recorded run. */
export type RecordedState = ReadonlyMap<string, HostTensor>;

/** What a recording says about a run of the official program, in the words of this one. */
export class RecordedRun {
  readonly recording: OfficialRecording;
  readonly pool: ImageSet;
  readonly official: OfficialRun;
  readonly config: ReturnType<typeof officialConfig>;
  readonly materials: Materials;
  /** Pool numbers of each part, in order: main train, main test, dreams. */
  readonly #parts: readonly number[][];

  constructor(recording: OfficialRecording) {
    this.recording = recording;
    const labels = Array.from(recording.numbers("pool/original_label"));
    this.pool = imagesOf(recording, "pool/pixels", labels);
    const kinds = Array.from(recording.numbers("pool/kind"));
    this.#parts = [0, 1, 2].map((part) => kinds.flatMap((kind, i) => kind === part ? [i] : []));
    this.official = this.#officialRun();
    this.config = officialConfig(this.official);
    this.materials = this.#recordedMaterials(labels);
  }

  get tasks(): Json[] {
    return this.recording.json.tasks;
  }

  /** The recorded state before an epoch; the number of epochs: behind the last one. */
  stateAt(task: number, epoch: number): RecordedState | null {
    const state = (name: string) => this.recording.state(`state/${name}`);
    if (epoch < this.official.epochs) return state(`t${task}_before_epoch_${epoch}`);
    return state(`t${task + 1}_before_epoch_0`) ?? state(`after_task_${task}`);
  }

  /** Epoch `epoch` of a segment of a task: "main", or "candidate_0" and so on. */
  section(task: number, segment: string, epoch: number): Section {
    const steps = Math.ceil(this.tasks[task].train.length / this.official.batchSize);
    return { name: `t${task}/${segment}`, first: epoch * steps, steps };
  }

  idsOf(section: Section): number[] {
    return this.#rows(section, "ids").flat().filter((id) => id >= 0);
  }

  labelsOf(section: Section): number[] {
    return this.#rows(section, "labels").flat().filter((label) => label >= 0);
  }

  lossesOf({ name, first, steps }: Section): Float32Array | Float64Array {
    return this.recording.numbers(`${name}/loss`).subarray(first, first + steps);
  }

  /** What the steps of a section of a task drew, the memory having been offered so many before. */
  drawsOf(section: Section, task: number, offered: number): Draws {
    const placeOf = new Map<number, number>(
      this.tasks[task].train.map((id: number, place: number) => [id, place]),
    );
    const [, count, size] = this.recording.shape(`${section.name}/draw_slot`);
    return {
      order: this.idsOf(section).map((id) => placeOf.get(id) ?? -1),
      replays: this.#rows(section, "draw_slot").flatMap((row) =>
        Array.from(
          { length: count },
          (_, draw) => row.slice(draw * size, (draw + 1) * size).filter((slot) => slot >= 0),
        )
      ).filter((slots) => slots.length > 0),
      slots: this.#rows(section, "add_slot").flat().filter((slot) => slot !== -2),
      offered,
    };
  }

  /** The limit of a segment: that of all, or 20 times the recorded instability of these quantities. */
  limit(segment: string, ...keys: string[]): number {
    const runs = this.recording.json.stability?.segments?.[segment] ?? {};
    const found = Object.values(runs).flatMap((run) =>
      keys.map((key) => (run as Record<string, number>)[key] ?? 0)
    );
    return Math.max(LIMIT, 20 * Math.max(0, ...found));
  }

  /** Pool pictures as samples, labelled by the heads of the tasks up to `task`. */
  samples(ids: readonly number[], task: number, assembly: Assembly): Sample[] {
    const { stream, session: { dreams } } = assembly;
    const [train, , dreamIds] = this.#parts;
    const headOf = new Map<number, number>();
    for (const recorded of this.tasks.slice(0, task + 1)) {
      for (const set of ["train", "val", "freeze_buffer"]) {
        (recorded[set] ?? []).forEach((id: number, i: number) =>
          headOf.set(id, recorded[`${set}_heads`][i])
        );
      }
    }
    return ids.map((id): Sample => {
      const label = headOf.get(id)!;
      const index = train.indexOf(id);
      return index >= 0
        ? { from: stream, image: index, label }
        : { from: dreams!.store, image: dreamIds.indexOf(id), label };
    });
  }

  #rows({ name, first, steps }: Section, what: string): number[][] {
    return Array.from(
      { length: steps },
      (_, i) => this.recording.row(`${name}/${what}`, first + i),
    );
  }

  #officialRun(): OfficialRun {
    const { config, tasks, dream_class_of_head } = this.recording.json;
    const classesPerTask = tasks[0].heads.length;
    return {
      method: "wscl",
      base: config.model,
      tasks: dream_class_of_head.length / classesPerTask,
      classesPerTask,
      size: this.pool.height,
      width: widthOf(this.recording.state("state/t0_before_epoch_0")!),
      ...normalisation(this.recording),
      learningRate: config.lr,
      batchSize: config.batch,
      replayBatchSize: config.mini,
      epochs: config.epochs,
      capacity: config.buf,
      derpp: { alpha: config.alpha ?? 0.1, beta: config.beta ?? 0.5 },
      freezing: config.freezing_eval,
      searches: tasks.slice(1).some((task: Json) => task.freezing?.candidates?.length > 0),
    };
  }

  /** The recorded pictures as data sets, and the recorded sets of each task; dreams are labelled by head. */
  #recordedMaterials(labels: readonly number[]): Materials {
    const { name } = this.recording;
    const { tasks: taskCount, classesPerTask } = this.official;
    const local = new Map(this.#parts.flatMap((part) => part.map((id, i) => [id, i] as const)));
    const indices = (ids: readonly number[] | null) =>
      Uint32Array.from(ids ?? [], (id) => local.get(id)!);
    const [train, test, dreamIds] = this.#parts;
    const isMain = new Set(train);
    const headOfDream = new Map<number, number>();
    for (const task of this.tasks) {
      task.train.forEach((id: number, i: number) => {
        if (!isMain.has(id)) headOfDream.set(id, task.train_heads[i]);
      });
    }
    const dreamHeads = dreamIds.map((id) => headOfDream.get(id) ?? 0);
    const heads = Array.from({ length: taskCount * classesPerTask }, (_, head) => head);
    // Dreams of the first task's heads are never seen; each head must have one nevertheless.
    const unseen = heads.filter((head) => !dreamHeads.includes(head));
    const part = (ids: readonly number[], of: readonly number[]) => ({
      ...selectImages(this.pool, ids, of),
      classNames: heads.map((head) => `class of head ${head}`),
    });
    const ofPool = (ids: readonly number[]) => part(ids, ids.map((id) => labels[id]));
    return {
      dataset: { name, train: ofPool(train), test: ofPool(test) },
      dreams: part([...dreamIds, ...unseen.map(() => 0)], [...dreamHeads, ...unseen]),
      tasks: this.tasks.map((task: Json): TaskSplit => ({
        classes: Array.from({ length: classesPerTask }, (_, i) => task.task * classesPerTask + i),
        train: indices(task.train.filter((id: number) => isMain.has(id))),
        validation: indices(task.val),
        freezingBuffer: indices(task.freeze_buffer),
        test: indices(task.test),
      })),
      headChoice: this.tasks.map((task: Json) =>
        indices([...task.freezing?.heads?.forward_samples ?? []].sort((a, b) => a - b))
      ),
    };
  }
}
