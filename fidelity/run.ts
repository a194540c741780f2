import { InputError } from "../src/errors.ts";
import { assemble, type Assembly } from "../src/experiment/build.ts";
import { learnTasks, type Results } from "../src/experiment/learn_tasks.ts";
import { StepReporter } from "../src/experiment/step_reporter.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { download } from "../src/gpu/tensor.ts";
import type { MemorySnapshot } from "../src/images/image_memory.ts";
import type { Segment } from "../src/learner/batch.ts";
import type { StepLoss } from "../src/learner/options.ts";
import { baseStep } from "../src/method/methods.ts";
import { batchesOf, type Task } from "../src/method/session.ts";
import type { Comparison } from "./comparison.ts";
import { compareState, frozenNames, unstable } from "./network_state.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";
import { normalisation, normalised, wordsOf } from "./pictures.ts";
import { RecordedDraws } from "./recorded_draws.ts";
import { RecordedRun, type RecordedState, type Section } from "./recorded_run.ts";
import { loadNearby, reproduce } from "./reproduce.ts";
import { compareResults, lossesOf } from "./run_results.ts";
import { countsOf } from "./tables.ts";

/** Whether a recording is an official `train()`, complete or stopped after some tasks. */
export function isRun({ tensors, json }: OfficialRecording): boolean {
  return tensors.has("pool/pixels") && (tensors.has("t0/main/ids") || Boolean(json?.tasks));
}

/**
 * An official run from its first step: the protocol of a run (`learnTasks`) on the recorded pictures with the recorded
 * draws. Between epochs the network is compared with the recorded state and then set to it, so that each epoch, each
 * candidate, each choice of heads and each evaluation starts from what the official program had.
 */
