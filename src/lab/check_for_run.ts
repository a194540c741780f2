import type { KernelCase, NetworkSize } from "../check/kernel_case.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { StoredType } from "../ops/storage.ts";
import { checkOwn, type OwnCheck } from "./check_own.ts";
import { casesTaken, casesTakenOrNone, smallCases } from "./own_cases.ts";
import type { OwnKernel } from "./own_kernel.ts";

/** The networks and batches that a run launches kernels for, and how it stores activations. */
export interface RunShapes {
  /** The first is that of a whole training step, at which a kernel is tried at length. */
  readonly networks: readonly NetworkSize[];
  readonly stored: StoredType;
}

/** A kernel that a run computes with, as it was found. */
export interface TrustedKernel {
  readonly own: OwnKernel;
  /** Shapes that it was tried at. */
  readonly shapes: number;
  /** Worst relative error. */
  readonly error: number;
  /** Whether it gave the bits of ours everywhere: then the run ends as it would have with ours. */
  readonly sameBits: boolean;
}

/**
 * Tries a kernel at all shapes of a run, and at small odd ones, before the run trusts it.
 *
 * @param proceed called before each shape; what it throws ends the trial.
 * @throws {InputError} where it is wrong at one of them, or where the run launches nothing of the kind.
 */
export async function checkForRun(
  gpu: Gpu,
  own: OwnKernel,
  { networks, stored }: RunShapes,
  proceed: () => void = () => {},
): Promise<TrustedKernel> {
  const { op, name } = own;
  const asked = networks.flatMap((size) => op.ofNetwork(size, gpu, stored));
  if (asked.length === 0) {
    throw new InputError(
      `Cannot compute with ${name}: this run launches no ${op.name}; leave the kernel out`,
    );
  }
  const [main] = networks;
  const forms = networks.flatMap((size) => op.otherForms(size, gpu, stored));
  const different = new Map([...asked, ...forms].map((one) => [JSON.stringify(one.shape), one]));
  const usual = new Set(op.ofNetwork(main, gpu, stored).map((one) => JSON.stringify(one.shape)));
  const cases = await casesTaken(gpu, own, [...different.values()]);
  const small = await casesTakenOrNone(gpu, own, smallCases(op, stored, main.stem));
  const checks = await tryCases(gpu, own, small, { proceed });
  for (const kernelCase of cases) {
    const brief = !usual.has(JSON.stringify(kernelCase.shape));
    checks.push(...await tryCases(gpu, own, [kernelCase], { brief, proceed }));
  }
  return {
    own,
    shapes: checks.length,
    error: Math.max(...checks.map(({ error }) => error)),
    sameBits: checks.every(({ sameBits }) => sameBits),
  };
}

/**
 * Tries a kernel at shapes of a run, one after the other.
 *
 * @throws {InputError} where it is wrong at one of them.
 */
async function tryCases(
  gpu: Gpu,
  own: OwnKernel,
  cases: readonly KernelCase[],
  { brief = false, proceed = () => {} }: {
    readonly brief?: boolean;
    readonly proceed?: () => void;
  },
): Promise<OwnCheck[]> {
  const checks: OwnCheck[] = [];
  for (const kernelCase of cases) {
    proceed();
    const check = await checkOwn(gpu, own, kernelCase, { brief });
    if (check.reason !== null) {
      const sizes = Object.entries(kernelCase.shape).map(([key, value]) => `${key}=${value}`);
      throw new InputError(
        `Cannot compute with ${own.name}: it is refused at ${own.op.name} ${kernelCase.layer} ${
          sizes.join(",")
        }: ${
          [check.reason, ...check.details].join("\n")
        }\nmend it; ./wscl bench custom ${own.name} tries it again`,
      );
    }
    checks.push(check);
  }
  return checks;
}

/**
 * Tries a kernel, briefly, at shapes that were not foreseen, before the run launches it there.
 *
 * @throws {InputError} where it is wrong at one of them.
 */
export async function checkUnforeseen(
  gpu: Gpu,
  own: OwnKernel,
  network: NetworkSize,
  stored: StoredType,
): Promise<void> {
  const { op } = own;
  const cases = [...op.ofNetwork(network, gpu, stored), ...op.otherForms(network, gpu, stored)];
  await tryCases(gpu, own, await casesTakenOrNone(gpu, own, cases), { brief: true });
}
