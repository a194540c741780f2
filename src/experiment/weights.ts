import { type NetworkState, packState } from "../net/network_state.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import { parametersOf } from "./build.ts";
import type { ExperimentConfig } from "./config_types.ts";

/** Weights as a file has them, looked at value by value. */
export interface Weights {
  /** The bytes of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Laid out for the network of the configuration. */
  readonly state: NetworkState;
  /** What was done to them, in a line; null: they are as in the file. */
  readonly note: string | null;
}

/**
 * The weights of a configuration's network, from the bytes of a safetensors file.
 *
 * @param name of the file, for messages
 * @throws {InputError} for weights that do not fit or are no numbers to go on with.
 */
export function decodeWeights(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  config: ExperimentConfig,
): Weights {
  const state = packState(parametersOf(config), decodeSafetensors(bytes, name).tensors, name);
  const { narrowed } = state;
  const tensors = narrowed === 1 ? "1 tensor" : `${narrowed} tensors`;
  const note = narrowed > 0 ? `${name}: ${tensors} of type F64, rounded to float32` : null;
  return { bytes, state, note };
}
