import { basename, dirname, resolve } from "node:path";
import { openDreams } from "../data/dataset.ts";
import { InputError } from "../errors.ts";
import type { LearnerHost } from "../continual/continual_learner.ts";
import type { NewLearner } from "../continual/birth.ts";
import type { CheckpointEvery } from "../experiment/checkpoint.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { RunTells } from "../experiment/run_host.ts";
import { steadyNow } from "../experiment/steady_clock.ts";
import type { ProviderName } from "../gpu/provider.ts";
import type { ImageSet, Progress } from "../images/image_set.ts";
import { chooseKernels } from "./choose_kernels.ts";
import { openGpu } from "./open_gpu.ts";
import { testKernelsOnce } from "./self_test_once.ts";

/** What a learner computes with, and how it is kept from being lost. */
export interface LearnerSafety {
  /** Folder of packed dream sets, and of what is remembered of kernels. */
  readonly cacheDir: string;
  /** Whose WebGPU; default "deno". */
  readonly provider?: ProviderName;
  /** How often a night is saved; default every five minutes. */
  readonly checkpointEvery?: CheckpointEvery;
  /** Milliseconds since 1970 by which a night ends, saved if need be. */
  readonly deadline?: number | null;
  /** Trusts the kernels on this adapter without trying them. Default false. */
  readonly skipSelfTest?: boolean;
  /** Takes kernels as they are remembered, or by default, without trying which are fastest. Default false. */
  readonly skipTuning?: boolean;
  /** What is told of a night beside what happens; default: nothing. */
  readonly tells?: RunTells;
}

/** What the worker of a night is asked for. */
export interface NightRequest extends LearnerSafety {
  /** Folder of the learner; whoever asks holds its lock. */
  readonly learner: string;
  /** Takes the learner that the night makes, however its exam went. */
  readonly accept: boolean;
  /** What to do to go on with a night that was interrupted. */
  readonly goOnWith: string;
}

/** A process with a disk, as a learner sees it. */
export function learnerHost(
  { cacheDir, provider = "deno", checkpointEvery, deadline, skipSelfTest, skipTuning, tells }:
    LearnerSafety,
  {
    goOnWith = "another call of sleep()",
    emit = () => {},
    shouldStop = () => false,
  }: Partial<Pick<LearnerHost, "goOnWith" | "emit" | "shouldStop">> = {},
): LearnerHost {
  return {
    goOnWith,
    emit,
    shouldStop,
    tells,
    now: steadyNow,
    deadline: deadline ?? null,
    checkpointEvery: checkpointEvery ?? { seconds: 300 },
    openGpu: () => openGpu({ provider }),
    openDreams: async ({ from }, size) =>
      await openDreamFolder(from, size, { cacheDir, emit, progress: () => {} }),
    async testKernels(gpu, { precision, network: { stem } }, hooks) {
      if (skipSelfTest) return;
      await testKernelsOnce(gpu, { precision, stem }, cacheDir, hooks);
    },
    chooseKernels: (gpu, config, hooks) =>
      chooseKernels(gpu, config, { cacheDir, mayTune: !skipTuning, ...hooks }),
  };
}

/** The images of a folder to dream of, and where it lies. */
export async function dreamsIn(
  path: string,
  size: number,
  context: { readonly cacheDir: string; readonly progress: Progress },
): Promise<NonNullable<NewLearner["dreams"]>> {
  const from = resolve(path);
  return { from, images: await openDreamFolder(from, size, { ...context, emit: () => {} }) };
}

/** @throws {InputError} where neither a folder nor an archive of it is there. */
function refuseNoDreams(path: string): void {
  const archive = `${path}.zip`;
  if (mayBeThere(path) || (mayRead(archive) && mayBeThere(archive))) return;
  throw new InputError(
    `Cannot dream of the images in ${path}: there is no such folder; restore it, or give another with --dreams`,
  );
}

/** What cannot be looked at may be there: whoever opens it says why. */
function mayBeThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory);
  }
}

function mayRead(path: string): boolean {
  return Deno.permissions.querySync({ name: "read", path }).state === "granted";
}

async function openDreamFolder(
  path: string,
  size: number,
  { cacheDir, progress, emit }: {
    readonly cacheDir: string;
    readonly progress: Progress;
    readonly emit: (event: RunEvent) => void;
  },
): Promise<ImageSet> {
  refuseNoDreams(path);
  const all = { trainPerClass: null, testPerClass: null };
  const source = { format: "image_folder", folder: basename(path), resize: "cover", size } as const;
  return await openDreams({ ...all, ...source }, {
    dataRoot: dirname(path),
    cacheDir,
    progress,
    warn: (text) => emit({ type: "message", text }),
  });
}
