import { errorOf, valuesAt } from "../check/check_case.ts";
import type { CaseOutput, KernelCase } from "../check/kernel_case.ts";
import { Operands } from "../check/operands.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import { Program } from "../gpu/program.ts";
import { ExactOperands } from "./exact.ts";
import { GuardedOperands, PLAIN, POISON } from "./guarded.ts";
import type { OwnKernel } from "./own_kernel.ts";
import { explainWrong } from "./explain_wrong.ts";
import { barrierProblem } from "./barriers.ts";
import type { Reason, Refusal } from "./reasons.ts";

/** What was found out about a kernel of somebody's own at one shape. */
export interface OwnCheck {
  readonly kernelCase: KernelCase;
  /** Why it is refused; null: it is right. */
  readonly reason: Reason | null;
  /** What more there is to say about it, in lines. */
  readonly details: readonly string[];
  /** Worst relative error over all inputs; infinite where nothing could be compared. */
  readonly error: number;
  /** Elements that were compared with double precision. */
  readonly samples: number;
  /** Whether it gave the bits of ours, on all inputs. */
  readonly sameBits: boolean;
  /** What it left on the first input, as {@linkcode ExactOperands.digest} finds it again; empty where it is refused. */
  readonly left: string;
}

/** How a kernel is tried. */
export interface CheckOptions {
  /** Times that it runs on the first input, the last two of them where no guard words are; default 4. */
  readonly runs?: number;
  /**
   * Whether it runs only once, on one input, with fewer elements in double precision, all others beside ours as ever:
   * for the other shapes of a kernel that was tried at length at one. Default: no.
   */
  readonly brief?: boolean;
  /** Replaces the launch of a run, so that a test can break one; runs are counted from 0. */
  readonly substitute?: (launch: Dispatch, run: number) => Dispatch;
}

/** A value that formulas such as the mean of squares less the square of the mean cannot stand: 30 deviations. */
const SHIFTED = { seed: 40009, mean: 30 };

/** Elements of an output that a brief trial compares in double precision. */
const BRIEFLY = 100;

/**
 * Tries a kernel of somebody's own at one shape, in guarded copies of the operands:
 *
 * - several times on one input, outputs poisoned before each: the same bits must come out, nothing may be left out or
 *   written elsewhere, and the results must be those of the definition in double precision at some places and like ours
 *   at all;
 * - once more with plain numbers behind the operands, of which the bindings show fewer, and once in the operands
 *   themselves, as they are timed: what can tell a check from its use shows;
 * - once on other numbers, among them some that are 64 times as large, over the results of the first input: so a result
 *   that is kept, or a naive formula, shows;
 * - once on numbers around 30: so a formula that cancels shows.
 *
 * @throws {InputError} for a kernel that cannot be launched at this shape; {@linkcode Error} with what the compiler says.
 */
