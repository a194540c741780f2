import { measureOf } from "../check/check_case.ts";
import type { CaseOutput } from "../check/kernel_case.ts";
import { POISON } from "./guarded.ts";

type Words = readonly Uint32Array<ArrayBuffer>[];

/** What both kernels have left, and what it is. */
export interface Pair {
  readonly outputs: readonly (CaseOutput & { readonly place: number })[];
  /** Names of the copies. */
  readonly names: readonly string[];
  readonly found: Words;
  readonly ours: Words;
  /** What a copy held before; only what was changed is a result. */
  readonly before: Words;
  /** Relative error that an output may have. */
  readonly limit: number;
}

/** How far from ours an element may be, as a share of the root mean square of all. */
const FAR = 1e-3;

/** Elements that are measured together. */
interface Group {
  readonly name: string;
  readonly length: number;
  readonly theirs: (i: number) => number;
  readonly own: (i: number) => number;
  readonly where: (i: number) => Readonly<Record<string, number>>;
  /** How much larger the terms are than what they come to, where they cancel. */
  readonly cancelling: number;
  readonly half: boolean;
}

/**
 * What is unlike in the results of a kernel and of ours, in lines; none: nothing is. Every element of every tensor that
 * is written is looked at, in the groups that the outputs are; padding, and whatever else no output has, makes a group
 * by itself. Of partial sums, which may be divided in another way, the totals are compared.
 *
 * Single elements may be off by a share of the group's root mean square, and the whole group by twice what each of the
 * two kernels may be off the definition. Numbers that must be met exactly must be ours.
 */
export function unlikeOurs(pair: Pair): string[] {
  for (const group of groupsOf(pair)) {
    const lines = compared(group, pair.limit);
    if (lines.length > 0) return lines;
  }
  return [];
}

function compared(group: Group, limit: number): string[] {
  const { name, length, theirs, own, where, cancelling, half } = group;
  let size = 0;
  for (let i = 0; i < length; i++) if (Number.isFinite(own(i))) size += own(i) ** 2;
  const measure = Math.sqrt(size / Math.max(1, length)) * cancelling;
  const most = limit === 0 ? 0 : FAR * measure;
  let [apart, worst, worstAt, count] = [0, 0, -1, 0];
  for (let i = 0; i < length; i++) {
    const [a, b] = [theirs(i), own(i)];
    if (Object.is(a, b) || a === b) continue;
    const rounding = half ? 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(b)))) - 10) : 0;
    const distance = Math.max(0, Math.abs(a - b) - rounding);
    const far = Number.isFinite(distance) ? distance : Infinity;
    apart += far ** 2;
    if (far > most) count++;
    if (far > worst) [worst, worstAt] = [far, i];
  }
  if (worstAt < 0) return [];
  const error = Math.sqrt(apart / length) / measure;
  if (count === 0 && error <= 2 * limit) return [];
  const coordinates = Object.entries(where(worstAt)).map(([axis, value]) => `${axis} ${value}`);
  return [
    count > 0
      ? `${count} of all ${length} elements of ${name} are unlike ours`
      : `all ${length} elements of ${name} together are ${error.toExponential(1)} off ours`,
    `  ${name}[${coordinates.join(", ")}] is ${theirs(worstAt)}, ours has ${own(worstAt)}`,
  ];
}

function groupsOf({ outputs, names, found, ours, before }: Pair): Group[] {
  const groups: Group[] = [];
  for (const [place, name] of names.entries()) {
    const own = outputs.filter((output) => output.place === place);
    const half = own[0]?.tensor.type === "f16";
    const valuesOf = ({ buffer }: Uint32Array<ArrayBuffer>) =>
      own[0]?.tensor.type === "u32"
        ? new Uint32Array(buffer)
        : half
        ? new Float16Array(buffer)
        : new Float32Array(buffer);
    const [theirs, reference] = [valuesOf(found[place]), valuesOf(ours[place])];
    const covered = new Uint8Array(theirs.length);
    for (const output of own) {
      const { tensor, at, read = (values: ArrayLike<number>, i: number) => values[i] } = output;
      const all = output.every ??
        (own.length === 1 && !output.read
          ? Array.from({ length: tensor.length }, (_, i) => i)
          : at);
      // What is read in a way of its own is not divided as ours is: of that nothing is left to compare.
      if (output.read) covered.fill(1);
      for (let i = 0; i < all.length; i++) covered[all[i]] = 1;
      const isWritten = (i: number) => ours[place][half ? i >> 1 : i] !== POISON;
      const places = output.read ? all : Array.from(all).filter(isWritten);
      const size = measureOf({ expected: output.expected });
      groups.push({
        ...{ name: output.name, length: places.length, half },
        theirs: (i) => read(theirs, places[i]),
        own: (i) => read(reference, places[i]),
        where: (i) => output.where(places[i]),
        cancelling: size > 0 ? measureOf(output) / size : 1,
      });
    }
    const rest: number[] = [];
    for (let i = 0; i < covered.length; i++) {
      const word = half ? i >> 1 : i;
      const was = before[place][word];
      if (!covered[i] && (ours[place][word] !== was || found[place][word] !== was)) rest.push(i);
    }
    if (rest.length === 0) continue;
    groups.push({
      ...{ name, length: rest.length, half, cancelling: 1 },
      theirs: (i) => theirs[rest[i]],
      own: (i) => reference[rest[i]],
      where: (i) => ({ element: rest[i] }),
    });
  }
  return groups;
}
