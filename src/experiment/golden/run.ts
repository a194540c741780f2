import { download } from "../../gpu/tensor.ts";
import type { Gpu } from "../../gpu/device.ts";
import { InputError } from "../../errors.ts";
import type { TaskSplit } from "../../data/task_stream.ts";
import type { MemorySnapshot } from "../../memory/image_memory.ts";
import type { Sample } from "../../method/batch.ts";
import type { StepLoss } from "../../method/learner.ts";
import { batchesOf, type Task } from "../../method/session.ts";
import { bestCandidate, freezingScore } from "../../method/freezing_score.ts";
import { assemble, type Assembly } from "../build.ts";
import { baseStep } from "../../method/methods.ts";
import { learnTasks, type Results } from "../learn_tasks.ts";
import type { Materials } from "../materials.ts";
import { summarizeMatrix } from "../metrics.ts";
import { StepReporter } from "../step_reporter.ts";
import type { Comparison } from "./comparison.ts";
import { compareState, frozenNames, LIMIT, unstable, widthOf } from "./network_state.ts";
import { officialConfig, type OfficialRun } from "./official_config.ts";
import { imagesOf, normalisation, normalised, selectImages, wordsOf } from "./pictures.ts";
import { RecordedDraws } from "./recorded_draws.ts";
import type { Json, Recording } from "./recording.ts";
import { loadNearby, reproduce } from "./reproduce.ts";
import { countsOf } from "./tables.ts";

/** A score has two decimals: rounding may turn a tiny difference into one step of the last. */
const SCORE_LIMIT = 0.0101;

/** Whether a recording is an official `train()`, complete or stopped after some tasks. */
export function isRun({ tensors, json }: Recording): boolean {
  return tensors.has("pool/pixels") && (tensors.has("t0/main/ids") || Boolean(json?.tasks));
}

/**
 * An official run from its first step: the protocol of a run (`learnTasks`) on the recorded pictures with the recorded
 * draws. Between epochs the network is compared with the recorded state and then set to it, so that each epoch, each
 * candidate, each choice of heads and each evaluation starts from what the official program had.
 */
export async function checkRun(
  gpu: Gpu,
  recording: Recording,
  comparison: Comparison,
): Promise<void> {
  if (!recording.json?.tasks) {
    throw new InputError(`Cannot check ${recording.name}: ${recording.name}.json is missing`);
  }
  const replay = new RunReplay(gpu, recording, comparison);
  try {
    await replay.run();
  } finally {
    replay.destroy();
  }
}

/** Steps of one segment: an epoch of the learner, or a candidate. */
interface Section {
  readonly name: string;
  readonly first: number;
  readonly steps: number;
}

class RunReplay {
  readonly #recording: Recording;
  readonly #comparison: Comparison;
  readonly #draws = new RecordedDraws();
  readonly #losses: StepLoss[] = [];
  readonly #pool: ReturnType<typeof imagesOf>;
  /** Pool numbers of each part, in order: main train, main test, dreams. */
  readonly #parts: readonly number[][];
  readonly #materials: Materials;
  readonly #run: OfficialRun;
  readonly #assembly: Assembly;
  /** Votes for heads, a matrix per choice. */
  readonly #headCounts: Uint32Array[][] = [];
  /** Labels that the learner has met before the current epoch. */
  readonly #seen = new Set<number>();
  /** The memory before the current epoch. */
  #memory: MemorySnapshot | null = null;
  #judging = false;
  #task = 0;
  #candidate = 0;
  #section: Section | null = null;

