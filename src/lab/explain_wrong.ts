import { measureOf } from "../check/check_case.ts";
import type { CaseOutput } from "../check/kernel_case.ts";
import { POISON } from "./guarded.ts";
import type { Refusal } from "./reasons.ts";
import { unlikeOurs } from "./unlike_ours.ts";
import { onlyAtBorder, whereWrong } from "./where_wrong.ts";

type Words = readonly Uint32Array<ArrayBuffer>[];

/** An output with what was found, and the copy that it lies in. */
type JudgedOutput = CaseOutput & {
  readonly found: Float64Array;
  readonly error: number;
  readonly place: number;
};

/** What there is to judge a kernel by, and how to run it again. */
export interface Evidence {
  readonly outputs: readonly JudgedOutput[];
  /** Relative error that an output may have. */
  readonly limit: number;
  /** Names of the copies. */
  readonly names: readonly string[];
  /** Whether nothing of what a copy held before is read. */
  readonly isFresh: (place: number) => boolean;
  /** What the copies hold behind the kernel, and behind ours. */
  readonly found: Words;
  readonly ours: Words;
  /** What they held before ours ran. */
  readonly before: Words;
  /** What they held before the kernel ran, where that was the result of another input. */
  readonly kept?: Words;
  /** Runs the kernel again, with other guard words by copy, and other words in its outputs than poison. */
  readonly run: (guards?: readonly (number | undefined)[], filled?: number) => Promise<Words>;
  /** What words hold at the places of an output. */
  readonly values: (output: CaseOutput, words: Words) => Float64Array;
  readonly code: string;
}

/** The bits of 1. */
const ONE = 0x3f800000;

/** Half precision has steps of 2^-11; sums of such numbers are off by less than this, and by more than f32 allows. */
const HALF = 4e-3;

/**
 * Whether what a kernel has left is wrong, and why, as far as further runs can tell: with numbers in its outputs, and
 * with zeros behind one operand after the other. Null: it is right.
 */
export async function explainWrong(evidence: Evidence): Promise<Refusal | null> {
  const { outputs, limit, kept } = evidence;
  if (!kept) {
    const misplaced = await explainPlaces(evidence);
    if (misplaced) return misplaced;
  }
  const wrong = outputs.filter(({ error }) => !(error <= limit));
  const elsewhere = wrong.length > 0 ? [] : unlikeOurs(evidence);
  if (wrong.length === 0 && elsewhere.length === 0) return null;
  const worst = wrong.toSorted((a, b) => b.error - a.error)[0];
  const said = worst
    ? [
      `relative error ${worst.error.toExponential(1)} of ${worst.name}, ${limit} is allowed`,
      ...whereWrong(worst),
    ]
    : elsewhere;
  const { reason, details } = await explainValues(evidence, worst);
  return { reason, details: [...details, ...said, ...hints(evidence.code, reason)] };
}

/** Elements that were left out, or written though they belong to no one. */
async function explainPlaces(evidence: Evidence): Promise<Refusal | null> {
  const { names, isFresh, found, ours, run, outputs } = evidence;
  for (const [place, name] of names.entries()) {
    if (!isFresh(place)) continue;
    const count = (is: (at: number) => boolean) => {
      let [total, first] = [0, -1];
      for (let at = 0; at < found[place].length; at++) {
        if (!is(at)) continue;
        if (total++ === 0) first = at;
      }
      return { total, first };
    };
    const where = (at: number) => {
      const output = outputs.find((output) => output.place === place);
      const coordinates = Object.entries(output?.where(at) ?? { element: at });
      return `${name}[${coordinates.map(([axis, value]) => `${axis} ${value}`).join(", ")}]`;
    };
    const isMissing = (at: number) => found[place][at] === POISON && ours[place][at] !== POISON;
    const left = count(isMissing);
    if (left.total > 0) {
      const filled = await run(undefined, ONE);
      if (filled[place][left.first] !== ONE) {
        return {
          reason: "depends on what its output held before",
          details: [
            `${
              where(left.first)
            }: outputs are not cleared before a launch, so what is added up in one must begin at 0`,
          ],
        };
      }
      const size = found[place].length;
      return {
        reason: "elements are left out",
        details: [
          `${left.total} of ${size} elements of ${name} were not written, the first is ${
            where(left.first)
          }`,
        ],
      };
    }
    const foreign = count((at) => found[place][at] !== POISON && ours[place][at] === POISON);
    if (foreign.total > 0) {
      return {
        reason: "writes what is not its own",
        details: [
          `${foreign.total} elements of ${name} that belong to nothing at this shape were written, the first is ` +
          where(foreign.first),
        ],
      };
    }
  }
  return null;
}

