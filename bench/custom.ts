import {
  conv2dOps,
  type ConvolutionShape,
  convolutionShape,
} from "../src/check/ops/convolution.ts";
import type { KernelCase, NetworkSize } from "../src/check/kernel_case.ts";
import { sha256 } from "../src/digest.ts";
import { InputError } from "../src/errors.ts";
import type { Gpu } from "../src/gpu/device.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import { readKernelFile } from "../src/host/own_kernels.ts";
import { checkOwn } from "../src/lab/check_own.ts";
import { casesTaken, casesTakenOrNone, networkCases, smallCases } from "../src/lab/own_cases.ts";
import { opOfKernel, type OwnKernel, readOwnKernel } from "../src/lab/own_kernel.ts";
import { remarksOf } from "../src/lab/remarks.ts";
import { timeOwn } from "../src/lab/time_own.ts";
import { conv2dPasses } from "../src/ops/conv2d_variants.ts";
import type { Stem } from "../src/net/resnet18.ts";
import { aboveCeilings, type Ceilings, prepareCeilings } from "./ceilings.ts";
import { figures, summarise, type Summary, table } from "./measure.ts";
import { saves } from "./saves.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";
import { prepareStep } from "./training_step.ts";

/** What `wscl bench custom` was asked for; widths, sizes and batches are tried in all combinations. */
export interface CustomOptions {
  readonly path: string;
  /** The operation; default: what the file says, or its bindings. */
  readonly op?: string;
  /** One shape in place of a network's; empty: all of these. */
  readonly shape: string;
  readonly widths: readonly number[];
  readonly sizes: readonly number[];
  readonly batches: readonly number[];
  readonly stem: Stem;
  readonly watch: boolean;
  readonly rounds: number;
  /** Whose kernel it is, for boards; empty: not said. */
  readonly author: string;
  readonly out: string;
  readonly provider: ProviderName;
}

/** One line of `custom.jsonl`: a kernel of one's own beside ours at one shape. Rates are those of the least time. */
export interface CustomResult extends Partial<NetworkSize> {
  readonly bench: "custom";
  /** The operation. */
  readonly kernel: string;
  readonly layer: string;
  readonly layers: number;
  readonly shape: Readonly<Record<string, number>>;
  readonly file: string;
  /** SHA-256 of the kernel's text. */
  readonly hash: string;
  readonly author: string;
  /** What the check before it found; a result without it is none. */
  readonly check: {
    readonly error: number;
    readonly samples: number;
    readonly sameBits: boolean;
  };
  readonly milliseconds: Summary;
  readonly ours: Summary;
  /** Theirs / ours, round by round. */
  readonly ratio: Summary;
  readonly gflops: number;
  readonly gbs: number;
  readonly multiplyAddCeiling: number;
  readonly copyCeiling: number;
  readonly multiplyAddShare: number;
  readonly copyShare: number;
}

/** A case, and the network that asks for it; none where a shape was asked for. */
interface Asked {
  readonly kernelCase: KernelCase;
  readonly size?: NetworkSize;
}

/** What a check found, and what the kernel left, which its timed runs must leave as well. */
type Checked = CustomResult["check"] & { readonly left: string };

/** Checks a kernel, and times it beside ours if it is right; returns whether it is, at every shape. */
export async function benchCustom(options: CustomOptions, output: Output): Promise<boolean> {
  if (!options.watch) return await once(options, null, output) !== null;
  readKernelFile(options.path); // one that is not there is not waited for
  let last = await attempt(options, null, output);
  output.print("\nwatching; Ctrl+C ends");
  for await (const _ of saves(options.path)) {
    output.print(`\n${new Date().toLocaleTimeString()}`);
    if (last) output.print(`last save that was right: ${sumOf(last)}; measuring again`);
    last = await attempt(options, last, output) ?? last;
  }
  return last !== null;
}

