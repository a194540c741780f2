import type { Gpu } from "./device.ts";
import type { Dispatch } from "./dispatch.ts";
import { Program } from "./program.ts";

/** What is done around the measurements of {@linkcode timeInTurn}, in time that does not count. */
export interface TimingHooks {
  /** Before each measurement of a thing: its inputs and outputs are put in order. */
  readonly before?: (thing: number) => void;
  /** Behind each: what it has left can be looked at. */
  readonly after?: (thing: number, round: number) => Promise<void>;
}

/**
 * Milliseconds of several things done on the GPU in turn, each a list of dispatches: one list of times per thing, one
 * time per round. A first round warms up and is dropped. Taking turns lets load from elsewhere fall on all alike.
 */
export async function timeInTurn(
  gpu: Gpu,
  things: readonly (readonly Dispatch[])[],
  rounds: number,
  { before, after }: TimingHooks = {},
): Promise<number[][]> {
  const timed = gpu.features.has("timestamp-query");
  const programs: Program[] = [];
  try {
    for (const [i, dispatches] of things.entries()) {
      programs.push(await Program.build(gpu, `bench ${i}`, dispatches));
    }
    const times: number[][] = things.map(() => []);
    for (let round = -1; round < rounds; round++) {
      // Forth and back: what runs behind what would count for one thing and against another.
      const order = [...programs.entries()];
      for (const [i, program] of round % 2 === 0 ? order : order.reverse()) {
        before?.(i);
        const milliseconds = timed ? await byTimestamps(program) : await byClock(gpu, program);
        if (!timed && after) {
          // It ran over its own results: once more as it should.
          before?.(i);
          program.run();
        }
        await after?.(i, round);
        if (round >= 0) times[i].push(milliseconds);
      }
    }
    return times;
  } finally {
    for (const program of programs) program.destroy();
  }
}

async function byTimestamps(program: Program): Promise<number> {
  const launches = await program.profile();
  return launches.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
}

/** Without timestamps: the slope of the wall clock between few and many repetitions, since waiting costs 10 ms. */
async function byClock(gpu: Gpu, program: Program): Promise<number> {
  const wall = async (repeat: number) => {
    await gpu.settle();
    const start = performance.now();
    for (let i = 0; i < repeat; i++) program.run();
    await gpu.settle();
    return performance.now() - start;
  };
  const [few, many] = [await wall(2), await wall(12)];
  return Math.max(0, many - few) / 10;
}
