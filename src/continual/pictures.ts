import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import type { ImageSet } from "../images/image_set.ts";
import { decodeSafetensors, encodeSafetensors } from "../net/safetensors.ts";

/** What is known of a picture, beside its pixels. */
export interface PictureFacts {
  /** Name of its class. */
  readonly label: string;
  /** SHA-256 of its pixels, by which it can be forgotten. */
  readonly digest: string;
  /** Where it came from: a path, or what the caller said. */
  readonly from: string;
}

/** A labelled picture of the learner's size. */
export interface Picture extends PictureFacts {
  /** RGB bytes, `[size, size, 3]`. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** A picture with its digest. */
export async function pictureOf(
  pixels: Uint8Array<ArrayBuffer>,
  label: string,
  from: string,
): Promise<Picture> {
  return { pixels, label, from, digest: await sha256(pixels) };
}

/** Pictures as the bytes of a safetensors file; `extra` goes into its metadata. */
export function encodePictures(
  pictures: readonly Picture[],
  size: number,
  extra: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const bytes = size * size * 3;
  const data = new Uint8Array(pictures.length * bytes);
  pictures.forEach(({ pixels }, i) => data.set(pixels, i * bytes));
  const facts = pictures.map(({ label, digest, from }): PictureFacts => ({ label, digest, from }));
  return encodeSafetensors(
    new Map([["images", { dtype: "U8", shape: [pictures.length, size, size, 3], data }]]),
    { ...extra, pictures: JSON.stringify(facts) },
  );
}

/** What {@linkcode encodePictures} made. @throws {InputError} for bytes that are something else. */
export function decodePictures(bytes: Uint8Array, name: string, size: number): Picture[] {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const images = tensors.get("images");
  const facts = parseJson(metadata.pictures ?? "", name) as unknown;
  const area = size * size * 3;
  if (
    images?.dtype !== "U8" || !Array.isArray(facts) || images.data.length !== facts.length * area ||
    !facts.every(isFacts)
  ) {
    throw new InputError(
      `Cannot read ${name}: it does not hold pictures of ${size} pixels as they were written`,
    );
  }
  const { data } = images;
  return facts.map(({ label, digest, from }, i) => ({
    ...{ label, digest, from },
    pixels: data.slice(i * area, (i + 1) * area) as Uint8Array<ArrayBuffer>,
  }));
}

function isFacts(value: unknown): value is PictureFacts {
  const { label, digest, from } = Object(value);
  return [label, digest, from].every((text) => typeof text === "string");
}

/** Pictures as a set of images, which knows no classes. */
export function imageSetOf(
  name: string,
  pictures: readonly Pick<Picture, "pixels">[],
  size: number,
): ImageSet {
  const area = size * size * 3;
  const pixels = new Uint8Array(pictures.length * area);
  pictures.forEach((picture, i) => pixels.set(picture.pixels, i * area));
  const about = { name, height: size, width: size, count: pictures.length };
  return { ...about, pixels, labels: new Uint16Array(pictures.length), classNames: [""] };
}