/** Why values are wrong. */
async function explainValues(
  { names, isFresh, found, kept, run, limit, values }: Evidence,
  worst: JudgedOutput | undefined,
): Promise<Refusal> {
  // What is not written keeps what was there.
  const differs = (other: Words) =>
    found.some((words, place) =>
      words.some((word, at) => word !== POISON && word !== other[place][at])
    );
  if (kept) {
    const stale = names.findIndex((_, place) =>
      isFresh(place) && sameShare(found[place], kept[place]) > 0.01
    );
    if (stale >= 0) {
      return {
        reason: "keeps the result of another input",
        details: [
          `${
            names[stale]
          } still holds what the input before this one gave, and on that one it was right`,
        ],
      };
    }
  } else if (names.some((_, place) => isFresh(place)) && differs(await run(undefined, ONE))) {
    return {
      reason: "depends on what its output held before",
      details: ["outputs are not cleared before a launch: other numbers there give other results"],
    };
  }
  const reads: string[] = [];
  if (worst) {
    const plain = values(worst, await run());
    const wrongAt = wrongPlaces(worst);
    for (const [place, name] of names.entries()) {
      const guards = names.map((_, i) => i === place ? 0 : undefined);
      const other = values(worst, await run(guards));
      const changed = wrongAt.filter((i) => !Object.is(plain[i], other[i])).length;
      if (changed === 0) continue;
      reads.push(
        `what stands in front of ${name} or behind it changes the result: ${changed} of the wrong elements`,
      );
    }
  }
  if (worst && onlyAtBorder(worst)) {
    return { reason: "wrong at the border of the image", details: reads };
  }
  if (reads.length > 0) return { reason: "reads beyond its operands", details: reads };
  const inexact = worst !== undefined && isInexact(worst, limit);
  return { reason: inexact ? "as inexact as half precision" : "wrong", details: [] };
}

/** Which of the samples are off by more than rounding. */
function wrongPlaces(output: JudgedOutput): number[] {
  const { found, expected } = output;
  const most = 1e-4 * measureOf(output);
  return Array.from(found, (_, i) => i).filter((i) => !(Math.abs(found[i] - expected[i]) <= most));
}

/** Whether numbers are off by about a step of half precision, and nearly all of them are. */
function isInexact(output: JudgedOutput, limit: number): boolean {
  const { tensor, found, expected, error } = output;
  if (tensor.type === "u32" || limit === 0 || error > HALF) return false;
  const [scale, all] = [measureOf(output), Array.from(found, (value, i) => value - expected[i])];
  const off = all.filter((distance, i) => Math.abs(distance) > 1e-6 * Math.abs(expected[i]));
  return off.length > 0.5 * all.length &&
    all.every((distance) => Math.abs(distance) < 16 * HALF * scale);
}

/** Share of the words that are the same and say something: not 0, which is what padding holds. */
function sameShare(words: Uint32Array, before: Uint32Array): number {
  let [same, all] = [0, 0];
  for (let at = 0; at < words.length; at++) {
    if (before[at] === 0 || before[at] === POISON) continue;
    all++;
    if (words[at] === before[at]) same++;
  }
  return all === 0 ? 0 : same / all;
}

function hints(code: string, reason: Refusal["reason"]): string[] {
  if (reason !== "wrong" || !/var\s*<\s*workgroup\s*>/.test(code)) return [];
  return [
    "it has workgroup memory: is there a workgroupBarrier() between every write and the reads of other threads, and " +
    "before the next write?",
  ];
}
