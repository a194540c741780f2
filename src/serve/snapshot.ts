import { join } from "node:path";
import { decodePictures, encodePictures } from "../continual/pictures.ts";
import { readGeneration, readState } from "../continual/generation.ts";
import { type Files, MemoryLearnerStore, type Shelf } from "../continual/store.ts";
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { LearnerFolder } from "../host/learner_folder.ts";
import { removeIfThere } from "../host/durable.ts";
import { isWhole, readWhole, removeWhole, writeWhole } from "../host/whole_folder.ts";
import { decodeSafetensors, encodeSafetensors } from "../net/safetensors.ts";
import type { Backlog } from "./backlog.ts";
import type { StoredObject } from "./object_store.ts";

// A snapshot is one safetensors file, whose tensors are the learner's files, by their paths. Of a night that goes on it
// has what the night is made of, not how far it is: that is of one machine, and the night comes to the same there. The
// metadata have the SHA-256 of each file.

/** What is put away, in this order: an image that a night learns meanwhile is in the day, or in the generation. */
const SHELVES = ["forgetting", "day", "refused", "generations"] as const satisfies readonly Shelf[];
/** Removed before others come. */
const ALL: readonly Shelf[] = ["checkpoints", "night", ...SHELVES];

const WAITING = "waiting.safetensors";
const HISTORY = "nights.jsonl";
const FORMAT = "wscl snapshot 1";

const INCOMING = "incoming";
const FILE = "snapshot.safetensors";

/** How often a shelf that a night changes meanwhile is read again. */
const ATTEMPTS = 5;

/** All that a learner is, as the bytes of one file. */
export async function packSnapshot(
  store: LearnerFolder,
  backlog: Backlog,
): Promise<Uint8Array<ArrayBuffer>> {
  for (let attempt = 1;; attempt++) {
    try {
      return await pack(store, backlog);
    } catch (error) {
      if (!(error instanceof InputError) || attempt === ATTEMPTS) throw error;
    }
  }
}

async function pack(store: LearnerFolder, backlog: Backlog): Promise<Uint8Array<ArrayBuffer>> {
  const { settings: { size } } = await readState(store, () => {});
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  files.set(WAITING, encodePictures(backlog.all(), size));
  for (const shelf of SHELVES) {
    for (const name of await store.names(shelf)) {
      for (const [file, bytes] of Object.entries(await store.read(shelf, name))) {
        files.set(`${shelf}/${name}/${file}`, bytes);
      }
    }
  }
  const history = (await store.lines()).map((line) => line + "\n").join("");
  files.set(HISTORY, new TextEncoder().encode(history));
  const digests: Record<string, string> = {};
  for (const [path, data] of files) digests[path] = await sha256(data);
  return encodeSafetensors(
    new Map([...files].map(([path, data]) => [path, { dtype: "U8", shape: [data.length], data }])),
    { format: FORMAT, size: String(size), digests: JSON.stringify(digests) },
  );
}

/**
 * Keeps a snapshot in a learner's folder, whole, to be taken by {@linkcode finishRestoring}. All of it is read before:
 * what is no snapshot, or a damaged one, must not take anything's place.
 *
 * @throws {InputError} for such a one; nothing is kept then.
 */
export async function stageSnapshot(learner: string, { bytes, tag }: StoredObject): Promise<void> {
  await check(await read(bytes));
  const tagged = new TextEncoder().encode(tag);
  await writeWhole(learner, INCOMING, { [FILE]: bytes, tag: tagged });
}

/** Whether a snapshot waits to be taken. */
export function isRestoring(learner: string): boolean {
  return isWhole(join(learner, INCOMING));
}

/** Takes the snapshot that waits, if one does. May be interrupted anywhere and called again. */
export async function finishRestoring(learner: string, backlog: Backlog): Promise<void> {
  if (!isRestoring(learner)) return;
  const incoming = join(learner, INCOMING);
  const { [FILE]: bytes, tag } = await readWhole(incoming, "snapshot");
  const { files, size } = await read(bytes);
  const store = new LearnerFolder(learner);
  for (const shelf of ALL) {
    for (const name of await store.names(shelf)) await store.remove(shelf, name);
  }
  backlog.replaceAll(decodePictures(files.get(WAITING)!, WAITING, size));
  backlog.setFact("snapshot", new TextDecoder().decode(tag));
  const bundles = Map.groupBy(
    [...files].filter(([path]) => path.includes("/")),
    ([path]) => path.slice(0, path.lastIndexOf("/")),
  );
  for (const shelf of SHELVES) {
    for (const [bundle, entries] of bundles) {
      if (!bundle.startsWith(`${shelf}/`)) continue;
      const contents: Files = Object.fromEntries(
        entries.map(([path, bytes]) => [path.slice(path.lastIndexOf("/") + 1), bytes]),
      );
      await store.write(shelf, bundle.slice(shelf.length + 1), contents);
    }
  }
  removeIfThere(join(learner, HISTORY));
  const history = new TextDecoder().decode(files.get(HISTORY)!);
  for (const line of history.split("\n")) if (line !== "") await store.append(line);
  removeWhole(incoming);
}

/** Reads what restoring will read. @throws {InputError} for a generation, or what waits, that cannot be read. */
async function check({ files, size }: Awaited<ReturnType<typeof read>>): Promise<void> {
  decodePictures(files.get(WAITING)!, WAITING, size);
  const store = new MemoryLearnerStore("the snapshot");
  const generations = Map.groupBy(
    [...files].filter(([path]) => path.startsWith("generations/")),
    ([path]) => path.split("/")[1],
  );
  for (const [name, entries] of generations) {
    const contents = entries.map(([path, bytes]) => [path.split("/")[2], bytes]);
    await store.write("generations", name, Object.fromEntries(contents));
    await readGeneration(store, name);
  }
}

/** The files of a snapshot. @throws {InputError} for bytes that are none, or damaged. */
async function read(bytes: Uint8Array<ArrayBuffer>) {
  const { tensors, metadata } = decodeSafetensors(bytes, "the snapshot");
  const size = Number(metadata.size);
  const fail = (found: string): never => {
    throw new InputError(`Cannot restore the snapshot: ${found}; put another one there`);
  };
  if (metadata.format !== FORMAT || !(size > 0)) {
    fail(
      metadata.format?.startsWith("wscl learner")
        ? "it is a packed learner, which ./wscl unpack opens"
        : "it is not one of this program",
    );
  }
  let digests: Record<string, string> = {};
  try {
    digests = Object(JSON.parse(metadata.digests ?? ""));
  } catch {
    fail("its list of files is damaged");
  }
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, { data }] of tensors) {
    // Names of files come from elsewhere: they are those that are written here, or nothing is.
    const isOurs = path === WAITING || path === HISTORY ||
      SHELVES.some((shelf) => new RegExp(`^${shelf}/\\d+(-\\d+)?/[a-z]+\\.[a-z]+$`).test(path));
    if (!isOurs) fail(`it holds ${JSON.stringify(path)}`);
    const file = new Uint8Array(data as Uint8Array<ArrayBuffer>);
    if (await sha256(file) !== digests[path]) fail(`${path} is damaged: its checksum is another`);
    files.set(path, file);
  }
  const missing = Object.keys(digests).find((path) => !files.has(path));
  if (missing !== undefined) fail(`${missing} is missing`);
  for (const path of [WAITING, HISTORY]) if (!files.has(path)) fail(`it has no ${path}`);
  if (![...files.keys()].some((path) => path.startsWith("generations/"))) {
    fail("it has no generation");
  }
  return { files, size };
}
