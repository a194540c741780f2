import { InputError } from "../errors.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  type SafetensorsFile,
} from "../net/safetensors.ts";

/**
 * Reads a file, whatever its values are: infinities and NaN come as they are, and are refused where weights are used.
 *
 * @throws {InputError} If it is missing, not a sound safetensors file, or has tensors of other types than F64, I64,
 * F32, I32, U32, U8, F16 and BF16.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw new InputError(
      `Cannot read ${path}: ${
        reason(error)
      }; check that the path names a readable safetensors file`,
      { cause: error },
    );
  }
  return decodeSafetensors(bytes, path);
}

/** Writes a file under a temporary name in the same folder, then renames it: all of it or nothing. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const bytes = encodeSafetensors(tensors, metadata);
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    await writeThrough(temporary, bytes);
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // the first failure is the one to report
    throw new InputError(
      `Cannot write ${path}: ${reason(error)}; check that its folder exists and can be written`,
      { cause: error },
    );
  }
}

/** Returns only when the bytes have reached the disk, so that the rename cannot overtake them. */
async function writeThrough(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.syncData();
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0].slice(0, 200) : String(error);
}
