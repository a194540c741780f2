import { InputError } from "../errors.ts";
import { DIGEST_BYTES, digestOf } from "./content_key.ts";
import { declaredImage, decodeAny, decodeImage } from "./decode_image.ts";
import { type FilePlace, pathOf, readPlace } from "./file_tree.ts";
import type { Resize } from "../images/source.ts";
import type { StoredImage } from "./stored_image.ts";

/**
 * What is done with each file: hash it; decode it as a square image of `size` pixels, turned upright or as it is
 * stored; decode it to see what it is; or see only what it declares to be.
 */
export type FileWork =
  | { readonly kind: "digest" }
  | {
    readonly kind: "decode";
    readonly size: number;
    readonly resize: Resize;
    readonly turned: boolean;
  }
  | { readonly kind: "inspect" }
  | { readonly kind: "declared" };

/** Numbers (u32) that tell what a file is: its height and width, as stored, and its orientation. */
export const INSPECTED = 3;

/** Bytes that come out of one file: a digest, RGB bytes `[size, size, 3]`, or what was inspected. */
export function bytesPerFile(work: FileWork): number {
  switch (work.kind) {
    case "digest":
      return DIGEST_BYTES;
    case "decode":
      return work.size * work.size * 3;
    case "inspect":
    case "declared":
      return 4 * INSPECTED;
  }
}

/** What came out of a batch of files. */
export interface FileResults {
  /** `[files, bytesPerFile(work)]` */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of `decode` only: a digest of each file that was decoded, `[files, DIGEST_BYTES]`. */
  readonly digests: Uint8Array<ArrayBuffer>;
  /** Of `inspect` and `declared` only: what is wrong with a file, by its number in the batch; its bytes are zeros. */
  readonly problems: readonly (readonly [file: number, problem: string])[];
}

/**
 * Reads the files one after the other and does `work` with each.
 *
 * @throws {InputError} If a file cannot be read or decoded, and the work is not to see what it is.
 */
export async function workOnFiles(
  work: FileWork,
  places: readonly FilePlace[],
): Promise<FileResults> {
  const stride = bytesPerFile(work);
  const bytes = new Uint8Array(places.length * stride);
  const digests = new Uint8Array(work.kind === "decode" ? places.length * DIGEST_BYTES : 0);
  const problems: [number, string][] = [];
  const collects = work.kind === "inspect" || work.kind === "declared";
  for (const [i, place] of places.entries()) {
    try {
      const file = readPlace(place);
      if (work.kind === "decode") digests.set(digestOf(file), i * DIGEST_BYTES);
      bytes.set(await workOnFile(work, file, pathOf(place)), i * stride);
    } catch (error) {
      if (!collects || !(error instanceof InputError)) throw error;
      problems.push([i, error.message]);
    }
  }
  return { bytes, digests, problems };
}

async function workOnFile(
  work: FileWork,
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Uint8Array> {
  switch (work.kind) {
    case "digest":
      return digestOf(bytes);
    case "decode":
      return await decodeImage(bytes, path, work.size, work.resize, work.turned);
    case "inspect":
      return numbersOf(await decodeAny(bytes, path));
    case "declared":
      return numbersOf(declaredImage(bytes, path));
  }
}

function numbersOf({ height, width, orientation }: Omit<StoredImage, "pixels">): Uint8Array {
  return new Uint8Array(Uint32Array.of(height, width, orientation).buffer);
}
