import { adapterName, openGpu } from "../src/gpu/device.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { InputError } from "../src/errors.ts";
import { batchNormCases } from "./batch_norm_cases.ts";
import { type Ceilings, prepareCeilings } from "./ceilings.ts";
import { convolutionCases, type NetworkSize, type Ways } from "./convolution_cases.ts";
import { checkCase, type KernelCase, tolerance } from "./kernel_case.ts";
import { figures, summarise, type Summary, table } from "./measure.ts";
import { Operands } from "../src/experiment/tuning/operands.ts";
import { timeInTurn } from "../src/gpu/timing.ts";
import { otherCases } from "./other_cases.ts";
import { roofline } from "./roofline.ts";
import { readRemembered, rememberedChoice } from "../src/experiment/tuning/remembered.ts";
import { conv2dCandidates } from "../src/ops/conv2d_variants.ts";
import { type Output, settingOf, writeResult, writeResults } from "./setting.ts";
import type { Gpu } from "../src/gpu/device.ts";

/** One line of `kernels.jsonl` or `variants.jsonl`. Rates are those of the least time, which load from elsewhere disturbs least. */
export interface KernelResult extends NetworkSize {
  /** "variants" where all ways to compute a convolution were asked for. */
  readonly bench: "kernels" | "variants";
  readonly kernel: string;
  /** How it is computed, where there are several ways. */
  readonly variant?: string;
  readonly layer: string;
  readonly layers: number;
  readonly shape: Readonly<Record<string, number>>;
  /** Worst relative error of the checked samples. */
  readonly error: number;
  readonly samples: number;
  readonly milliseconds: Summary;
  readonly gflops: number;
  readonly gbs: number;
  /** Best GFLOP/s of the register-blocked multiply-add loop, which is timed in turn with each kernel of the run. */
  readonly multiplyAddCeiling: number;
  /** Best GB/s of the large copy, likewise. */
  readonly copyCeiling: number;
  readonly multiplyAddShare: number;
  readonly copyShare: number;
}

/** What `wscl bench kernels` was asked for; lists are tried in all combinations. */
export interface KernelsOptions {
  readonly filter: string;
  readonly widths: readonly number[];
  readonly sizes: readonly number[];
  readonly batches: readonly number[];
  /** All ways to compute a convolution that suit the adapter, instead of the one that training takes. */
  readonly variants: boolean;
  readonly rounds: number;
  readonly out: string;
  /** Where tuned kernels are remembered; they are measured, unless all are. */
  readonly cacheDir: string;
  readonly provider: ProviderName;
}

/** Checks and times every kernel at the shapes of ResNet-18; returns whether all were right. */
export async function benchKernels(options: KernelsOptions, output: Output): Promise<boolean> {
  const gpu = await openGpu({ provider: options.provider });
  let ceilings: Ceilings | null = null;
  try {
    ceilings = await prepareCeilings(gpu);
    const setting = settingOf(gpu);
    output.print(`${adapterName(gpu.adapter)}, Deno ${setting.deno}, commit ${setting.commit}`);
    const bench = options.variants ? "variants" : "kernels";
    const remembered = await readRemembered(gpu, options.cacheDir);
    const results: KernelResult[] = [];
    let wrong = 0;
    for (const size of combinations(options)) {
      const ways: Ways = options.variants
        ? (pass, layer) => conv2dCandidates(gpu, pass, layer, size.batch)
        : (pass, layer) => [rememberedChoice(gpu, remembered, size.batch, "f32")(pass, layer)];
      const all = casesOf(gpu, size, ways);
      const cases = all.filter(({ kernel, layer }) =>
        `${kernel} ${layer}`.includes(options.filter)
      );
      if (cases.length === 0) {
        const names = [...new Set(all.map(({ kernel }) => kernel))];
        throw new InputError(
          `Cannot bench kernels: none matches "${options.filter}"; there are ${names.join(", ")}`,
        );
      }
      for (const [i, kernelCase] of cases.entries()) {
        output.live(`${i + 1}/${cases.length} ${kernelCase.kernel} ${kernelCase.layer}`);
        const result = await measure(gpu, ceilings, kernelCase, size, options.rounds);
        if (typeof result !== "string") results.push({ bench, ...result, ...size });
        else {
          if (result.startsWith("wrong")) wrong++;
          output.print(`${kernelCase.kernel} ${kernelCase.layer}: ${result}`);
        }
      }
      output.live("");
    }
    const finished = againstBestCeilings(results);
    for (const size of combinations(options)) {
      const own = finished.filter((result) =>
        result.width === size.width && result.size === size.size && result.batch === size.batch
      );
      if (own.length === 0) continue;
      output.print(`\nwidth ${size.width}, batch ${size.batch}, ${size.size} pixels`);
      output.print(tableOf(own));
    }
    const path = writeResults(options.out, bench, finished, setting);
    const picture = writeResult(`${options.out}/${bench}.svg`, roofline(finished, setting));
    output.print(`\nwritten: ${path}, ${picture}`);
    return wrong === 0;
  } finally {
    ceilings?.destroy();
    gpu.destroy();
  }
}

