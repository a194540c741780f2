import * as v from "valibot";
import { ops } from "../src/check/table.ts";

// What a line of a file of results must be before a board ranks it. Each text completes "KEY is VALUE, expected ...".

/** Rates and times beyond this are no measurements. */
const MOST = 1e9;
/** No tolerance of a check is wider. */
const WIDEST_TOLERANCE = 1e-4;
/** Names are shown in tables. */
const LONGEST = 200;

const number = (accepts: (value: number) => boolean, expected: string) =>
  v.pipe(
    v.number(expected),
    v.check((value) => Number.isFinite(value) && accepts(value), expected),
  );
const positive = number((value) => value > 0 && value <= MOST, "a number above 0");
const rate = number((value) => value >= 0 && value <= MOST, "a number of at least 0");
/** A ceiling is measured as well: what comes out above it by less is its noise. */
const ABOVE = 1.05;
const share = number(
  (value) => value >= 0 && value <= ABOVE,
  `a share of the ceiling, from 0 to ${ABOVE}`,
);
const whole = number(
  (value) => value >= 1 && Number.isSafeInteger(value),
  "a whole number above 0",
);
const error = number(
  (value) => value >= 0 && value <= WIDEST_TOLERANCE,
  `a relative error from 0 to ${WIDEST_TOLERANCE}`,
);
const text = (least = 0) =>
  v.pipe(
    v.string("a text"),
    v.check(
      (value) => value.length >= least && value.length <= LONGEST,
      `a text of ${least} to ${LONGEST} letters`,
    ),
  );

const summary = v.pipe(
  v.object(
    { median: positive, low: positive, high: positive, least: positive, count: whole },
    "median, low, high, least and count",
  ),
  v.check(
    ({ least, low, median, high }) => least <= low && low <= median && median <= high,
    "least, low, median and high in their order",
  ),
);

const operation = v.pipe(
  v.string("the name of an operation"),
  v.check((name) => ops.some((op) => op.name === name), "an operation of ./wscl kernels"),
);

const shape = v.pipe(
  v.custom<Record<string, number>>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "sizes by name",
  ),
  v.check(
    (sizes) =>
      Object.keys(sizes).length > 0 &&
      Object.values(sizes).every((size) => typeof size === "number" && Number.isFinite(size)),
    "sizes by name",
  ),
);

const adapter = v.pipe(
  v.object({
    vendor: text(),
    architecture: text(),
    description: text(),
    isFallback: v.boolean("true or false"),
    provider: v.optional(v.picklist(["deno", "dawn"], '"deno" or "dawn"'), "deno"),
  }, "vendor, architecture, description and isFallback"),
  v.check(({ vendor, description }) => `${vendor}${description}` !== "", "a description or vendor"),
);

const common = {
  kernel: operation,
  layer: text(1),
  shape,
  milliseconds: summary,
  gflops: rate,
  gbs: positive,
  multiplyAddCeiling: positive,
  copyCeiling: positive,
  multiplyAddShare: share,
  copyShare: share,
  adapter,
  commit: v.optional(v.nullable(text()), null),
  date: v.pipe(
    v.string("a date"),
    v.check(
      (date) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(date) && !Number.isNaN(Date.parse(date)),
      'a date such as "2026-01-31T12:00:00Z"',
    ),
  ),
};

const ofOurs = v.object({
  bench: v.picklist(["kernels", "variants"]),
  ...common,
  variant: v.optional(text()),
  ...{ error, samples: whole },
});

const ofOwn = v.object({
  bench: v.literal("custom"),
  ...common,
  author: text(),
  file: text(1),
  hash: v.pipe(
    v.string("a SHA-256"),
    v.check((hash) => /^[\da-f]{64}$/.test(hash), "a SHA-256 of 64 figures"),
  ),
  check: v.object(
    { error, samples: whole, sameBits: v.boolean("true or false") },
    "what the check found: error, samples and sameBits",
  ),
  ...{ ours: summary, ratio: summary },
});

/** A line of `bench kernels` or of `bench custom`. */
export type BoardLine = v.InferOutput<typeof ofOurs> | v.InferOutput<typeof ofOwn>;

/** Shares and ratios are those of the other numbers, but for their rounding. */
const CLOSE = 0.01;

/** A line as a result, or why it is none; null: it is one of another bench. */
export function readLine(line: string): BoardLine | string | null {
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch {
    return "not a JSON object";
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    return "not a JSON object";
  }
  const { bench } = given as { bench?: unknown };
  if (bench !== "kernels" && bench !== "variants" && bench !== "custom") return null;
  const checked = v.safeParse(bench === "custom" ? ofOwn : ofOurs, given);
  if (!checked.success) {
    const [issue] = checked.issues;
    const key = issue.path?.map(({ key }) => key).join(".") ?? "it";
    const at = issue.path?.at(-1);
    const value = at && JSON.stringify(at.value);
    const found = value === undefined ? "missing" : value.slice(0, 60);
    const isCheck = /^(check|error|samples)\b/.test(key) && value === undefined;
    // Of what is missing there is nothing else to say.
    const wanted = value === undefined || /^Invalid/.test(issue.message)
      ? ""
      : `, expected ${issue.message}`;
    return `${isCheck ? "its check did not run: " : ""}${key} is ${found}${wanted}`;
  }
  return contradictionIn(checked.output) ?? checked.output;
}

/** Numbers that do not go together; null: all do. */
function contradictionIn(line: BoardLine): string | null {
  const { gflops, gbs, multiplyAddShare, copyShare, multiplyAddCeiling, copyCeiling } = line;
  const isClose = (a: number, b: number) => Math.abs(a - b) <= CLOSE * Math.max(a, b) + 1e-6;
  if (!isClose(multiplyAddShare * multiplyAddCeiling, gflops)) {
    return `multiplyAddShare is ${multiplyAddShare}, and gflops ${gflops} of multiplyAddCeiling ${multiplyAddCeiling}`;
  }
  if (!isClose(copyShare * copyCeiling, gbs)) {
    return `copyShare is ${copyShare}, and gbs ${gbs} of copyCeiling ${copyCeiling}`;
  }
  if (line.bench !== "custom") return null;
  const { milliseconds, ours, ratio } = line;
  if (milliseconds.count !== ours.count || ratio.count !== ours.count) {
    return `milliseconds, ours and ratio have ${milliseconds.count}, ${ours.count} and ${ratio.count} rounds`;
  }
  if (Math.max(multiplyAddShare, copyShare) * milliseconds.least / ours.least > ABOVE) {
    return `ours.least is ${ours.least} milliseconds, which would be above a ceiling`;
  }
  return null;
}
