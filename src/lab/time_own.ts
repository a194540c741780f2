import type { KernelCase } from "../check/kernel_case.ts";
import { Operands } from "../check/operands.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { timeInTurn } from "../gpu/timing.ts";
import { ExactOperands } from "./exact.ts";
import type { OwnKernel } from "./own_kernel.ts";

/** What was measured, and whether it counts. */
export interface OwnTimes {
  /** Milliseconds by round: of the kernel, of ours, and of what else took turns with them. */
  readonly own: number[];
  readonly ours: number[];
  readonly others: number[][];
  /** Whether the timed runs left, in the first round and in the last, what the check had found. */
  readonly computed: boolean;
}

/**
 * Times a kernel in turn with ours at one shape. Before each run outputs hold poison, and what is updated in place what it
 * was at first, so that there is nothing to be found there; behind it the results are looked at.
 *
 * @param left what the check of this kernel at this shape found; empty: there was none, and nothing is compared.
 */
export async function timeOwn(
  gpu: Gpu,
  own: OwnKernel,
  { prepare }: KernelCase,
  { left, rounds, others = [] }: {
    readonly left: string;
    readonly rounds: number;
    readonly others?: readonly (readonly Dispatch[])[];
  },
): Promise<OwnTimes> {
  const operands = new Operands(gpu, {}, "timed operands");
  try {
    const [launch] = prepare(operands).dispatches();
    const exact = new ExactOperands(gpu, operands, launch);
    await exact.load();
    let computed = true;
    const things = [[own.launch(launch)], [launch], ...others];
    const [mine, ours, ...more] = await timeInTurn(gpu, things, rounds, {
      before: (thing) => {
        if (thing < 2) exact.reset();
      },
      after: async (thing, round) => {
        if (thing !== 0 || left === "" || (round > 0 && round < rounds - 1)) return;
        computed &&= await exact.digest() === left;
      },
    });
    return { own: mine, ours, others: more, computed };
  } finally {
    operands.destroy();
  }
}
