import type { SourceOptions } from "../images/source.ts";

/**
 * `wscl`, `er_ace`, `er`, `derpp`, `finetune` or `joint`; a text with a `/`, or with `.ts` or `.js` at its end, names
 * the module of a method of one's own.
 */
export type MethodName = string;

/** Replay methods that WSCL can be built on. */
export type BaseName = "er_ace" | "er" | "derpp";

/** A complete experiment, as resolved: nothing is optional, nothing can be changed. */
export interface ExperimentConfig {
  /** Names the run folder: `runs/NAME-SEED`. */
  readonly name: string;
  /** `wscl`, one of its baselines, a bound (`finetune`, `joint`), or the path of a module: see `docs/methods.md`. */
  readonly method: MethodName;
  /** Options of a method of one's own, by name; its module has their defaults. */
  readonly methodOptions: Readonly<Record<string, number | boolean | string>>;
  /** Seeds every random stream. */
  readonly seed: number;
  /** What belongs to `wscl` alone, but for `compat`. */
  readonly wscl: WsclConfig;
  /** What belongs to `derpp`, alone or as the base of `wscl`. */
  readonly derpp: DerppConfig;
  /** How dynamic freezing is judged. */
  readonly freezing: FreezingConfig;
  /** Task stream and dreams. */
  readonly data: DataConfig;
  /** Applied to every training image on the GPU. */
  readonly augmentation: AugmentationConfig;
  /** ResNet-18. */
  readonly network: NetworkConfig;
  /**
   * How activations are stored between forward and backward pass: `full` in f32; `mixed` in f16, which takes half the
   * memory. Parameters, gradients and all sums are f32 in both.
   */
  readonly precision: "full" | "mixed";
  /** Stochastic gradient descent. */
  readonly optimizer: OptimizerConfig;
  /** Images of the stream in one step. */
  readonly batchSize: number;
  /** Images of the long-term memory in one step. */
  readonly replayBatchSize: number;
  /** Passes over a task's stream: baselines, and `wscl` on the merged schedule. */
  readonly epochs: number;
  /** Dreams to train on before the first task, with any method; a control for `wscl`. 0: none. */
  readonly dreamStart: number;
  /** Training steps on the long-term memory, each class equally often, behind each task but the first. */
  readonly calibration: number;
  /** Capacities in images, and what is kept. */
  readonly memory: MemoryConfig;
  /** Test passes. */
  readonly evaluation: EvaluationConfig;
  /** Progress and log. */
  readonly log: LogConfig;
}

/** The paper's schedule, or the official implementation's, and the switches of the ablation. */
export interface WsclConfig {
  /** Method whose losses are used; the staged schedule is defined by those of `er_ace`. */
  readonly base: BaseName;
  /** `staged`: wake, then sleep, as in the paper; `merged`: all in one step, as in the code. */
  readonly schedule: "staged" | "merged";
  /** Search how many leading blocks to freeze for a new task. */
  readonly freezing: boolean;
  /** Staged: sleep replays both memories. */
  readonly nrem: boolean;
  /** Train the free heads on dreams. */
  readonly rem: boolean;
  /** What is dreamt of: the `images` of `data.dreams`, or turned pictures of what is remembered (`memory`). */
  readonly dreamsFrom: "images" | "memory";
  /** Give a new class the free head that already answers to it; else the next free head. */
  readonly headAssignment: boolean;
  /** Heads that the images of a new task vote with: all, or the free ones. */
  readonly headVotes: "all" | "free";
  /**
   * Staged: REM steps for each NREM step, of whole batches also beside a last one that is not; `all`: every dream once a
   * pass.
   */
  readonly dreamsPerEpisode: number | "all";
  /** Staged: heads in the softmax of a dream: all, all but those of earlier tasks (`current`), or the `free` ones. */
  readonly remOpens: "all" | "current" | "free";
  /** Staged: replay the long-term memory in the wake epoch, too. */
  readonly wakeReplay: boolean;
  /** Staged: when the long-term memory takes over the episodes: within NREM, before sleep or after it. */
  readonly transfer: "nrem" | "dusk" | "dawn";
  /** Staged: passes over the short-term memory in one sleep. */
  readonly sleepEpochs: number;
  /** Where paper and official implementation differ: whom to follow. Holds for every method, see `compatOf`. */
  readonly compat: "paper" | "official";
}