export async function checkRun(
  gpu: Gpu,
  recording: OfficialRecording,
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

class RunReplay {
  readonly #recorded: RecordedRun;
  readonly #comparison: Comparison;
  readonly #draws = new RecordedDraws();
  readonly #losses: StepLoss[] = [];
  readonly #assembly: Assembly;
  /** Votes for heads, a matrix per choice. */
  readonly #headCounts: Uint32Array[][] = [];
  /** Labels that the learner has met before the current epoch. */
  readonly #seen = new Set<number>();
  /** The memory before the current epoch. */
  #memory: MemorySnapshot | null = null;
  /** Whether the current candidate is being judged: then it has been compared. */
  #judging = false;
  #task = 0;
  #candidate = 0;
  #section: Section | null = null;
  /** Steps of the section so far. */
  #taken = 0;

  constructor(gpu: Gpu, recording: OfficialRecording, comparison: Comparison) {
    this.#recorded = new RecordedRun(recording);
    this.#comparison = comparison;
    const { config, materials } = this.#recorded;
    this.#assembly = assemble(gpu, config, materials, {
      onLosses: (losses) => this.#losses.push(...losses),
      begin: (phase) => {
        if (phase === "freezing") this.#useSection(`candidate_${this.#candidate++}`, 0);
      },
      random: this.#draws.random,
      observer: {
        step: (segments) => this.#compareLabels(segments),
        judging: () => this.#compareCandidate(),
        predicted: (counts, augmented) => void (augmented && this.#headCounts.push(counts[0])),
      },
    });
  }

  destroy(): void {
    this.#memory?.destroy();
    this.#assembly.destroy();
  }

  async run(): Promise<void> {
    const { recording, config, materials } = this.#recorded;
    this.#assembly.network.load(recording.state("state/t0_before_epoch_0")!, recording.name);
    const results: Results = {
      classIl: { matrix: [], beforeTraining: [], baseline: [] },
      taskIl: { matrix: [], beforeTraining: [], baseline: [] },
      freezing: [],
      heads: [],
      labels: [],
      answers: [],
      trainingSeconds: 0,
    };
    await learnTasks(config, materials, this.#assembly, {
      emit: () => {},
      reporter: new StepReporter(() => {}),
      results,
      betweenEpochs: (task, epoch) => this.#betweenEpochs(task, epoch),
    });
    compareResults(this.#comparison, this.#recorded, results);
  }

  /** The labels of a step's stream batch. */
  #compareLabels([stream]: readonly Segment[]): void {
    if (!this.#section) return;
    const { name, first } = this.#section;
    const step = first + this.#taken++;
    const expected = this.#recorded.recording.row(`${name}/labels`, step)
      .filter((label) => label >= 0);
    const labels = stream.samples.map(({ label }) => label).slice(0, expected.length);
    this.#comparison.same("stream labels", `${name}, step ${step}`, labels, expected);
  }

  /** From now on the steps are those of this segment of the task. */
  #useSection(segment: string, epoch: number): void {
    const section = this.#recorded.section(this.#task, segment, epoch);
    this.#section = section;
    this.#taken = 0;
    this.#judging = false;
    if (!this.#recorded.recording.has(`${section.name}/ids`)) {
      this.#comparison.same("candidates", `${section.name} is not recorded`, [1], [0]);
      return;
    }
    const { offered } = this.#assembly.session.longTerm.reservoir;
    this.#draws.use(this.#recorded.drawsOf(section, this.#task, offered));
  }

  async #betweenEpochs(task: number, epoch: number): Promise<void> {
    const { network, session: { learner, longTerm } } = this.#assembly;
    const { recording, official } = this.#recorded;
    await learner.readLosses();
    this.#task = task;
    const searched = task > 0 && official.searches !== false;
    const state = this.#recorded.stateAt(task, epoch);
    if (epoch === 0) {
      if (task > 0) this.#compareHeadCounts(task);
      if (task > 0 && state) {
        await compareState(this.#comparison, `before task ${task}`, network, state, 0);
      }
    } else if (searched && epoch === 1) {
      this.#compareSearch();
      const where = `t${task}/after_freeze`;
      const limit = this.#recorded.limit(where, "state");
      if (state) await compareState(this.#comparison, where, network, state, limit);
    } else {
      await this.#compareEpoch(task, epoch - 1, state);
      for (const label of this.#recorded.labelsOf(this.#section!)) this.#seen.add(label);
    }
    const { mismatches } = this.#draws;
    this.#comparison.same("draws", `task ${task}, ${mismatches}`, [mismatches.length], [0]);

    if (state) network.load(state, recording.name);
    this.#memory?.destroy();
    this.#memory = longTerm.snapshot();
    this.#losses.length = 0;
    this.#section = null;
    if (epoch === official.epochs) {
      await this.#compareMemory(task);
      await this.#compareAnswers(task);
    } else if (searched && epoch === 0) {
      this.#candidate = 0;
    } else {
      this.#useSection("main", searched ? epoch - 1 : epoch);
    }
  }

  /** An epoch of the learner that has just run; see `reproduce` for further runs. */
  async #compareEpoch(task: number, epoch: number, after: RecordedState | null): Promise<void> {
    const name = `t${task}/main/epoch_${epoch}`;
    const before = this.#recorded.stateAt(task, epoch);
    await reproduce(this.#comparison, name, async (attempt, found) => {
      if (attempt > 0) {
        if (!before) return;
        await this.#runAgain(attempt, before);
      }
      this.#compareLosses(found, name);
      if (!after) return;
      const limit = this.#recorded.limit(name, "state");
      await compareState(found, name, this.#assembly.network, after, limit);
    });
  }

  /**
   * A candidate that has just been trained and is about to be judged: its losses, its state, and its losses on the sets
   * that judge it, for which the network is put back afterwards.
   */
  async #compareCandidate(): Promise<void> {
    if (this.#judging) return;
    this.#judging = true;
    if (!this.#section?.name.includes("candidate")) return;
    const { network, session: { learner } } = this.#assembly;
    const { recording, official } = this.#recorded;
    const { name } = this.#section;
    const { candidates, winner } = this.#recorded.tasks[this.#task].freezing;
    const before = this.#recorded.stateAt(this.#task, 0);
    const snapshot = network.snapshot("candidate");
    try {
      await learner.readLosses();
      await reproduce(this.#comparison, name, async (attempt, found) => {
        if (attempt > 0) {
          if (!before) return;
          await this.#runAgain(attempt, before);
        }
        this.#compareLosses(found, name);
        const state = recording.state(`state/${name.replace("/", "_")}_before_eval`);
        const limit = this.#recorded.limit(name, "train", "state");
        if (state) await compareState(found, name, network, state, limit);
        network.save(snapshot);
        this.#judging = true;
        for (const [ids, batches] of this.#judges(candidates[this.#candidate - 1])) {
          const samples = this.#recorded.samples(ids, this.#task, this.#assembly);
          const judged = await learner.losses(batchesOf(samples, official.batchSize), "training");
          const evaluation = this.#recorded.limit(name, "eval");
          found.close("judging losses", name, judged, lossesOf(batches), evaluation);
        }
        const kept = this.#recorded.stateAt(this.#task, 1);
        if (kept && winner === this.#candidate - 1) {
          // What the winner carries on: its weights, and the statistics that judging has moved.
          const where = `t${this.#task}/after_freeze`;
          await compareState(found, where, network, kept, this.#recorded.limit(where, "state"));
        }
        network.restore(snapshot);
      });
    } finally {
      snapshot.destroy();
    }
  }

  /** The sets that judge a candidate, in order, with what was recorded of them. */
  #judges(candidate: Json): [number[], Json][] {
    const { tasks } = this.#recorded;
    const judges: [number[], Json][] = [
      [tasks[this.#task - 1].freeze_buffer, candidate.buffer_eval],
      [tasks[this.#task].val, candidate.val_eval],
    ];
    return judges.filter(([, batches]) => batches?.length > 0);
  }

  /** The steps of the current section once more, from near the recorded state. */
  async #runAgain(attempt: number, before: RecordedState): Promise<void> {
    const { network, session } = this.#assembly;
    const { recording, config, official, tasks } = this.#recorded;
    const { name, first, steps } = this.#section!;
    session.longTerm.restore(this.#memory!);
    loadNearby(network, before, recording.name, attempt);
    this.#losses.length = 0;
    this.#useSection(name.split("/")[1], first / steps);
    const { heads } = tasks[this.#task];
    const task: Task = { index: this.#task, heads, train: [], validation: [], previousBuffer: [] };
    const seen = new Set(this.#seen);
    const step = baseStep(config);
    const ids = this.#recorded.idsOf(this.#section!);
    const samples = this.#recorded.samples(ids, this.#task, this.#assembly);
    for (const batch of batchesOf(samples, official.batchSize)) {
      await step(session, task, batch, { seen, phase: "stream" });
    }
    await session.learner.readLosses();
  }

  #compareLosses(comparison: Comparison, segment: string): void {
    const expected = this.#recorded.lossesOf(this.#section!);
    const found = this.#losses.splice(0).map(({ loss }) => loss);
    const limit = this.#recorded.limit(segment, "train");
    comparison.close(`losses${unstable(limit)}`, segment, found, expected, limit);
  }

  #compareSearch(): void {
    const { network } = this.#assembly;
    const { frozen_after, freezing } = this.#recorded.tasks[this.#task];
    const where = `task ${this.#task}`;
    this.#comparison.same("candidates", where, [this.#candidate], [freezing.candidates.length]);
    const names = frozenNames(network, network.frozenBlocks);
    const same = names.length === frozen_after.length &&
      frozen_after.every((name: string) => names.includes(name));
    this.#comparison.same("winners", `${where}: ${names.length} frozen`, [same ? 0 : 1], [0]);
  }

  #compareHeadCounts(task: number): void {
    const { tasks, materials, official } = this.#recorded;
    const recorded = tasks[task].freezing?.heads;
    const counts = this.#headCounts.at(-1);
    if (!recorded || !counts) return;
    const heads = official.tasks * official.classesPerTask;
    materials.tasks[task].classes.forEach((realClass, row) => {
      const expected = countsOf(recorded.counts[realClass] ?? {}, heads);
      this.#comparison.same("votes for heads", `class ${realClass}`, counts[row], expected);
    });
  }

  async #compareMemory(task: number): Promise<void> {
    const recorded = this.#recorded.tasks[task].buffer_after;
    if (!recorded) return;
    const { pool } = this.#recorded;
    const { session: { longTerm }, network } = this.#assembly;
    const where = `behind task ${task}`;
    const { filled, reservoir: { offered } } = longTerm;
    this.#comparison.same("memory", where, [offered], [recorded.num_seen_examples]);
    this.#comparison.same("memory", where, longTerm.labels.subarray(0, filled), recorded.labels);
    const [words] = await download(network.gpu, [longTerm.tensor]);
    const area = pool.height * pool.width;
    recorded.ids.forEach((id: number, slot: number) => {
      const found = words.subarray(slot * area, (slot + 1) * area);
      this.#comparison.same("memory", `${where}, slot ${slot}`, found, wordsOf(pool, id));
    });
  }

  /** Logits of all test pictures so far, in inference. */
  async #compareAnswers(task: number): Promise<void> {
    const { recording, pool, tasks } = this.#recorded;
    const name = `eval_logits/after_task_${task}`;
    if (!recording.has(name)) return;
    const { session: { learner } } = this.#assembly;
    const ids: number[] = tasks.slice(0, task + 1).flatMap(({ test }: Json) => test);
    const found: number[] = [];
    for (const part of batchesOf(ids, learner.maxRows)) {
      const inputs = normalised(pool, part, normalisation(recording));
      found.push(...await learner.inferTensors(inputs));
    }
    const limit = this.#recorded.limit(`t${task}/eval`, "logits");
    this.#comparison.close("test logits", name, found, recording.numbers(name), limit);
  }
}
