import type { Dispatch } from "../gpu/dispatch.ts";
import type { Gpu } from "../gpu/device.ts";
import { Arena, readWords, type Tensor, writeWords } from "../gpu/tensor.ts";
import { boundIn } from "./own_kernel.ts";

/**
 * What stands around an operand: NaN for a kernel that reads f32 or two f16, and for one that reads indices far off.
 * Each operand has another, since a NaN that is computed from one keeps its bits, and could not be told where it is
 * written over the same.
 */
const guardOf = (place: number) => 0x7fc57fc5 + 0x00010001 * place;

/** What stands in an output before it is written: NaN as well, but another. */
export const POISON = 0x7fe17fe1;

/** What stands around the operands once, so that a check cannot be told by NaN: 0.37. */
export const PLAIN = 0x3ebd70a4;

/** 256 bytes, since bindings begin at multiples of that. */
const front = 64;
/** 16 KiB: rows of small images, many groups of channels. */
const behind = 4096;

/** Words that are guarded, and their place. */
interface Copy {
  readonly tensor: Tensor;
  /** The first binding that it has in a launch, for messages. */
  readonly name: string;
  readonly guarded: Tensor;
  readonly words: number;
}

/**
 * Copies of the tensors of a launch, each in a buffer of its own with guard words in front and behind. The bindings
 * reach over the words behind: a kernel finds the sizes in its uniform record, buffers of a training are longer, too,
 * and what it reads or writes beyond its range shows.
 */
export class GuardedOperands {
  readonly #gpu: Gpu;
  readonly #arena: Arena;
  readonly #copies: readonly Copy[];

  constructor(gpu: Gpu, launch: Dispatch) {
    this.#gpu = gpu;
    this.#arena = new Arena(gpu, "guarded operands", { state: false });
    try {
      const copies: Copy[] = [];
      for (const { name, tensor } of boundIn(launch)) {
        if (copies.some((copy) => copy.tensor.buffer === tensor.buffer)) continue;
        const words = Math.ceil(tensor.length * (tensor.type === "f16" ? 2 : 4) / 16) * 4;
        const guarded = this.#arena.tensor(name, [front + words + behind], "u32");
        copies.push({ tensor, name, guarded, words });
      }
      this.#copies = copies;
    } catch (error) {
      this.#arena.destroy();
      throw error;
    }
  }

  /** The launch on the copies, whose bindings reach over all words behind them or half of these. */
  guard(launch: Dispatch, reach: "all" | "half" = "all"): Dispatch {
    const hidden = reach === "half" ? behind * 2 : 0;
    const buffers = boundIn(launch).map(({ name, tensor, offset, type = tensor.type }) => {
      const { guarded } = this.#copies.find((copy) => copy.tensor.buffer === tensor.buffer)!;
      const from = front * 4 + offset;
      return [name, {
        tensor: guarded,
        offset: from,
        size: guarded.length * 4 - from - hidden,
        type,
      }];
    });
    return { ...launch, buffers: Object.fromEntries(buffers) };
  }

  /** The words of tensors, in the order of the copies, as operands that a launch reads hold them. */
  async read(launch: Dispatch): Promise<Uint32Array<ArrayBuffer>[]> {
    const tensors = boundIn(launch);
    const all = this.#copies.map(({ name, words }) => {
      const { tensor } = tensors.find((one) => one.name === name)!;
      return { ...tensor, type: "u32" as const, length: words };
    });
    return split(await readWords(this.#gpu, all), all.map(({ length }) => length));
  }

  /** Fills the copies; `guards` are the words around them. */
  fill(
    contents: readonly Uint32Array<ArrayBuffer>[],
    guards: readonly (number | undefined)[] = [],
  ): void {
    this.#copies.forEach(({ guarded, words }, i) => {
      const guard = guards[i] ?? guardOf(i);
      const all = new Uint32Array(guarded.length).fill(guard);
      all.set(contents[i].subarray(0, words), front);
      writeWords(this.#gpu, guarded, all);
    });
  }

  /** What the copies hold now, and where guard words have changed. */
  async contents(): Promise<
    { readonly words: Uint32Array<ArrayBuffer>[]; readonly beyond: readonly Beyond[] }
  > {
    const lengths = this.#copies.map(({ guarded }) => guarded.length);
    const all = split(
      await readWords(this.#gpu, this.#copies.map(({ guarded }) => guarded)),
      lengths,
    );
    const words = all.map((one, i) => one.slice(front, front + this.#copies[i].words));
    const beyond = all.flatMap((one, i): Beyond[] => {
      const { words, name } = this.#copies[i];
      const isIn = (at: number) => at >= front && at < front + words;
      const changed = one.findIndex((word, at) => !isIn(at) && word !== guardOf(i));
      return changed < 0 ? [] : [{ name, words, at: changed - front }];
    });
    return { words, beyond };
  }

  /** Which copy a tensor has. */
  placeOf({ buffer }: Tensor): number {
    return this.#copies.findIndex(({ tensor }) => tensor.buffer === buffer);
  }

  /** Names of the copies, in their order. */
  get names(): readonly string[] {
    return this.#copies.map(({ name }) => name);
  }

  destroy(): void {
    this.#arena.destroy();
  }
}

/** The first word outside of an operand of so many words that a kernel has written. */
export interface Beyond {
  readonly name: string;
  readonly words: number;
  readonly at: number;
}

function split(
  words: Uint32Array<ArrayBuffer>,
  lengths: readonly number[],
): Uint32Array<ArrayBuffer>[] {
  let start = 0;
  return lengths.map((length) => words.slice(start, start += length));
}
