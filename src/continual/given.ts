import { InputError } from "../errors.ts";
import { isInvisible, lookAlikes, nameText, quoted } from "../images/look_alike.ts";
import { type Picture, pictureOf } from "./pictures.ts";

/** An image that the learner is taught. */
export interface Given {
  /** RGB bytes, `[size, size, 3]`. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Name of its class. */
  readonly label: string;
  /** Where it came from, such as a path; default: nothing. */
  readonly from?: string;
}

/** What is known before images are taken. */
interface KnownBefore {
  readonly size: number;
  readonly maxClasses: number;
  /** Names of classes, those that wait included. */
  readonly names: Iterable<string>;
  /** All that is held or waits, or was learned from. */
  readonly pictures: Iterable<Pick<Picture, "digest" | "label">>;
}

/** What a learner knows already: by it, what is given is new, known, or refused. */
export class KnownImages {
  readonly #size: number;
  readonly #maxClasses: number;
  readonly #names: Set<string>;
  readonly #labels: Map<string, string>;

  /** Begins with what is known before. */
  constructor({ size, maxClasses, names, pictures }: KnownBefore) {
    this.#size = size;
    this.#maxClasses = maxClasses;
    this.#names = new Set(names);
    this.#labels = new Map();
    for (const { digest, label } of pictures) this.#labels.set(digest, label);
  }

  /** The name that an image is known under. */
  labelOf(digest: string): string | undefined {
    return this.#labels.get(digest);
  }

  /**
   * What an image is, and whether it is new. It is not known by that yet: see {@linkcode add}.
   *
   * @throws {InputError} for an image of another size, a name that cannot be told apart, more classes than there is
   * room for, and an image that is known under another name.
   */
  async look(
    { pixels, label, from = "" }: Given,
  ): Promise<{ readonly picture: Picture; readonly isNew: boolean }> {
    if (typeof from !== "string") {
      throw new InputError(`Cannot use an image from ${what(from)}: say where it is from in words`);
    }
    checkPixels(pixels, this.#size, from);
    this.checkLabel(label);
    const picture = await pictureOf(pixels, label, from);
    const other = this.#labels.get(picture.digest);
    if (other !== undefined && other !== label) {
      throw new InputError(
        `Cannot learn ${from || "an image"} as ${nameText(label)}: it is known as ${
          nameText(other)
        }; leave it out, or forget it first ` +
          `(./wscl forget --image ${picture.digest.slice(0, 16)})`,
      );
    }
    return { picture, isNew: other === undefined };
  }

  /** @throws {InputError} for a name that is empty, looks like another, or for which there is no room. */
  checkLabel(label: string): void {
    checkName(label, this.#names);
    const count = this.#names.size + (this.#names.has(label) ? 0 : 1);
    if (count > this.#maxClasses) {
      throw new InputError(
        `Cannot learn ${nameText(label)}: it would be the ${
          ordinal(count)
        } class, and the learner has room for ${this.#maxClasses}; ` +
          "forget a class, or make a learner with more --max-classes",
      );
    }
  }

  /** Knows an image from now on. */
  add({ digest, label }: Pick<Picture, "digest" | "label">): void {
    this.#names.add(label);
    this.#labels.set(digest, label);
  }
}

/**
 * Those of some images that are not known yet, by their pixels.
 *
 * @throws {InputError} for images of another size, names that cannot be told apart, more classes than there is room
 * for, and an image that is known under another name.
 */
export async function newPictures(
  images: readonly Given[],
  before: KnownBefore,
): Promise<Picture[]> {
  const known = new KnownImages(before);
  const fresh: Picture[] = [];
  for (const image of images) {
    const { picture, isNew } = await known.look(image);
    known.add(picture);
    if (isNew) fresh.push(picture);
  }
  return fresh;
}

/** @throws {InputError} for what is no list. */
export function checkList(value: unknown, action: string): void {
  if (Array.isArray(value)) return;
  throw new InputError(
    `Cannot ${action} what is no list: it is ${what(value)}; put it into an array`,
  );
}

/** @throws {InputError} for an image of another size, or something else. */
export function checkPixels(pixels: Uint8Array, size: number, from: string): void {
  if (!(pixels instanceof Uint8Array)) {
    throw new InputError(
      `Cannot use ${from || "an image"}: its pixels are ${
        what(pixels)
      }; give a Uint8Array of RGB ` +
        "bytes",
    );
  }
  if (pixels.length === size * size * 3) return;
  throw new InputError(
    `Cannot use ${
      from || "an image"
    }: it has ${pixels.length} bytes, and the learner sees RGB images of ${size} x ` +
      `${size} pixels (${size * size * 3} bytes); resize it first`,
  );
}

/** The one digest that begins so. @throws {InputError} where there is none, or several. */
export function wholeDigest(
  beginning: string,
  pictures: readonly Pick<Picture, "digest">[],
): string {
  const fail = (found: string): never => {
    throw new InputError(`Cannot forget image ${beginning}: ${found}`);
  };
  if (!/^[0-9a-f]{8,64}$/i.test(beginning)) {
    fail("it is no file and no digest; give 8 hexadecimal digits or more of one");
  }
  const wanted = beginning.toLowerCase();
  const found = new Set(
    pictures.map(({ digest }) => digest).filter((digest) => digest.startsWith(wanted)),
  );
  if (found.size > 1) fail("several images begin with it; give more digits");
  const [whole] = found;
  return whole ??
    fail("neither memory nor exam holds such an image, and none that was learned from is it");
}

/** What this program says where others have the name of a class. */
const RESERVED = ["none of these", "all"];

/**
 * @param names those of other classes; one that is among them is that class's own
 * @throws {InputError} for a name that cannot be read, that this program uses itself, or that looks like another.
 */
export function checkName(name: string, names: ReadonlySet<string>): void {
  if (typeof name !== "string") {
    throw new InputError(`Cannot learn images of a class named ${what(name)}: name it in words`);
  }
  if (name.trim() === "") {
    throw new InputError("Cannot learn images without a name: their class is empty; name it");
  }
  if (names.has(name)) return;
  const problem = !name.isWellFormed()
    ? "it is no text in Unicode (half a surrogate pair)"
    : /\p{Cc}/u.test(name)
    ? "it has control characters"
    : /[\u202a-\u202e\u2066-\u2069]/.test(name)
    ? "it has characters that turn the direction of text"
    : isInvisible(name)
    ? "nothing of it can be seen"
    : RESERVED.some((word) => word === name || lookAlikes(word, [name]).length > 0)
    ? "this program uses that name itself"
    : null;
  if (problem !== null) {
    throw new InputError(
      `Cannot learn the class ${quoted(name)}: ${problem}; give it another name`,
    );
  }
  const [alike] = lookAlikes(name, names);
  if (alike === undefined) return;
  throw new InputError(
    `Cannot learn ${nameText(name)}: it looks like the class ${
      nameText(alike)
    } and is spelt differently; use the one name, or another ` +
      "that can be told apart",
  );
}

/** A value in few words: `5`, `undefined`, `an array`. */
function what(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return "a text";
  return typeof value === "object" && value !== null
    ? `a ${value.constructor?.name ?? "record"}`
    : String(value);
}

/** `1st`, `2nd`, `3rd`, `4th` */
function ordinal(count: number): string {
  const ending = { one: "st", two: "nd", few: "rd" } as Partial<
    Record<Intl.LDMLPluralRule, string>
  >;
  return `${count}${ending[new Intl.PluralRules("en", { type: "ordinal" }).select(count)] ?? "th"}`;
}