/** The same for a file that is being worked at: what is wrong with it, the next save may mend. */
async function attempt(...given: Parameters<typeof once>): ReturnType<typeof once> {
  try {
    return await once(...given);
  } catch (error) {
    const [, , output] = given;
    output.print(error instanceof Error ? error.message : String(error));
    return null;
  }
}

/** Checks and times the file as it is now; null where it is wrong. */
async function once(
  options: CustomOptions,
  last: readonly CustomResult[] | null,
  output: Output,
): Promise<CustomResult[] | null> {
  const own = readOwnKernel(readKernelFile(options.path), options.op);
  const gpu = await openGpu({ provider: options.provider });
  try {
    const small = smallCases(own.op, "f32", options.stem);
    const halves = own.forms.f16 ? smallCases(own.op, "f16", options.stem) : [];
    const asked = askedFor(gpu, own, options);
    const taken = new Set(await casesTaken(gpu, own, asked.map(({ kernelCase }) => kernelCase)));
    const timed = asked.filter(({ kernelCase }) => taken.has(kernelCase));
    const odd = await casesTakenOrNone(gpu, own, [...small, ...halves]);
    const forms = await casesTakenOrNone(gpu, own, otherForms(gpu, own, asked));
    const checked = await checkAll(gpu, own, [...odd, ...taken], forms, output);
    if (!checked) return null;
    for (const text of remarksOf(own)) output.print(`remark: ${text}`);
    const results = await timeAll(gpu, own, timed, checked, options, output);
    if (!results) return null;
    output.print(verdict(results));
    if (last) output.print(compareWithLast(results, last));
    await tellStep(gpu, own, timed, results, output);
    const impossible = aboveCeilings(results);
    for (const text of impossible) output.print(text);
    const path = writeResults(options.out, "custom", results, settingOf(gpu));
    output.print(`written: ${path}`);
    return impossible.length === 0 ? results : null;
  } finally {
    gpu.destroy();
  }
}

/** The cases that are timed. */
function askedFor(gpu: Gpu, { op }: OwnKernel, options: CustomOptions): Asked[] {
  const { widths, sizes, batches, stem, shape } = options;
  const pass = conv2dPasses.find((pass) => op.name === `conv2d_${pass}`);
  if (shape !== "" && pass) return [{ kernelCase: conv2dOps(pass).at(parseShape(shape)) }];
  const all = widths.flatMap((width) =>
    sizes.flatMap((size) =>
      batches.flatMap((batch) =>
        networkCases(op, { width, size, batch, stem }, gpu)
          .map((kernelCase): Asked => ({ kernelCase, size: { width, size, batch, stem } }))
      )
    )
  );
  if (shape === "") return all;
  const wanted = shape.split(",").filter((part) => part.trim() !== "").map((part) => {
    const [, name, number] = part.trim().match(/^(\w+)=(\d+)$/) ?? [];
    if (name === undefined) {
      throw new InputError(
        `Cannot read shape "${part}": expected NAME=NUMBER; ./wscl kernels show ${op.name} lists names`,
      );
    }
    return [name, Number(number)] as const;
  });
  const found = all.filter(({ kernelCase: { shape } }) =>
    wanted.every(([name, number]) => shape[name] === number)
  );
  if (found.length > 0) return found;
  throw new InputError(
    `Cannot find the shape "${shape}" of ${op.name}: this network asks for ${
      all.map(({ kernelCase }) => sizesOf(kernelCase)).join("; ")
    }`,
  );
}

/** Other launches of the networks that are asked for. */
function otherForms(gpu: Gpu, { op }: OwnKernel, asked: readonly Asked[]): KernelCase[] {
  const sizes = new Map(asked.flatMap(({ size }) => size ? [[JSON.stringify(size), size]] : []));
  return [...sizes.values()].flatMap((size) => op.otherForms(size, gpu));
}

