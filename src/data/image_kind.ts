/** Kinds of image files that are decoded. */
export type ImageKind = "JPEG" | "PNG";

/** So many bytes of a file's beginning tell what it is. */
export const KIND_BYTES = 12;

/** Latin letters stand for their codes, a dot for any byte. */
const STARTS: readonly (readonly [kind: string, start: string])[] = [
  ["JPEG", "\xff\xd8"],
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["WebP", "RIFF....WEBP"],
  ["GIF", "GIF87a"],
  ["GIF", "GIF89a"],
  ["BMP", "BM"],
  ["TIFF", "II*\0"],
  ["TIFF", "MM\0*"],
  ["AVIF", "....ftypavif"],
  ["AVIF", "....ftypavis"],
  ["HEIC", "....ftyphei"],
  ["HEIC", "....ftyphev"],
  ["HEIC", "....ftypmif1"],
  ["JPEG XL", "\xff\x0a"],
  ["JPEG XL", "\0\0\0\x0cJXL "],
  ["JPEG 2000", "\0\0\0\x0cjP  "],
  ["JPEG 2000", "\xff\x4f\xff\x51"],
];

/**
 * What kind of image a file holds, decided by its first bytes, whatever its name is; null for none that is
 * decoded.
 *
 * @param start The file's bytes, or its first {@linkcode KIND_BYTES}.
 */
export function imageKind(start: Uint8Array): ImageKind | null {
  const kind = kindOf(start);
  return kind === "JPEG" || kind === "PNG" ? kind : null;
}

/** The name of an image format that is known and not decoded, such as "WebP"; null for anything else. */
export function otherImageKind(start: Uint8Array): string | null {
  return imageKind(start) === null ? kindOf(start) : null;
}

function kindOf(start: Uint8Array): string | null {
  const found = STARTS.find(([, text]) =>
    text.length <= start.length &&
    [...text].every((letter, i) => letter === "." || letter.charCodeAt(0) === start[i])
  );
  return found?.[0] ?? null;
}
