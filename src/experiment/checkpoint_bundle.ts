import { InputError } from "../errors.ts";
import type { SavedRun, SavedTensor } from "../gpu/recording.ts";
import { decodeSafetensors, encodeSafetensors, type HostTensor } from "../net/safetensors.ts";
import type { Checkpoint, CheckpointInfo, StateCheck } from "./checkpoint.ts";
import { parseJson } from "./json.ts";
import { firstNotFinite } from "./state_values.ts";

// A checkpoint as files, wherever those are kept.

const FORMAT = 1;
const INFO = "checkpoint.json";
const STATE = "state.safetensors";

/** The files of a checkpoint. */
export const CHECKPOINT_FILES = [INFO, STATE] as const;

/** Files by name. */
export type Files = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** A checkpoint as {@linkcode CHECKPOINT_FILES}. */
export function checkpointFiles({ info, run }: Checkpoint): Files {
  return {
    [INFO]: new TextEncoder().encode(JSON.stringify(info, null, 2) + "\n"),
    [STATE]: encodeSafetensors(tensorsOf(run), { format: "wscl checkpoint" }),
  };
}

/**
 * The checkpoint that files hold.
 *
 * @param path for messages
 * @param check looks at what only the run's network can tell; default: nothing.
 * @throws {InputError} for one that does not hold together, and for one with a value that is not finite.
 */
export function checkpointOf(files: Files, path: string, check?: StateCheck): Checkpoint {
  const fail = (found: string): never => {
    throw new InputError(`Cannot use checkpoint ${path}: ${found}`);
  };
  const info = parseInfo(parseJson(textOf(files[INFO], fail), `${path}/${INFO}`), fail);
  const { tensors } = decodeSafetensors(files[STATE], `${path}/${STATE}`);
  const run = runOf(info.point, tensors, fail);
  const problem = firstNotFinite(run.state) ?? check?.(run.state);
  if (problem) fail(`${STATE} is damaged: ${problem}`);
  return { info, run };
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

type Fail = (found: string) => never;

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
