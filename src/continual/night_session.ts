import {
  createLearner,
  createMemories,
  createNetwork,
  methodOptions,
} from "../experiment/build.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Gpu } from "../gpu/device.ts";
import { Arena } from "../gpu/tensor.ts";
import { createImageStore, type ImageStore } from "../images/image_store.ts";
import type { ImageSet } from "../images/image_set.ts";
import type { LearnerOptions } from "../learner/options.ts";
import { HeadTable } from "../method/heads.ts";
import type { Session } from "../method/session.ts";
import type { Network } from "../net/network.ts";
import { packState } from "../net/network_state.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import type { Conv2dChoice } from "../ops/conv2d_variants.ts";
import { Random } from "../random.ts";
import { imagesOfHeads } from "./dream_heads.ts";
import type { Generation } from "./generation.ts";
import { imageSetOf, type Picture } from "./pictures.ts";
import { sources } from "./sources.ts";
import { type LearnerState, type Stream, STREAMS } from "./state.ts";

/** What a session is made of. */
export interface SessionParts {
  readonly base: Generation;
  readonly config: ExperimentConfig;
  readonly streams: Readonly<Record<Stream, Random>>;
  /** Images to learn. */
  readonly train: readonly Picture[];
  /** Images of the exam. */
  readonly exam: readonly Picture[];
  /** Images to dream of; null: none, or what is remembered. */
  readonly dreams: ImageSet | null;
  /** How convolutions are computed; default: what suits this kind of adapter. */
  readonly choice?: Conv2dChoice;
}

/** All that a night has on the GPU. */
export interface NightSession {
  readonly network: Network;
  readonly session: Session;
  /** Images to learn, by their places. */
  readonly stream: ImageStore;
  /** Images of the exam, by their places. */
  readonly exam: ImageStore;
  /** Puts weights, heads, memory and images in their places. */
  fill(): void;
  destroy(): void;
}

/** The streams as the last dawn left them; those of another attempt are others. */
export function nightStreams(
  { random, nights, settings: { seed } }: LearnerState,
  attempt: number,
): Record<Stream, Random> {
  const purpose = (name: Stream) =>
    nights === 0 && attempt === 0 ? name : `${name} of night ${nights}, attempt ${attempt}`;
  const stream = (name: Stream) =>
    random !== null && attempt === 0
      ? Random.from(random[name])
      : Random.stream(seed, purpose(name));
  return Object.fromEntries(STREAMS.map((name) => [name, stream(name)])) as Record<Stream, Random>;
}

/** Allocates a night's network, memories and stores. */
export function openSession(
  gpu: Gpu,
  { base, config, streams, train, exam, dreams: dreamImages, choice }: SessionParts,
  hooks: Pick<LearnerOptions, "checkpoint" | "onLosses" | "observer"> & Pick<Session, "begin">,
): NightSession {
  const { state } = base;
  const { size, maxClasses } = state.settings;
  const network = createNetwork(gpu, config, choice);
  const memories = new Arena(gpu, "memories");
  const stores = new Arena(gpu, "images", { state: false });
  const store = (label: "stream" | "exam" | "dreams", capacity: number) =>
    createImageStore(stores, {
      ...{ label, capacity, height: size, width: size },
      source: sources[label],
      maxRows: network.activations.rows,
    });
  const trainStore = store("stream", train.length);
  const examStore = store("exam", exam.length);
  const heads = dreamImages && imagesOfHeads(state.dreamOfHead, dreamImages);
  const dreamt = heads?.imagesOfHead.flatMap((images) => [...images]) ?? [];
  const dreamStore = heads && store("dreams", dreamt.length);
  const { onLosses, checkpoint, observer, begin } = hooks;
  const learner = createLearner(network, config, {
    ...{ onLosses, checkpoint, observer },
    augmentRandom: streams.augment,
  });
  const session: Session = {
    ...{ learner, begin, random: streams },
    options: methodOptions(config),
    heads: new HeadTable(maxClasses),
    ...createMemories(memories, config),
    dreams: heads && dreamStore && { store: dreamStore, heads },
  };
  return {
    network,
    session,
    stream: trainStore,
    exam: examStore,
    fill() {
      load(network, session, base);
      trainStore.load(imageSetOf("the day", train, size), [...train.keys()]);
      examStore.load(imageSetOf("the exam", exam, size), [...exam.keys()]);
      if (dreamStore && dreamImages) dreamStore.load(dreamImages, dreamt);
    },
    destroy() {
      learner.destroy();
      network.destroy();
      memories.destroy();
      stores.destroy();
    },
  };
}

/** Puts weights, heads and the long-term memory in their places. */
function load(
  network: Network,
  { heads, longTerm }: Session,
  { state, model, memory }: Generation,
): void {
  const { tensors } = decodeSafetensors(model, "the learner's weights");
  network.setState(packState(network.table, tensors, "the learner"));
  state.classes.forEach(({ head }, i) => heads.assign([i], [head]));
  if (state.memory === null) return;
  const headOf = new Map(state.classes.map(({ name, head }) => [name, head]));
  longTerm.load(
    memory.map(({ pixels }) => pixels),
    memory.map(({ label }) => headOf.get(label)!),
    state.memory,
  );
}
