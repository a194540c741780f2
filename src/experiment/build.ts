import { createImageStore, type ImageStore } from "../images/image_store.ts";
import type { ImageSet } from "../images/image_set.ts";
import { type DreamHeads, dreamHeads, type DreamOptions } from "../images/task_stream.ts";
import type { Gpu } from "../gpu/device.ts";
import { Arena } from "../gpu/tensor.ts";
import { LongTermMemory } from "../images/long_term.ts";
import { ShortTermMemory } from "../images/short_term.ts";
import { HeadTable } from "../method/heads.ts";
import { Learner } from "../learner/learner.ts";
import type { LearnerOptions } from "../learner/options.ts";
import { needsOf } from "../method/methods.ts";
import type { MethodRandom, Session } from "../method/session.ts";
import type { MethodOptions } from "../method/options.ts";
import { Network, type NetworkOptions } from "../net/network.ts";
import { type ParameterTable, parameterTable } from "../net/parameters.ts";
import { type ResNet18, resnet18 } from "../net/resnet18.ts";
import type { Conv2dChoice } from "../ops/conv2d_variants.ts";
import { Random } from "../random.ts";
import { compatOf } from "./config.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { trainingRows } from "./training_rows.ts";
import { type Materials, streamImages } from "./materials.ts";

/** Numbers by which batch rows name the places that images come from. */
const sources = { stream: 0, dreams: 1, longTerm: 2, shortTerm: 3, test: 4 } as const;

/** Everything a run has on the GPU. */
export interface Assembly {
  readonly network: Network;
  readonly session: Session;
  /** Images of the current task. */
  readonly stream: ImageStore;
  /** Test images of the task being evaluated. */
  readonly test: ImageStore;
  destroy(): void;
}

/** What a run is told about itself, and what it draws from. */
export interface AssemblyHooks
  extends Pick<LearnerOptions, "onLosses" | "checkpoint" | "observer">, Pick<Session, "begin"> {
  /** How convolutions are computed; default: what suits this kind of adapter. */
  readonly choice?: Conv2dChoice;
  /** What is launched in place of what is recorded; default: the same. */
  readonly replace?: NetworkOptions["replace"];
  /** Awaited before the first launch of a batch unlike any before; default: nothing. */
  readonly beforeBatch?: NetworkOptions["beforeBatch"];
  /** Draws to use instead of the seed's; recorded ones, say. */
  readonly random?: MethodRandom & { readonly dreams: DreamOptions["random"] };
}

/** Allocates network, stores and memories for a configuration and binds dreams to heads. */
export function assemble(
  gpu: Gpu,
  config: ExperimentConfig,
  materials: Materials,
  hooks: AssemblyHooks,
): Assembly {
  const { data } = config;
  const heads = data.tasks * data.classesPerTask;
  const network = createNetwork(gpu, config, hooks.choice, hooks);
  const arena = new Arena(gpu, "memories");
  const stores = new Arena(gpu, "images", { state: false });
  const image = { height: data.size, width: data.size };
  const maxRows = network.activations.rows;
  const store = (label: string, source: number, capacity: number) =>
    createImageStore(stores, { ...image, label, source, capacity, maxRows });

  const stream = store("stream", sources.stream, streamCapacity(config, materials));
  const test = store(
    "test",
    sources.test,
    Math.max(...materials.tasks.map((task) => task.test.length)),
  );
  const { longTerm, shortTerm } = createMemories(arena, config);
  const random = hooks.random ?? randomStreams(config.seed);
  let dreams: Session["dreams"] = null;
  if (materials.dreams) {
    const bound = bindDreams(config, materials.dreams, random.dreams);
    const indices = bound.imagesOfHead.flatMap((images) => [...images]);
    const dreamStore = store("dreams", sources.dreams, indices.length);
    dreamStore.load(materials.dreams, indices);
    dreams = { store: dreamStore, heads: bound };
  }
  const learner = createLearner(network, config, { ...hooks, augmentRandom: random.augment });
  const session: Session = {
    learner,
    options: methodOptions(config),
    random,
    heads: new HeadTable(heads),
    longTerm,
    shortTerm,
    dreams,
    begin: hooks.begin,
  };
  return {
    network,
    session,
    stream,
    test,
    destroy: () => {
      learner.destroy();
      network.destroy();
      arena.destroy();
      stores.destroy();
    },
  };
}

/** The random streams of a run, one per purpose. */
export function randomStreams(
  seed: number,
): MethodRandom & { readonly dreams: Random } {
  return {
    order: Random.stream(seed, "order"),
    augment: Random.stream(seed, "augment"),
    replay: Random.stream(seed, "replay"),
    reservoir: Random.stream(seed, "reservoir"),
    sleep: Random.stream(seed, "sleep"),
    dreams: Random.stream(seed, "dream classes"),
  };
}

