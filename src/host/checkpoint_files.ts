import { join } from "node:path";
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import type { Checkpoint, CheckpointInfo, StateCheck } from "../experiment/checkpoint.ts";
import type { SavedRun, SavedTensor } from "../gpu/recording.ts";
import { decodeSafetensors, encodeSafetensors, type HostTensor } from "../net/safetensors.ts";
import { removeIfThere, syncFolder, writeNew } from "./durable.ts";
import { parseJson } from "../experiment/json.ts";
import { firstNotFinite } from "../experiment/state_values.ts";

const FORMAT = 1;
const INFO = "checkpoint.json";
const STATE = "state.safetensors";
const DONE = "DONE";
const PART = ".part";

/**
 * Writes a checkpoint of a run folder and removes all but the last `keep`. It is written to `checkpoints/POINT.part`,
 * brought to disk, renamed, and only then marked as done, with sizes and digests of its files: a program or a machine
 * that dies meanwhile leaves at most something that readers pass over.
 *
 * @returns bytes written
 */
export async function writeCheckpoint(
  folder: string,
  { info, run }: Checkpoint,
  keep: number,
): Promise<number> {
  const path = checkpointPath(folder, info.point);
  const part = path + PART;
  Deno.mkdirSync(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(folder)) {
    if (name.endsWith(PART)) removeIfThere(join(folder, name));
  }
  const files = {
    [INFO]: new TextEncoder().encode(JSON.stringify(info, null, 2) + "\n"),
    [STATE]: encodeSafetensors(tensorsOf(run), { format: "wscl checkpoint" }),
  };
  const done: Record<string, FileDigest> = {};
  try {
    Deno.mkdirSync(part);
    for (const [file, bytes] of Object.entries(files)) {
      done[file] = { bytes: bytes.length, sha256: await sha256(bytes) };
      writeNew(join(part, file), bytes);
    }
    syncFolder(part);
  } catch (error) {
    removeIfThere(part); // a full disk has other uses for the room
    throw error;
  }
  removeIfThere(path); // a broken one of the same name, or a reader would have begun there
  Deno.renameSync(part, path);
  syncFolder(folder);
  writeNew(join(path, DONE), new TextEncoder().encode(JSON.stringify(done) + "\n"));
  syncFolder(path);
  prune(folder, keep);
  return Object.values(files).reduce((sum, { length }) => sum + length, 0);
}

/**
 * The last sound checkpoint of a run folder, or null if there is none. `warn` is told of each that is passed over, and
 * why. `check` looks at what only the run's network can tell; default: nothing.
 */
export async function readLastCheckpoint(
  folder: string,
  warn: (text: string) => void,
  check?: StateCheck,
): Promise<Checkpoint | null> {
  for (const name of listCheckpoints(folder).reverse()) {
    try {
      return await readCheckpoint(join(folder, name), check);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`${error.message}; taking the one before`);
    }
  }
  return null;
}

/** Names of a run's checkpoints, oldest first; some may be broken, none is still being written. */
export function listCheckpoints(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => /^\d{9,}$/.test(name))
      .sort((a, b) => Number(a) - Number(b));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw new InputError(`Cannot read checkpoints in ${folder}: ${(error as Error).message}`);
  }
}

/** @throws {InputError} for one that is not whole, and for one with a value that is not finite. */
export async function readCheckpoint(path: string, check?: StateCheck): Promise<Checkpoint> {
  const fail = (found: string): never => {
    throw new InputError(`Cannot use checkpoint ${path}: ${found}`);
  };
  const read = (file: string) => {
    try {
      return Deno.readFileSync(join(path, file));
    } catch (error) {
      return fail(
        error instanceof Deno.errors.NotFound
          ? `it has no ${file}, so writing it did not come to its end`
          : `${file} cannot be read (${(error as Error).message})`,
      );
    }
  };
  const done = digests(textOf(read(DONE), fail), fail);
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  for (const file of [INFO, STATE]) {
    const bytes = read(file);
    const { bytes: length, sha256: digest } = done[file];
    if (bytes.length !== length) fail(`${file} has ${bytes.length} bytes, ${length} were written`);
    if (await sha256(bytes) !== digest) fail(`${file} is damaged: its checksum is another`);
    files[file] = bytes;
  }
  const info = parseInfo(parseJson(textOf(files[INFO], fail), join(path, INFO)), fail);
  const { tensors } = decodeSafetensors(files[STATE], join(path, STATE));
  const run = runOf(info.point, tensors, fail);
  const problem = firstNotFinite(run.state) ?? check?.(run.state);
  if (problem) fail(`${STATE} is damaged: ${problem}`);
  return { info, run };
}

