import type { Random } from "../random.ts";
import { type Entry, pack, type ParameterTable } from "./parameters.ts";

/**
 * Fresh values by PyTorch's default rules, which the official implementation uses: convolution and linear weights, and
 * the linear bias, uniform in ±1 / sqrt(fan in) (Kaiming uniform with a = sqrt(5)); batch norm gamma 1, beta 0.
 */
export function initialValues(table: ParameterTable, random: Random): Float32Array<ArrayBuffer> {
  const values = new Float32Array(table.learnedLength);
  for (const entry of table.learned) {
    if (entry.kind === "norm") {
      pack(values, entry, [
        new Float32Array(entry.outputs).fill(1),
        new Float32Array(entry.outputs),
      ]);
    } else {
      const bound = 1 / Math.sqrt(entry.inputs * entry.kernel ** 2);
      pack(values, entry, [
        Float32Array.from({ length: count(entry) }, () => bound * (2 * random.uniform() - 1)),
      ]);
    }
  }
  return values;
}

/** Running statistics before any training: mean 0, variance 1. */
export function initialRunning(table: ParameterTable): Float32Array<ArrayBuffer> {
  const running = new Float32Array(table.runningLength);
  for (const entry of table.running) {
    pack(running, entry, [
      new Float32Array(entry.outputs),
      new Float32Array(entry.outputs).fill(1),
    ]);
  }
  return running;
}

function count(entry: Entry): number {
  return entry.outputs * (entry.kind === "linear_bias" ? 1 : entry.inputs * entry.kernel ** 2);
}
