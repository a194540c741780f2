import { byName } from "./folder_listing.ts";
import { nameText } from "../images/look_alike.ts";

/** Order of names as people count: numbers in them by their values. */
function byNumber(a: string, b: string): number {
  const parts = (name: string) => name.split(/(\d+)/);
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    // The parts in odd places are the numbers.
    const order = i % 2 === 1
      ? Number(left[i]) - Number(right[i]) || byName(left[i], right[i])
      : byName(left[i], right[i]);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/**
 * What to say where classes count in the order of their names, and numbers in those have another; null where they
 * have not.
 */
export function noteOrder(names: readonly string[]): string | null {
  const natural = names.toSorted(byNumber);
  if (natural.every((name, i) => name === names[i])) return null;
  return `the classes count in the order of their names by code unit, which is not that of their ` +
    `numbers: ${first(names)}; for another order name them in data.train.classes or in a classList`;
}

/** What to say of classes that are not taken; null where all are. */
export function noteLeftOut(all: readonly string[], taken: readonly string[]): string | null {
  const chosen = new Set(taken);
  const left = all.filter((name) => !chosen.has(name));
  if (left.length === 0) return null;
  return `${taken.length} of ${all.length} classes are taken, left out: ${first(left)}`;
}

function first(names: readonly string[], most = 10): string {
  const some = names.slice(0, most).map(nameText).join(", ");
  return names.length > most ? `${some} and ${names.length - most} more` : some;
}
