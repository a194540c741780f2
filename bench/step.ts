import { adapterName } from "../src/gpu/device.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import { figures, summarise, type Summary, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";
import { prepareStep, type StepSize, type TrainingStep } from "./training_step.ts";
import type { Gpu } from "../src/gpu/device.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { type Precision, storedTypes } from "../src/ops/storage.ts";
import { rememberedChoice } from "../src/check/tuned.ts";
import { readKernelFile } from "../src/host/own_kernels.ts";
import { checkForRun } from "../src/lab/check_for_run.ts";
import { readOwnKernels, replacing } from "../src/lab/own_kernel.ts";
import { readRemembered } from "../src/host/remembered_tuning.ts";

/** One line of `step.jsonl`. */
export interface StepResult extends Required<Omit<StepSize, "choice" | "replace">> {
  readonly bench: "step";
  /** Files of kernels of one's own that it was computed with; left out where there were none. */
  readonly own?: readonly string[];
  readonly dispatches: number;
  /** Wall clock of a step, many submitted in a row. */
  readonly milliseconds: Summary;
  readonly samplesPerSecond: number;
  /** Host time of a step: batch record, encoding, submission on an idle queue. */
  readonly hostMilliseconds: Summary;
  /** Milliseconds of a step by kernel, from timestamps; null without timestamps. */
  readonly kernels:
    | Readonly<Record<string, { readonly launches: number; readonly ms: number }>>
    | null;
  /** Share of the wall clock in which no kernel ran; null without timestamps. */
  readonly idleShare: number | null;
  readonly megabytes: number;
}

/** What `wscl bench step` was asked for; the network sizes are tried one after the other, precisions in turn. */
export interface StepOptions {
  readonly widths: readonly number[];
  readonly size: number;
  readonly segments: readonly number[];
  readonly precisions: readonly Precision[];
  /** Files of kernels of one's own: steps with them take turns with steps without. */
  readonly kernels: readonly string[];
  readonly rounds: number;
  readonly out: string;
  /** Where tuned kernels are remembered; they are used, as in a run. */
  readonly cacheDir: string;
  readonly provider: ProviderName;
}

/**
 * Measures whole training steps.
 *
 * @throws {InputError} for a kernel of one's own that is wrong at the step's shapes.
 */
export async function benchStep(options: StepOptions, output: Output): Promise<void> {
  const own = readOwnKernels(options.kernels.map(readKernelFile));
  const gpu = await openGpu({ provider: options.provider });
  try {
    const setting = settingOf(gpu);
    output.print(`${adapterName(gpu.adapter)}, Deno ${setting.deno}, commit ${setting.commit}`);
    const remembered = await readRemembered(gpu, options.cacheDir);
    const results: StepResult[] = [];
    for (const width of options.widths) {
      const { size, segments, precisions, rounds } = options;
      const rows = segments.reduce((a, b) => a + b, 0);
      for (const kernel of own) {
        for (const precision of precisions) {
          output.live(`width ${width}: checking ${kernel.name}`);
          const stored = storedTypes[precision];
          await checkForRun(gpu, kernel, {
            networks: [{ width, size, batch: rows, segments }],
            stored,
          });
        }
      }
      const sizes = precisions.flatMap((precision): MeasuredSize[] => {
        const ours = { width, size, segments, precision };
        return own.length > 0 ? [ours, { ...ours, own: options.kernels }] : [ours];
      });
      const steps: TrainingStep[] = [];
      try {
        for (const size of sizes) {
          output.live(`width ${width}, ${size.precision} precision: compiling`);
          const choice = rememberedChoice(gpu, remembered, rows, storedTypes[size.precision]);
          const replace = size.own && replacing(own);
          steps.push(await prepareStep(gpu, { ...size, choice, replace }));
        }
        const measured: Measurements[] = sizes.map(() => ({
          walls: [],
          waits: [],
          hosts: [],
          profiles: [],
        }));
        for (let round = -1; round < rounds; round++) {
          output.live(`width ${width}: round ${round + 1} of ${rounds}`);
          for (const [i, step] of steps.entries()) {
            // The first round warms up.
            await measureRound(gpu, step, round < 0 ? null : measured[i]);
          }
        }
        output.live("");
        const found = steps.map((step, i) => resultOf(step, sizes[i], measured[i]));
        for (const result of found) output.print(`\n${describe(result)}`);
        if (found.length > 1) output.print(`\n${compare(found)}`);
        results.push(...found);
      } finally {
        for (const step of steps) step.destroy();
      }
    }
    output.print(`\nwritten: ${writeResults(options.out, "step", results, setting)}`);
  } finally {
    gpu.destroy();
  }
}

