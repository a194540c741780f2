import { createLearner } from "../experiment/build.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Gpu } from "../gpu/device.ts";
import { Arena } from "../gpu/tensor.ts";
import { createImageStore, type ImageStore } from "../images/image_store.ts";
import type { Sample } from "../learner/batch.ts";
import type { Learner } from "../learner/learner.ts";
import { Network } from "../net/network.ts";
import { packState } from "../net/network_state.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import type { Conv2dChoice } from "../ops/conv2d_variants.ts";
import { Random } from "../random.ts";
import { type Sight, sightsOf } from "./answers.ts";
import type { Knowledge } from "./generation.ts";
import { imageSetOf } from "./pictures.ts";
import { nightConfig } from "./settings.ts";

/** What a learner answers to an image. */
export interface Prediction extends Sight {
  /** It is less familiar than 19 of 20 images of the exam were: it is probably none of the classes. */
  readonly none: boolean;
}

/** Images that are judged together; fewer where no call has so many. */
const MOST_ROWS = 64;

/** A learner's network, as it was at a dawn, ready to answer. */
export class Predictor {
  #knowledge: Knowledge;
  /** Of a night of this learner: what kernels are tried for. */
  readonly config: ExperimentConfig;
  readonly #network: Network;
  readonly #learner: Learner;
  readonly #images: ImageStore;
  readonly #arena: Arena;

  /**
   * @param most images of a call; more are possible, and take turns.
   * @param choice how convolutions are computed; default: what suits this kind of adapter.
   */
  constructor(gpu: Gpu, knowledge: Knowledge, most = MOST_ROWS, choice?: Conv2dChoice) {
    const { state: { settings } } = knowledge;
    const { size, width, stem, maxClasses } = settings;
    this.#knowledge = knowledge;
    const maxRows = Math.max(1, Math.min(MOST_ROWS, most));
    const sizes = { width, stem, height: size, imageWidth: size };
    const config = this.config = nightConfig(settings, 1);
    const { precision } = config;
    this.#network = new Network(gpu, {
      ...{ ...sizes, heads: maxClasses, maxRows, precision, choice },
      use: "inference",
    });
    this.#loadWeights(knowledge);
    this.#learner = createLearner(this.#network, config, {
      augmentRandom: Random.stream(0, "augment"),
      onLosses: () => {},
    });
    this.#arena = new Arena(gpu, "images", { state: false });
    const image = { height: size, width: size };
    this.#images = createImageStore(this.#arena, {
      ...{ ...image, maxRows, label: "asked", source: 0, capacity: maxRows },
    });
  }

  /** What it answers from. */
  get knowledge(): Knowledge {
    return this.#knowledge;
  }

  /**
   * Answers from another generation from now on; not to be called while it is asked.
   *
   * @returns false where that one is of a learner of other settings: nothing is changed then.
   */
  take(knowledge: Knowledge): boolean {
    const settings = ({ state }: Knowledge) => JSON.stringify(state.settings);
    if (settings(knowledge) !== settings(this.#knowledge)) return false;
    this.#loadWeights(knowledge);
    this.#knowledge = knowledge;
    return true;
  }

  /**
   * Logits of images, `[images, heads]`.
   *
   * @param pixels RGB bytes, `[size, size, 3]` each.
   */
  async logits(pixels: readonly Uint8Array<ArrayBuffer>[]): Promise<Float32Array<ArrayBuffer>> {
    const { state: { settings: { size, maxClasses } } } = this.#knowledge;
    const rows = this.#learner.maxRows;
    const all = new Float32Array(pixels.length * maxClasses);
    for (let start = 0; start < pixels.length; start += rows) {
      const part = pixels.slice(start, start + rows).map((bytes) => ({ pixels: bytes }));
      const images = imageSetOf("the images asked for", part, size);
      this.#images.load(images, [...part.keys()]);
      const samples = part.map((_, image): Sample => ({ from: this.#images, image, label: 0 }));
      all.set(await this.#learner.logits(samples), start * maxClasses);
    }
    return all;
  }

  /** What it answers to each of some images: see {@linkcode logits}. */
  async predict(pixels: readonly Uint8Array<ArrayBuffer>[]): Promise<Prediction[]> {
    const { state: { settings: { maxClasses }, classes, threshold } } = this.#knowledge;
    return sightsOf(await this.logits(pixels), maxClasses, classes).map((sight) => ({
      ...sight,
      none: classes.length === 0 || (threshold !== null && sight.familiarity < threshold),
    }));
  }

  #loadWeights({ model }: Knowledge): void {
    const { tensors } = decodeSafetensors(model, "the learner's weights");
    this.#network.setState(packState(this.#network.table, tensors, "the learner"));
  }

  /** Frees what it holds on the GPU. */
  destroy(): void {
    this.#learner.destroy();
    this.#network.destroy();
    this.#arena.destroy();
  }
}