  constructor(gpu: Gpu, recording: Recording, comparison: Comparison) {
    this.#recording = recording;
    this.#comparison = comparison;
    const labels = Array.from(recording.numbers("pool/original_label"));
    this.#pool = imagesOf(recording, "pool/pixels", labels);
    const kinds = Array.from(recording.numbers("pool/kind"));
    this.#parts = [0, 1, 2].map((part) => kinds.flatMap((kind, i) => kind === part ? [i] : []));
    this.#run = this.#officialRun();
    this.#materials = this.#recordedMaterials(labels);
    this.#assembly = assemble(gpu, officialConfig(this.#run), this.#materials, {
      onLosses: (losses) => this.#losses.push(...losses),
      begin: (phase) => this.#begin(phase),
      random: this.#draws.random,
    });
    this.#watchLearner();
  }

  destroy(): void {
    this.#memory?.destroy();
    this.#assembly.destroy();
  }

  async run(): Promise<void> {
    const { network } = this.#assembly;
    network.load(this.#state("state/t0_before_epoch_0")!, this.#recording.name);
    const results: Results = {
      classIl: { matrix: [], beforeTraining: [], baseline: [] },
      taskIl: { matrix: [], beforeTraining: [], baseline: [] },
      freezing: [],
      heads: [],
      trainingSeconds: 0,
    };
    await learnTasks(officialConfig(this.#run), this.#materials, this.#assembly, {
      emit: () => {},
      reporter: new StepReporter(() => {}),
      results,
      betweenEpochs: (task, epoch) => this.#betweenEpochs(task, epoch),
    });
    this.#compareResults(results);
  }

  #officialRun(): OfficialRun {
    const { config, tasks, dream_class_of_head } = this.#recording.json;
    const classesPerTask = tasks[0].heads.length;
    return {
      method: "wscl",
      base: config.model,
      tasks: dream_class_of_head.length / classesPerTask,
      classesPerTask,
      size: this.#pool.height,
      width: widthOf(this.#state("state/t0_before_epoch_0")!),
      ...normalisation(this.#recording),
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
    const { json, name } = this.#recording;
    const { tasks: taskCount, classesPerTask } = this.#run;
    const local = new Map(this.#parts.flatMap((part) => part.map((id, i) => [id, i] as const)));
    const indices = (ids: readonly number[] | null) =>
      Uint32Array.from(ids ?? [], (id) => local.get(id)!);
    const [train, test, dreamIds] = this.#parts;
    const isMain = new Set(train);
    const headOfDream = new Map<number, number>();
    for (const task of json.tasks) {
      task.train.forEach((id: number, i: number) => {
        if (!isMain.has(id)) headOfDream.set(id, task.train_heads[i]);
      });
    }
    const dreamHeads = dreamIds.map((id) => headOfDream.get(id) ?? 0);
    // Dreams of the first task's heads are never seen; each head must have one nevertheless.
    const unseen = Array.from({ length: taskCount * classesPerTask }, (_, head) => head)
      .filter((head) => !dreamHeads.includes(head));
    const names = Array.from(
      { length: taskCount * classesPerTask },
      (_, head) => `class of head ${head}`,
    );
    const part = (ids: readonly number[], of: readonly number[]) => ({
      ...selectImages(this.#pool, ids, of),
      classNames: names,
    });
    const ofPool = (ids: readonly number[]) => part(ids, ids.map((id) => labels[id]));
    return {
      dataset: { name, train: ofPool(train), test: ofPool(test) },
      dreams: part([...dreamIds, ...unseen.map(() => 0)], [...dreamHeads, ...unseen]),
      tasks: json.tasks.map((task: Json): TaskSplit => ({
        classes: Array.from({ length: classesPerTask }, (_, i) => task.task * classesPerTask + i),
        train: indices(task.train.filter((id: number) => isMain.has(id))),
        validation: indices(task.val),
        freezingBuffer: indices(task.freeze_buffer),
        test: indices(task.test),
      })),
      headChoice: json.tasks.map((task: Json) =>
        indices([...task.freezing?.heads?.forward_samples ?? []].sort((a, b) => a - b))
      ),
    };
  }

  #state(prefix: string) {
    return this.#recording.state(prefix);
  }

  /** Remembers what the learner answers, and compares the labels that it is given. */
  #watchLearner(): void {
    const { session: { learner } } = this.#assembly;
    const { predictions, losses, step } = learner;
    learner.predictions = async (samples, masks, augmented) => {
      const counts = await predictions.call(learner, samples, masks, augmented);
      if (augmented) this.#headCounts.push(counts[0]);
      return counts;
    };
    learner.losses = async (batches, mode) => {
      if (!this.#judging) await this.#compareCandidate(losses.bind(learner));
      this.#judging = true;
      return await losses.call(learner, batches, mode);
    };
    let taken = 0;
    let section: Section | null = null;
    learner.step = async (...args) => {
      if (section !== this.#section) [section, taken] = [this.#section, 0];
      if (section) {
        const expected = this.#recording.row(`${section.name}/labels`, section.first + taken)
          .filter((label) => label >= 0);
        const labels = args[1][0].samples.map(({ label }) => label).slice(0, expected.length);
        const where = `${section.name}, step ${section.first + taken++}`;
        this.#comparison.same("stream labels", where, labels, expected);
      }
      await step.apply(learner, args);
    };
  }

  /** A candidate, or the learner's own epochs begin. */
  #begin(phase: string): void {
    if (phase !== "freezing") return;
    this.#useSection(`t${this.#task}/candidate_${this.#candidate++}`, 0);
  }

  #useSection(name: string, epoch: number): void {
    const { json } = this.#recording;
    const { train } = json.tasks[this.#task];
    const steps = Math.ceil(train.length / this.#run.batchSize);
    const section = { name, first: epoch * steps, steps };
    this.#section = section;
    this.#judging = false;
    if (!this.#recording.has(`${name}/ids`)) {
      this.#comparison.same("candidates", `${name} is not recorded`, [1], [0]);
      return;
    }
    const rows = (what: string) =>
      Array.from(
        { length: steps },
        (_, i) => this.#recording.row(`${name}/${what}`, section.first + i),
      );
    const placeOf = new Map<number, number>(train.map((id: number, place: number) => [id, place]));
    const ids = this.#idsOf(section);
    const [, drawCount, drawSize] = this.#recording.shape(`${name}/draw_slot`);
    this.#draws.use({
      order: ids.map((id) => placeOf.get(id) ?? -1),
      replays: rows("draw_slot").flatMap((row) =>
        Array.from(
          { length: drawCount },
          (_, draw) => row.slice(draw * drawSize, (draw + 1) * drawSize).filter((s) => s >= 0),
        )
      ).filter((slots) => slots.length > 0),
      slots: rows("add_slot").flat().filter((slot) => slot !== -2),
      offered: this.#assembly.session.longTerm.reservoir.offered,
    });
  }

  #limit(segment: string, ...keys: string[]): number {
    const runs = this.#recording.json.stability?.segments?.[segment] ?? {};
    const found = Object.values(runs).flatMap((run) =>
      keys.map((key) => (run as Record<string, number>)[key] ?? 0)
    );
    return Math.max(LIMIT, 20 * Math.max(0, ...found));
  }

  async #betweenEpochs(task: number, epoch: number): Promise<void> {
    const { network, session: { learner, longTerm } } = this.#assembly;
    const { epochs } = this.#run;
    await learner.readLosses();
    this.#task = task;
    const searched = task > 0 && this.#run.searches !== false;
    const state = this.#stateAt(task, epoch);
    if (epoch === 0) {
      if (task > 0) this.#compareHeadCounts(task);
      if (task > 0 && state) {
        await compareState(this.#comparison, `before task ${task}`, network, state, 0);
      }
    } else if (searched && epoch === 1) {
      this.#compareSearch();
      const [where, limit] = [
        `t${task}/after_freeze`,
        this.#limit(`t${task}/after_freeze`, "state"),
      ];
      if (state) await compareState(this.#comparison, where, network, state, limit);
    } else {
      await this.#compareEpoch(task, epoch - 1, state);
      for (const label of this.#labelsOf(this.#section!)) this.#seen.add(label);
    }
    const { mismatches } = this.#draws;
    this.#comparison.same("draws", `task ${task}, ${mismatches}`, [mismatches.length], [0]);

    if (state) network.load(state, this.#recording.name);
    this.#memory?.destroy();
    this.#memory = longTerm.snapshot();
    this.#losses.length = 0;
    this.#section = null;
    if (epoch === epochs) {
      await this.#compareMemory(task);
      await this.#compareAnswers(task);
    } else if (searched && epoch === 0) {
      this.#candidate = 0;
    } else {
      this.#useSection(`t${task}/main`, searched ? epoch - 1 : epoch);
    }
  }

  /** The recorded state before an epoch; the number of epochs: behind the last one. */
  #stateAt(task: number, epoch: number) {
    if (epoch < this.#run.epochs) return this.#state(`state/t${task}_before_epoch_${epoch}`);
    return this.#state(`state/t${task + 1}_before_epoch_0`) ??
      this.#state(`state/after_task_${task}`);
  }

  /** An epoch of the learner that has just run; see `reproduce` for further runs. */
  async #compareEpoch(
    task: number,
    epoch: number,
    after: ReturnType<Recording["state"]>,
  ): Promise<void> {
    const name = `t${task}/main/epoch_${epoch}`;
    const before = this.#stateAt(task, epoch);
    await reproduce(this.#comparison, name, async (attempt, found) => {
      if (attempt > 0) {
        if (!before) return;
        await this.#runAgain(attempt, before);
      }
      this.#compareLosses(found, name);
      if (!after) return;
      const limit = this.#limit(name, "state");
      await compareState(found, name, this.#assembly.network, after, limit);
    });
  }

  /**
   * A candidate that has just been trained: its losses, its state, and its losses on the sets that judge it, for which
   * the network is put back afterwards.
   */
  async #compareCandidate(
    losses: Assembly["session"]["learner"]["losses"],
  ): Promise<void> {
    if (!this.#section || !this.#section.name.includes("candidate")) return;
    const { network, session: { learner } } = this.#assembly;
    const { name } = this.#section;
    const recorded =
      this.#recording.json.tasks[this.#task].freezing.candidates[this.#candidate - 1];
    const before = this.#stateAt(this.#task, 0);
    const snapshot = network.snapshot("candidate");
    try {
      await learner.readLosses();
      await reproduce(this.#comparison, name, async (attempt, found) => {
        if (attempt > 0) {
          if (!before) return;
          await this.#runAgain(attempt, before);
        }
        this.#compareLosses(found, name);
        const state = this.#state(`state/${name.replace("/", "_")}_before_eval`);
        const limit = this.#limit(name, "train", "state");
        if (state) await compareState(found, name, network, state, limit);
        network.save(snapshot);
        this.#judging = true;
        for (const [ids, batches] of this.#judges(recorded)) {
          const judged = await losses(
            batchesOf(this.#samples(ids), this.#run.batchSize),
            "training",
          );
          const expected = lossesOf(batches);
          found.close("judging losses", name, judged, expected, this.#limit(name, "eval"));
        }
        const { winner } = this.#recording.json.tasks[this.#task].freezing;
        const kept = this.#stateAt(this.#task, 1);
        if (kept && winner === this.#candidate - 1) {
          // What the winner carries on: its weights, and the statistics that judging has moved.
          const where = `t${this.#task}/after_freeze`;
          await compareState(found, where, network, kept, this.#limit(where, "state"));
        }
        network.restore(snapshot);
      });
    } finally {
      snapshot.destroy();
    }
  }

  /** The sets that judge a candidate, in order, with what was recorded of them. */
  #judges(recorded: Json): [number[], Json][] {
    const { tasks } = this.#recording.json;
    const judges: [number[], Json][] = [
      [tasks[this.#task - 1].freeze_buffer, recorded.buffer_eval],
      [tasks[this.#task].val, recorded.val_eval],
    ];
    return judges.filter(([, batches]) => batches?.length > 0);
  }

  /** The steps of the current section once more, from near the recorded state. */
  async #runAgain(
    attempt: number,
    before: NonNullable<ReturnType<Recording["state"]>>,
  ): Promise<void> {
    const { network, session } = this.#assembly;
    const { name, first, steps } = this.#section!;
    const { heads } = this.#recording.json.tasks[this.#task];
    session.longTerm.restore(this.#memory!);
    loadNearby(network, before, this.#recording.name, attempt);
    this.#losses.length = 0;
    this.#useSection(name, first / steps);
    const task: Task = {
      index: this.#task,
      heads,
      train: [],
      validation: [],
      previousBuffer: [],
    };
    const seen = new Set(this.#seen);
    const step = baseStep(officialConfig(this.#run));
    const samples = this.#samples(this.#idsOf(this.#section!));
    for (const batch of batchesOf(samples, this.#run.batchSize)) {
      await step(session, task, batch, { seen, phase: "stream", remembers: true });
    }
    await session.learner.readLosses();
  }

  /** Pool pictures as samples, labelled by head. */
  #samples(ids: readonly number[]): Sample[] {
    const { stream, session: { dreams } } = this.#assembly;
    const [train, , dreamIds] = this.#parts;
    const headOf = new Map<number, number>();
    for (const task of this.#recording.json.tasks.slice(0, this.#task + 1)) {
      for (const set of ["train", "val", "freeze_buffer"]) {
        (task[set] ?? []).forEach((id: number, i: number) =>
          headOf.set(id, task[`${set}_heads`][i])
        );
      }
    }
    return ids.map((id): Sample => {
      const label = headOf.get(id)!;
      const index = train.indexOf(id);
      return index >= 0
        ? { from: stream, index, label }
        : { from: dreams!.store, index: dreamIds.indexOf(id), label };
    });
  }

  #idsOf({ name, first, steps }: Section): number[] {
    return Array.from({ length: steps }, (_, i) => this.#recording.row(`${name}/ids`, first + i))
      .flat().filter((id) => id >= 0);
  }

  #labelsOf({ name, first, steps }: Section): number[] {
    return Array.from({ length: steps }, (_, i) => this.#recording.row(`${name}/labels`, first + i))
      .flat().filter((label) => label >= 0);
  }

  #compareLosses(comparison: Comparison, segment: string): void {
    const { name, first, steps } = this.#section!;
    const expected = this.#recording.numbers(`${name}/loss`).subarray(first, first + steps);
    const found = this.#losses.splice(0).map(({ loss }) => loss);
    const limit = this.#limit(segment, "train");
    comparison.close(`losses${unstable(limit)}`, segment, found, expected, limit);
  }

  #compareSearch(): void {
    const { network } = this.#assembly;
    const { frozen_after, freezing } = this.#recording.json.tasks[this.#task];
    const where = `task ${this.#task}`;
    this.#comparison.same("candidates", where, [this.#candidate], [freezing.candidates.length]);
    const names = frozenNames(network, network.frozenBlocks);
    const same = names.length === frozen_after.length &&
      frozen_after.every((name: string) => names.includes(name));
    this.#comparison.same("winners", `${where}: ${names.length} frozen`, [same ? 0 : 1], [0]);
  }

  #compareHeadCounts(task: number): void {
    const recorded = this.#recording.json.tasks[task].freezing?.heads;
    const counts = this.#headCounts.at(-1);
    if (!recorded || !counts) return;
    const { classes } = this.#materials.tasks[task];
    const heads = this.#run.tasks * this.#run.classesPerTask;
    classes.forEach((realClass, row) => {
      const expected = countsOf(recorded.counts[realClass] ?? {}, heads);
      this.#comparison.same("votes for heads", `class ${realClass}`, counts[row], expected);
    });
  }

  async #compareMemory(task: number): Promise<void> {
    const recorded = this.#recording.json.tasks[task].buffer_after;
    if (!recorded) return;
    const { session: { longTerm }, network } = this.#assembly;
    const where = `behind task ${task}`;
    const { filled, reservoir: { offered } } = longTerm;
    this.#comparison.same("memory", where, [offered], [recorded.num_seen_examples]);
    this.#comparison.same("memory", where, longTerm.labels.subarray(0, filled), recorded.labels);
    const [words] = await download(network.gpu, [longTerm.tensor]);
    const area = this.#pool.height * this.#pool.width;
    recorded.ids.forEach((id: number, slot: number) => {
      const found = words.subarray(slot * area, (slot + 1) * area);
      this.#comparison.same("memory", `${where}, slot ${slot}`, found, wordsOf(this.#pool, id));
    });
  }

  /** Logits of all test pictures so far, in inference. */
  async #compareAnswers(task: number): Promise<void> {
    const name = `eval_logits/after_task_${task}`;
    if (!this.#recording.has(name)) return;
    const { session: { learner } } = this.#assembly;
    const ids: number[] = this.#recording.json.tasks.slice(0, task + 1)
      .flatMap(({ test }: Json) => test);
    const found: number[] = [];
    for (let start = 0; start < ids.length; start += learner.maxRows) {
      const part = ids.slice(start, start + learner.maxRows);
      const inputs = normalised(this.#pool, part, normalisation(this.#recording));
      found.push(...await learner.inferTensors(inputs));
    }
    const limit = this.#limit(`t${task}/eval`, "logits");
    this.#comparison.close("test logits", name, found, this.#recording.numbers(name), limit);
  }

  #compareResults({ classIl, taskIl, heads, freezing }: Results): void {
    const { json } = this.#recording;
    const count = json.tasks.length;
    json.tasks.forEach((task: Json, t: number) => {
      this.#comparison.same("heads", `task ${t}`, heads[t].heads, task.heads);
      const search = task.freezing;
      if (!search?.candidates) return;
      const { candidates, chosen } = freezing.find(({ task }) => task === t)!;
      const official = search.candidates.map((c: Json) => c.official_loss);
      const scores = candidates.map(({ loss }) => loss);
      this.#comparison.close("scores", `task ${t}`, scores, official, SCORE_LIMIT);
      const winner = candidates.findIndex(({ frozen }) => frozen === chosen);
      this.#comparison.same("winners", `task ${t}`, [winner], [search.winner]);
      const recorded = search.candidates.map((candidate: Json) =>
        freezingScore(
          {
            validation: lossesOf(candidate.val_eval),
            buffer: lossesOf(candidate.buffer_eval),
          },
          this.#run.freezing ?? "training_and_buff",
          "official",
        )
      );
      this.#comparison.close("recorded scores", `task ${t}`, recorded, official, 1e-9);
      this.#comparison.same("winners", `task ${t}`, [bestCandidate(recorded)], [search.winner]);
    });
    for (const [measured, key] of [[classIl, "class_il"], [taskIl, "task_il"]] as const) {
      for (const evaluation of json.evaluations ?? []) {
        const { kind, task } = evaluation;
        const expected: number[] = evaluation[key];
        const found = kind === "baseline"
          ? measured.baseline
          : kind === "before_task"
          ? [measured.beforeTraining[task - 1]]
          : measured.matrix[task];
        const shown = expected.slice(0, kind === "baseline" ? count : expected.length);
        this.#comparison.close("accuracies", `${kind} ${task}`, found, shown, 1e-6);
      }
    }
    if (!json.metrics || count < this.#run.tasks) return;
    for (const [measured, suffix] of [[classIl, ""], [taskIl, "_mask_classes"]] as const) {
      const { backwardTransfer, forwardTransfer, forgetting } = summarizeMatrix(
        measured,
        "official",
      );
      const expected = ["bwt", "fwt", "forgetting"].map((key) => json.metrics[key + suffix]);
      const found = [backwardTransfer, forwardTransfer, forgetting];
      this.#comparison.close("BWT, FWT, forgetting", `accuracies${suffix}`, found, expected, 1e-6);
    }
  }
}

function lossesOf(batches: readonly { loss: number }[] | null | undefined): number[] {
  return (batches ?? []).map(({ loss }) => loss);
}
