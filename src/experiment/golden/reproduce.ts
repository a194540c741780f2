import type { HostTensor } from "../../net/safetensors.ts";
import type { Network } from "../../net/network.ts";
import { Random } from "../../random.ts";
import { Comparison } from "./comparison.ts";

/** Attempts behind the first; after every third, weights change by one more unit in the last place. */
const ATTEMPTS = 12;

/**
 * Compares a segment (steps between two recorded states) and, where it exceeds a limit, runs it again from weights that
 * differ from the recorded ones by their last bit, a few times.
 *
 * A ReLU input that lies within rounding of 0 may get either sign, in any float32 program; the gradients of all layers in
 * front of it then differ by about 1 %, and the difference grows tenfold per step. Where that is the reason, and only
 * then, weights changed in their last bit bring the recorded numbers back, within the same strict limits.
 *
 * `attempt` 0 compares what has run already; from 1 on it runs the segment again, from {@linkcode loadNearby}.
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
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const again = new Comparison();
    await run(attempt, again);
    if (!again.ok) continue;
    comparison.note(
      `${where}: a ReLU input within rounding of 0, found on its recorded side in run ${
        attempt + 1
      }`,
    );
    return comparison.merge(again);
  }
  comparison.merge(first);
}

/** Loads a state for an attempt: 0 as it is; later ones with parameters changed by up to some last bits. */
export function loadNearby(
  network: Network,
  state: ReadonlyMap<string, HostTensor>,
  source: string,
  attempt: number,
): void {
  if (attempt === 0) return network.load(state, source);
  const random = Random.stream(attempt, "last bits");
  const reach = Math.ceil(attempt / 3);
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