const sizesOf = ({ shape }: Pick<KernelCase, "shape">) =>
  Object.entries(shape).map(([name, value]) => `${name}=${value}`).join(",");

/** Checks at all shapes; prints the first at which it is wrong, and gives null then. */
async function checkAll(
  gpu: Gpu,
  own: OwnKernel,
  usual: readonly KernelCase[],
  forms: readonly KernelCase[],
  output: Output,
): Promise<Map<KernelCase, Checked> | null> {
  const checks = new Map<KernelCase, Checked>();
  const cases = [...usual, ...forms];
  for (const [i, kernelCase] of cases.entries()) {
    output.live(`checking shape ${i + 1} of ${cases.length}`);
    const brief = i >= usual.length;
    const { reason, details, error, samples, sameBits, left } = await checkOwn(
      gpu,
      own,
      kernelCase,
      { brief },
    );
    if (reason !== null) {
      output.live("");
      output.print(`${own.name} REFUSED, not timed: ${reason}`);
      output.print(`at ${own.op.name} ${kernelCase.layer} ${sizesOf(kernelCase)}`);
      for (const line of details) output.print(line);
      return null;
    }
    checks.set(kernelCase, { error, samples, sameBits, left });
  }
  output.live("");
  const all = [...checks.values()];
  const worst = Math.max(...all.map(({ error }) => error));
  output.print(
    `${own.op.name}: right at ${all.length} shapes, relative error ${
      worst.toExponential(1)
    } at most, ` +
      `${
        all.reduce((sum, { samples }) => sum + samples, 0)
      } elements compared in double precision; ` +
      (all.every(({ sameBits }) => sameBits) ? "the bits of ours" : "other bits than ours"),
  );
  return checks;
}

async function timeAll(
  gpu: Gpu,
  own: OwnKernel,
  asked: readonly Asked[],
  checks: ReadonlyMap<KernelCase, Checked>,
  { rounds, author }: CustomOptions,
  output: Output,
): Promise<CustomResult[] | null> {
  const ceilings = await prepareCeilings(gpu);
  try {
    const hash = await sha256(new TextEncoder().encode(own.code));
    const results: CustomResult[] = [];
    for (const [i, { kernelCase, size }] of asked.entries()) {
      const { op, layer, layers, shape } = kernelCase;
      output.live(`timing ${i + 1} of ${asked.length}: ${layer}`);
      const { left, ...check } = checks.get(kernelCase)!;
      const times = await timeCase(gpu, own, kernelCase, left, ceilings, rounds);
      if (times === null) {
        output.live("");
        output.print(
          `${own.name} REFUSED: its timed runs left other bits than its check\nat ${op} ${layer} ${
            sizesOf(kernelCase)
          }`,
        );
        return null;
      }
      results.push({
        ...{ bench: "custom", kernel: op, layer, layers, ...size, shape },
        ...{ file: own.name, hash, author, check },
        ...times,
      });
    }
    output.live("");
    const finished = againstBest(results, ceilings);
    output.print(tableOf(finished));
    return finished;
  } finally {
    ceilings.destroy();
  }
}

/** Null where the timed runs have not left what the check found. */
async function timeCase(
  gpu: Gpu,
  own: OwnKernel,
  kernelCase: KernelCase,
  left: string,
  ceilings: Ceilings,
  rounds: number,
) {
  const { flops, bytes } = kernelCase;
  const others = [ceilings.multiplyAdd.dispatches, ceilings.copy.dispatches];
  const times = await timeOwn(gpu, own, kernelCase, { left, rounds, others });
  if (!times.computed) return null;
  const { own: mine, ours: house, others: [arithmetic, copies] } = times;
  const rate = (amount: number, list: number[]) => amount / Math.min(...list) / 1e6;
  return {
    milliseconds: summarise(mine),
    ours: summarise(house),
    ratio: summarise(mine.map((ms, i) => ms / house[i])),
    gflops: rate(flops, mine),
    gbs: rate(bytes, mine),
    multiplyAddCeiling: rate(ceilings.multiplyAdd.amount, arithmetic),
    copyCeiling: rate(ceilings.copy.amount, copies),
    ...{ multiplyAddShare: 0, copyShare: 0 },
  };
}

