import type { HostTensor } from "../src/net/safetensors.ts";
import type { Network } from "../src/net/network.ts";
import { Random } from "../src/random.ts";
import { Comparison } from "./comparison.ts";

/** Runs from changed weights; after every third, weights change by one more unit in the last place. */
const NEARBY = 12;

/**
 * Compares a segment (steps between two recorded states) and, where it exceeds a limit, runs it again from weights that
 * differ from the recorded ones by their last bit, a few times.
 *
 * A ReLU input that lies within rounding of 0 may get either sign, in any float32 program; the gradients of all layers
 * in front of it then differ by about 1 %, and the difference grows tenfold per step. Where that is the reason, and
 * only then, weights changed in their last bit bring the recorded numbers back, within the same strict limits.
 *
 * `attempt` 0 compares what has run already; from 1 on it runs the segment again, from {@linkcode loadNearby}: 1
 * without a change. If that alone brings the recorded numbers, it was not rounding but something that the program
 * carried over.
 */
export async function reproduce(
  comparison: Comparison,
  where: string,
  run: (attempt: number, comparison: Comparison) => Promise<void>,
): Promise<void> {
  const first = new Comparison();
  await run(0, first);
  // Neither whole numbers nor a recording that is refused already can be saved by rounding.
  const settled = first.ok || first.empty || !first.countsAgree;
  if (settled || !(comparison.ok || comparison.empty)) return comparison.merge(first);
  for (let attempt = 1; attempt <= 1 + NEARBY; attempt++) {
    const again = new Comparison();
    await run(attempt, again);
    if (!again.ok) continue;
    if (attempt === 1) {
      first.note(`${where} agrees when run again from the recorded state and memory`);
      return comparison.merge(first);
    }
    comparison.note(
      `${where}: a ReLU input within rounding of 0, on its recorded side from weights changed by ${
        reachOf(attempt)
      } last bits`,
    );
    return comparison.merge(again);
  }
  comparison.merge(first);
}

function reachOf(attempt: number): number {
  return Math.max(0, Math.ceil((attempt - 1) / 3));
}

/** Loads a state for an attempt: 0 and 1 as it is; later ones with parameters changed by up to some last bits. */
export function loadNearby(
  network: Network,
  state: ReadonlyMap<string, HostTensor>,
  source: string,
  attempt: number,
): void {
  const reach = reachOf(attempt);
  if (reach === 0) return network.load(state, source);
  const random = Random.stream(attempt, "last bits");
  const nearby = new Map(state);
  for (const [name, tensor] of state) {
    if (tensor.dtype !== "F32" || /running_(mean|var)$/.test(name)) continue;
    const data = tensor.data.map((value) =>
      value * (1 + (random.below(2 * reach + 1) - reach) * 2 ** -23)
    );
    nearby.set(name, { ...tensor, data });
  }
  network.load(nearby, source);
}
