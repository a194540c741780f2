/**
 * The safetensors file format: an 8-byte little-endian header length, a JSON header, raw values.
 * Model weights, checkpoints and recorded traces are stored in it. A file from outside is never
 * trusted: every length, offset, shape and name is checked before a value is read.
 *
 * Source: https://github.com/huggingface/safetensors#format
 */

import { InputError } from "../errors.ts";
import { findDuplicateKey } from "./json_keys.ts";
import {
  arrayOf,
  type HostTensor,
  hostTensor,
  isStoredDtype,
  storedBytes,
  type WrittenTensor,
} from "./host_tensor.ts";

export type { Dtype, HostTensor, WrittenTensor } from "./host_tensor.ts";

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Free text by key, such as `format`. */
  metadata: Record<string, string>;
  /** By name, in the order of the file; what is F16 or BF16 there is F32 here, with the same values. */
  tensors: Map<string, HostTensor>;
}

/** A larger header is refused, as the official implementation does. */
const LARGEST_HEADER = 100_000_000;

/** Reads the bytes of a safetensors file; `source` is its name in error messages. */
export function decodeSafetensors(bytes: Uint8Array, source = "safetensors"): SafetensorsFile {
  const fail = (found: string): never => {
    throw new InputError(
      `Cannot read ${source}: ${found}; write or download the file again, it is not a sound ` +
        "safetensors file",
    );
  };
  const other = otherFormat(bytes);
  if (other) {
    throw new InputError(
      `Cannot read ${source}: it is ${other}, not a safetensors file; ` +
        "save the tensors with safetensors (PyTorch: safetensors.torch.save_file)",
    );
  }
  if (bytes.length < 8) fail(`the file has ${bytes.length} bytes, its header length alone takes 8`);
  const headerLength = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerLength > LARGEST_HEADER) {
    fail(`the header claims ${headerLength} bytes, at most ${LARGEST_HEADER} are accepted`);
  }
  if (headerLength > bytes.length - 8) {
    fail(`the header claims ${headerLength} bytes, the file has ${bytes.length - 8} after it`);
  }
  const values = bytes.subarray(8 + Number(headerLength));
  const header = parseHeader(bytes.subarray(8, 8 + Number(headerLength)), fail);

  const metadata: [string, string][] = [];
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") metadata.push(...parseMetadata(value, fail));
    else entries.push(parseEntry(name, value, values.length, fail));
  }
  // The values of the tensors must cover the file without gap or overlap.
  const inOrder = entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of inOrder) {
    if (begin < covered) fail(`tensor ${quote(name)} overlaps the one before byte ${covered}`);
    if (begin > covered) fail(`bytes ${covered} to ${begin} before ${quote(name)} have no tensor`);
    covered = end;
  }
  if (covered !== values.length) {
    fail(`its tensors take ${covered} bytes, the file holds ${values.length}`);
  }
  const tensors = new Map<string, HostTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    // Only now: a file that is damaged, too, is damaged in the first place.
    if (!isStoredDtype(dtype)) {
      throw new InputError(
        `Cannot read ${source}: tensor ${quote(name)} is of type ${
          quote(dtype)
        }, which this program ` +
          `does not take (it takes ${
            Object.keys(storedBytes).join(", ")
          }); convert it to float32 and save the file again`,
      );
    }
    tensors.set(name, hostTensor(dtype, shape, values.slice(begin, end))); // slice: aligned copy
  }
  return { metadata: Object.fromEntries(metadata), tensors };
}

/** What other files of weights begin with. */
const otherFormats: readonly (readonly [start: readonly number[], what: string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], "a zip archive, as PyTorch's .pt and .pth files and NumPy's .npz are"],
  [[0x80, 0x02], "a pickle, as PyTorch's older .pt and .pth files are"],
  [[0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59], "a NumPy array (.npy)"],
  [[0x89, 0x48, 0x44, 0x46], "an HDF5 file, as those of Keras are"],
];

function otherFormat(bytes: Uint8Array): string | undefined {
  // The upper half of a header's length is zero.
  if (bytes.length < 8 || bytes.subarray(4, 8).every((byte) => byte === 0)) return undefined;
  return otherFormats.find(([start]) => start.every((byte, i) => bytes[i] === byte))?.[1];
}

/** The bytes of a safetensors file: widest types first, then by name, values aligned to 8 bytes. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const order = [...tensors].toSorted(([nameA, a], [nameB, b]) =>
    storedBytes[b.dtype] - storedBytes[a.dtype] ||
    (nameA < nameB ? -1 : 1)
  );
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push(["__metadata__", metadata]);
  let end = 0;
  for (const [name, tensor] of order) {
    checkTensor(name, tensor);
    const { dtype, shape, data } = tensor;
    const begin = end;
    end += data.byteLength;
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // fromEntries defines own keys, so that even a tensor named "__proto__" is written.
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(text, 8);
  bytes.fill(0x20, 8 + text.length, 8 + headerLength); // padding by spaces is part of the format
  let offset = 8 + headerLength;
  for (const [, { data }] of order) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

interface Entry {
  name: string;
  /** As the file has it, known or not. */
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

type Fail = (found: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    fail(`its header is not JSON (${reason(error)})`);
  }
  if (!isRecord(header)) return fail("its header is not a JSON object");
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) fail(`its header names ${quote(duplicate.key)} twice`);
  return header;
}

function parseMetadata(value: unknown, fail: Fail): [string, string][] {
  if (!isRecord(value)) return fail("its metadata is not a JSON object");
  return Object.entries(value).map(([key, text]) => {
    if (typeof text !== "string") return fail(`metadata ${quote(key)} is not a string`);
    return [key, text];
  });
}

function parseEntry(name: string, value: unknown, available: number, fail: Fail): Entry {
  const tensor = `tensor ${quote(name)}`;
  if (!isRecord(value)) return fail(`${tensor} is not described by a JSON object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") return fail(`${tensor} has dtype ${quote(dtype)}`);
  if (!isSizes(shape)) return fail(`${tensor} has shape ${quote(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return fail(`${tensor} has offsets ${quote(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets;
  if (end > available) {
    fail(`${tensor} ends at byte ${end}, the file holds ${available} bytes of values`);
  }
  // How wide the values of another type are is not known here.
  if (isStoredDtype(dtype)) {
    const needed = count(shape) * storedBytes[dtype];
    const found = `${tensor} of type ${dtype} and shape ${quote(shape)}`;
    if (end - begin !== needed) {
      fail(`${found} needs ${needed} bytes, its offsets give ${end - begin}`);
    }
  }
  return { name, dtype, shape, begin, end };
}

/** A wrong tensor to write is a mistake of the program, not of its user: `TypeError`. */
function checkTensor(name: string, { dtype, shape, data }: WrittenTensor): void {
  if (name === "__metadata__") {
    throw new TypeError('Cannot write tensor "__metadata__": the name is reserved by the format');
  }
  if (!(data instanceof arrayOf(dtype))) {
    throw new TypeError(
      `Cannot write tensor ${quote(name)}: dtype ${dtype} needs a ${arrayOf(dtype).name}`,
    );
  }
  if (!isSizes(shape) || count(shape) !== data.length) {
    throw new TypeError(
      `Cannot write tensor ${quote(name)}: shape [${shape}] does not hold ${data.length} values`,
    );
  }
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** A piece of the file as it may stand in a message: on one line and not too long. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0].slice(0, 200) : String(error);
}