export async function checkOwn(
  gpu: Gpu,
  own: OwnKernel,
  kernelCase: KernelCase,
  { brief = false, runs = 4, substitute = (launch) => launch }: CheckOptions = {},
): Promise<OwnCheck> {
  const [first, second, third] = [
    new Operands(gpu, {}, "first input", brief ? { most: BRIEFLY } : {}),
    new Operands(gpu, {}, "second input", { seed: 20011, outliers: true }),
    new Operands(gpu, {}, "third input", SHIFTED),
  ];
  let guarded: GuardedOperands | null = null;
  try {
    const prepared = kernelCase.prepare(first);
    const [ours] = prepared.dispatches();
    const outputs = prepared.first ?? prepared.outputs;
    guarded = new GuardedOperands(gpu, ours);
    const trial = new Trial(gpu, guarded, own, ours, outputs, first);
    const missing = barrierProblem((own.forms.f32 ?? own.forms.f16)!.code);
    if (missing) return trial.refused(kernelCase, { reason: "no barrier", details: [missing] });

    const before = await trial.contents(ours);
    const found = await trial.repeat(before, brief ? 1 : runs - 2, runs, substitute);
    if ("reason" in found) return trial.refused(kernelCase, found);
    const reference = await trial.runOnce(trial.guard(ours), before);
    const wrong = await trial.compare(kernelCase, found.words, reference, before);
    if (wrong) return trial.refused(kernelCase, wrong);
    let left = "";
    if (!brief) {
      const exact = new ExactOperands(gpu, first, ours);
      await exact.load();
      const told = await trial.tellsApart(found.words, before, exact, runs, substitute);
      if (told) return trial.refused(kernelCase, told);
      left = await exact.digest();
    }

    const trials = [trial];
    for (const operands of brief ? [] : [second, third]) {
      const other = kernelCase.prepare(operands);
      const [launch] = other.dispatches();
      const kept = operands === second ? found.words : undefined;
      const more = new Trial(
        gpu,
        guarded,
        own,
        launch,
        other.first ?? other.outputs,
        operands,
        ours,
      );
      const fresh = await more.contents(launch);
      const stale = fresh.map((words, i) => kept && trial.isFresh(i) ? kept[i] : words);
      const again = await more.runGuarded(substitute(own.launch(launch), runs), stale);
      if ("reason" in again) return trial.refused(kernelCase, again);
      const theirs = await more.runOnce(more.guard(launch), fresh);
      const wrong = await more.compare(kernelCase, again.words, theirs, fresh, kept);
      if (wrong) {
        return trial.refused(kernelCase, kept ? wrong : cancelling(wrong));
      }
      trials.push(more);
    }
    return {
      ...{ kernelCase, reason: null, details: [], left },
      error: Math.max(...trials.map(({ error }) => error)),
      samples: trials.reduce((sum, { samples }) => sum + samples, 0),
      sameBits: trials.every(({ sameBits }) => sameBits),
    };
  } finally {
    guarded?.destroy();
    for (const operands of [first, second, third]) operands.destroy();
  }
}

/** The words of the copies after a run. */
interface Found {
  readonly words: readonly Uint32Array<ArrayBuffer>[];
}

/** What is right on two inputs and wrong on numbers around 30 is so for one reason. */
function cancelling(wrong: Refusal): Refusal {
  const values = ["wrong", "as inexact as half precision"].includes(wrong.reason);
  if (!values) return wrong;
  return {
    reason: "loses its digits where numbers are not around 0",
    details: [
      "it is right on other numbers, and wrong where all are around 30: terms cancel, as in the mean of squares less the " +
      "square of the mean",
      ...wrong.details,
    ],
  };
}

function otherBits(element: string, run: number, runs: number): Refusal {
  return {
    reason: "other bits in another run",
    details: [
      `${element}: run ${
        run + 1
      } of ${runs} gave other bits than the first on the same input; threads write the same ` +
      "place, or read what others write, in an order that is not fixed",
    ],
  };
}

/** One input, and what a kernel makes of it. */
class Trial {
  error = Infinity;
  samples = 0;
  sameBits = false;
  readonly #gpu: Gpu;
  readonly #guarded: GuardedOperands;
  readonly #own: OwnKernel;
  readonly #launch: Dispatch;
  readonly #outputs: readonly CaseOutput[];
  readonly #operands: Operands;
  /** The launch that the copies were made for: tensors of another input have its places. */
  readonly #model: Dispatch;

  constructor(
    gpu: Gpu,
    guarded: GuardedOperands,
    own: OwnKernel,
    launch: Dispatch,
    outputs: readonly CaseOutput[],
    operands: Operands,
    model: Dispatch = launch,
  ) {
    this.#gpu = gpu;
    this.#guarded = guarded;
    this.#own = own;
    this.#launch = launch;
    this.#outputs = outputs;
    this.#operands = operands;
    this.#model = model;
  }

  /** A launch on the guarded copies. */
  guard(launch: Dispatch): Dispatch {
    return this.#guarded.guard({ ...launch, buffers: this.#places(launch) });
  }

