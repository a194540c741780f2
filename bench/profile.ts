import type { KernelCase } from "../src/check/kernel_case.ts";
import { ops } from "../src/check/table.ts";
import { rememberedChoice } from "../src/check/tuned.ts";
import { adapterName, type Gpu } from "../src/gpu/device.ts";
import type { LaunchTime } from "../src/gpu/program.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import { readKernelFile } from "../src/host/own_kernels.ts";
import { readRemembered } from "../src/host/remembered_tuning.ts";
import { checkForRun } from "../src/lab/check_for_run.ts";
import { opOfKernel, type OwnKernel, readOwnKernels, replacing } from "../src/lab/own_kernel.ts";
import { aboveCeilings, type Ceilings, prepareCeilings } from "./ceilings.ts";
import { figures, table } from "./measure.ts";
import { profilePage } from "./profile_page.ts";
import { type Output, settingOf, writeResult, writeResults } from "./setting.ts";
import { prepareStep } from "./training_step.ts";

/** What `wscl bench profile` was asked for. */
export interface ProfileOptions {
  readonly width: number;
  readonly size: number;
  readonly segments: readonly number[];
  /** Files of kernels of one's own that the step computes with. */
  readonly kernels: readonly string[];
  readonly rounds: number;
  readonly out: string;
  readonly cacheDir: string;
  readonly provider: ProviderName;
}

/** A launch of a training step: what it took, and what it had to do. Rates are those of the least time. */
export interface ProfiledLaunch {
  readonly bench: "profile";
  /** The operation; the kernel's name where it belongs to none. */
  readonly op: string;
  readonly kernel: string;
  readonly layer: string;
  /** Least of the rounds. */
  readonly milliseconds: number;
  readonly workgroups: number;
  /** Null where the table has no case for the launch. */
  readonly gflops: number | null;
  readonly gbs: number | null;
  readonly multiplyAddShare: number;
  readonly copyShare: number;
}

/** Fewer workgroups than this for each core of a CPU leave some of them waiting for the last one. */
const FEW_PER_CORE = 4;
/** A GPU has tens of units, each of which holds several workgroups. */
const FEW_ON_GPU = 256;

/** Times a training step launch by launch, and writes a picture of it; returns whether no ceiling was passed. */
export async function benchProfile(options: ProfileOptions, output: Output): Promise<boolean> {
  const own = readOwnKernels(options.kernels.map(readKernelFile));
  const { width, size, segments, rounds, out } = options;
  const batch = segments.reduce((a, b) => a + b, 0);
  const gpu = await openGpu({ provider: options.provider });
  let ceilings: Ceilings | null = null;
  try {
    for (const kernel of own) {
      output.live(`checking ${kernel.name}`);
      await checkForRun(gpu, kernel, {
        networks: [{ width, size, batch, segments }],
        stored: "f32",
      });
    }
    output.live("measuring ceilings");
    ceilings = await prepareCeilings(gpu);
    const remembered = await readRemembered(gpu, options.cacheDir);
    const choice = rememberedChoice(gpu, remembered, batch, "f32");
    const step = await prepareStep(gpu, { width, size, segments, choice, replace: replacing(own) });
    const times: LaunchTime[][] = [];
    let { multiplyAdd, copy } = ceilings.reached;
    try {
      step.run();
      for (let round = -1; round < rounds; round++) {
        output.live(`round ${round + 1} of ${rounds}`);
        const launches = await step.program.profile();
        const reached = await ceilings.measure();
        if (round < 0) continue;
        times.push(launches);
        multiplyAdd = Math.max(multiplyAdd, reached.multiplyAdd);
        copy = Math.max(copy, reached.copy);
      }
    } finally {
      step.destroy();
    }
    output.live("");
    const cases = ops.flatMap((op) => op.ofNetwork({ width, size, batch }, gpu));
    const least = times[0].map((launch, i) => {
      return { ...launch, milliseconds: Math.min(...times.map((round) => round[i].milliseconds)) };
    });
    const launches = describe(least, own, cases, { multiplyAdd, copy });
    const setting = settingOf(gpu);
    const title = `A training step of width ${width}, ${
      segments.join(" + ")
    } images of ${size} pixels`;
    const about = `${adapterName(gpu.adapter)}, commit ${
      setting.commit ?? "unknown"
    }, ${setting.date}`;
    output.print(`${title}\n${about}\n${summaryOf(launches)}`);
    const hints = hintsOf(gpu, launches);
    const impossible = aboveCeilings(launches.map((one) => ({ ...one, kernel: one.op })));
    const reached = { multiplyAdd, copy };
    const html = profilePage({ title, about, launches, hints, reached, impossible });
    const picture = writeResult(`${out}/profile.html`, html);
    const lines = writeResults(out, "profile", launches, setting);
    for (const text of impossible) output.print(text);
    output.print(`written: ${picture}, ${lines}`);
    return impossible.length === 0;
  } finally {
    ceilings?.destroy();
    gpu.destroy();
  }
}

