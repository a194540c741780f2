import { sha256 } from "../digest.ts";
import type { LongTermMemory } from "../images/long_term.ts";
import type { HostTensor } from "../net/safetensors.ts";
import type { Random } from "../random.ts";
import { type Sight, thresholdOf } from "./answers.ts";
import type { Division } from "./division.ts";
import { movedDreams } from "./dream_heads.ts";
import type { ExamPicture, Generation } from "./generation.ts";
import type { Picture } from "./pictures.ts";
import { type ClassRecord, fallOf, type NightRecord } from "./record.ts";
import { encodeModel } from "./start.ts";
import {
  type KnownClass,
  type LearnerState,
  type MemoryState,
  type Stream,
  STREAMS,
} from "./state.ts";
import { alsoTrained } from "./trained.ts";

/** What a night has come to. */
export interface NightResult {
  readonly base: Generation;
  readonly division: Division;
  /** The last bundle of the day that was learned. */
  readonly taken: number;
  /** Names and heads of all classes, in the order of their numbers: those that the base knows come first. */
  readonly classes: readonly { readonly name: string; readonly head: number }[];
  readonly exam: readonly Picture[];
  /** What is seen in each image of the exam. */
  readonly sights: readonly Sight[];
  readonly weights: ReadonlyMap<string, HostTensor>;
  readonly longTerm: LongTermMemory;
  readonly streams: Readonly<Record<Stream, Random>>;
  /** Of this night, as the record has them. */
  readonly story: Pick<
    NightRecord,
    "method" | "adapter" | "voted" | "freezing" | "dreams" | "steps" | "images" | "losses"
  >;
}

/** The learner as it is behind a night, and what is to be said of that. */
export async function dawnOf(
  result: NightResult,
): Promise<{ readonly generation: Generation; readonly record: NightRecord }> {
  const { base, sights, weights, longTerm, streams, story, taken } = result;
  const { state: before } = base;
  const { settings } = before;
  const exam = result.exam.map((picture, i): ExamPicture => ({
    ...picture,
    right: sights[i].answers[0]?.name === picture.label,
  }));
  const memory = await rememberedPictures(result);
  const classes = classesOf(result, memory, exam);
  const state: LearnerState = {
    ...before,
    generation: before.generation + 1,
    classes,
    dreamOfHead: movedDreams(before.dreamOfHead, new Set(classes.map(({ head }) => head))),
    random: Object.fromEntries(
      STREAMS.map((name) => [name, streams[name].state()]),
    ) as unknown as LearnerState["random"],
    nights: before.nights + 1,
    steps: before.steps + story.steps,
    images: before.images + story.images,
    taken,
    memory: longTerm.reservoir.state() as MemoryState,
    threshold: thresholdOf(sights) ?? before.threshold,
  };
  const nameOf = new Map(classes.map(({ name, head }) => [head, name]));
  const byHead = Array.from({ length: settings.maxClasses }, (_, head) => nameOf.get(head) ?? null);
  const model = encodeModel(weights, settings, byHead);
  const record = recordOf(result, state, exam);
  const trained = alsoTrained(base.trained, result.division.train);
  return { generation: { state, model, memory, exam, trained, record }, record };
}

/** What the memory holds, with what is known of each picture by its pixels. */
async function rememberedPictures(
  { base, division, classes, longTerm }: NightResult,
): Promise<Picture[]> {
  const candidates = [...base.memory, ...division.train];
  const from = new Map(candidates.map((picture) => [picture.digest, picture.from]));
  const nameOf = new Map(classes.map(({ name, head }) => [head, name]));
  const remembered = await longTerm.read();
  return await Promise.all(remembered.map(async (pixels, slot) => {
    const digest = await sha256(pixels);
    const label = nameOf.get(longTerm.labels[slot])!;
    return { pixels, label, digest, from: from.get(digest) ?? "" };
  }));
}

function classesOf(
  { base, division, classes }: NightResult,
  memory: readonly Picture[],
  exam: readonly ExamPicture[],
): KnownClass[] {
  const day = [...division.train, ...division.exam];
  return classes.map(({ name, head }, i) => {
    const own = exam.filter(({ label }) => label === name);
    return {
      name,
      head,
      taught: (base.state.classes[i]?.taught ?? 0) + countOf(day, name),
      remembered: countOf(memory, name),
      exam: { images: own.length, right: own.filter(({ right }) => right).length },
    };
  });
}

function recordOf(
  { base, division, sights, story }: NightResult,
  state: LearnerState,
  exam: readonly ExamPicture[],
): NightRecord {
  const again = exam.slice(0, base.exam.length);
  const classes = state.classes.map(({ name, head, remembered, exam: marks }, i): ClassRecord => {
    const earlier = base.state.classes[i]?.exam;
    const before = earlier && earlier.images > 0 ? earlier : null;
    const own = again.filter(({ label }) => label === name);
    const after = before && { images: own.length, right: own.filter(({ right }) => right).length };
    const learned = countOf(division.train, name);
    const apart = countOf(division.exam, name);
    return { name, head, learned, apart, before, after, exam: marks, remembered };
  });
  const fall = fallOf(classes);
  const { nights, generation, threshold, settings: { margin } } = state;
  const passed = fall === null || fall <= margin;
  const mistakes = mistakesOf(exam, sights);
  return { night: nights, generation, passed, classes, mistakes, threshold, ...story };
}

/** What was taken for what, in the order of the exam. */
function mistakesOf(
  exam: readonly ExamPicture[],
  sights: readonly Sight[],
): NonNullable<NightRecord["mistakes"]> {
  const found = exam.flatMap(({ label, right }, i) => {
    const answer = sights[i].answers[0]?.name;
    return right || answer === undefined ? [] : [{ class: label, answer }];
  });
  return [...Map.groupBy(found, (one) => JSON.stringify([one.class, one.answer])).values()]
    .map((same) => ({ ...same[0], images: same.length }));
}

function countOf(pictures: readonly Picture[], name: string): number {
  return pictures.filter(({ label }) => label === name).length;
}