/** Where the checkpoint of a point lies. */
export function checkpointPath(folder: string, point: number): string {
  return join(folder, String(point).padStart(9, "0"));
}

function prune(folder: string, keep: number): void {
  const names = listCheckpoints(folder);
  for (const name of names.slice(0, Math.max(0, names.length - keep))) {
    // The mark goes first: what is half-removed must not look whole.
    removeIfThere(join(folder, name, DONE));
    removeIfThere(join(folder, name));
  }
}

/** The journal as one list of words with the length of each entry, the state tensor by tensor. */
function tensorsOf({ journal, state }: SavedRun): Map<string, HostTensor> {
  const words = new Uint32Array(journal.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const entry of journal) {
    words.set(entry, at);
    at += entry.length;
  }
  const lengths = Uint32Array.from(journal, ({ length }) => length);
  const tensors = new Map<string, HostTensor>([
    ["journal/lengths", { dtype: "U32", shape: [lengths.length], data: lengths }],
    ["journal/words", { dtype: "U32", shape: [words.length], data: words }],
  ]);
  state.forEach(({ label, shape, type, words }, i) => {
    const data = { dtype: "U32", data: words } as const;
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    tensors.set(`state/${String(i).padStart(4, "0")}/${label}`, {
      ...(type === "f32" ? { dtype: "F32", data: floats } as const : data),
      shape: [...shape],
    });
  });
  return tensors;
}

function runOf(
  points: number,
  tensors: ReadonlyMap<string, HostTensor>,
  fail: Fail,
): SavedRun {
  const wordsOf = (name: string) => {
    const tensor = tensors.get(name);
    return tensor?.dtype === "U32" ? tensor.data : fail(`${STATE} has no ${name}`);
  };
  const lengths = wordsOf("journal/lengths");
  const words = wordsOf("journal/words");
  if (lengths.reduce((sum, length) => sum + length, 0) !== words.length) {
    fail("the lengths of its journal do not fit the journal");
  }
  let at = 0;
  const journal = Array.from(lengths, (length) => words.slice(at, at += length));
  const state = [...tensors].filter(([name]) => name.startsWith("state/"))
    .sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, { dtype, shape, data }]): SavedTensor => {
      if (dtype !== "F32" && dtype !== "U32") return fail(`${name} is ${dtype}`);
      return {
        label: name.replace(/^state\/\d+\//, ""),
        shape,
        type: dtype === "F32" ? "f32" : "u32",
        words: new Uint32Array(data.buffer as ArrayBuffer, data.byteOffset, data.length),
      };
    });
  return { points, journal, state };
}

interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

type Fail = (found: string) => never;

function digests(text: string, fail: Fail): Record<string, FileDigest> {
  let done: unknown = null;
  try {
    done = parseJson(text, DONE);
  } catch {
    // said below
  }
  const whole = isRecord(done) && [INFO, STATE].every((file) => {
    const entry = (done as Record<string, unknown>)[file];
    return isRecord(entry) && Number.isSafeInteger(entry.bytes) && typeof entry.sha256 === "string";
  });
  return whole ? done as Record<string, FileDigest> : fail(`${DONE} is not as it was written`);
}

function parseInfo(value: unknown, fail: Fail): CheckpointInfo {
  if (!isRecord(value)) return fail(`${INFO} is not a JSON object`);
  if (value.format !== FORMAT) {
    fail(`its format is ${JSON.stringify(value.format)}, this program reads ${FORMAT}`);
  }
  const counts = ["point", "steps", "task", "logBytes"].every((key) => {
    const count = value[key];
    return Number.isSafeInteger(count) && (count as number) >= 0;
  });
  const seconds = typeof value.seconds === "number" && value.seconds >= 0;
  const texts = typeof value.phase === "string" && typeof value.adapter === "string";
  const records = [value.identity, value.fingerprint].every((record) =>
    isRecord(record) && Object.values(record).every((text) => typeof text === "string")
  );
  if (!counts || !seconds || !texts || !records || value.point === 0) {
    fail(`${INFO} lacks something or holds something of a wrong kind`);
  }
  return value as unknown as CheckpointInfo;
}

function textOf(bytes: Uint8Array, fail: Fail): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return fail("a file of it is not text");
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
