import { decodeSafetensors, encodeSafetensors } from "../net/safetensors.ts";
import { parseJson } from "./json.ts";

/** What a picture of a gallery shows. */
export interface GalleryFacts {
  /** A remembered image, a dream, or a test image that was answered wrong with confidence. */
  readonly kind: "memory" | "dream" | "misleading";
  /** Name of its class; of a dream that of its dream class. */
  readonly class: string;
  /** Of a dream: its head. */
  readonly head?: number;
  /** Of a misleading image: the class that it was taken for; null: a head that no class has. */
  readonly answer?: string | null;
  /** Of a misleading image: probability of that answer in the softmax over all heads, 0 to 1. */
  readonly confidence?: number;
}

/** A picture with its pixels. */
export interface GalleryPicture extends GalleryFacts {
  /** RGB bytes, `[size, size, 3]`. */
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** Pictures that a run leaves to be looked at, small and few; nothing is computed from them. */
export interface Gallery {
  /** Pixels, of all of them. */
  readonly size: number;
  readonly pictures: readonly GalleryPicture[];
}

/** Larger images are made smaller. */
const LARGEST = 64;

/** Height and width of the thumbnail of an image. */
export function thumbnailSize(size: number): number {
  return Math.floor(size / reduction(size));
}

/**
 * An image no larger than is kept: each pixel the mean of a square.
 *
 * @param pixels RGB bytes, `[size, size, 3]`.
 */
export function thumbnail(pixels: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const side = reduction(size);
  const small = thumbnailSize(size);
  const result = new Uint8Array(small * small * 3);
  for (let row = 0, at = 0; row < small; row++) {
    for (let column = 0; column < small; column++) {
      for (let c = 0; c < 3; c++, at++) {
        let sum = 0;
        for (let y = row * side; y < (row + 1) * side; y++) {
          for (let x = column * side; x < (column + 1) * side; x++) {
            sum += pixels[3 * (y * size + x) + c];
          }
        }
        result[at] = Math.round(sum / (side * side));
      }
    }
  }
  return result;
}

function reduction(size: number): number {
  return Math.max(1, Math.ceil(size / LARGEST));
}

/** A gallery as the bytes of a safetensors file. */
export function encodeGallery({ size, pictures }: Gallery): Uint8Array<ArrayBuffer> {
  const area = size * size * 3;
  const data = new Uint8Array(pictures.length * area);
  pictures.forEach(({ pixels }, i) => data.set(pixels, i * area));
  const facts = pictures.map(({ pixels: _, ...facts }): GalleryFacts => facts);
  return encodeSafetensors(
    new Map([["images", { dtype: "U8", shape: [pictures.length, size, size, 3], data }]]),
    { pictures: JSON.stringify(facts) },
  );
}

/** What {@linkcode encodeGallery} made; null for bytes that are something else. */
export function decodeGallery(bytes: Uint8Array, name: string): Gallery | null {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const images = tensors.get("images");
  const facts = parseJson(metadata.pictures ?? "[]", name);
  if (images?.dtype !== "U8" || images.shape.length !== 4 || !Array.isArray(facts)) return null;
  const [count, size, width, channels] = images.shape;
  if (count !== facts.length || width !== size || channels !== 3) return null;
  if (!facts.every((one) => typeof Object(one).class === "string")) return null;
  const area = size * size * 3;
  const { data } = images;
  const pictures = facts.map((one, i): GalleryPicture => ({
    ...one,
    pixels: data.slice(i * area, (i + 1) * area) as Uint8Array<ArrayBuffer>,
  }));
  return { size, pictures };
}