/** Factors of the two replay terms of DER++. */
export interface DerppConfig {
  /** Factor of the mean squared distance to remembered logits. */
  readonly alpha: number;
  /** Factor of the cross-entropy on remembered labels. */
  readonly beta: number;
}

/** What the freezing candidates are judged on. */
export interface FreezingConfig {
  /** Losses that count: new-task validation images, remembered images, or both. */
  readonly mode: "training_and_buff" | "training" | "buffer";
  /** Validation images set apart per task. */
  readonly validation: number;
  /** Merged: images per task kept to judge later candidates. */
  readonly buffer: number;
  /** Staged: share of the long-term memory set apart to judge candidates. */
  readonly share: number;
  /** Most leading blocks that may be frozen (the paper's K). */
  readonly maxBlocks: number;
  /**
   * Share of its loss by which a candidate must be better than the last one that was, which freezes less; the paper has
   * none.
   */
  readonly margin: number;
}

/** Task stream and dreams. */
export interface DataConfig {
  /** Number of tasks. */
  readonly tasks: number;
  /** New classes in each task. */
  readonly classesPerTask: number;
  /** Height and width the network sees, in pixels. */
  readonly size: number;
  /** Per channel, of values between 0 and 1. */
  readonly mean: readonly [number, number, number];
  /** Per channel, of values between 0 and 1. */
  readonly std: readonly [number, number, number];
  /** The classes to learn. */
  readonly train: SourceOptions;
  /** The auxiliary classes, or `null`. */
  readonly dreams: SourceOptions | null;
}

/** Random crop after zero padding, and random flip. */
export interface AugmentationConfig {
  /** Zero pixels added at each side before the crop; 0 switches the crop off. */
  readonly padding: number;
  /** Mirror every second image, at random. */
  readonly flip: boolean;
}

/** ResNet-18. */
export interface NetworkConfig {
  /** Channels of the first stage: 64 in the paper. */
  readonly width: number;
  /**
   * How it begins: `cifar`, a 3x3 convolution, as in the paper; `imagenet`, a 7x7 convolution of stride 2 and 3x3 max
   * pooling of stride 2, as torchvision and timm publish it.
   */
  readonly stem: "cifar" | "imagenet";
  /** Keep the classifier of initial weights of torchvision's layout, which is replaced by a fresh one otherwise. */
  readonly keepHead: boolean;
}

/** Stochastic gradient descent. */
export interface OptimizerConfig {
  /** Step length. */
  readonly learningRate: number;
  /** 0 for none. */
  readonly momentum: number;
  /** 0 for none. */
  readonly weightDecay: number;
  /** Look ahead along the momentum. */
  readonly nesterov: boolean;
}

/** Capacities in images, and what is kept. */
export interface MemoryConfig {
  /** Over all tasks. */
  readonly longTerm: number;
  /** Reservoir over the current task, emptied after sleep. */
  readonly shortTerm: number;
  /**
   * What the long-term memory keeps: a uniform sample of all that was offered (`reservoir`), or its classes as evenly as
   * possible, however many images of each came (`balanced`).
   */
  readonly selection: "reservoir" | "balanced";
}

/** Test passes. */
export interface EvaluationConfig {
  /**
   * Images in one inference step, where a training step, replays included, has no more; where it has, as many as that.
   */
  readonly batchSize: number;
  /**
   * Subtract so many times the logarithm of how often a head was the label lately from its logit (Menon et al., ICLR
   * 2021): 1 is what the theory has; 0: no.
   */
  readonly logitAdjustment: number;
}

/** Progress and log. */
export interface LogConfig {
  /** Training steps between two read-backs of the loss, at most 1024: so many are kept on the GPU. */
  readonly every: number;
}

/** The configuration of `wscl` as a user may write it: with a preset in place of keys, see `docs/method.md`. */
export interface WsclOptions extends WsclConfig {
  /**
   * Keys that belong together: as the paper, as the official program, or as found best; what is written beside it
   * wins.
   */
  readonly preset: "paper" | "official" | "best";
}

/** What a user may write: `name`, `data.tasks`, `data.classesPerTask` and `data.train` must be there. */
export type ExperimentOptions = Optional<
  Omit<ExperimentConfig, "wscl"> & { readonly wscl: WsclOptions }
>;

/** A T in which everything may be left out, at any depth; lists are given whole. */
export type Optional<T> = T extends readonly unknown[] ? T
  : T extends object ? { readonly [K in keyof T]?: Optional<T[K]> }
  : T;
