import type { TaskSplit } from "../images/task_stream.ts";
import type { Sample } from "../learner/batch.ts";
import { startOnDreams } from "../method/dream_start.ts";
import { type LearnContext, methodOf, needsOf } from "../method/methods.ts";
import { giveHeads } from "../method/new_classes.ts";
import type { SeenHeads } from "../method/replay.ts";
import type { Task } from "../method/session.ts";
import type { Assembly } from "./build.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { evaluateTask, shiftOf } from "./evaluate.ts";
import type { RunEvent } from "./events.ts";
import { type Materials, streamImages } from "./materials.ts";
import type { StepReporter } from "./step_reporter.ts";
import type { FreezingDecision, HeadAssignment } from "./summary.ts";

/** Accuracies in percent as a run measures them; see `RunAccuracies` of `metrics.ts`. */
export interface Measured {
  readonly matrix: number[][];
  readonly beforeTraining: number[];
  readonly baseline: number[];
}

/** What a run has found so far; filled task by task. */
export interface Results {
  readonly classIl: Measured;
  readonly taskIl: Measured;
  readonly freezing: FreezingDecision[];
  readonly heads: HeadAssignment[];
  /**
   * How often each head was the label under plain cross-entropy in the last task, by head; empty where logits are not
   * adjusted by it.
   */
  labels: readonly number[];
  /** Of the last evaluation: for each class, in the order of `heads`, how often it was answered with each head. */
  answers: readonly (readonly number[])[];
  /** Time in which tasks, and dreams before them, were learned; evaluation is not counted. */
  trainingSeconds: number;
}

/** Before anything is found. */
export function noResults(): Results {
  return {
    classIl: { matrix: [], beforeTraining: [], baseline: [] },
    taskIl: { matrix: [], beforeTraining: [], baseline: [] },
    freezing: [],
    heads: [],
    labels: [],
    answers: [],
    trainingSeconds: 0,
  };
}

interface Context {
  readonly emit: (event: RunEvent) => void;
  readonly reporter: StepReporter;
  readonly results: Results;
  /** Milliseconds; default the time itself. */
  readonly now?: () => number;
  /** Awaited behind the evaluation of each task. */
  readonly afterTask?: (task: number) => Promise<void>;
  /** Awaited between two epochs of the merged schedule. */
  readonly betweenEpochs?: LearnContext["betweenEpochs"];
}

/** The protocol: for each task choose heads, evaluate it untouched, learn it, evaluate all tasks so far. */
export async function learnTasks(
  config: ExperimentConfig,
  materials: Materials,
  assembly: Assembly,
  context: Context,
): Promise<void> {
  const { results, reporter } = context;
  await measureBaseline(config, materials, assembly, results);
  if (config.dreamStart > 0) {
    await timed(context, () => startOnDreams(assembly.session, config.dreamStart));
  }
  const method = methodOf(config);
  if (method.needs(config).jointly) return await learnJointly(config, materials, assembly, context);
  const seen: SeenHeads = new Set();
  for (const [index, split] of materials.tasks.entries()) {
    reporter.task = index;
    assembly.stream.load(materials.dataset.train, streamImages(materials, index));
    const heads = await takeHeads(config, materials, assembly, context, index, split);
    if (index > 0) {
      const before = await evaluate(config, materials, assembly, results, index);
      results.classIl.beforeTraining.push(before.classIl);
      results.taskIl.beforeTraining.push(before.taskIl);
    }
    const { betweenEpochs } = context;
    const freezing = await timed(context, async () => {
      const task = taskOf(materials, assembly, index, heads);
      assembly.session.learner.prior.clear();
      const frozen = await method.learn(assembly.session, task, { config, seen, betweenEpochs });
      await assembly.session.learner.readLosses();
      return frozen;
    });
    noteLabels(config, assembly, results);
    if (freezing) {
      results.freezing.push({ task: index, ...freezing });
      context.emit({ type: "freezing", task: index, ...freezing });
    }
    await evaluateAll(config, materials, assembly, context, index, index + 1);
  }
}

/** Counts what it takes as training, by which images a second are told. */
async function timed<T>(
  { results, now = () => performance.now() }: Context,
  learn: () => Promise<T>,
): Promise<T> {
  const started = now();
  const learned = await learn();
  results.trainingSeconds += (now() - started) / 1000;
  return learned;
}

