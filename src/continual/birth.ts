import { InputError } from "../errors.ts";
import { digestOfImageSet } from "../experiment/run_identity.ts";
import type { ImageSet } from "../images/image_set.ts";
import { firstDreams } from "./dream_heads.ts";
import type { Generation } from "./generation.ts";
import { checkSettings, type LearnerSettings, USUAL } from "./settings.ts";
import { firstModel, PHOTOGRAPHS, type Start, startFacts } from "./start.ts";
import type { DreamSet, KnownClass, LearnerState } from "./state.ts";

/** Images to dream of, and where they are found again. */
export interface DreamImages {
  /** A path, or what else they are found by. */
  readonly from: string;
  /** Of the learner's size. */
  readonly images: ImageSet;
}

/** What a learner is made of; all can be left out. */
export interface NewLearner {
  /** What is not given is as usual; `width`, `stem` and the pixels' mean and deviation of a start are its own. */
  readonly settings?: Partial<LearnerSettings>;
  /** Weights to begin with; default: fresh ones. */
  readonly start?: Start | null;
  /** Keeps the classifier of the start, and the names of its classes where it has them. */
  readonly keepHead?: boolean;
  /** Default: what `settings.dreams` says. */
  readonly dreams?: DreamImages | null;
}

/**
 * A learner that knows nothing yet.
 *
 * @throws {InputError} for what does not go together.
 */
export async function newborn(
  { settings: given = {}, start = null, keepHead = false, dreams = null }: NewLearner,
): Promise<Generation> {
  if (keepHead && start === null) {
    throw new InputError(
      "Cannot keep the classifier of a start: there is none; give --start FILE, or leave --keep-head out",
    );
  }
  const facts = start && startFacts(start);
  if (facts && given.width !== undefined && given.width !== facts.width) {
    throw new InputError(
      `Cannot start from ${
        start!.name
      }: its width is ${facts.width}, and ${given.width} is asked for; leave the ` +
        "width out, or start from none",
    );
  }
  const settings: LearnerSettings = {
    ...USUAL,
    ...PHOTOGRAPHS,
    ...given,
    ...facts,
    dreams: dreams ? "images" : given.dreams ?? USUAL.dreams,
  };
  checkSettings(settings);
  const { model, classes } = firstModel(settings, start, keepHead);
  const set = dreams && await dreamSetOf(dreams);
  const none = { taught: 0, remembered: 0, exam: { images: 0, right: 0 } };
  const state: LearnerState = {
    format: 1,
    generation: 0,
    settings,
    classes: classes.flatMap((name, head): KnownClass[] =>
      name === null ? [] : [{ name, head, ...none }]
    ),
    dreams: set,
    dreamOfHead: firstDreams(settings.maxClasses, set?.classes ?? 0),
    random: null,
    nights: 0,
    steps: 0,
    images: 0,
    taken: 0,
    memory: null,
    threshold: null,
  };
  return { state, model, memory: [], exam: [], trained: [], record: null };
}

/** The same learner, which dreams of something else from now on. */
export async function withDreams(
  generation: Generation,
  dreams: DreamImages | "memory" | "none",
): Promise<Generation> {
  const { state } = generation;
  const set = typeof dreams === "string" ? null : await dreamSetOf(dreams);
  const taken = new Set(state.classes.map(({ head }) => head));
  const free = state.dreamOfHead.flatMap((_, head) => taken.has(head) ? [] : [head])
    .slice(0, set?.classes ?? 0);
  const settings: LearnerSettings = {
    ...state.settings,
    dreams: typeof dreams === "string" ? dreams : "images",
  };
  return {
    ...generation,
    state: {
      ...state,
      settings,
      dreams: set,
      dreamOfHead: state.dreamOfHead.map((_, head) => free.indexOf(head)),
      generation: state.generation + 1,
    },
  };
}

async function dreamSetOf({ from, images }: DreamImages): Promise<DreamSet> {
  const digest = await digestOfImageSet(images);
  return { from, digest, classes: images.classNames.length, images: images.count };
}
