import { InputError } from "../errors.ts";
import type { ClassItem } from "../images/source.ts";
import { lookAlikeHint, nameText, quoted } from "../images/look_alike.ts";

/** Which classes of a data set are taken, in which order. */
export interface ClassChoice {
  /** `null` for all. */
  readonly classes?: readonly ClassItem[] | null;
  readonly exclude?: readonly ClassItem[];
}

/**
 * Numbers of the chosen classes: place in the result = new number.
 *
 * @param names All classes, in their own order.
 * @param where The data set, for messages.
 * @throws {InputError} For a class that is not there or is named twice, or if none is left.
 */
export function chooseClasses(
  names: readonly string[],
  { classes = null, exclude = [] }: ClassChoice,
  where: string,
): number[] {
  const numbers = (items: readonly ClassItem[]) =>
    items.flatMap((item) => classNumbers(names, item, where));
  const taken = classes === null ? [...names.keys()] : numbers(classes);
  const twice = taken.find((number, i) => taken.indexOf(number) !== i);
  if (twice !== undefined) {
    throw new InputError(
      `Cannot choose classes of ${where}: class ${twice} (${
        names[twice]
      }) is named twice, name it once`,
    );
  }
  const left = new Set(numbers(exclude));
  const chosen = taken.filter((number) => !left.has(number));
  if (chosen.length === 0) {
    throw new InputError(`Cannot choose classes of ${where}: none is left, exclude fewer`);
  }
  return chosen;
}

function classNumbers(names: readonly string[], item: ClassItem, where: string): number[] {
  const named = names.indexOf(String(item));
  if (typeof item === "string" && named >= 0) return [named];
  const range = /^(\d+)-(\d+)$/.exec(String(item));
  const [from, to] = range ? [Number(range[1]), Number(range[2])] : [item, item];
  if (typeof from === "string" || typeof to === "string") {
    throw new InputError(
      `Cannot choose classes of ${where}: it has no class ${
        nameText(from as string)
      }, its classes are ` +
        `${names.slice(0, 3).map(nameText).join(", ")}${names.length > 3 ? ", ..." : ""}` +
        lookAlikeHint(from as string, names, "it"),
    );
  }
  refuseAmbiguous(names, item, from, to, where);
  if (!(Number.isInteger(from) && from >= 0 && from <= to && to < names.length)) {
    throw new InputError(
      `Cannot choose classes of ${where}: ${item} is not among its classes, which are numbered 0 to ` +
        `${names.length - 1}`,
    );
  }
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** A number that is the name of another class as well may be meant as either. */
function refuseAmbiguous(
  names: readonly string[],
  item: ClassItem,
  from: number,
  to: number,
  where: string,
): void {
  for (const [place, name] of names.entries()) {
    const number = /^\d+$/.test(name) ? Number(name) : NaN;
    if (!(number >= from && number <= to) || number === place) continue;
    const other = number < names.length
      ? ` and the number of class ${quoted(names[number])}`
      : `, and the numbers of its classes are 0 to ${names.length - 1}`;
    const what = item === number ? `${item}` : `${item} holds ${number}, which`;
    throw new InputError(
      `Cannot choose classes of ${where}: ${what} is the name of a class${other}; write the names of the ` +
        `classes that are meant, in quotes, such as ${quoted(name)}`,
    );
  }
}

/** Labels in terms of the chosen classes; -1 for images of others. */
export function renumbered(labels: ArrayLike<number>, chosen: readonly number[]): Int32Array {
  const numberOf = new Map(chosen.map((old, number) => [old, number]));
  return Int32Array.from(labels, (label) => numberOf.get(label) ?? -1);
}
