import type { ImageStore } from "../../data/image_store.ts";
import type { Arena } from "../../gpu/tensor.ts";
import type { LongTermMemory } from "../../memory/long_term.ts";
import type { MemorySnapshot } from "../../memory/image_memory.ts";
import type { Sample, Segment } from "../../method/batch.ts";
import { HeadTable } from "../../method/heads.ts";
import type { Learner } from "../../method/learner.ts";
import type { Session } from "../../method/session.ts";
import type { Network } from "../../net/network.ts";
import {
  type Assembly,
  bindDreams,
  createMemories,
  methodOptions,
  randomStreams,
} from "../build.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { learnTasks } from "../learn_tasks.ts";
import type { Materials } from "../materials.ts";
import { StepReporter } from "../step_reporter.ts";

/** Images that a run moves through its network. */
export interface ImageCount {
  /** Through training steps: stream, replays and dreams; those of freezing candidates once for each candidate. */
  readonly trained: number;
  /** Of these, dreams. */
  readonly dreamt: number;
  /** Through the network in inference: evaluation, choice of heads, judging. */
  readonly judged: number;
  /** Training steps. */
  readonly steps: number;
}

/**
 * Counts the images of a run without running it: the protocol and the phases are executed as in a run, on a learner that
 * counts and learns nothing. Exact where the method does not search for what to freeze and all dream classes have equally
 * many images. A freezing search counts as if nothing were frozen before, the most that it can cost.
 */
export async function countImages(
  config: ExperimentConfig,
  materials: Materials,
): Promise<ImageCount> {
  const learner = new CountingLearner(config.data.tasks * config.data.classesPerTask);
  const emit = () => {};
  await learnTasks(config, materials, assembleWithoutGpu(config, materials, learner), {
    emit,
    reporter: new StepReporter(emit),
    results: {
      classIl: { matrix: [], beforeTraining: [], baseline: [] },
      taskIl: { matrix: [], beforeTraining: [], baseline: [] },
      freezing: [],
      heads: [],
      trainingSeconds: 0,
    },
  });
  const { trained, dreamt, judged, steps } = learner;
  return { trained, dreamt, judged, steps };
}

/** Stands for a learner: counts what it is given. */
class CountingLearner {
  trained = 0;
  dreamt = 0;
  judged = 0;
  steps = 0;
  readonly maxRows = Infinity;
  readonly heads: number;
  readonly network = {
    gpu: { memory: { bytes: 0 } },
    frozenBlocks: 0,
    snapshot: () => ({ destroy() {} }),
    save() {},
    restore() {},
    freeze() {},
    copyRunning() {},
  };

  constructor(heads: number) {
    this.heads = heads;
  }

  step(_phase: string, segments: readonly Segment[]): Promise<void> {
    this.#count(segments);
    return Promise.resolve();
  }

  stepCandidates(
    _phase: string,
    segments: readonly Segment[],
    candidates: readonly unknown[],
  ): Promise<void> {
    for (const _ of candidates) this.#count(segments);
    return Promise.resolve();
  }

  losses(batches: readonly (readonly Sample[])[]): Promise<number[]> {
    this.judged += batches.reduce((sum, batch) => sum + batch.length, 0);
    return Promise.resolve(batches.map(() => 0));
  }

  predictions(
    samples: readonly Sample[],
    masks: readonly unknown[],
  ): Promise<Uint32Array[][]> {
    this.judged += samples.length;
    const nobody = () => new Uint32Array(this.heads);
    return Promise.resolve(masks.map(() => Array.from({ length: this.heads }, nobody)));
  }

  remember(): Promise<void> {
    return Promise.resolve();
  }

  anneal(): void {}

  readLosses(): Promise<void> {
    return Promise.resolve();
  }

  #count(segments: readonly Segment[]): void {
    this.steps++;
    for (const { samples } of segments) {
      this.trained += samples.length;
      this.dreamt += samples.filter(({ from }) => from === dreamStore).length;
    }
  }
}

const emptyStore = (source: number) => ({ source, load() {} }) as unknown as ImageStore;

/** Known by its identity. */
const dreamStore = emptyStore(1);

/** Allocates nothing. */
const noArena = {
  gpu: null,
  tensor: (label: string, shape: readonly number[]) => ({ label, shape }),
} as unknown as Arena;

/** What a run has, as far as the phases look at it, without a device behind it. */
function assembleWithoutGpu(
  config: ExperimentConfig,
  { dreams }: Materials,
  learner: CountingLearner,
): Assembly {
  const random = randomStreams(config.seed);
  const { longTerm, shortTerm } = createMemories(noArena, config);
  const session: Session = {
    learner: learner as unknown as Learner,
    options: methodOptions(config),
    random,
    heads: new HeadTable(learner.heads),
    longTerm: withHostSnapshots(longTerm),
    shortTerm,
    dreams: dreams && {
      store: dreamStore,
      heads: bindDreams(config, dreams, random.dreams),
    },
    begin: () => {},
  };
  return {
    network: learner.network as unknown as Network,
    session,
    stream: emptyStore(0),
    test: emptyStore(4),
    destroy() {},
  };
}

/** The memory, whose snapshots keep what is on the host: there is nothing on a device. */
function withHostSnapshots(memory: LongTermMemory): LongTermMemory {
  memory.snapshot = () => ({
    labels: memory.labels.slice(),
    reservoir: memory.reservoir.state(),
    destroy() {},
  } as MemorySnapshot);
  memory.restore = ({ labels, reservoir }) => {
    memory.labels.set(labels);
    memory.reservoir.restore(reservoir);
  };
  return memory;
}