/** Shares of the best ceilings of the whole run. */
function againstBest(results: readonly CustomResult[], { reached }: Ceilings): CustomResult[] {
  const peak = Math.max(reached.multiplyAdd, ...results.map((r) => r.multiplyAddCeiling));
  const copy = Math.max(reached.copy, ...results.map((r) => r.copyCeiling));
  return results.map((result) => ({
    ...result,
    ...{ multiplyAddCeiling: peak, copyCeiling: copy },
    ...{ multiplyAddShare: result.gflops / peak, copyShare: result.gbs / copy },
  }));
}

function tableOf(results: readonly CustomResult[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return table([
    [
      "layer",
      "layers",
      "yours ms",
      "ours ms",
      "ratio",
      "quartiles",
      "GFLOP/s",
      "of peak",
      "GB/s",
      "of copy",
    ],
    ...results.map((r) => [
      [r.layer, r.width && `w${r.width}`, r.size && `${r.size}px`, r.batch && `b${r.batch}`]
        .filter(Boolean).join(" "),
      `${r.layers}x`,
      figures(r.milliseconds.median),
      figures(r.ours.median),
      r.ratio.median.toFixed(2),
      `${r.ratio.low.toFixed(2)}-${r.ratio.high.toFixed(2)}`,
      figures(r.gflops),
      percent(r.multiplyAddShare),
      figures(r.gbs),
      percent(r.copyShare),
    ]),
  ]);
}

/** Milliseconds of all layers together. */
function sums(results: readonly CustomResult[]): { readonly yours: number; readonly ours: number } {
  const sum = (of: (result: CustomResult) => number) =>
    results.reduce((total, result) => total + result.layers * of(result), 0);
  return { yours: sum((r) => r.milliseconds.median), ours: sum((r) => r.ours.median) };
}

function sumOf(results: readonly CustomResult[]): string {
  const { yours, ours } = sums(results);
  return `${figures(yours)} ms for all layers, ours ${figures(ours)} ms`;
}

/** Quartiles of fewer rounds are the fastest and the slowest. */
const ENOUGH_ROUNDS = 5;

/** The same kernel twice comes out so far apart, whatever its quartiles. */
const NO_DIFFERENCE = 0.02;

/**
 * Which is faster, beyond the noise: 1 is further from the quartiles than half their distance, since of some rounds
 * these alone lie on one side often enough by chance; the ratio of all layers, and of quartiles of each, weighted by its
 * time.
 */
export function verdict(results: readonly CustomResult[]): string {
  const { low, median, high } = ratioOf(results);
  const { count } = results[0].ratio;
  const said = count < ENOUGH_ROUNDS
    ? `none by ${count} round${
      count === 1 ? "" : "s"
    }: noise cannot be told from fewer than ${ENOUGH_ROUNDS}`
    : low - (high - low) / 2 > 1 + NO_DIFFERENCE
    ? `ours is ${median.toFixed(2)} times as fast`
    : high + (high - low) / 2 < 1 - NO_DIFFERENCE
    ? `yours is ${(1 / median).toFixed(2)} times as fast: tell us`
    : "no difference beyond the noise";
  return `${sumOf(results)}\nverdict: ${said} (yours / ours, round by round: ${
    median.toFixed(2)
  }, quartiles ${low.toFixed(2)}-${high.toFixed(2)}, ${count} round${count === 1 ? "" : "s"})`;
}

/** Yours / ours of all layers: median and quartiles of each, weighted by its time. */
function ratioOf(results: readonly CustomResult[]): Pick<Summary, "low" | "median" | "high"> {
  const { ours } = sums(results);
  const weighted = (of: (ratio: Summary) => number) =>
    results.reduce((sum, r) => sum + r.layers * r.ours.median * of(r.ratio), 0) / ours;
  return {
    low: weighted((ratio) => ratio.low),
    median: weighted((ratio) => ratio.median),
    high: weighted((ratio) => ratio.high),
  };
}

/** Ratios to ours, which took turns with both saves, so that another load of the machine does not count. */
export function compareWithLast(
  now: readonly CustomResult[],
  last: readonly CustomResult[],
): string {
  const [after, before] = [ratioOf(now), ratioOf(last)];
  const rounds = Math.min(now[0].ratio.count, last[0].ratio.count);
  const apart = after.low > before.high || after.high < before.low;
  const said = rounds < ENOUGH_ROUNDS
    ? `too few rounds to tell (${rounds})`
    : apart
    ? `${(after.median / before.median).toFixed(2)} times as long`
    : "no difference beyond the noise";
  const range = ({ low, median, high }: typeof after) =>
    `${median.toFixed(2)}, quartiles ${low.toFixed(2)}-${high.toFixed(2)}`;
  return `against the last save: ${said} (yours / ours was ${range(before)}; is ${range(after)})`;
}

/** What it would do to a training step: from the share of it that the operation takes now. */
async function tellStep(
  gpu: Gpu,
  { op }: OwnKernel,
  asked: readonly Asked[],
  results: readonly CustomResult[],
  output: Output,
): Promise<void> {
  if (!gpu.features.has("timestamp-query")) return;
  const networks = Map.groupBy(
    asked.flatMap(({ size }, i) => size && size.stem !== "imagenet" ? { size, i } : []),
    ({ size: { width, size, batch } }) => `width ${width}, ${size} pixels, batch ${batch}`,
  );
  for (const [name, own] of networks) {
    const { width, size, batch } = own[0].size;
    const step = await prepareStep(gpu, { width, size, segments: [batch] });
    try {
      step.run();
      await step.program.profile();
      const launches = await step.program.profile();
      const sum = (list: typeof launches) => list.reduce((all, l) => all + l.milliseconds, 0);
      const replaced = launches.filter(({ kernel }) =>
        opOfKernel({ name: kernel })?.name === op.name
      );
      if (replaced.length === 0) continue;
      const share = sum(replaced) / sum(launches);
      const { yours, ours } = sums(own.map(({ i }) => results[i]));
      const times = 1 - share + share * yours / ours;
      output.print(
        `a training step (${name}) would take ${times.toFixed(2)} times as long: ${op.name} is ${
          (100 * share).toFixed(0)
        } % of it`,
      );
    } finally {
      step.destroy();
    }
  }
}

/** A convolution from "batch=32,size=32,in=16,out=16,kernel=3,stride=1". */
export function parseShape(text: string): ConvolutionShape {
  const values = { batch: 32, size: 32, in: 16, out: 16, kernel: 3, stride: 1 };
  for (const part of text.split(",").filter((part) => part.trim() !== "")) {
    const [, name, number] = part.trim().match(/^(\w+)=(\d+)$/) ?? [];
    if (!Object.hasOwn(values, name ?? "") || Number(number) < 1) {
      throw new InputError(
        `Cannot read shape "${part}": expected ${Object.keys(values).join(", ")}, each NAME=NUMBER`,
      );
    }
    values[name as keyof typeof values] = Number(number);
  }
  const { batch, size, kernel, stride } = values;
  if ((kernel !== 1 && kernel !== 3) || (stride !== 1 && stride !== 2)) {
    throw new InputError(
      `Cannot use shape "${text}": kernel is 1 or 3, stride is 1 or 2, as in the network`,
    );
  }
  return convolutionShape({
    rows: batch,
    inputChannels: values.in,
    outputChannels: values.out,
    kernel,
    stride,
    inputHeight: size,
    inputWidth: size,
  });
}
