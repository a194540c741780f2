import { join } from "node:path";
import { parseBundleName } from "../continual/bundle_name.ts";
import { EPISODES } from "../continual/day.ts";
import { GENERATION_FILES, readGeneration, readLast, readState } from "../continual/generation.ts";
import { decodePictures, encodePictures, type Picture } from "../continual/pictures.ts";
import { encodeFiles, PLACE, shelve } from "../continual/shelved_files.ts";
import { tableOf } from "../continual/start.ts";
import type { MemoryLearnerStore, Shelf } from "../continual/store.ts";
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { LearnerFolder } from "../host/learner_folder.ts";
import { removeIfThere } from "../host/durable.ts";
import { isWhole, readWhole, removeWhole, writeWhole } from "../host/whole_folder.ts";
import { packState } from "../net/network_state.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import type { Backlog, Change } from "./backlog.ts";
import type { StoredObject } from "./object_store.ts";

// A snapshot is one safetensors file, whose tensors are the learner's files, by their paths, with the SHA-256 of each. Of a night that goes on it
// has what the night is made of, not how far it is: that is of one machine, and the night comes to the same there.

/** What is put away, in this order: an image that a night learns meanwhile is in the day, or in the generation. */
const SHELVES = ["forgetting", "day", "refused", "generations"] as const satisfies readonly Shelf[];
/** Removed before others come. */
const ALL: readonly Shelf[] = ["checkpoints", "night", ...SHELVES];

const WAITING = "waiting.safetensors";
/** What is to be forgotten or renamed once no night goes on. Snapshots of earlier versions have none. */
const CHANGES = "changes.safetensors";
const HISTORY = "nights.jsonl";
const FORMAT = "wscl snapshot 1";
/** Of packed learners, and of snapshots without checksums. */
const OTHER_FORMAT = "wscl learner 1";

/** Fact in the backlog: the tag of the last snapshot that this service knows. */
export const TAG = "snapshot";

const INCOMING = "incoming";
const FILE = "snapshot.safetensors";

/** How often all is read again, where a night may have changed something meanwhile. */
const ATTEMPTS = 5;

/** All that a learner is, to be put away. */
export interface Packed {
  /** Of one file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The last one in it: a night may have written it, and not ended, while the one before still answers. */
  readonly generation: number;
  /** What is wrong with bundles that are damaged, and not in it. */
  readonly damaged: readonly string[];
}

/**
 * All that a learner is. What is damaged is left out, but for the generation that answers: without it, what is put away
 * would be another learner, in the place of one that may be whole.
 *
 * @throws {InputError} where that generation is damaged.
 */
