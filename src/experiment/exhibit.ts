import { imagePixels } from "../images/image_set.ts";
import type { Sample } from "../learner/batch.ts";
import type { Assembly } from "./build.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { shiftOf } from "./evaluate.ts";
import { type Gallery, type GalleryPicture, thumbnail, thumbnailSize } from "./gallery.ts";
import type { Results } from "./learn_tasks.ts";
import type { Materials } from "./materials.ts";

/** Test images that are looked at for mistakes, over all tasks: an experiment's evaluation sees many more. */
const LOOKED_AT = 2000;

/** Of each kind, pictures that are kept: a page shows them all. */
const MOST = { memory: 400, ofClass: 8, dreams: 200, misleading: 24 } as const;

/**
 * The test images that were answered wrong with the most confidence once all tasks were learned, the most confident
 * first. At most 2000 test images are looked at, spread evenly over the tasks.
 */
export async function misleadingImages(
  config: ExperimentConfig,
  { dataset: { test }, tasks }: Materials,
  { session: { learner }, test: store }: Assembly,
  { heads: assigned, labels }: Pick<Results, "heads" | "labels">,
): Promise<GalleryPicture[]> {
  const shift = shiftOf(config, labels);
  const nameOf = new Map(
    assigned.flatMap(({ heads, classes }) => heads.map((head, i) => [head, classes[i]] as const)),
  );
  const found: (Omit<GalleryPicture, "pixels"> & { image: number; confidence: number })[] = [];
  for (const { task, heads } of assigned) {
    const { classes, test: images } = tasks[task];
    const headOf = new Map(classes.map((realClass, i) => [realClass, heads[i]]));
    const count = Math.min(images.length, Math.ceil(LOOKED_AT / tasks.length));
    const chosen = Uint32Array.from(
      { length: count },
      (_, i) => images[Math.floor((i + 0.5) * images.length / count)],
    );
    store.load(test, chosen);
    const samples = Array.from(chosen, (image): Sample => {
      return { from: store, image, label: headOf.get(test.labels[image])! };
    });
    const logits = await learner.logits(samples);
    samples.forEach(({ label }, i) => {
      const row = logits.slice(i * learner.heads, (i + 1) * learner.heads);
      if (shift) row.forEach((_, head) => row[head] += shift[head]);
      const { head, confidence } = surestHead(row);
      if (head === label) return;
      const answer = nameOf.get(head) ?? null;
      const name = nameOf.get(label)!;
      found.push({ kind: "misleading", class: name, answer, confidence, image: chosen[i] });
    });
  }
  found.sort((a, b) => b.confidence - a.confidence || a.image - b.image);
  return found.slice(0, MOST.misleading).map(({ image, ...facts }) => {
    return { ...facts, pixels: thumbnail(imagePixels(test, image), test.width) };
  });
}

/** The head with the largest logit, the first of several, and its probability. */
function surestHead(logits: Float32Array): { readonly head: number; readonly confidence: number } {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const all = logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0);
  return { head: logits.indexOf(largest), confidence: 1 / all };
}

/** Images of each class that the long-term memory holds; the classes in the order in which they were learned. */
export function rememberedOf(
  { session: { longTerm } }: Assembly,
  { heads: assigned }: Pick<Results, "heads">,
): { readonly class: string; readonly images: number }[] {
  const { labels, filled } = longTerm;
  const held = labels.subarray(0, filled);
  return assigned.flatMap(({ heads, classes }) =>
    heads.map((head, i) => ({
      class: classes[i],
      images: held.reduce((sum, label) => sum + Number(label === head), 0),
    }))
  );
}

/** What is to be seen of a run: some of each class that it remembers, a dream of each head, what misled it. */
export async function galleryOf(
  { dreams }: Materials,
  { session }: Assembly,
  { heads: assigned }: Pick<Results, "heads">,
  misleading: readonly GalleryPicture[],
  size: number,
): Promise<Gallery> {
  const heads = assigned.flatMap(({ heads, classes }) =>
    heads.map((head, i) => ({ head, name: classes[i] }))
  );
  const { longTerm } = session;
  const each = Math.min(MOST.ofClass, Math.floor(MOST.memory / Math.max(1, heads.length)));
  const held = [...longTerm.labels.subarray(0, longTerm.filled)];
  const slots = heads.slice(0, MOST.memory).flatMap(({ head, name }) =>
    held.flatMap((label, slot) => label === head ? [{ slot, name }] : []).slice(
      0,
      Math.max(1, each),
    )
  );
  const remembered = await longTerm.readSlots(slots.map(({ slot }) => slot));
  const memory = slots.map(({ name }, i): GalleryPicture => {
    return { kind: "memory", class: name, pixels: thumbnail(remembered[i], size) };
  });
  const bound = session.dreams?.heads;
  const dreamt = !dreams || !bound ? [] : bound.classOfHead.flatMap((dreamClass, head) => {
    const [image] = bound.imagesOfHead[head];
    if (dreamClass < 0 || image === undefined) return [];
    const pixels = thumbnail(imagePixels(dreams, image), size);
    return [{ kind: "dream" as const, class: dreams.classNames[dreamClass], head, pixels }];
  });
  const pictures = [...memory, ...dreamt.slice(0, MOST.dreams), ...misleading];
  return { size: thumbnailSize(size), pictures };
}
