/** A small session: network of width 4, images of 8x8 pixels, memories, streams of random numbers. */

import type { Gpu } from "../../src/gpu/device.ts";
import { Arena } from "../../src/gpu/tensor.ts";
import type { ImageSet } from "../../src/images/image_set.ts";
import { createImageStore, type ImageStore } from "../../src/images/image_store.ts";
import { LongTermMemory } from "../../src/images/long_term.ts";
import { ShortTermMemory } from "../../src/images/short_term.ts";
import type { Sample } from "../../src/learner/batch.ts";
import { HeadTable } from "../../src/method/heads.ts";
import { Learner } from "../../src/learner/learner.ts";
import type { LearnerOptions, StepLoss } from "../../src/learner/options.ts";
import type { MethodRandom, Session } from "../../src/method/session.ts";
import type { MethodOptions } from "../../src/method/options.ts";
import { Network } from "../../src/net/network.ts";
import type { Precision } from "../../src/ops/storage.ts";
import { Random } from "../../src/random.ts";

/** What tests see of a session besides itself. */
export interface SmallSession {
  readonly session: Session;
  readonly images: ImageSet;
  readonly store: ImageStore;
  /** Losses reported so far. */
  readonly losses: StepLoss[];
  /** Phases begun so far, with their steps. */
  readonly phases: string[];
  /** Samples of images `from` to before `to`, labelled by their class. */
  samples(from: number, to: number): Sample[];
  /** Downloads all that training changes: values, velocities, running statistics. */
  arena: Arena;
}

export interface SmallOptions {
  seed?: number;
  size?: number;
  width?: number;
  heads?: number;
  capacity?: { longTerm: number; shortTerm: number };
  judgingShare?: number;
  method?: Partial<MethodOptions>;
  learner?: Partial<LearnerOptions>;
  random?: Partial<MethodRandom>;
  images?: ImageSet;
  maxRows?: number;
  precision?: Precision;
}

export const methodOptions: MethodOptions = {
  batchSize: 4,
  replayBatchSize: 3,
  epochs: 2,
  sleepEpochs: 1,
  freezing: true,
  nrem: true,
  rem: true,
  dreamsFrom: "images",
  dreamsPerEpisode: 1,
  remOpens: "all",
  wakeReplay: false,
  headVotes: "all",
  transfer: "dawn",
  freezingMode: "training_and_buff",
  maxBlocks: 3,
  freezingMargin: 0,
  calibration: 0,
  compat: "paper",
};

/** Pictures of noise around a colour of their class; class of image i: i mod `classes`. */
export function colouredNoise(
  { count, classes, size, seed = 0 }: {
    count: number;
    classes: number;
    size: number;
    seed?: number;
  },
): ImageSet {
  const random = Random.stream(seed, "coloured noise");
  const labels = Uint16Array.from({ length: count }, (_, i) => i % classes);
  const pixels = new Uint8Array(count * size * size * 3);
  pixels.forEach((_, i) => {
    const label = labels[Math.floor(i / (size * size * 3))];
    const centre = (label * 97 + (i % 3) * 61) % 200;
    pixels[i] = centre + random.below(56);
  });
  const classNames = Array.from({ length: classes }, (_, i) => `class ${i}`);
  return { name: "noise", height: size, width: size, count, pixels, labels, classNames };
}

/** Runs `use` with a session on its own network; everything is destroyed afterwards. */
export async function withSession(
  gpu: Gpu,
  options: SmallOptions,
  use: (small: SmallSession) => Promise<void>,
): Promise<void> {
  const { seed = 0, size = 8, width = 4, heads = 6, maxRows = 16, judgingShare = 0 } = options;
  const capacity = options.capacity ?? { longTerm: 10, shortTerm: 12 };
  const images = options.images ?? colouredNoise({ count: 48, classes: heads, size, seed });
  const arena = new Arena(gpu, "session");
  const network = new Network(gpu, {
    width,
    heads,
    height: size,
    imageWidth: size,
    maxRows,
    precision: options.precision,
  });
  network.initialize(Random.stream(seed, "init"));
  const random: MethodRandom = {
    order: Random.stream(seed, "order"),
    augment: Random.stream(seed, "augment"),
    replay: Random.stream(seed, "replay"),
    reservoir: Random.stream(seed, "reservoir"),
    sleep: Random.stream(seed, "sleep"),
    ...options.random,
  };
  const losses: StepLoss[] = [];
  const phases: string[] = [];
  const learner = new Learner({
    network,
    images: {
      height: size,
      width: size,
      padding: 2,
      mean: [0.4914, 0.4822, 0.4465],
      std: [0.247, 0.2435, 0.2615],
    },
    flip: true,
    sgd: { learningRate: 0.05, momentum: 0, weightDecay: 0, nesterov: false },
    augmentRandom: random.augment,
    readEvery: 1000,
    onLosses: (read) => losses.push(...read),
    ...options.learner,
  });
  const area = { height: size, width: size };
  const store = createImageStore(arena, {
    label: "stream",
    source: 0,
    capacity: images.count,
    maxRows,
    ...area,
  });
  store.load(images, Array.from({ length: images.count }, (_, i) => i));
  const memory = (label: string, source: number, capacity: number) => ({
    label,
    source,
    capacity,
    ...area,
  });
  const longTerm = new LongTermMemory(arena, {
    ...memory("long-term", 1, capacity.longTerm),
    judgingShare,
  });
  const shortTerm = new ShortTermMemory(arena, memory("short-term", 2, capacity.shortTerm));
  const table = new HeadTable(heads);
  const session: Session = {
    learner,
    options: { ...methodOptions, ...options.method },
    random,
    heads: table,
    longTerm,
    shortTerm,
    dreams: null,
    begin: (phase, steps) => phases.push(`${phase} ${steps}`),
  };
  const samples = (from: number, to: number): Sample[] =>
    Array.from({ length: to - from }, (_, i) => ({
      from: store,
      image: from + i,
      label: images.labels[from + i],
    }));
  try {
    await use({ session, images, store, losses, phases, samples, arena });
  } finally {
    learner.destroy();
    network.destroy();
    arena.destroy();
  }
}
