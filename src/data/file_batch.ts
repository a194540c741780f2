import { InputError } from "../errors.ts";
import { DIGEST_BYTES, digestOf } from "./content_key.ts";
import { decodeImage } from "./decode_image.ts";

/** What is done with each file: hash it, or decode it as a square image of `size` pixels. */
export type FileWork =
  | { readonly kind: "digest" }
  | { readonly kind: "decode"; readonly size: number };

/** Bytes that come out of one file: a digest, or RGB bytes `[size, size, 3]`. */
export function bytesPerFile(work: FileWork): number {
  return work.kind === "digest" ? DIGEST_BYTES : work.size * work.size * 3;
}

/**
 * Reads the files one after the other and does `work` with each.
 *
 * @returns `[paths.length, bytesPerFile(work)]`
 * @throws {InputError} If a file cannot be read or decoded.
 */
export async function workOnFiles(
  work: FileWork,
  paths: readonly string[],
): Promise<Uint8Array<ArrayBuffer>> {
  const stride = bytesPerFile(work);
  const results = new Uint8Array(paths.length * stride);
  for (const [i, path] of paths.entries()) {
    // The synchronous call, since this runs in a worker: half the time of awaiting each small file.
    const bytes = read(path);
    const result = work.kind === "digest"
      ? digestOf(bytes)
      : await decodeImage(bytes, path, work.size);
    results.set(result, i * stride);
  }
  return results;
}

function read(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new InputError(
      `Cannot read ${path}: ${(error as Error).message}, restore the file or its permissions`,
    );
  }
}
