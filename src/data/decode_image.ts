import { InputError } from "../errors.ts";
import { declaredByJpeg, declaredByPng, unreadCoding } from "./declared_sides.ts";
import { decodeJpeg } from "./decode_jpeg.ts";
import { decodePng } from "./decode_png.ts";
import { orientationIn } from "./exif.ts";
import { imageKind, otherImageKind } from "./image_kind.ts";
import type { Resize } from "../images/source.ts";
import type { StoredImage } from "./stored_image.ts";
import { resizeImage } from "./resize.ts";
import { upright } from "./upright.ts";

/** ImageNet's largest image has 61 million. */
const MOST_PIXELS = 100e6;

/**
 * Decodes a JPEG or PNG file to `size` x `size` pixels. What the file is, its first bytes say, not its
 * name.
 *
 * @param path For the message only.
 * @param turned Whether it is turned upright, if its EXIF data say how.
 * @returns RGB bytes, `[size, size, 3]`.
 * @throws {InputError} If it is neither, is damaged, or has another size and is not to be resized.
 */
export async function decodeImage(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
  size: number,
  resize: Resize = "none",
  turned = false,
): Promise<Uint8Array<ArrayBuffer>> {
  const stored = await decodeAny(bytes, path);
  const image = turned ? upright(stored, stored.orientation) : stored;
  if (resize !== "none") return resizeImage(image, size, resize);
  if (image.height !== size || image.width !== size) {
    throw new InputError(
      `Cannot use ${path}: it is ${image.width} x ${image.height} pixels where ${size} x ${size} ` +
        `are expected, set the source's resize or change data.size in the configuration`,
    );
  }
  return image.pixels;
}

/**
 * Decodes a JPEG or PNG file of any size, as it is stored.
 *
 * @param path For the message only.
 * @throws {InputError} If it is neither, is damaged, or declares more pixels than are decoded.
 */
export async function decodeAny(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<StoredImage> {
  const { kind } = headOf(bytes, path);
  try {
    const image = kind === "JPEG" ? await decodeJpeg(bytes) : decodePng(bytes);
    return { ...image, orientation: orientationIn(bytes, kind) };
  } catch (error) {
    const coding = kind === "JPEG" ? unreadCoding(bytes) : null;
    if (coding !== null) {
      throw new InputError(
        `Cannot decode ${path}: it is a JPEG file with ${coding}, which is not read, convert it to ` +
          `baseline JPEG or PNG, or delete it`,
      );
    }
    throw damaged(bytes, path, (error as Error).message);
  }
}

/**
 * Height, width and orientation that a JPEG or PNG file declares; its pixels are not decoded.
 *
 * @param path For the message only.
 * @throws {InputError} If it is neither, declares no size, or more pixels than are decoded.
 */
export function declaredImage(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Omit<StoredImage, "pixels"> {
  const { kind, declared } = headOf(bytes, path);
  if (declared === null) throw damaged(bytes, path, "no size is declared");
  try {
    return { ...declared, orientation: orientationIn(bytes, kind) };
  } catch (error) {
    throw damaged(bytes, path, (error as Error).message);
  }
}

function headOf(bytes: Uint8Array<ArrayBuffer>, path: string) {
  const kind = imageKind(bytes);
  if (kind === null) {
    throw new InputError(`Cannot decode ${path}: ${whatElse(bytes)}`);
  }
  const declared = kind === "JPEG" ? declaredByJpeg(bytes) : declaredByPng(bytes);
  const count = declared ? declared.height * declared.width : 1;
  if (count === 0 || count > MOST_PIXELS) {
    throw new InputError(
      `Cannot decode ${path}: it declares ${declared!.width} x ${declared!.height} pixels, 1 to ` +
        `${MOST_PIXELS / 1e6} million are decoded, replace the file or delete it`,
    );
  }
  return { kind, declared };
}

function damaged(bytes: Uint8Array, path: string, how: string): InputError {
  return new InputError(
    `Cannot decode ${path}: its ${bytes.length} bytes are damaged or cut short (${how}), replace the ` +
      `file or delete it`,
  );
}

/** What bytes that are neither JPEG nor PNG are, and what to do. */
function whatElse(bytes: Uint8Array): string {
  if (bytes.length === 0) return "the file is empty, replace the file or delete it";
  const start = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0"));
  const other = otherImageKind(bytes);
  const [name, fix] = other === null ? ["", "replace the file"] : [` (${other})`, "convert it"];
  return `it starts with ${
    start.join(" ")
  }${name}, which is neither JPEG nor PNG, ${fix} or delete it`;
}
