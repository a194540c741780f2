import copyCode from "./shaders/copy.wgsl" with { type: "text" };
import scalarCode from "./shaders/multiply_add_scalar.wgsl" with { type: "text" };
import vectorCode from "./shaders/multiply_add_vector.wgsl" with { type: "text" };
import type { Gpu } from "../src/gpu/device.ts";
import { defineKernel } from "../src/gpu/kernel.ts";
import type { Dispatch } from "../src/gpu/dispatch.ts";
import { Arena, type Tensor, upload } from "../src/gpu/tensor.ts";
import { timeInTurn } from "../src/gpu/timing.ts";

const scalar = defineKernel({ name: "bench_multiply_add_scalar", code: scalarCode });
const vector = defineKernel({ name: "bench_multiply_add_vector", code: vectorCode });
const copy = defineKernel({ name: "bench_copy", code: copyCode });

/** One way to reach a ceiling. */
interface Form {
  /** Such as "24 chains of numbers". */
  readonly name: string;
  readonly dispatches: readonly Dispatch[];
  /** Floating-point operations, or bytes that move. */
  readonly amount: number;
}

/** What the adapter can do at best, as work that is timed beside each kernel: the best of several forms. */
export interface Ceilings {
  readonly multiplyAdd: Form;
  readonly copy: Form;
  /** GFLOP/s and GB/s that they reached when they were chosen. */
  readonly reached: { readonly multiplyAdd: number; readonly copy: number };
  /** What they reach now, once: for those who time something of several launches in turn with them. */
  measure(): Promise<Ceilings["reached"]>;
  destroy(): void;
}

const threads = 65536;
/** Multiply-adds of each chain in a round of the loop. */
const unrolled = 16;
/** Neighbouring vec4s of an array that a copy moves: what a CPU's caches hold, what some hold, and what none does. */
const copied = [2 ** 17, 2 ** 20, 2 ** 22];
const timings = 5;

/** Tries the forms of both ceilings; arithmetic loops as often as it takes this adapter some 5 ms. */
export async function prepareCeilings(gpu: Gpu): Promise<Ceilings> {
  const arena = new Arena(gpu, "ceilings");
  try {
    const seed = arena.tensor("seed", [4]);
    upload(gpu, seed, new Float32Array(4).fill(0.999));
    const arithmetic = await multiplyAddForms(gpu, seed, arena.tensor("sums", [threads, 4]));
    const multiplyAdd = await best(gpu, arithmetic);
    const most = Math.max(...copied);
    const [from, to] = [arena.tensor("from", [most, 4]), arena.tensor("to", [most, 4])];
    const copies = await best(gpu, copyForms(from, to));
    return {
      multiplyAdd: multiplyAdd.form,
      copy: copies.form,
      reached: { multiplyAdd: multiplyAdd.rate, copy: copies.rate },
      async measure() {
        const forms = [multiplyAdd.form, copies.form];
        const [arithmetic, copying] = await rates(gpu, forms, 1);
        return { multiplyAdd: arithmetic, copy: copying };
      },
      destroy: () => arena.destroy(),
    };
  } catch (error) {
    arena.destroy();
    throw error;
  }
}

async function multiplyAddForms(gpu: Gpu, seed: Tensor, y: Tensor): Promise<Form[]> {
  const forms = [
    { kernel: scalar, chains: 12, width: 1, name: "12 chains of numbers" },
    { kernel: scalar, chains: 24, width: 1, name: "24 chains of numbers" },
    { kernel: vector, chains: 2, width: 4, name: "2 chains of vec4f" },
    { kernel: vector, chains: 8, width: 4, name: "8 chains of vec4f" },
  ];
  const form = ({ kernel, chains, width, name }: typeof forms[number], rounds: number): Form => ({
    name,
    dispatches: [{
      kernel,
      constants: { CHAINS: chains },
      uniform: { rounds },
      buffers: { seed, y },
      workgroups: [threads / 64],
    }],
    amount: threads * rounds * unrolled * chains * width * 2,
  });
  const found: Form[] = [];
  for (const one of forms) {
    let rounds = 1;
    for (; rounds < 2 ** 20; rounds *= 2) {
      const [times] = await timeInTurn(gpu, [form(one, rounds).dispatches], 1);
      if (times[0] > 4) break;
    }
    found.push(form(one, rounds));
  }
  return found;
}

/** Grids in which each thread moves one vec4 or several. */
function copyForms(x: Tensor, y: Tensor): Form[] {
  return copied.flatMap((count) =>
    [1, 8].map((perThread): Form => ({
      name: `copy of ${count * 16 / 2 ** 20} MiB, ${perThread} vec4f a thread`,
      dispatches: [{
        kernel: copy,
        uniform: { count },
        buffers: { x, y },
        workgroups: [Math.min(65535, count / 64 / perThread)],
      }],
      amount: count * 32,
    }))
  );
}

/** The fastest form, in turn with the others, and its rate in units of 10^9 a second. */
async function best(gpu: Gpu, forms: readonly Form[]): Promise<{ form: Form; rate: number }> {
  const all = await rates(gpu, forms, timings);
  const rate = Math.max(...all);
  return { form: forms[all.indexOf(rate)], rate };
}

/** What each form comes to in its fastest round, in units of 10^9 a second. */
async function rates(gpu: Gpu, forms: readonly Form[], rounds: number): Promise<number[]> {
  const times = await timeInTurn(gpu, forms.map(({ dispatches }) => dispatches), rounds);
  return forms.map(({ amount }, i) => amount / Math.min(...times[i]) / 1e6);
}

/** A result as far as its shares of the ceilings go. */
interface Shares {
  readonly kernel: string;
  readonly layer?: string;
  /** Of the multiply-add ceiling, and of the copy's; 1 is all of it. */
  readonly multiplyAddShare: number;
  readonly copyShare: number;
}

/** Results that are faster than what is said to be possible: then the ceiling is none. */
export function aboveCeilings(results: readonly Shares[]): string[] {
  return results.filter(({ multiplyAddShare, copyShare }) =>
    Math.max(multiplyAddShare, copyShare) > 1
  )
    .map(({ kernel, layer = "", multiplyAddShare, copyShare }) => {
      const [share, of] = multiplyAddShare > copyShare
        ? [multiplyAddShare, "multiply-add"]
        : [copyShare, "copy"];
      return `${`${kernel} ${layer}`.trim()} comes to ${
        (100 * share).toFixed(0)
      } % of the ${of} ceiling: either it is none, or load from elsewhere hid it; measure again`;
    });
}
