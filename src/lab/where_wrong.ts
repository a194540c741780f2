import { measureOf } from "../check/check_case.ts";
import type { CaseOutput } from "../check/kernel_case.ts";

/** An output, and what a kernel has found at its places. */
export type FoundOutput = Pick<CaseOutput, "name" | "at" | "expected" | "terms" | "where"> & {
  readonly found: ArrayLike<number>;
};

/** An element counts as wrong where it is off by more than this share of the output's root mean square. */
const WRONG = 1e-4;

/** The samples of an output, and which of them count as wrong. */
function judged(output: FoundOutput) {
  const { at, expected, where, found } = output;
  const scale = measureOf(output);
  const samples = Array.from(at, (place, i) => {
    const off = Math.abs(found[i] - expected[i]);
    return { coordinates: where(place), found: found[i], expected: expected[i], off };
  });
  // Where all are off by less, all that are off at all count.
  const limit = samples.some(({ off }) => !(off <= WRONG * scale)) ? WRONG * scale : 0;
  const isWrong = ({ off }: { readonly off: number }) => !(off <= limit);
  return { samples, wrong: samples.filter(isWrong), right: samples.filter((one) => !isWrong(one)) };
}

/** Whether some samples are wrong, and all of these in the first or last row or column of an image. */
export function onlyAtBorder(output: FoundOutput): boolean {
  const { samples, wrong, right } = judged(output);
  return wrong.length > 0 && right.length > 0 &&
    wrong.every(({ coordinates }) => atBorder(coordinates, samples));
}

/** Which samples are wrong, in lines: how many, what their coordinates have in common, and the worst five. */
export function whereWrong(output: FoundOutput): string[] {
  const { name } = output;
  const { samples, wrong, right } = judged(output);
  const lines = [`${wrong.length} of ${samples.length} sampled elements of ${name} are wrong`];
  const missing = wrong.filter((sample) => Number.isNaN(sample.found)).length;
  if (missing > 0) lines.push(`${missing} of them are NaN`);
  for (const axis of Object.keys(samples[0].coordinates)) {
    const of = (list: typeof samples) => new Set(list.map(({ coordinates }) => coordinates[axis]));
    const [bad, good] = [of(wrong), of(right)];
    const apart = [...bad].every((value) => !good.has(value));
    if (!apart || good.size === 0) continue;
    const values = [...bad].toSorted((a, b) => a - b);
    const shown = values.length > 6
      ? `${values.slice(0, 3).join(", ")} ... ${values.at(-1)}`
      : values.join(", ");
    lines.push(`all of them, and no right one, at ${axis} = ${shown}`);
  }
  if (onlyAtBorder(output)) lines.push("all of them at the border of the image");
  const key = (off: number) => Number.isNaN(off) ? Infinity : off;
  for (const sample of wrong.toSorted((a, b) => key(b.off) - key(a.off)).slice(0, 5)) {
    const place = Object.entries(sample.coordinates).map(([n, v]) => `${n} ${v}`).join(", ");
    lines.push(`  ${name}[${place}] is ${sample.found}, should be ${Math.fround(sample.expected)}`);
  }
  return lines;
}

/** Whether a row or column of an image is the first or the last among the samples; taps of a kernel, ky and kx, are none. */
function atBorder(
  coordinates: Readonly<Record<string, number>>,
  samples: readonly { readonly coordinates: Readonly<Record<string, number>> }[],
): boolean {
  return Object.entries(coordinates).some(([axis, value]) =>
    /^[io]?[yx]$/.test(axis) &&
    (value === 0 || samples.every((sample) => sample.coordinates[axis] <= value))
  );
}
