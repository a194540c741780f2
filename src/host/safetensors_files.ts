import { TemporaryFile } from "../data/temporary_file.ts";
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
  try {
    using temporary = new TemporaryFile(path);
    const { file } = temporary;
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.syncData(); // or the rename could overtake the bytes
    temporary.rename();
  } catch (error) {
    throw new InputError(
      `Cannot write ${path}: ${reason(error)}; check that its folder exists and can be written`,
      { cause: error },
    );
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message.split("\n")[0].slice(0, 200) : String(error);
}
