import { InputError } from "../errors.ts";
import { type NetworkState, packState } from "../net/network_state.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import { parametersOf } from "../experiment/build.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";

/** Weights as a file has them, looked at value by value. */
export interface Weights {
  /** The file's. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Laid out for the network of the configuration. */
  readonly state: NetworkState;
  /** What was done to them, in a line; null: they are as in the file. */
  readonly note: string | null;
}

/**
 * Reads the weights of a configuration's network from a safetensors file.
 *
 * @param action what they are read for, for the message if there is no such file
 * @throws {InputError} for a file that cannot be read, and for weights that do not fit or are no numbers to go on with.
 */
export function readWeights(path: string, config: ExperimentConfig, action: string): Weights {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw new InputError(
      `Cannot ${action} ${path}: ${(error as Error).message}; name the model.safetensors of a run`,
    );
  }
  const state = packState(parametersOf(config), decodeSafetensors(bytes, path).tensors, path);
  const { narrowed } = state;
  const tensors = narrowed === 1 ? "1 tensor" : `${narrowed} tensors`;
  const note = narrowed > 0 ? `${path}: ${tensors} of type F64, rounded to float32` : null;
  return { bytes, state, note };
}