/** Shares of the best ceilings of the whole run: what the adapter can do, if it is left alone. */
function againstBestCeilings(results: readonly KernelResult[]): KernelResult[] {
  const multiplyAddCeiling = Math.max(...results.map((result) => result.multiplyAddCeiling));
  const copyCeiling = Math.max(...results.map((result) => result.copyCeiling));
  return results.map((result) => ({
    ...result,
    multiplyAddCeiling,
    copyCeiling,
    multiplyAddShare: result.gflops / multiplyAddCeiling,
    copyShare: result.gbs / copyCeiling,
  }));
}

function combinations({ widths, sizes, batches }: KernelsOptions): NetworkSize[] {
  return widths.flatMap((width) =>
    sizes.flatMap((size) => batches.map((batch) => ({ width, size, batch })))
  );
}

function casesOf(gpu: Gpu, size: NetworkSize, ways: Ways): KernelCase[] {
  const norms = batchNormCases(size, gpu.adapter.isFallback);
  return [...convolutionCases(size, ways), ...norms, ...otherCases(size)];
}

/** A result, or why there is none. */
async function measure(
  gpu: Gpu,
  ceilings: Ceilings,
  kernelCase: KernelCase,
  size: NetworkSize,
  rounds: number,
): Promise<Omit<KernelResult, "bench"> | string> {
  const bench = new Operands(gpu);
  try {
    const prepared = kernelCase.prepare(bench);
    const check = await checkCase(gpu, prepared);
    if (!check.ok) {
      return `wrong, not timed: relative error ${
        check.error.toExponential(1)
      } of ${check.samples} ` +
        `samples, ${tolerance} is allowed`;
    }
    const [times, arithmetic, copies] = await timeInTurn(
      gpu,
      [prepared.dispatches, ceilings.multiplyAdd.dispatches, ceilings.copy.dispatches],
      rounds,
    );
    const milliseconds = summarise(times);
    const rate = (amount: number, ms: number) => amount / ms / 1e6;
    const multiplyAddCeiling = rate(ceilings.multiplyAdd.flops, summarise(arithmetic).least);
    const copyCeiling = rate(ceilings.copy.bytes, summarise(copies).least);
    const { kernel, variant, layer, layers, shape, flops, bytes } = kernelCase;
    const gflops = rate(flops, milliseconds.least);
    const gbs = rate(bytes, milliseconds.least);
    return {
      kernel,
      variant,
      layer,
      layers,
      ...size,
      shape,
      error: check.error,
      samples: check.samples,
      milliseconds,
      gflops,
      gbs,
      multiplyAddCeiling,
      copyCeiling,
      multiplyAddShare: gflops / multiplyAddCeiling,
      copyShare: gbs / copyCeiling,
    };
  } catch (error) {
    // A layer that is too large for this adapter leaves the others worth measuring.
    if (error instanceof RangeError) return `left out: ${error.message}`;
    throw error;
  } finally {
    bench.destroy();
  }
}

/** With the way where several are measured: training takes one of them for each layer. */
function nameOf({ bench, kernel, variant }: KernelResult): string {
  return bench === "variants" && variant ? `${kernel} ${variant}` : kernel;
}

function tableOf(results: readonly KernelResult[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const rows = results.map((result) => [
    `${nameOf(result)} ${result.layer}`,
    `${result.layers}x`,
    figures(result.milliseconds.least),
    figures(result.milliseconds.median),
    `${figures(result.milliseconds.low)}-${figures(result.milliseconds.high)}`,
    figures(result.gflops),
    percent(result.multiplyAddShare),
    figures(result.gbs),
    percent(result.copyShare),
    result.error.toExponential(0),
  ]);
  const kernels = [...new Set(results.map(nameOf))];
  const sums = kernels.map((kernel) => {
    const own = results.filter((result) => nameOf(result) === kernel);
    const sum = own.reduce((total, r) => total + r.layers * r.milliseconds.least, 0);
    return `${kernel} ${figures(sum)} ms`;
  });
  return table([
    [
      "kernel",
      "layers",
      "least ms",
      "median",
      "quartiles",
      "GFLOP/s",
      "of peak",
      "GB/s",
      "of copy",
      "error",
    ],
    ...rows,
  ]) + `\nall layers, least: ${sums.join(", ")}`;
}
