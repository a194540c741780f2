import { bundleName, parseBundleName } from "./bundle_name.ts";
import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import { decodePictures, encodePictures, type Picture } from "./pictures.ts";
import type { NightRecord } from "./record.ts";
import { decodeState, encodeState, type LearnerState } from "./state.ts";
import type { Files, LearnerStore, Shelf } from "./store.ts";
import { alsoTrained, decodeTrained, encodeTrained, type Trained } from "./trained.ts";

/** Files of a generation. */
const STATE = "learner.json";
const MODEL = "model.safetensors";
const MEMORY = "memory.safetensors";
const EXAM = "exam.safetensors";
const TRAINED = "trained.safetensors";
const NIGHT = "night.json";
/** Those that every generation has. */
export const GENERATION_FILES: readonly string[] = [STATE, MODEL, MEMORY, EXAM, NIGHT];

/** A picture of the exam, and whether it was answered right at the last dawn. */
export interface ExamPicture extends Picture {
  /** At the last dawn. */
  readonly right: boolean;
}

/** A learner at a dawn: what answers. */
export interface Knowledge {
  readonly state: LearnerState;
  /** A safetensors file with the official names. */
  readonly model: Uint8Array<ArrayBuffer>;
}

/** A learner at a dawn, whole. */
export interface Generation extends Knowledge {
  /** The long-term memory, slot by slot. */
  readonly memory: readonly Picture[];
  readonly exam: readonly ExamPicture[];
  /**
   * All that was ever learned from, remembered or not, so that none of it is taken for new and examined. Of what was
   * learned before digests were kept it is what was still remembered.
   */
  readonly trained: readonly Trained[];
  /** The night that made it; null: none, as at birth. */
  readonly record: NightRecord | null;
}

/** The files of a generation. */
export function generationFiles(
  { state, model, memory, exam, trained, record }: Generation,
): Files {
  const { size } = state.settings;
  const right = exam.map((picture) => picture.right ? "1" : "0").join("");
  return {
    [STATE]: encodeState(state),
    [MODEL]: model,
    [MEMORY]: encodePictures(memory, size),
    [EXAM]: encodePictures(exam, size, { right }),
    [TRAINED]: encodeTrained(trained),
    [NIGHT]: new TextEncoder().encode(JSON.stringify(record) + "\n"),
  };
}

/** `000012`; changed afterwards, as by forgetting: `000012-1`. */
export function generationName(generation: number, revision = 0): string {
  return bundleName(generation, 6, revision);
}

/** Generations that are kept, ascending. */
export async function generationsOf(store: LearnerStore): Promise<number[]> {
  const names = await store.names("generations");
  return [...new Set(names.map((name) => parseBundleName(name).number))];
}

/** A generation, whole. @throws {InputError} for one that is not. */
export async function readGeneration(
  store: LearnerStore,
  name: string,
  shelf: Shelf = "generations",
): Promise<Generation> {
  const files = await store.read(shelf, name);
  const knowledge = knowledgeOf(files, store, name);
  const { size } = knowledge.state.settings;
  const at = (file: string) => `${store.name}, ${shelf} ${name}, ${file}`;
  const memory = decodePictures(files[MEMORY], at(MEMORY), size);
  const pictures = decodePictures(files[EXAM], at(EXAM), size);
  const right = metadataRight(files[EXAM], pictures.length);
  const exam = pictures.map((picture, i) => ({ ...picture, right: right[i] === "1" }));
  const digests = files[TRAINED] ? decodeTrained(files[TRAINED], at(TRAINED)) : [];
  const trained = alsoTrained(digests, memory);
  const record = parseJson(new TextDecoder().decode(files[NIGHT]), at(NIGHT)) as NightRecord | null;
  return { ...knowledge, memory, exam, trained, record };
}

/**
 * What the last whole generation knows, and how it is called. One that is not whole is passed over, and `warn` is told;
 * one that is removed meanwhile makes way for the next.
 *
 * @throws {InputError} where there is none.
 */
export async function readLast<T>(
  store: LearnerStore,
  read: (name: string) => Promise<T>,
  warn: (text: string) => void,
): Promise<{
  readonly name: string;
  readonly found: T;
  /** Names of those that are not whole, newer than it. */
  readonly passedOver: readonly string[];
}> {
  const passedOver = new Set<string>();
  for (;;) {
    const names = await store.names("generations");
    const name = names.findLast((name) => !passedOver.has(name));
    if (name === undefined) {
      throw new InputError(
        `Cannot open ${store.name}: ${
          names.length === 0 ? "no learner is there" : "none of its generations is whole"
        }; make one with ./wscl new`,
      );
    }
    try {
      return { name, found: await read(name), passedOver: [...passedOver] };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      passedOver.add(name);
      // A learner that has gone on meanwhile removes what is old.
      if ((await store.names("generations")).includes(name)) {
        warn(`${error.message}; taking the one before`);
      }
    }
  }
}

/**
 * What answers, of the last whole generation. Its memory and exam are looked at, too: whoever asks and whoever teaches
 * mean the same generation.
 */
export async function readKnowledge(
  store: LearnerStore,
  warn: (text: string) => void,
): Promise<Knowledge> {
  return (await readLast(store, (name) => readGeneration(store, name), warn)).found;
}

/** State alone, of the last whole generation. */
export async function readState(
  store: LearnerStore,
  warn: (text: string) => void,
): Promise<LearnerState> {
  return (await readKnowledge(store, warn)).state;
}

function knowledgeOf(files: Files, store: LearnerStore, name: string): Knowledge {
  return { state: decodeState(files[STATE], `${store.name}, ${name}`), model: files[MODEL] };
}

function metadataRight(bytes: Uint8Array, count: number): string {
  const { metadata } = decodeSafetensors(bytes);
  return (metadata.right ?? "").padEnd(count, "0");
}
