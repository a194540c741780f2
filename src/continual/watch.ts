import type { Phase } from "../experiment/events.ts";
import { imagePixels, type ImageSet } from "../images/image_set.ts";
import { placeOf, type Sample, type Segment } from "../learner/batch.ts";
import type { StepLoss } from "../learner/options.ts";
import type { Picture } from "./pictures.ts";
import { sources } from "./sources.ts";

/** A picture that a training step learns from. */
export interface SeenPicture {
  /** What it is to the step: one of the day, one that is remembered, one that is dreamt of. */
  readonly as: "day" | "memory" | "dream";
  /** RGB bytes, `[size, size, 3]`, as it was given: before it is cropped, mirrored and turned. */
  readonly pixels: Uint8Array;
  /** Quarter turns counterclockwise, 0 to 3. */
  readonly turns: number;
}

/** Who watches a night. Nothing that it is told depends on it. */
export interface NightWatch {
  /**
   * A training step begins.
   *
   * @param look finds what it learns from, as far as that is known outside of the GPU; of use until the call returns.
   */
  step?(look: () => SeenPicture[]): void;
  /** Losses of steps in order, some steps after they ran. */
  losses?(losses: readonly StepLoss[]): void;
}

/** The pictures of a night, by where its samples find them. */
export interface NightPictures {
  /** Images to learn, by their places. */
  readonly train: readonly Picture[];
  /** The long-term memory at dusk, slot by slot. */
  readonly memory: readonly Picture[];
  /** Images to dream of; null: none, or what is remembered. */
  readonly dreams: ImageSet | null;
}

/** Follows which picture lies in which slot of the memories. */
export class PictureFinder {
  readonly #pictures: NightPictures;
  readonly #shortTerm = new Map<number, number>();
  readonly #longTerm: Map<number, Picture>;

  constructor(pictures: NightPictures) {
    this.#pictures = pictures;
    this.#longTerm = new Map(pictures.memory.entries());
  }

  /** Notes what a step of a phase writes to a memory. */
  follow(phase: Phase, segments: readonly Segment[]): void {
    // What is handed over at dawn goes from memory to memory on the GPU.
    if (phase === "dawn") this.#longTerm.clear();
    for (const sample of segments.flatMap(({ samples }) => samples)) {
      const { from, slot = -1 } = sample;
      if (slot < 0 || from.source !== sources.stream) continue;
      const image = placeOf(sample);
      if (phase === "stream") this.#longTerm.set(slot, this.#pictures.train[image]);
      else this.#shortTerm.set(slot, image);
    }
  }

  /** What a sample shows; none where only the GPU knows. */
  find(sample: Sample, isDream: boolean): SeenPicture[] {
    const place = placeOf(sample);
    const { train, dreams } = this.#pictures;
    const { source } = sample.from;
    const pixels = source === sources.stream
      ? train[place]?.pixels
      : source === sources.dreams
      ? dreams && imagePixels(dreams, place)
      : source === sources.longTerm
      ? this.#longTerm.get(place)?.pixels
      : train[this.#shortTerm.get(place) ?? -1]?.pixels;
    if (!pixels) return [];
    const as = isDream ? "dream" : source === sources.longTerm ? "memory" : "day";
    return [{ as, pixels, turns: sample.turns ?? 0 }];
  }
}
