import { InputError } from "../errors.ts";

/**
 * The bytes of a safetensors file.
 *
 * @param action what they are read for, for the message
 * @throws {InputError} for a file that cannot be read.
 */
export function readWeightsFile(path: string, action: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new InputError(
      `Cannot ${action} ${path}: ${(error as Error).message}; name the model.safetensors of a run`,
    );
  }
}