  /** What the operands hold before a run; outputs that are written without being read hold poison. */
  async contents(launch: Dispatch): Promise<Uint32Array<ArrayBuffer>[]> {
    const words = await this.#guarded.read(launch);
    return words.map((one, i) => this.isFresh(i) ? one.fill(POISON) : one);
  }

  /** Whether nothing of what a copy holds before is read. */
  isFresh(place: number): boolean {
    return this.#operands.isFresh(this.#tensorAt(place));
  }

  /** Runs a launch of the copies and gives what they hold afterwards. */
  async runOnce(
    guardedLaunch: Dispatch,
    before: readonly Uint32Array<ArrayBuffer>[],
    guards?: readonly (number | undefined)[],
  ): Promise<readonly Uint32Array<ArrayBuffer>[]> {
    const program = await Program.build(this.#gpu, "check", [guardedLaunch]);
    try {
      this.#guarded.fill([...before], guards);
      program.run();
      return (await this.#guarded.contents()).words;
    } finally {
      program.destroy();
    }
  }

  /** Runs the kernel's launch; refuses it where guard words have changed. */
  async runGuarded(
    launch: Dispatch,
    before: readonly Uint32Array<ArrayBuffer>[],
  ): Promise<Found | Refusal> {
    const program = await Program.build(this.#gpu, "check", [this.guard(launch)]);
    try {
      this.#guarded.fill([...before]);
      program.run();
      const { words, beyond } = await this.#guarded.contents();
      if (beyond.length === 0) return { words };
      const details = beyond.map(({ name, words, at }) =>
        `${name} has ${words} words, and word ${at} was written; sizes are in the uniform record, arrayLength() says ` +
        "how long the buffer is"
      );
      return { reason: "writes beyond its range", details };
    } finally {
      program.destroy();
    }
  }

  /** Runs it several times on the same input: the bits must be the same. */
  async repeat(
    before: readonly Uint32Array<ArrayBuffer>[],
    times: number,
    runs: number,
    substitute: NonNullable<CheckOptions["substitute"]>,
  ): Promise<Found | Refusal> {
    const launch = this.#own.launch(this.#launch);
    let first: Found | null = null;
    for (let run = 0; run < times; run++) {
      const found = await this.runGuarded(substitute(launch, run), before);
      if ("reason" in found) return found;
      first ??= found;
      for (const [i, words] of found.words.entries()) {
        const at = words.findIndex((word, k) => word !== first!.words[i][k]);
        if (at >= 0) return otherBits(`element ${at} of ${this.#guarded.names[i]}`, run, runs);
      }
    }
    return first!;
  }

  /**
   * Runs it where no guard words are: with plain numbers behind the operands, and in operands that end with what they
   * hold, as they do where it is timed.
   */
  async tellsApart(
    found: readonly Uint32Array<ArrayBuffer>[],
    before: readonly Uint32Array<ArrayBuffer>[],
    exact: ExactOperands,
    runs: number,
    substitute: NonNullable<CheckOptions["substitute"]>,
  ): Promise<Refusal | null> {
    const launch = this.#own.launch(this.#launch);
    const differs = (other: readonly Uint32Array<ArrayBuffer>[]) => {
      for (const [place, words] of found.entries()) {
        const at = words.findIndex((word, i) => word !== other[place][i]);
        if (at >= 0) return `element ${at} of ${this.#guarded.names[place]}`;
      }
      return null;
    };
    const guards = this.#guarded.names.map(() => PLAIN);
    const plain = async (run: number) => {
      const half = this.#guarded.guard(substitute(launch, run), "half");
      return differs(await this.runOnce(half, before, guards));
    };
    const bare = async (run: number) => differs(await exact.run(substitute(launch, run)));
    const beyond = await plain(runs - 2);
    if (beyond !== null) {
      // What does not come again is a race.
      if (await plain(runs) === null) return otherBits(beyond, runs - 2, runs);
      return {
        reason: "reads beyond its operands",
        details: [
          `${beyond} is another one where plain numbers stand behind the operands, not NaN, and half as many`,
        ],
      };
    }
    const length = await bare(runs - 1);
    if (length === null) return null;
    if (await bare(runs) === null) return otherBits(length, runs - 1, runs);
    return {
      reason: "goes by the length of its buffers",
      details: [
        `${length} is another one where buffers end with what they hold, as they do where it is timed; sizes are in ` +
        "the uniform record",
      ],
    };
  }

  /**
   * Compares results with the definition, at the places that were computed, and with ours everywhere else.
   *
   * @param kept what the outputs held before, where that was the result of another input.
   */
  async compare(
    { tolerance }: KernelCase,
    found: readonly Uint32Array<ArrayBuffer>[],
    ours: readonly Uint32Array<ArrayBuffer>[],
    before: readonly Uint32Array<ArrayBuffer>[],
    kept?: readonly Uint32Array<ArrayBuffer>[],
  ): Promise<Refusal | null> {
    const written = this.#places(this.#launch);
    this.sameBits = Object.keys(written).every((name) => {
      const place = this.#placeOf(name);
      return found[place].every((word, i) => word === ours[place][i]);
    });
    const values = this.#outputs.map((output) => valuesAt(output, this.#read(output, found)));
    const errors = this.#outputs.map((output, i) => errorOf(output, values[i]));
    this.error = Math.max(...errors);
    this.samples = this.#outputs.reduce((sum, { at }) => sum + at.length, 0);
    const run = (guards?: readonly (number | undefined)[], filled?: number) =>
      this.runOnce(
        this.guard(this.#own.launch(this.#launch)),
        filled === undefined
          ? before
          : before.map((words, i) => this.isFresh(i) ? words.slice().fill(filled) : words),
        guards,
      );
    return await explainWrong({
      outputs: this.#outputs.map((output, i) => ({
        ...output,
        found: values[i],
        error: errors[i],
        place: this.#outputPlace(output),
      })),
      limit: tolerance.error,
      names: this.#guarded.names,
      isFresh: (place) => this.isFresh(place),
      values: (output, words) => valuesAt(output, this.#read(output, words)),
      ...{ found, ours, before, kept, run, code: this.#own.code },
    });
  }

  refused(kernelCase: KernelCase, { reason, details }: Refusal): OwnCheck {
    const { error, samples } = this;
    return { kernelCase, reason, details, error, samples, sameBits: false, left: "" };
  }

  #read({ tensor }: CaseOutput, words: readonly Uint32Array<ArrayBuffer>[]) {
    const place = this.#guarded.placeOf(this.#modelOf(tensor));
    const { buffer } = words[place];
    if (tensor.type === "u32") return new Uint32Array(buffer, 0, tensor.length);
    if (tensor.type === "f32") return new Float32Array(buffer, 0, tensor.length);
    return Float32Array.from(new Float16Array(buffer, 0, tensor.length));
  }

  #outputPlace({ tensor }: CaseOutput): number {
    return this.#guarded.placeOf(this.#modelOf(tensor));
  }

  #placeOf(name: string): number {
    return this.#guarded.placeOf(tensorOf(this.#model, name));
  }

  /** The tensor of this input that the copy at a place stands for. */
  #tensorAt(place: number) {
    return tensorOf(this.#launch, this.#guarded.names[place]);
  }

  /** The tensor that the copies know in place of one of this input. */
  #modelOf(tensor: CaseOutput["tensor"]) {
    const name = Object.keys(this.#launch.buffers)
      .find((name) => tensorOf(this.#launch, name).buffer === tensor.buffer)!;
    return tensorOf(this.#model, name);
  }

  /** The bindings of a launch of this input, on the tensors that the copies know. */
  #places(launch: Dispatch): Dispatch["buffers"] {
    return Object.fromEntries(
      Object.keys(launch.buffers).map((name) => [name, this.#model.buffers[name]]),
    );
  }
}

function tensorOf({ buffers }: Dispatch, name: string) {
  const given = buffers[name];
  return "tensor" in given ? given.tensor : given;
}
