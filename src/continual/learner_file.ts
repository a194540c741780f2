import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { dayBundles } from "./day.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import { readGeneration, readLast } from "./generation.ts";
import { encodeFiles, PLACE, shelve } from "./shelved_files.ts";
import type { Files, LearnerStore, Shelf } from "./store.ts";

// A learner as one file: a safetensors file whose tensors are the bytes of the learner's own files, named by their
// places. Any reader of safetensors opens it.

/** In the metadata of the file. */
const FORMAT = "wscl learner 1";

/** Shelves that go into the file: not the night that goes on, which begins again on whatever adapter opens it. */
const PACKED: readonly Shelf[] = ["generations", "day"];

/**
 * A learner as one file: what it was at its last dawn, what waits for a night, the history of its nights.
 *
 * @throws {InputError} where none of its generations is whole.
 */
export async function packLearner(
  store: LearnerStore,
  warn: (text: string) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  const places = new Map<string, Uint8Array<ArrayBuffer>>();
  const add = (shelf: Shelf, name: string, files: Files) => {
    // In one order, so that equal learners are equal files.
    for (const file of Object.keys(files).sort()) {
      places.set(`${shelf}/${name}/${file}`, files[file]);
    }
  };
  const { name, found } = await readLast(
    store,
    async (name) => {
      const { state } = await readGeneration(store, name); // or it is not whole
      return { state, files: await store.read("generations", name) };
    },
    warn,
  );
  add("generations", name, found.files);
  for (const { number, name } of await dayBundles(store)) {
    if (number <= found.state.taken) continue;
    try {
      add("day", name, await store.read("day", name));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`${error.message}; its images are left out, teach them again`);
    }
  }
  const nights = (await store.lines()).map((line) => `${line}\n`).join("");
  return await encodeFiles(places, (digests) => ({ format: FORMAT, digests, nights }));
}

/**
 * The learner in such a file.
 *
 * @param name of the file, for messages
 * @throws {InputError} for a file of another kind, and for one that is damaged.
 */
export async function unpackLearner(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
): Promise<LearnerStore> {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const fail = (found: string): never => {
    throw new InputError(`Cannot open the learner ${name}: ${found}`);
  };
  const { format, digests = "", nights = "" } = metadata;
  if (format !== FORMAT) {
    fail(
      format?.startsWith("wscl snapshot")
        ? "it is a snapshot of a service; restore it with ./wscl serve LEARNER --snapshots FOLDER"
        : format?.startsWith("wscl learner")
        ? `its format is "${format}", this program reads "${FORMAT}"; use a newer version`
        : "it is a safetensors file, but no learner's; save it from the page, or with ./wscl pack LEARNER",
    );
  }
  const known = digestsIn(digests) ?? fail("its list of files is damaged; save it again");
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [place, tensor] of tensors) {
    const [, shelf] = PLACE.exec(place) ?? [];
    if (tensor.dtype !== "U8" || !PACKED.some((one) => one === shelf)) {
      return fail(`${place} is no file of a learner; save it again`);
    }
    const data = new Uint8Array(tensor.data);
    if (await sha256(data) !== known[place]) {
      fail(`${place} is damaged: its checksum is another; save it again`);
    }
    files.set(place, data);
  }
  const missing = Object.keys(known).find((place) => !tensors.has(place));
  if (missing !== undefined) fail(`${missing} is missing; save it again`);
  const store = await shelve(files, name);
  for (const line of nights.split("\n")) if (line !== "") await store.append(line);
  return store;
}

function digestsIn(text: string): Record<string, string> | null {
  try {
    const value: unknown = JSON.parse(text);
    const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
    return isRecord ? value as Record<string, string> : null;
  } catch {
    return null;
  }
}
