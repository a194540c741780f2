import type { HostTensor } from "../src/net/safetensors.ts";
import type { Network } from "../src/net/network.ts";
import { arraysOf } from "../src/net/parameters.ts";
import { nameInFile, stateLayout } from "../src/net/state_layout.ts";
import type { Comparison } from "./comparison.ts";

/** Limit of losses, logits and weights, from one recorded state to the next. */
export const LIMIT = 1e-4;

/**
 * Set behind a quantity where a recorded instability has widened its limit, so that the others show their own errors.
 */
export function unstable(limit: number): string {
  return limit > LIMIT ? " of unstable steps" : "";
}

/** Compares parameters, running statistics and pass counters with a recorded state. */
export async function compareState(
  comparison: Comparison,
  where: string,
  network: Network,
  recorded: ReadonlyMap<string, HostTensor>,
  limit: number,
): Promise<void> {
  const layout = stateLayout(recorded);
  for (const [official, { dtype, data }] of await network.export()) {
    const name = nameInFile(official, layout);
    const expected = recorded.get(name);
    if (dtype === "I64") {
      if (!expected) continue;
      comparison.same(
        "batch counters",
        `${where}, ${name}`,
        [Number(data[0])],
        [Number(expected.data[0])],
      );
      continue;
    }
    const kind = /running_(mean|var)$/.test(name) ? "running statistics" : "weights";
    const quantity = kind + unstable(limit);
    const values = (expected?.data ?? []) as ArrayLike<number>;
    comparison.close(quantity, `${where}, ${name}`, data as ArrayLike<number>, values, limit);
  }
}

/** Official names of the parameters that freezing the stem and so many blocks stops. */
export function frozenNames(network: Network, blocks: number): string[] {
  return network.table.learned.filter(({ frozenFrom }) => frozenFrom <= blocks)
    .flatMap((entry) => arraysOf(entry, false).map(({ name }) => name));
}

/** Width of the recorded network: channels behind its first convolution. */
export function widthOf(state: ReadonlyMap<string, HostTensor>): number {
  return state.get("conv1.weight")?.shape[0] ?? 0;
}
