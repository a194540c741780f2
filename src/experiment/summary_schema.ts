import * as v from "valibot";

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));
const derived = v.nullable(v.pipe(v.number(), v.finite()));
const names = v.array(v.string());

const accuracy = v.looseObject({
  matrix: v.array(v.array(derived)),
  finalAverage: derived,
  backwardTransfer: derived,
  forwardTransfer: derived,
  forgetting: derived,
});

const confusion = v.pipe(
  v.looseObject({
    classes: names,
    counts: v.array(v.array(amount)),
    elsewhere: v.array(amount),
  }),
  v.check(
    ({ classes: { length }, counts, elsewhere }) =>
      counts.length === length && elsewhere.length === length &&
      counts.every((row) => row.length === length),
    "Expected a row and a column for each class",
  ),
);

/** What is made use of; what older programs left out may be missing, and whatever else there is stays. */
const schema = v.looseObject({
  method: v.string(),
  schedule: v.nullable(v.string()),
  precision: v.optional(v.string()),
  dataset: v.string(),
  seed: whole,
  tasks: whole,
  classIl: accuracy,
  taskIl: accuracy,
  freezing: v.array(v.looseObject({
    task: whole,
    candidates: v.array(v.looseObject({ frozen: whole, loss: v.nullable(v.number()) })),
    chosen: whole,
  })),
  heads: v.array(v.pipe(
    v.looseObject({ task: whole, heads: v.array(whole), classes: names }),
    v.check(({ heads, classes }) => heads.length === classes.length, "Expected a head a class"),
  )),
  labels: v.optional(v.array(amount)),
  confusion: v.optional(confusion),
  remembered: v.optional(v.array(v.looseObject({ class: v.string(), images: whole }))),
  dreams: v.optional(v.array(v.nullable(v.string()))),
  samplesPerSecond: amount,
  images: v.optional(amount),
  steps: amount,
  seconds: amount,
  adapter: v.string(),
  provider: v.optional(v.string()),
  denoVersion: v.string(),
  completed: v.boolean(),
  stopped: v.optional(v.string()),
});

/** Where the content of a `summary.json` is not what a run writes, and how: `seconds: Expected ...`; null: nowhere. */
export function summaryProblem(value: unknown): string | null {
  const { issues } = v.safeParse(schema, value);
  if (!issues) return null;
  const [issue] = issues;
  return `${v.getDotPath(issue) ?? "the file"}: ${issue.message}`;
}
