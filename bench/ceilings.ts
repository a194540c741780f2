import copyCode from "./shaders/copy.wgsl" with { type: "text" };
import multiplyAddCode from "./shaders/multiply_add.wgsl" with { type: "text" };
import type { Gpu } from "../src/gpu/device.ts";
import { defineKernel } from "../src/gpu/kernel.ts";
import type { Dispatch } from "../src/gpu/dispatch.ts";
import { Arena, upload } from "../src/gpu/tensor.ts";
import { timeInTurn } from "../src/gpu/timing.ts";

const multiplyAdd = defineKernel({ name: "bench_multiply_add", code: multiplyAddCode });
const copy = defineKernel({ name: "bench_copy", code: copyCode });

/** What the adapter can do at best, as work that is timed beside each kernel. */
export interface Ceilings {
  readonly multiplyAdd: { readonly dispatches: readonly Dispatch[]; readonly flops: number };
  readonly copy: { readonly dispatches: readonly Dispatch[]; readonly bytes: number };
  destroy(): void;
}

/** Prepares both ceilings; arithmetic loops as often as it takes this adapter some 5 ms. */
export async function prepareCeilings(gpu: Gpu): Promise<Ceilings> {
  const arena = new Arena(gpu, "ceilings");
  try {
    const threads = 65536;
    const seed = arena.tensor("seed", [4]);
    upload(gpu, seed, new Float32Array(4).fill(0.999));
    const sums = arena.tensor("sums", [threads, 4]);
    const work = (rounds: number): Dispatch[] => [{
      kernel: multiplyAdd,
      uniform: { rounds },
      buffers: { seed, y: sums },
      workgroups: [threads / 64],
    }];
    let rounds = 16;
    for (; rounds < 2 ** 22; rounds *= 2) {
      const [times] = await timeInTurn(gpu, [work(rounds)], 1);
      if (times[0] > 4) break;
    }
    // Larger than any cache of a CPU, as large as the layers of a wide network.
    const count = 2 ** 22;
    const [from, to] = [arena.tensor("from", [count, 4]), arena.tensor("to", [count, 4])];
    return {
      multiplyAdd: { dispatches: work(rounds), flops: threads * rounds * 64 },
      copy: {
        dispatches: [{
          kernel: copy,
          uniform: { count },
          buffers: { x: from, y: to },
          workgroups: [8192],
        }],
        bytes: count * 32,
      },
      destroy: () => arena.destroy(),
    };
  } catch (error) {
    arena.destroy();
    throw error;
  }
}
