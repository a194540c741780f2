import { InputError } from "../errors.ts";
import type { KernelText } from "../lab/own_kernel.ts";
import { decodeText } from "../text.ts";

/**
 * Reads the file of a kernel of one's own.
 *
 * @throws {InputError} for a file that is not there or is no text.
 */
export function readKernelFile(path: string): KernelText {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    const problem = error instanceof Deno.errors.NotFound
      ? "no such file"
      : (error as Error).message;
    throw new InputError(
      `Cannot read kernel ${path}: ${problem}; name a WGSL file, or write one to start from with ` +
        "./wscl kernels new OP FILE",
    );
  }
  return { name: path, code: decodeText(bytes, path) };
}
