import { adapterName } from "../src/gpu/device.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { InputError } from "../src/errors.ts";
import { aboveCeilings, type Ceilings, prepareCeilings } from "./ceilings.ts";
import { figures, summarise, type Summary, table } from "./measure.ts";
import { checkCase } from "../src/check/check_case.ts";
import type { KernelCase, NetworkSize } from "../src/check/kernel_case.ts";
import { Operands } from "../src/check/operands.ts";
import { ops } from "../src/check/table.ts";
import { rememberedChoice } from "../src/check/tuned.ts";
import { timeInTurn } from "../src/gpu/timing.ts";
import { roofline } from "./roofline.ts";
import { readRemembered } from "../src/host/remembered_tuning.ts";
import { conv2dCandidates, type Conv2dVariant, variantName } from "../src/ops/conv2d_variants.ts";
import { type Output, settingOf, writeResult, writeResults } from "./setting.ts";
import type { Gpu } from "../src/gpu/device.ts";
import type { Stem } from "../src/net/resnet18.ts";

/**
 * One line of `kernels.jsonl` or `variants.jsonl`. Rates are those of the least time, which load from elsewhere
 * disturbs least.
 */
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
  /** Best GFLOP/s of the unrolled multiply-adds in registers, which are timed in turn with each kernel of the run. */
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
  readonly stem: Stem;
  /** All ways to compute a convolution that suit the adapter, instead of the one that training takes. */
  readonly variants: boolean;
  readonly rounds: number;
  readonly out: string;
  /** Where tuned kernels are remembered; they are measured, unless all are. */
  readonly cacheDir: string;
  readonly provider: ProviderName;
}

/**
 * Checks and times every kernel at the shapes of ResNet-18; returns whether all were right, and none faster than what
 * the ceilings say is possible.
 */
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
      const choice = rememberedChoice(gpu, remembered, size.batch, "f32");
      const listed = ops.flatMap((op) => op.ofNetwork(size, gpu));
      // What one layer launches side by side.
      const byLayer = [...Map.groupBy(listed, ({ layer }) => layer).values()].flat();
      const all = byLayer.flatMap((kernelCase): Measured[] => {
        if (!kernelCase.task) return [{ kernelCase }];
        const { pass, layer, rows } = kernelCase.task;
        const variants = options.variants
          ? conv2dCandidates(gpu, pass, layer, rows)
          : [choice(pass, layer)];
        return variants.map((variant) => ({ kernelCase, variant }));
      });
      const cases = all.filter(({ kernelCase: { op, layer } }) =>
        `${op} ${layer}`.includes(options.filter)
      );
      if (cases.length === 0) {
        const names = [...new Set(all.map(({ kernelCase }) => kernelCase.op))];
        throw new InputError(
          `Cannot bench kernels: none matches "${options.filter}"; there are ${names.join(", ")}`,
        );
      }
      for (const [i, measured] of cases.entries()) {
        const { op, layer } = measured.kernelCase;
        output.live(`${i + 1}/${cases.length} ${op} ${layer}`);
        const result = await measure(gpu, ceilings, measured, size, options.rounds);
        if (typeof result !== "string") results.push({ bench, ...result, ...size });
        else {
          if (result.startsWith("wrong")) wrong++;
          output.print(`${op} ${layer}: ${result}`);
        }
      }
      output.live("");
    }
    const finished = againstBestCeilings(results, ceilings);
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
    output.print(`\nceilings: ${ceilings.multiplyAdd.name}; ${ceilings.copy.name}`);
    const impossible = aboveCeilings(finished);
    for (const text of impossible) output.print(text);
    output.print(`written: ${path}, ${picture}`);
    return wrong === 0 && impossible.length === 0;
  } finally {
    ceilings?.destroy();
    gpu.destroy();
  }
}

/** Shares of the best ceilings of the whole run: what the adapter can do, if it is left alone. */
function againstBestCeilings(
  results: readonly KernelResult[],
  { reached }: Ceilings,
): KernelResult[] {
  const multiplyAddCeiling = Math.max(
    reached.multiplyAdd,
    ...results.map((result) => result.multiplyAddCeiling),
  );
  const copyCeiling = Math.max(reached.copy, ...results.map((result) => result.copyCeiling));
  return results.map((result) => ({
    ...result,
    multiplyAddCeiling,
    copyCeiling,
    multiplyAddShare: result.gflops / multiplyAddCeiling,
    copyShare: result.gbs / copyCeiling,
  }));
}

function combinations({ widths, sizes, batches, stem }: KernelsOptions): NetworkSize[] {
  // A cifar stem goes without saying, so that results are named as ever.
  const how = stem === "cifar" ? {} : { stem };
  return widths.flatMap((width) =>
    sizes.flatMap((size) => batches.map((batch) => ({ width, size, batch, ...how })))
  );
}

/** A case in one of the ways to compute it. */
interface Measured {
  readonly kernelCase: KernelCase;
  readonly variant?: Conv2dVariant;
}

/** A result, or why there is none. */
async function measure(
  gpu: Gpu,
  ceilings: Ceilings,
  { kernelCase, variant }: Measured,
  size: NetworkSize,
  rounds: number,
): Promise<Omit<KernelResult, "bench"> | string> {
  const bench = new Operands(gpu);
  try {
    const prepared = kernelCase.prepare(bench);
    const dispatches = prepared.dispatches(variant);
    const { tolerance } = kernelCase;
    const check = await checkCase(gpu, dispatches, prepared.outputs, tolerance);
    if (!check.ok) {
      return `wrong, not timed: relative error ${
        check.error.toExponential(1)
      } of ${check.samples} ` +
        `samples, ${tolerance.error} is allowed`;
    }
    const [times, arithmetic, copies] = await timeInTurn(
      gpu,
      [dispatches, ceilings.multiplyAdd.dispatches, ceilings.copy.dispatches],
      rounds,
    );
    const milliseconds = summarise(times);
    const rate = (amount: number, ms: number) => amount / ms / 1e6;
    const multiplyAddCeiling = rate(ceilings.multiplyAdd.amount, summarise(arithmetic).least);
    const copyCeiling = rate(ceilings.copy.amount, summarise(copies).least);
    const { op, layer, layers, shape, flops, bytes } = kernelCase;
    const gflops = rate(flops, milliseconds.least);
    const gbs = rate(bytes, milliseconds.least);
    return {
      kernel: op,
      variant: variant && variantName(variant),
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