/** What launches had to do, by the cases of their layers. */
export function describe(
  launches: readonly LaunchTime[],
  own: readonly OwnKernel[],
  cases: readonly KernelCase[],
  reached: Ceilings["reached"],
): ProfiledLaunch[] {
  const opOf = (kernel: string) => {
    const mine = own.find(({ forms }) => forms.f32?.name === kernel);
    return (mine?.op ?? opOfKernel({ name: kernel }))?.name ?? kernel;
  };
  const ofLayer = ({ kernel, label }: LaunchTime) =>
    cases.filter(({ op, layer, names = [layer] }) => op === opOf(kernel) && names.includes(label));
  return launches.map((launch) => {
    const { kernel, label, milliseconds, workgroups } = launch;
    const op = opOf(kernel);
    const mine = ofLayer(launch).map((one) => ({ ...one, layers: 1 }));
    // What several layers have in one launch or in a few, such as the sums of all weight gradients, is the sum of their
    // cases, and so is the time of these launches.
    const shared = launches.filter((one) => opOf(one.kernel) === op && ofLayer(one).length === 0);
    const all = mine.length > 0 ? mine : cases.filter((one) => one.op === op);
    const time = mine.length > 0
      ? milliseconds
      : shared.reduce((total, one) => total + one.milliseconds, 0);
    const sum = (of: (one: KernelCase) => number) =>
      all.reduce((total, one) => total + one.layers * of(one), 0);
    const rate = (amount: number) => all.length === 0 ? null : amount / time / 1e6;
    const [gflops, gbs] = [rate(sum(({ flops }) => flops)), rate(sum(({ bytes }) => bytes))];
    return {
      ...{ bench: "profile", op, kernel, milliseconds, gflops, gbs },
      layer: label === kernel ? "" : label,
      workgroups: workgroups.reduce((a, b) => a * b),
      multiplyAddShare: (gflops ?? 0) / reached.multiplyAdd,
      copyShare: (gbs ?? 0) / reached.copy,
    };
  });
}

/** Launches that cannot fill the adapter, by the number of their workgroups. */
function hintsOf(
  { adapter }: Gpu,
  launches: readonly ProfiledLaunch[],
): ReadonlyMap<ProfiledLaunch, string> {
  const few = adapter.isFallback ? FEW_PER_CORE * navigator.hardwareConcurrency : FEW_ON_GPU;
  return new Map(
    launches.filter(({ workgroups }) => workgroups < few).map((launch) => [
      launch,
      `${launch.workgroups} workgroup${
        launch.workgroups === 1 ? "" : "s"
      }: too few to fill the adapter`,
    ]),
  );
}

function summaryOf(launches: readonly ProfiledLaunch[]): string {
  const total = launches.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = [...Map.groupBy(launches, ({ op }) => op)].map(([op, list]) => {
    const ms = list.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    const mean = (of: (one: ProfiledLaunch) => number) =>
      list.reduce((sum, one) => sum + of(one) * one.milliseconds, 0) / ms;
    return {
      op,
      list,
      ms,
      peak: mean((one) => one.multiplyAddShare),
      copy: mean((one) => one.copyShare),
    };
  }).toSorted((a, b) => b.ms - a.ms);
  return table([
    ["operation", "launches", "ms", "share", "of peak", "of copy"],
    ...rows.map(({ op, list, ms, peak, copy }) => [
      op,
      String(list.length),
      figures(ms),
      `${(100 * ms / total).toFixed(1)} %`,
      `${(100 * peak).toFixed(0)} %`,
      `${(100 * copy).toFixed(0)} %`,
    ]),
    ["all", String(launches.length), figures(total), "", "", ""],
  ]);
}