/** The upper bound: one task that holds the images of all, with heads in class order. */
async function learnJointly(
  config: ExperimentConfig,
  materials: Materials,
  assembly: Assembly,
  context: Context,
): Promise<void> {
  const { session, stream } = assembly;
  const { results } = context;
  for (const [index, split] of materials.tasks.entries()) {
    session.heads.assign(split.classes, split.classes);
    noteHeads(materials, context, index, split.classes);
  }
  const indices = materials.tasks.flatMap(({ train }) => [...train]);
  stream.load(materials.dataset.train, indices);
  const task: Task = {
    index: 0,
    heads: materials.tasks.flatMap(({ classes }) => classes),
    train: labelled(materials, assembly, indices),
    validation: [],
    previousBuffer: [],
  };
  await timed(context, async () => {
    session.learner.prior.clear();
    await methodOf(config).learn(session, task, { config, seen: new Set() });
    await session.learner.readLosses();
  });
  noteLabels(config, assembly, results);
  await evaluateAll(config, materials, assembly, context, 0, materials.tasks.length);
}

async function takeHeads(
  config: ExperimentConfig,
  materials: Materials,
  assembly: Assembly,
  context: Context,
  index: number,
  split: TaskSplit,
): Promise<number[]> {
  const { session, stream } = assembly;
  const { labels } = materials.dataset.train;
  const voters = (): Sample[] =>
    Array.from(materials.headChoice[index], (image) => {
      return { from: stream, image, label: split.classes.indexOf(labels[image]) };
    });
  const chooses = index > 0 && needsOf(config).votes;
  const heads = await giveHeads(session, split.classes, chooses ? voters() : null);
  noteHeads(materials, context, index, heads);
  return heads;
}

/** What adjusts logits until the next task has been learned. */
function noteLabels(
  { evaluation }: ExperimentConfig,
  { session }: Assembly,
  results: Results,
): void {
  if (evaluation.logitAdjustment > 0) results.labels = [...session.learner.prior.rows];
}

/** @param heads Of the classes of the task, in their order. */
function noteHeads(
  { dataset, tasks }: Materials,
  { emit, results }: Context,
  task: number,
  heads: readonly number[],
): void {
  const classes = tasks[task].classes.map((realClass) => dataset.train.classNames[realClass]);
  results.heads.push({ task, heads, classes });
  emit({ type: "heads", task, heads, classes });
}

function taskOf(
  materials: Materials,
  assembly: Assembly,
  index: number,
  heads: readonly number[],
): Task {
  const { train, validation } = materials.tasks[index];
  return {
    index,
    heads,
    train: labelled(materials, assembly, train),
    validation: labelled(materials, assembly, validation),
    previousBuffer: labelled(materials, assembly, materials.tasks[index - 1]?.freezingBuffer ?? []),
  };
}

/** Images of the stream store as samples, labelled with the heads of their classes. */
function labelled(
  { dataset }: Materials,
  { session, stream }: Assembly,
  indices: ArrayLike<number>,
): Sample[] {
  const { labels } = dataset.train;
  return Array.from(
    indices,
    (image) => ({ from: stream, image, label: session.heads.headOf(labels[image]) }),
  );
}

/** Accuracies of the untrained network with heads in class order: what forward transfer is measured against. */
async function measureBaseline(
  config: ExperimentConfig,
  materials: Materials,
  assembly: Assembly,
  results: Results,
): Promise<void> {
  const heads = materials.tasks.map(({ classes }) => ({ heads: classes }));
  for (const index of materials.tasks.keys()) {
    const { classIl, taskIl } = await evaluate(
      config,
      materials,
      assembly,
      { heads, labels: [] },
      index,
    );
    results.classIl.baseline.push(classIl);
    results.taskIl.baseline.push(taskIl);
  }
}

async function evaluateAll(
  config: ExperimentConfig,
  materials: Materials,
  assembly: Assembly,
  { emit, results, afterTask }: Context,
  task: number,
  count: number,
): Promise<void> {
  emit({ type: "phase", task, phase: "evaluation" });
  const classIl: number[] = [];
  const taskIl: number[] = [];
  const answers: (readonly number[])[] = [];
  for (let index = 0; index < count; index++) {
    const accuracy = await evaluate(config, materials, assembly, results, index);
    classIl.push(accuracy.classIl);
    taskIl.push(accuracy.taskIl);
    answers.push(...accuracy.answers);
  }
  results.answers = answers;
  results.classIl.matrix.push(classIl);
  results.taskIl.matrix.push(taskIl);
  const gpuBytes = assembly.network.gpu.memory.bytes;
  emit({ type: "evaluation", task, classIl, taskIl, gpuBytes });
  await afterTask?.(task);
}

async function evaluate(
  config: ExperimentConfig,
  { dataset, tasks }: Materials,
  { session: { learner }, test }: Assembly,
  { heads: assigned, labels }: {
    readonly heads: readonly Pick<HeadAssignment, "heads">[];
    readonly labels: readonly number[];
  },
  index: number,
) {
  const { heads } = assigned[index];
  return await evaluateTask(learner, test, dataset.test, tasks[index], heads, {
    shift: shiftOf(config, labels),
  });
}