/** A kind of step that is measured. */
type MeasuredSize = Required<Omit<StepSize, "choice" | "replace">> & Pick<StepResult, "own">;

/** Steps that are submitted one behind the other. */
const inRow = 3;

/** What is measured of one kind of step, a value a round. */
interface Measurements {
  /** Milliseconds of `inRow` steps and of waiting for them; of waiting alone. */
  readonly walls: number[];
  readonly waits: number[];
  readonly hosts: number[];
  readonly profiles: { kernel: string; milliseconds: number }[][];
}

async function measureRound(
  gpu: Gpu,
  step: TrainingStep,
  measurements: Measurements | null,
): Promise<void> {
  await gpu.settle();
  const start = performance.now();
  step.run();
  const host = performance.now() - start;
  for (let i = 1; i < inRow; i++) step.run();
  await gpu.settle();
  const wall = performance.now() - start;
  const before = performance.now();
  await gpu.settle();
  const wait = performance.now() - before;
  const profile = gpu.features.has("timestamp-query") ? await step.program.profile() : [];
  measurements?.hosts.push(host);
  measurements?.walls.push(wall);
  measurements?.waits.push(wait);
  measurements?.profiles.push(profile);
}

function resultOf(
  step: TrainingStep,
  size: MeasuredSize,
  { walls, waits, hosts, profiles }: Measurements,
): StepResult {
  const profiled = profiles[0].length > 0;
  // Waiting has a fixed cost of its own, which a long run pays once in many steps.
  const wait = summarise(waits).least;
  const milliseconds = summarise(walls.map((wall) => Math.max(wall - wait, 0) / inRow));
  const rows = size.segments.reduce((a, b) => a + b, 0);
  const kernels: Record<string, { launches: number; ms: number }> = {};
  for (const name of new Set(profiles[0].map(({ kernel }) => kernel))) {
    const own = profiles.map((launches) => launches.filter(({ kernel }) => kernel === name));
    kernels[name] = {
      launches: own[0].length,
      ms: summarise(own.map((l) => l.reduce((sum, { milliseconds: ms }) => sum + ms, 0))).median,
    };
  }
  const busy = summarise(
    profiles.map((launches) => launches.reduce((sum, { milliseconds: ms }) => sum + ms, 0)),
  );
  return {
    bench: "step",
    ...size,
    dispatches: step.program.length,
    milliseconds,
    samplesPerSecond: rows / milliseconds.median * 1000,
    hostMilliseconds: summarise(hosts),
    kernels: profiled ? kernels : null,
    // Least against least: medians of a loaded machine would compare different moments.
    idleShare: profiled ? Math.max(0, 1 - busy.least / milliseconds.least) : null,
    megabytes: step.bytes / 1e6,
  };
}

const nameOf = ({ precision, own }: StepResult) =>
  `${precision} precision${own ? ` with ${own.join(", ")}` : ""}`;

/** The others against the first, which took turns with them. */
function compare([first, ...others]: readonly StepResult[]): string {
  const ratio = (a: number, b: number) => (a / b).toFixed(2);
  return others.map((other) =>
    `${nameOf(other)} against ${nameOf(first)}: ` +
    `${ratio(other.milliseconds.least, first.milliseconds.least)} times as long (least; medians ` +
    `${ratio(other.milliseconds.median, first.milliseconds.median)}), ` +
    `${ratio(other.megabytes, first.megabytes)} times the memory`
  ).join("\n");
}

function describe(result: StepResult): string {
  const { milliseconds: ms, hostMilliseconds: host, kernels, idleShare } = result;
  const lines = [
    `width ${result.width}, batch ${result.segments.join(" + ")}, ${result.size} pixels, ` +
    nameOf(result),
    `  step        ${figures(ms.median)} ms (quartiles ${figures(ms.low)}-${figures(ms.high)}, ` +
    `least ${figures(ms.least)}), ${figures(result.samplesPerSecond)} samples/s`,
    `  dispatches  ${result.dispatches} in one submission`,
    `  host        ${figures(host.median)} ms to write the record, encode and submit`,
    `  GPU idle    ${idleShare === null ? "unknown" : `${(100 * idleShare).toFixed(1)} %`}`,
    `  GPU memory  ${figures(result.megabytes)} MB`,
  ];
  if (!kernels) return lines.join("\n");
  const entries = Object.entries(kernels).toSorted(([, a], [, b]) => b.ms - a.ms);
  const total = entries.reduce((sum, [, entry]) => sum + entry.ms, 0);
  const rows = entries.map(([name, { launches, ms }]) => [
    `  ${name}`,
    String(launches),
    figures(ms),
    `${(100 * ms / total).toFixed(1)} %`,
  ]);
  return [...lines, table([["  kernel", "launches", "ms", "share"], ...rows])].join("\n");
}
