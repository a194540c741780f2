import { InputError } from "../errors.ts";
import type { PartImages, SetReport } from "./set_report.ts";
import { FASHION_MNIST } from "./fashion_mnist.ts";
import {
  checkLabels,
  idxClassNames,
  type IdxPartName,
  isFashionMnist,
  isPublished,
  type ReadIdx,
  readIdxOf,
} from "./idx_files.ts";
import type { Progress } from "../images/image_set.ts";

/** Checks a folder with a data set in idx format, reading its four files. */
export async function checkIdx(root: string, progress: Progress): Promise<SetReport> {
  const problems: string[] = [];
  const notes: string[] = [];
  const read = async (part: IdxPartName, kind: "images" | "labels"): Promise<ReadIdx | null> => {
    try {
      return await readIdxOf(root, part, kind, progress);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error.message);
      return null;
    }
  };
  const trainLabels = await read("train", "labels");
  const classNames = trainLabels === null ? null : idxClassNames(root, trainLabels);
  const isFashion = trainLabels !== null && isFashionMnist(root, trainLabels);
  const parts: PartImages[] = [];
  const sides = new Set<string>();
  for (const part of ["train", "test"] as const) {
    const labels = part === "train" ? trainLabels : await read(part, "labels");
    const images = await read(part, "images");
    if (images !== null) sides.add(images.shape.slice(1).join(" x "));
    for (const [kind, file] of [["images", images], ["labels", labels]] as const) {
      if (!isFashion || file === null || isPublished(`${part}-${kind}`, file.digest)) continue;
      const [count, published] = [file.shape[0], FASHION_MNIST.records[part]];
      if (count !== published) {
        notes.push(`${part} has ${count} ${kind}, the published one ${published}`);
      } else problems.push(`${file.path}: its content is not the published one, download it again`);
    }
    if (images === null || labels === null || classNames === null) continue;
    try {
      checkLabels(images, labels, classNames.length);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error.message);
      continue;
    }
    const ofClass = classNames.map((): string[] => []);
    labels.values.forEach((label, i) => ofClass[label].push(`${part}-images record ${i}`));
    const classes = new Map(classNames.map((name, label) => [name, ofClass[label]]));
    for (const name of classNames.filter((name) => classes.get(name)!.length === 0)) {
      problems.push(`${root}: class ${name} has no images in ${part}`);
    }
    parts.push({ part, drawnAs: part, classes });
  }
  if (sides.size > 1) problems.push(`${root}: its images have ${[...sides].join(" and ")} pixels`);
  const title = `${isFashion ? `${FASHION_MNIST.title}, ` : ""}idx files` +
    (sides.size === 1 ? `, ${[...sides]} pixels` : "");
  return { path: root, title, parts, problems, notes };
}