export async function packSnapshot(store: LearnerFolder, backlog: Backlog): Promise<Packed> {
  for (let attempt = 1;; attempt++) {
    try {
      const packed = await pack(store, backlog);
      if (packed.damaged.length === 0 || attempt === ATTEMPTS) return packed;
    } catch (error) {
      if (!(error instanceof InputError) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function pack(store: LearnerFolder, backlog: Backlog): Promise<Packed> {
  const { settings: { size } } = await readState(store, () => {});
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const damaged: string[] = [];
  let generation = 0;
  files.set(WAITING, encodePictures(backlog.all(), size));
  files.set(CHANGES, encodeChanges(backlog.changes(), size));
  for (const shelf of SHELVES) {
    const names = await store.names(shelf);
    if (shelf === "generations") generation = parseBundleName(names.at(-1)!).number;
    for (const name of names) {
      const isLast = shelf === "generations" && name === names.at(-1);
      const bundle = await store.read(shelf, name).catch((error) => {
        if (!(error instanceof InputError) || isLast) throw error;
        damaged.push(error.message);
        return {};
      });
      for (const [file, bytes] of Object.entries(bundle)) {
        files.set(`${shelf}/${name}/${file}`, bytes);
      }
    }
  }
  const history = (await store.lines()).map((line) => line + "\n").join("");
  files.set(HISTORY, new TextEncoder().encode(history));
  return { bytes: await encode(files, size), generation, damaged };
}

/** Files as a snapshot. */
export async function encode(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return await encodeFiles(files, (digests) => ({ format: FORMAT, size: String(size), digests }));
}

/**
 * Keeps a snapshot in a learner's folder, whole, to be taken by {@linkcode finishRestoring}. It is opened before: what
 * is no learner takes nothing's place.
 *
 * @throws {InputError} for bytes that are no snapshot, for one that is damaged, and for one that cannot be opened.
 */
export async function stageSnapshot(learner: string, { bytes, tag }: StoredObject): Promise<void> {
  await open(bytes);
  const tagged = new TextEncoder().encode(tag);
  await writeWhole(learner, INCOMING, { [FILE]: bytes, tag: tagged });
}

/** Whether a snapshot waits to be taken. */
export function isRestoring(learner: string): boolean {
  return isWhole(join(learner, INCOMING));
}

/**
 * Takes the snapshot that waits, if one does. May be interrupted anywhere and called again.
 *
 * @throws {InputError} where it cannot be opened; nothing is removed then.
 */
export async function finishRestoring(learner: string, backlog: Backlog): Promise<void> {
  if (!isRestoring(learner)) return;
  const incoming = join(learner, INCOMING);
  const { [FILE]: bytes, tag } = await readWhole(incoming, "snapshot");
  const { waiting, changes, lines, opened } = await open(bytes).catch((error) => {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(
      `${error.message}, or remove ${incoming} to keep the learner that is here`,
    );
  });
  const store = new LearnerFolder(learner);
  for (const shelf of ALL) {
    for (const name of await store.names(shelf)) await store.remove(shelf, name);
  }
  backlog.replaceAll(waiting, changes);
  backlog.setFact(TAG, new TextDecoder().decode(tag));
  for (const shelf of SHELVES) {
    for (const name of await opened.names(shelf)) {
      await store.write(shelf, name, await opened.read(shelf, name));
    }
  }
  removeIfThere(join(learner, HISTORY));
  for (const line of lines) await store.append(line);
  removeWhole(incoming);
}

/** What a snapshot holds, opened. */
interface Opened {
  readonly waiting: readonly Picture[];
  readonly changes: readonly Change[];
  /** The history. */
  readonly lines: readonly string[];
  /** The learner itself. */
  readonly opened: MemoryLearnerStore;
}

/** Opens all that a snapshot holds, as the learner will. @throws {InputError} */
async function open(bytes: Uint8Array<ArrayBuffer>): Promise<Opened> {
  const { files, size } = await read(bytes);
  const opened = await shelve(files, "the snapshot");
  for (const shelf of ["generations", "refused"] as const) {
    for (const name of await opened.names(shelf)) await openGeneration(opened, shelf, name);
  }
  const { found: { state } } = await readLast(
    opened,
    (name) => readGeneration(opened, name),
    () => {},
  );
  if (state.settings.size !== size) {
    fail(`its pictures have ${size} pixels, its learner sees ${state.settings.size}`);
  }
  for (const name of await opened.names("day")) {
    const { [EPISODES]: day } = await opened.read("day", name, [EPISODES]);
    decodePictures(day, `the snapshot, day ${name}`, size);
  }
  const history = new TextDecoder().decode(files.get(HISTORY)!);
  return {
    waiting: decodePictures(files.get(WAITING)!, `the snapshot, ${WAITING}`, size),
    changes: decodeChanges(files.get(CHANGES), size),
    lines: history.split("\n").filter((line) => line !== ""),
    opened,
  };
}

/** As pictures: those that get other names, with all changes beside them. */
function encodeChanges(changes: readonly Change[], size: number): Uint8Array<ArrayBuffer> {
  const pictures = changes.flatMap(({ picture }) => picture ?? []);
  const facts = changes.map(({ digest, label, exchanged }) => ({ digest, label, exchanged }));
  return encodePictures(pictures, size, { changes: JSON.stringify(facts) });
}

function decodeChanges(bytes: Uint8Array | undefined, size: number): Change[] {
  if (bytes === undefined) return [];
  const source = `the snapshot, ${CHANGES}`;
  const pictures = new Map(decodePictures(bytes, source, size).map((one) => [one.digest, one]));
  const changes = parseJson(decodeSafetensors(bytes, source).metadata.changes ?? "", source);
  if (!Array.isArray(changes) || !changes.every(isChange)) {
    fail(`${CHANGES} is not as it was written`);
  }
  return changes.map(({ digest, label, exchanged }) => ({
    ...{ digest, label, exchanged },
    picture: pictures.get(digest) ?? null,
  }));
}

function isChange(value: unknown): value is Omit<Change, "picture"> {
  const { digest, label, exchanged } = Object(value);
  return typeof digest === "string" && (label === null || typeof label === "string") &&
    typeof exchanged === "boolean";
}

async function openGeneration(
  store: MemoryLearnerStore,
  shelf: Shelf,
  name: string,
): Promise<void> {
  await store.read(shelf, name, GENERATION_FILES);
  const { state: { settings }, model } = await readGeneration(store, name, shelf);
  const source = `the snapshot, ${shelf} ${name}, its weights`;
  packState(
    tableOf(settings, settings.maxClasses),
    decodeSafetensors(model, source).tensors,
    source,
  );
}

/** The files of a snapshot, as they were put away. @throws {InputError} for bytes that are none, or are damaged. */
async function read(bytes: Uint8Array<ArrayBuffer>) {
  const { tensors, metadata } = decodeSafetensors(bytes, "the snapshot");
  const { format, size: text, digests } = metadata;
  const size = Number(text);
  if (format === OTHER_FORMAT && !tensors.has(WAITING)) {
    fail("it is a packed learner; open it with ./wscl unpack, and serve that");
  }
  if (format === OTHER_FORMAT) {
    fail("it is of an earlier version, without checksums");
  }
  if (format !== FORMAT || !(size > 0)) fail("it is not one of this program");
  const known = Object(parseJson(digests ?? "", "the snapshot's checksums"));
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, { data }] of tensors) {
    // Names of files come from elsewhere: they are those that are written here, or nothing is.
    const isOurs = [WAITING, CHANGES, HISTORY].includes(path) ||
      SHELVES.some((shelf) => PLACE.exec(path)?.[1] === shelf);
    if (!isOurs) fail(`it holds ${JSON.stringify(path)}`);
    const file = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    if (await sha256(file) !== known[path]) fail(`${path} is damaged: its checksum is another`);
    files.set(path, file);
  }
  for (const path of [WAITING, HISTORY, ...Object.keys(known)]) {
    if (!files.has(path)) fail(`it has no ${path}`);
  }
  if (![...files.keys()].some((path) => path.startsWith("generations/"))) {
    fail("it has no generation");
  }
  return { files, size };
}

function fail(found: string): never {
  throw new InputError(`Cannot restore the snapshot: ${found}; put another one there`);
}
