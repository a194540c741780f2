import type { Operands } from "../check/operands.ts";
import type { Gpu } from "../gpu/device.ts";
import { sha256 } from "../digest.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { Program } from "../gpu/program.ts";
import { readWords, type Tensor, writeWords } from "../gpu/tensor.ts";
import { POISON } from "./guarded.ts";
import { boundIn } from "./own_kernel.ts";

type Words = readonly Uint32Array<ArrayBuffer>[];

/** The operands of a case as they are, nothing around them: what they held at first can be put back before each run. */
export class ExactOperands {
  readonly #gpu: Gpu;
  /** Each buffer once, in the order in which a launch binds them, seen as words. */
  readonly #tensors: readonly Tensor[];
  readonly #isFresh: readonly boolean[];
  #before: Words = [];

  constructor(gpu: Gpu, operands: Operands, launch: Dispatch) {
    this.#gpu = gpu;
    const bound = boundIn(launch).map(({ tensor }) => tensor);
    const once = bound.filter((one, i) => bound.findIndex((o) => o.buffer === one.buffer) === i);
    this.#isFresh = once.map((tensor) => operands.isFresh(tensor));
    this.#tensors = once.map((tensor) => {
      // As guarded copies have them: whole vectors of four.
      const length = Math.ceil(tensor.length * (tensor.type === "f16" ? 2 : 4) / 16) * 4;
      return { ...tensor, type: "u32", length };
    });
  }

  /** Notes what the operands hold now; outputs that are written without being read are to hold poison. */
  async load(): Promise<void> {
    const words = await this.words();
    this.#before = words.map((one, i) => this.#isFresh[i] ? one.fill(POISON) : one);
  }

  /** Puts back what they held. */
  reset(): void {
    this.#tensors.forEach((tensor, i) => writeWords(this.#gpu, tensor, this.#before[i]));
  }

  /** What they hold now. */
  async words(): Promise<Uint32Array<ArrayBuffer>[]> {
    const all = await readWords(this.#gpu, this.#tensors);
    let start = 0;
    return this.#tensors.map(({ length }) => all.slice(start, start += length));
  }

  /** What a launch leaves in them. */
  async run(launch: Dispatch): Promise<Words> {
    const program = await Program.build(this.#gpu, "check", [launch]);
    try {
      this.reset();
      program.run();
      return await this.words();
    } finally {
      program.destroy();
    }
  }

  /** SHA-256 of what they hold now. */
  async digest(): Promise<string> {
    const parts = await Promise.all(
      (await this.words()).map((one) => sha256(new Uint8Array(one.buffer))),
    );
    return await sha256(new TextEncoder().encode(parts.join()));
  }
}
