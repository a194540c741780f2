import type { SavedTensor } from "../gpu/recording.ts";
import { negativeVariance } from "../net/network_state.ts";
import type { ParameterTable } from "../net/parameters.ts";

/** The first value of a saved state that is infinite or NaN, in words, by its place in the flat tensor. */
export function firstNotFinite(state: readonly SavedTensor[]): string | undefined {
  for (const { label, type, words } of state) {
    if (type !== "f32") continue;
    for (let at = 0; at < words.length; at++) {
      if ((words[at] & 0x7f800000) !== 0x7f800000) continue;
      return `element ${at} of ${label} is ${floats(words)[at]}`;
    }
  }
  return undefined;
}

/**
 * The first running variance below 0 in a saved state, in words; the copies of the network that a freezing search has
 * made have running statistics, too.
 */
export function negativeVarianceIn(
  state: readonly SavedTensor[],
  table: ParameterTable,
): string | undefined {
  for (const { label, type, words } of state) {
    if (type !== "f32" || !label.endsWith("/running")) continue;
    if (words.length !== table.runningLength) continue; // said when the run is there again
    const found = negativeVariance(table, floats(words));
    if (found) {
      return `element [${found.at}] of ${found.name} in ${label} is ${found.value}, ` +
        "and a variance is not negative";
    }
  }
  return undefined;
}

function floats(words: Uint32Array<ArrayBuffer>): Float32Array {
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}