/** Which dream class each head is bound to, and its images. */
export function bindDreams(
  { data }: ExperimentConfig,
  { labels, classNames }: ImageSet,
  random: DreamOptions["random"],
): DreamHeads {
  return dreamHeads({
    dreamLabels: labels,
    dreamClasses: classNames.length,
    heads: data.tasks * data.classesPerTask,
    firstHeads: data.classesPerTask,
    random,
  });
}

/** The memories of a configuration; where its method needs none, they hold nothing. */
export function createMemories(
  arena: Arena,
  config: ExperimentConfig,
): { readonly longTerm: LongTermMemory; readonly shortTerm: ShortTermMemory } {
  const { data, memory, freezing } = config;
  const needs = needsOf(config);
  const heads = data.tasks * data.classesPerTask;
  const image = { height: data.size, width: data.size };
  const longTerm = new LongTermMemory(arena, {
    ...image,
    label: "long-term memory",
    source: sources.longTerm,
    capacity: needs.replays > 0 ? memory.longTerm : 0,
    logits: needs.logits ? heads : 0,
    selection: memory.selection,
    judgingShare: needs.freezing?.judges === "share" ? freezing.share : 0,
  });
  const shortTerm = new ShortTermMemory(arena, {
    ...image,
    label: "short-term memory",
    source: sources.shortTerm,
    capacity: needs.shortTerm ? memory.shortTerm : 0,
  });
  return { longTerm, shortTerm };
}

/**
 * The copies of the network and of the long-term memory that a freezing search of this configuration will make; none
 * where it does not search.
 */
export function freezingCopies(
  config: ExperimentConfig,
  { network, session: { longTerm } }: Pick<Assembly, "network" | "session">,
): { destroy(): void }[] {
  const { copies = 0, memories = 0 } = needsOf(config).freezing ?? {};
  return [
    ...Array.from({ length: copies }, (_, i) => network.snapshot(`freezing search ${i}`)),
    ...Array.from({ length: memories }, () => longTerm.snapshot()),
  ];
}

/** The network of a configuration, values not set yet. */
export function createNetwork(
  gpu: Gpu,
  config: ExperimentConfig,
  choice?: Conv2dChoice,
  { replace, beforeBatch }: Pick<NetworkOptions, "replace" | "beforeBatch"> = {},
): Network {
  const { data: { size }, precision, evaluation } = config;
  return new Network(gpu, {
    ...sizesOf(config),
    height: size,
    imageWidth: size,
    maxRows: Math.max(trainingRows(config), evaluation.batchSize),
    precision,
    choice,
    ...{ replace, beforeBatch },
  });
}

/** The layers of a configuration's network. */
export function architectureOf(config: ExperimentConfig): ResNet18 {
  const { size } = config.data;
  return resnet18({ ...sizesOf(config), height: size, inputWidth: size });
}

/** How the numbers of a configuration's network are laid out. */
export function parametersOf(config: ExperimentConfig): ParameterTable {
  return parameterTable(architectureOf(config));
}

function sizesOf({ data, network: { width, stem } }: ExperimentConfig) {
  return { width, stem, heads: data.tasks * data.classesPerTask };
}

/** The learner of a configuration. */
export function createLearner(
  network: Network,
  config: ExperimentConfig,
  hooks: Pick<LearnerOptions, "onLosses" | "checkpoint" | "augmentRandom" | "observer">,
): Learner {
  const { data, augmentation, optimizer, log } = config;
  const image = { height: data.size, width: data.size };
  return new Learner({
    network,
    images: { ...image, padding: augmentation.padding, mean: data.mean, std: data.std },
    flip: augmentation.flip,
    sgd: optimizer,
    readEvery: log.every,
    ...hooks,
  });
}

/** The numbers of a configuration's method, as its phases read them. */
export function methodOptions(config: ExperimentConfig): MethodOptions {
  const { wscl, freezing, batchSize, replayBatchSize, epochs } = config;
  return {
    batchSize,
    replayBatchSize,
    epochs,
    sleepEpochs: wscl.sleepEpochs,
    freezing: wscl.freezing,
    nrem: wscl.nrem,
    rem: wscl.rem,
    dreamsFrom: wscl.dreamsFrom,
    dreamsPerEpisode: wscl.dreamsPerEpisode,
    remOpens: wscl.remOpens,
    wakeReplay: wscl.wakeReplay,
    headVotes: wscl.headVotes,
    transfer: wscl.transfer,
    freezingMode: freezing.mode,
    maxBlocks: freezing.maxBlocks,
    freezingMargin: freezing.margin,
    calibration: config.calibration,
    compat: compatOf(config),
  };
}

/** Most images that the stream store holds at a time. */
function streamCapacity(config: ExperimentConfig, materials: Materials): number {
  const { tasks } = materials;
  if (needsOf(config).jointly) return tasks.reduce((sum, { train }) => sum + train.length, 0);
  return Math.max(...tasks.map((_, index) => streamImages(materials, index).length));
}
