import { createHash } from "node:crypto";

/** Length of one file's digest (SHA-256), in bytes. */
export const DIGEST_BYTES = 32;

// Part of every key: raise it when the same files would be packed into other bytes.
const PACKING_VERSION = 4;

/** SHA-256 of `bytes`, `[DIGEST_BYTES]`. */
export function digestOf(...bytes: readonly Uint8Array[]): Uint8Array {
  // Not crypto.subtle: a promise per file costs more than hashing a small image.
  const hash = createHash("sha256");
  for (const piece of bytes) hash.update(piece);
  return hash.digest();
}

/**
 * The key under which packed images are cached: it changes when any file's name, order or content
 * changes, or anything in `description` (format, limits, size), and not with time or place.
 *
 * @param paths The files, relative to the data set's folder, in the order of the images.
 * @param digests One digest per file, `[paths.length, DIGEST_BYTES]`.
 * @returns 64 hexadecimal digits.
 */
export function contentKey(
  description: Readonly<Record<string, unknown>>,
  paths: readonly string[],
  digests: Uint8Array,
): string {
  const text = JSON.stringify([PACKING_VERSION, description, paths]);
  return createHash("sha256").update(text).update(digests).digest("hex");
}
