import { InputError } from "../src/errors.ts";
import type { HostTensor } from "../src/net/safetensors.ts";
import { readSafetensors } from "../src/host/safetensors_files.ts";
import { readJson } from "../src/experiment/json.ts";

/** JSON as it was recorded: keys are looked up and missing ones are found by use. */
// deno-lint-ignore no-explicit-any
export type Json = any;

/** One recording: `NAME.safetensors` and the `NAME.json` beside it, or either alone. */
export class OfficialRecording {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly json: Json;

  constructor(name: string, tensors: ReadonlyMap<string, HostTensor>, json: Json) {
    this.name = name;
    this.tensors = tensors;
    this.json = json;
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  shape(name: string): number[] {
    return this.#tensor(name).shape;
  }

  /** A tensor's numbers, I64 as plain numbers. */
  numbers(name: string): Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer> {
    const { data } = this.#tensor(name);
    return data instanceof Float32Array
      ? data as Float32Array<ArrayBuffer>
      : Float64Array.from(data as ArrayLike<number | bigint>, Number);
  }

  /** Row `index` along the first axis. */
  row(name: string, index: number): number[] {
    const values = this.numbers(name);
    const size = values.length / this.shape(name)[0];
    return Array.from(values.subarray(index * size, (index + 1) * size));
  }

  /** The tensors below `prefix/`, by their names without it; null if there are none. */
  state(prefix: string): Map<string, HostTensor> | null {
    const found = [...this.tensors].filter(([name]) => name.startsWith(`${prefix}/`))
      .map(([name, tensor]) => [name.slice(prefix.length + 1), tensor] as const);
    return found.length > 0 ? new Map(found) : null;
  }

  #tensor(name: string): HostTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new InputError(`Cannot check ${this.name}: it has no tensor ${name}`);
    return tensor;
  }
}

/**
 * All recordings of a folder, by name.
 *
 * @throws {InputError} for a folder that cannot be read or a file that is damaged.
 */
export async function readRecordings(folder: string): Promise<OfficialRecording[]> {
  const files = new Set<string>();
  try {
    for await (const { name, isFile, isSymlink } of Deno.readDir(folder)) {
      if (isFile || isSymlink) files.add(name);
    }
  } catch (error) {
    throw new InputError(
      `Cannot read ${folder}: ${(error as Error).message}; give a folder of recordings`,
    );
  }
  const names = [...files].flatMap((file) => /^(.+)\.(?:safetensors|json)$/.exec(file)?.[1] ?? []);
  const recordings: OfficialRecording[] = [];
  for (const name of [...new Set(names)].sort()) {
    const path = `${folder}/${name}`;
    const tensors = files.has(`${name}.safetensors`)
      ? (await readSafetensors(`${path}.safetensors`)).tensors
      : new Map<string, HostTensor>();
    recordings.push(
      new OfficialRecording(
        name,
        tensors,
        files.has(`${name}.json`) ? await readJsonFile(`${path}.json`) : null,
      ),
    );
  }
  return recordings;
}

async function readJsonFile(path: string): Promise<Json> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new InputError(`Cannot read ${path}: ${(error as Error).message}`);
  }
  return readJson(bytes, path);
}
