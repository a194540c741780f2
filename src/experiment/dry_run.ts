import type { ImageStore } from "../images/image_store.ts";
import type { Arena } from "../gpu/tensor.ts";
import type { LongTermMemory } from "../images/long_term.ts";
import type { MemorySnapshot } from "../images/image_memory.ts";
import type { Sample, Segment } from "../learner/batch.ts";
import { HeadTable } from "../method/heads.ts";
import { LabelPrior } from "../learner/label_prior.ts";
import type { Learner } from "../learner/learner.ts";
import type { Session } from "../method/session.ts";
import type { Network } from "../net/network.ts";
import {
  type Assembly,
  bindDreams,
  createMemories,
  methodOptions,
  randomStreams,
} from "./build.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { RunEvent } from "./events.ts";
import { learnTasks, noResults } from "./learn_tasks.ts";
import type { Materials } from "./materials.ts";
import { StepReporter } from "./step_reporter.ts";

/** Stands for a learner: takes what it is given and learns nothing. */
export class DryLearner {
  readonly maxRows = Infinity;
  readonly heads: number;
  readonly prior: LabelPrior;
  readonly network = {
    gpu: { memory: { bytes: 0 } },
    frozenBlocks: 0,
    snapshot: () => ({ destroy() {} }),
    save() {},
    restore() {},
    freeze() {},
    copyRunning() {},
  };

  constructor({ data: { tasks, classesPerTask } }: ExperimentConfig) {
    this.heads = tasks * classesPerTask;
    this.prior = new LabelPrior(this.heads);
  }

  step(_phase: string, _segments: readonly Segment[]): Promise<void> {
    return Promise.resolve();
  }

  stepCandidates(
    _phase: string,
    _segments: readonly Segment[],
    _candidates: readonly unknown[],
  ): Promise<void> {
    return Promise.resolve();
  }

  losses(
    batches: readonly (readonly Sample[])[],
    _mode: "training" | "inference",
  ): Promise<number[]> {
    return Promise.resolve(batches.map(() => 0));
  }

  /** Nobody votes for any head, so new classes take the lowest free ones. */
  predictions(_samples: readonly Sample[], masks: readonly unknown[]): Promise<Uint32Array[][]> {
    const nobody = () => new Uint32Array(this.heads);
    return Promise.resolve(masks.map(() => Array.from({ length: this.heads }, nobody)));
  }

  remember(): Promise<void> {
    return Promise.resolve();
  }

  logitsTable() {
    return { targets: {}, destroy() {} };
  }

  rememberLogits(_samples: readonly Sample[]): Promise<void> {
    return Promise.resolve();
  }

  anneal(): void {}

  readLosses(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * A run without a device: the protocol and the phases are executed as they are, with the draws of the seed, on a
 * learner that learns nothing. All that follows from numbers and draws comes about as in the run itself; what follows
 * from accuracies and losses, the choice of heads and of what to freeze, does not.
 */
export class DryRun {
  readonly session: Session;
  readonly #config: ExperimentConfig;
  readonly #materials: Materials;
  readonly #assembly: Assembly;
  readonly #emit: (event: RunEvent) => void;
  readonly #reporter: StepReporter;

  /** @param emit is told what the run would tell; default: nobody. */
  constructor(
    config: ExperimentConfig,
    materials: Materials,
    learner: DryLearner,
    emit: (event: RunEvent) => void = () => {},
  ) {
    this.#config = config;
    this.#materials = materials;
    this.#emit = emit;
    const reporter = this.#reporter = new StepReporter(emit, () => 0);
    this.#assembly = assembleWithoutGpu(
      config,
      materials,
      learner,
      (phase, steps) => reporter.begin(phase, steps),
    );
    this.session = this.#assembly.session;
  }

  /** The task that it has come to, counted from 0. */
  get task(): number {
    return this.#reporter.task;
  }

  async execute(): Promise<void> {
    await learnTasks(this.#config, this.#materials, this.#assembly, {
      emit: this.#emit,
      reporter: this.#reporter,
      results: noResults(),
    });
  }
}

/** Where images come from that nobody looks at. */
export const emptyStore = (source: number): ImageStore =>
  ({ source, load() {} }) as unknown as ImageStore;

/** Where dreams come from, known by its identity. */
export const dreamStore = emptyStore(1);

/** Allocates nothing. */
const noArena = {
  gpu: null,
  tensor: (label: string, shape: readonly number[]) => ({ label, shape }),
} as unknown as Arena;

/** What a run has, as far as the phases look at it, without a device behind it. */
function assembleWithoutGpu(
  config: ExperimentConfig,
  { dreams }: Materials,
  learner: DryLearner,
  begin: Session["begin"],
): Assembly {
  const random = randomStreams(config.seed);
  const heads = dreams && bindDreams(config, dreams, random.dreams);
  return {
    network: learner.network as unknown as Network,
    session: drySession(config, learner, { random, heads, begin }),
    stream: emptyStore(0),
    test: emptyStore(4),
    destroy() {},
  };
}

/** What the phases work on, with memories that hold nothing yet. */
export function drySession(
  config: ExperimentConfig,
  learner: DryLearner,
  { random, heads, begin }: {
    readonly random: Session["random"];
    /** The heads that dream; null: no dreams. */
    readonly heads: NonNullable<Session["dreams"]>["heads"] | null;
    readonly begin: Session["begin"];
  },
): Session {
  const { longTerm, shortTerm } = createMemories(noArena, config);
  return {
    learner: learner as unknown as Learner,
    options: methodOptions(config),
    random,
    heads: new HeadTable(learner.heads),
    longTerm: withHostSnapshots(longTerm),
    shortTerm,
    dreams: heads && { store: dreamStore, heads },
    begin,
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
