import type { ImageSet } from "../images/image_set.ts";
import type { DreamHeads } from "../images/task_stream.ts";

/** The dream class of each head at birth: class h is head h's, as far as there are so many; -1: none. */
export function firstDreams(heads: number, dreamClasses: number): number[] {
  return Array.from({ length: heads }, (_, head) => head < dreamClasses ? head : -1);
}

/**
 * Dreams never end: the dream class of a head that a class has taken goes to the lowest free head that has none, if
 * there is one.
 *
 * @param taken heads with a class
 */
export function movedDreams(dreamOfHead: readonly number[], taken: ReadonlySet<number>): number[] {
  const moved = [...dreamOfHead];
  const homeless = moved.flatMap((dream, head) => dream >= 0 && taken.has(head) ? [head] : []);
  for (const head of homeless) {
    const free = moved.findIndex((dream, other) => dream < 0 && !taken.has(other));
    if (free >= 0) moved[free] = moved[head];
    moved[head] = -1;
  }
  return moved;
}

/** The same with the images of each head, in data order. */
export function imagesOfHeads(dreamOfHead: readonly number[], { labels }: ImageSet): DreamHeads {
  const images = new Map<number, number[]>();
  labels.forEach((label, image) => {
    const ofClass = images.get(label) ?? [];
    ofClass.push(image);
    images.set(label, ofClass);
  });
  return {
    classOfHead: [...dreamOfHead],
    imagesOfHead: dreamOfHead.map((dream) => Uint32Array.from(images.get(dream) ?? [])),
  };
}
