import { INSPECTED } from "./file_batch.ts";
import { forEachBatch } from "./file_pool.ts";
import type { FileTree } from "./file_tree.ts";

/** What the images of a data set have to be, and what becomes of them. */
export interface ImagesExpected {
  /** Side in pixels, if the data set has one by definition. */
  readonly size?: number;
  /** Whether images are turned upright when they are read. */
  readonly turned: boolean;
}

/**
 * Decodes every image, and says which cannot be used and what sizes the others have.
 *
 * @param paths The images, in `tree`.
 * @param onDone Called with the number of images done so far.
 */
export async function checkImages(
  tree: FileTree,
  paths: readonly string[],
  { size, turned }: ImagesExpected,
  onDone: (done: number) => void,
): Promise<{ problems: string[]; notes: string[] }> {
  const sizes = new Map<string, number>();
  const broken: [number, string][] = [];
  let tagged = 0;
  const take = (n: number, [height, width, orientation]: Uint32Array) => {
    if (orientation > 1) tagged++;
    if (size !== undefined && (height !== size || width !== size)) {
      const found = `${width} x ${height} pixels where ${size} x ${size} are official`;
      broken.push([n, `${tree.root}/${paths[n]}: ${found}`]);
      return;
    }
    const key = turned && orientation > 4 ? `${height} x ${width}` : `${width} x ${height}`;
    sizes.set(key, (sizes.get(key) ?? 0) + 1);
  };
  await forEachBatch(
    { kind: "inspect" },
    paths.map((path) => tree.place(path)),
    (first, { bytes, problems }) => {
      const numbers = new Uint32Array(bytes.buffer);
      const failed = new Map(problems);
      for (let i = 0; i < numbers.length / INSPECTED; i++) {
        const problem = failed.get(i);
        if (problem !== undefined) broken.push([first + i, problem]);
        else take(first + i, numbers.subarray(INSPECTED * i, INSPECTED * (i + 1)));
      }
    },
    onDone,
  );
  // Batches come in any order.
  const problems = broken.sort(([a], [b]) => a - b).map(([, problem]) => problem);
  return { problems, notes: [...noteSizes(sizes), ...noteTags(tagged, turned)] };
}

function noteSizes(sizes: ReadonlyMap<string, number>): string[] {
  const kinds = [...sizes].sort(([, a], [, b]) => b - a);
  if (kinds.length === 0) return [];
  const most = kinds.slice(0, 3).map(([key, count]) => `${count} of ${key}`).join(", ");
  const rest = kinds.length > 3 ? ` and of ${kinds.length - 3} more sizes` : "";
  return [`images in pixels: ${most}${rest}${kinds.length > 1 ? "; set resize" : ""}`];
}

function noteTags(tagged: number, turned: boolean): string[] {
  if (tagged === 0) return [];
  const images = tagged === 1 ? "1 image has" : `${tagged} images have`;
  const what = turned
    ? "and will be turned upright"
    : "which is not followed: official images stay as they are stored";
  return [`${images} an orientation tag (EXIF), ${what}`];
}
