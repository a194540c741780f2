import { InputError } from "../src/errors.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { prepareCeilings } from "./ceilings.ts";
import { type Contract, contracts, customDispatch } from "./custom_contract.ts";
import { checkCase } from "../src/check/check_case.ts";
import type { CaseOutput, KernelCase } from "../src/check/kernel_case.ts";
import { Operands } from "../src/check/operands.ts";
import { type ConvolutionShape, convolutionShape } from "../src/check/ops/convolution.ts";
import { timeInTurn } from "../src/gpu/timing.ts";
import { decodeText } from "../src/text.ts";
import { figures, summarise, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";

/** What `wscl bench custom` was asked for. */
export interface CustomOptions {
  readonly path: string;
  readonly op: string;
  /** Such as "batch=32,size=32,in=16,out=16,kernel=3,stride=1"; what is left out is that. */
  readonly shape: string;
  readonly watch: boolean;
  readonly rounds: number;
  readonly out: string;
  readonly provider: ProviderName;
}

/** Checks a kernel, and times it beside ours if it is right; returns whether it is. */
export async function benchCustom(options: CustomOptions, output: Output): Promise<boolean> {
  const contract = contracts[options.op];
  if (!Object.hasOwn(contracts, options.op)) {
    throw new InputError(
      `Cannot replace ${options.op}: the operations are ${Object.keys(contracts).join(", ")}`,
    );
  }
  const shape = parseShape(options.shape);
  let right = await once(options, contract, shape, output);
  if (!options.watch) return right;
  output.print("\nwatching; Ctrl+C ends");
  let pending = false;
  for await (const event of Deno.watchFs(options.path)) {
    if (event.kind === "access" || pending) continue;
    pending = true;
    // An editor saves in several steps.
    await new Promise((resolve) => setTimeout(resolve, 100));
    pending = false;
    output.print(`\n${new Date().toLocaleTimeString()}`);
    try {
      right = await once(options, contract, shape, output);
    } catch (error) {
      // The next save may mend it.
      output.print(error instanceof Error ? error.message : String(error));
    }
  }
  return right;
}

async function once(
  options: CustomOptions,
  contract: Contract,
  shape: ConvolutionShape,
  output: Output,
): Promise<boolean> {
  const code = readKernel(options.path);
  const gpu = await openGpu({ provider: options.provider });
  const bench = new Operands(gpu);
  try {
    const kernelCase = contract.op.at(shape);
    const { tolerance } = kernelCase;
    const prepared = kernelCase.prepare(bench);
    const dispatch = customDispatch(code, contract, prepared, shape);
    const check = await checkCase(gpu, [dispatch], prepared.outputs, tolerance)
      .catch((error: Error) => {
        throw new InputError(error.message.replaceAll("custom.wgsl", options.path));
      });
    if (!check.ok) {
      output.print(
        `WRONG, not timed: relative error ${
          check.error.toExponential(1)
        }, ${tolerance.error} is allowed`,
      );
      output.print(whereWrong(prepared.outputs[0], check.found[0]));
      return false;
    }
    output.print(
      `right: relative error ${check.error.toExponential(1)} of ${check.samples} sampled elements`,
    );
    await time(gpu, options, [dispatch], prepared.dispatches(), kernelCase, output);
    return true;
  } finally {
    bench.destroy();
    gpu.destroy();
  }
}

async function time(
  gpu: Gpu,
  options: CustomOptions,
  theirs: Parameters<typeof timeInTurn>[1][number],
  ours: typeof theirs,
  { flops, bytes, shape, op: kernel }: KernelCase,
  output: Output,
): Promise<void> {
  const ceilings = await prepareCeilings(gpu);
  try {
    const things = [theirs, ours, ceilings.multiplyAdd.dispatches, ceilings.copy.dispatches];
    const [mine, house, arithmetic, copies] = await timeInTurn(gpu, things, options.rounds);
    const peak = ceilings.multiplyAdd.amount / summarise(arithmetic).median;
    const copy = ceilings.copy.amount / summarise(copies).median;
    const row = (name: string, times: number[]) => {
      const { median, low, high } = summarise(times);
      return [
        name,
        figures(median),
        `${figures(low)}-${figures(high)}`,
        figures(flops / median / 1e6),
        `${(100 * flops / median / peak).toFixed(0)} %`,
        figures(bytes / median / 1e6),
        `${(100 * bytes / median / copy).toFixed(0)} %`,
      ];
    };
    output.print(table([
      [kernel, "ms", "quartiles", "GFLOP/s", "of peak", "GB/s", "of copy"],
      row("yours", mine),
      row("ours", house),
    ]));
    const ratio = summarise(mine.map((ms, i) => ms / house[i]));
    const verdict = ratio.low > 1
      ? `ours is ${ratio.median.toFixed(2)} times as fast`
      : ratio.high < 1
      ? `yours is ${(1 / ratio.median).toFixed(2)} times as fast: tell us`
      : "no difference beyond the noise";
    output.print(
      `verdict: ${verdict} (yours / ours, round by round: ${ratio.median.toFixed(2)}, quartiles ` +
        `${ratio.low.toFixed(2)}-${ratio.high.toFixed(2)}, ${ratio.count} rounds)`,
    );
    const result = {
      bench: "custom",
      kernel,
      file: options.path,
      shape,
      milliseconds: summarise(mine),
      ours: summarise(house),
      ratio,
    };
    writeResults(options.out, "custom", [result], settingOf(gpu));
  } finally {
    ceilings.destroy();
  }
}

/** Which samples are wrong: the worst of them, and what their coordinates have in common. */
function whereWrong(output: CaseOutput, found: ArrayLike<number>): string {
  const { at, expected, where, name } = output;
  const scale = Math.sqrt(Array.from(expected).reduce((sum, v) => sum + v * v, 0) / at.length);
  const samples = Array.from(at, (place, i) => {
    const off = Math.abs(found[i] - expected[i]);
    return { coordinates: where(place), found: found[i], expected: expected[i], off };
  });
  const isWrong = ({ off }: { off: number }) => !(off <= 1e-4 * scale);
  const wrong = samples.filter(isWrong);
  const lines = [`${wrong.length} of ${samples.length} sampled elements of ${name} are wrong`];
  const missing = wrong.filter((sample) => Number.isNaN(sample.found)).length;
  if (missing > 0) lines.push(`${missing} of them were never written, or are NaN`);
  for (const axis of Object.keys(samples[0].coordinates)) {
    const of = (list: typeof samples) => new Set(list.map(({ coordinates }) => coordinates[axis]));
    const [bad, good] = [of(wrong), of(samples.filter((sample) => !isWrong(sample)))];
    const apart = [...bad].every((value) => !good.has(value));
    if (!apart || good.size === 0) continue;
    const values = [...bad].toSorted((a, b) => a - b);
    const shown = values.length > 6
      ? `${values.slice(0, 3).join(", ")} ... ${values.at(-1)}`
      : values.join(", ");
    lines.push(`all of them, and no right one, at ${axis} = ${shown}`);
  }
  if (wrong.every(({ coordinates }) => atBorder(coordinates, samples))) {
    lines.push("all of them at the border of the image");
  }
  const key = (off: number) => Number.isNaN(off) ? Infinity : off;
  for (const sample of wrong.toSorted((a, b) => key(b.off) - key(a.off)).slice(0, 5)) {
    const place = Object.entries(sample.coordinates).map(([n, v]) => `${n} ${v}`).join(", ");
    lines.push(`  ${name}[${place}] is ${sample.found}, should be ${Math.fround(sample.expected)}`);
  }
  return lines.join("\n");
}

/** Whether a row or column (axes that end in y or x) is the first or the last among the samples. */
function atBorder(
  coordinates: Readonly<Record<string, number>>,
  samples: readonly { readonly coordinates: Readonly<Record<string, number>> }[],
): boolean {
  return Object.entries(coordinates).some(([axis, value]) =>
    /[yx]$/.test(axis) &&
    (value === 0 || samples.every((sample) => sample.coordinates[axis] <= value))
  );
}

function readKernel(path: string): string {
  try {
    return decodeText(Deno.readFileSync(path), path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new InputError(
      `Cannot read kernel ${path}: no such file; name a WGSL file with an entry point main (bench/README.md)`,
    );
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
