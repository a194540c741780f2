import type { Gpu } from "../gpu/device.ts";
import type { Kernel } from "../gpu/kernel.ts";
import type { Dispatch } from "../gpu/dispatch.ts";
import type { Stem } from "../net/resnet18.ts";
import { type Conv2dVariant, conv2dWantsSubgroups, plainVariant } from "../ops/conv2d_variants.ts";
import type { StoredType } from "../ops/storage.ts";
import { checkCase } from "./check_case.ts";
import type { CaseOutput, Conv2dTask, Tolerance } from "./kernel_case.ts";
import { Operands } from "./operands.ts";
import { ops } from "./table.ts";

/** What the self-test found out about one kernel on this adapter. */
export interface KernelCheck {
  /** Its name: the file in `shaders/`, with `_subgroup` and `_f16` behind it for these variants. */
  readonly kernel: string;
  /**
   * Worst `‖found - expected‖ / ‖expected‖` of its outputs, the rounding of those stored in f16 left out; infinite
   * where it could not run.
   */
  readonly error: number;
  /** Largest error that is right: rounding, or 0 for whole numbers and copies. */
  readonly limit: number;
  /** Whether the error keeps the limit. */
  readonly ok: boolean;
  /** Why it could not run or be compared, else null. */
  readonly problem: string | null;
}

/**
 * Runs every kernel on this adapter, at small odd shapes, and compares with plain double-precision code that shares
 * nothing with it. Each kernel gets inputs that the reference computed, so a wrong one is named, not those after it.
 *
 * @param storages ways of storing activations; kernels of others are left out, and not compiled.
 * @param substitute replaces kernels before they are compiled, so that a test can break one.
 * @param proceed called before each kernel; what it throws ends the test.
 * @param stem that of the networks whose kernels are tested; `imagenet`, the default, has all that others have.
 */
export async function selfTest(
  gpu: Gpu,
  storages: readonly StoredType[] = ["f32", "f16"],
  substitute: (kernel: Kernel) => Kernel = (kernel) => kernel,
  proceed: () => void = () => {},
  stem: Stem = "imagenet",
): Promise<KernelCheck[]> {
  const checks = new Map<string, KernelCheck>();
  const asked = [
    ...storages.flatMap((stored) =>
      ops.filter(({ activations }) => activations).map((op) => ({ stored, op }))
    ),
    ...ops.filter(({ activations }) => !activations).map((op) => ({ stored: storages[0], op })),
  ];
  for (const kernelCase of asked.flatMap(({ stored, op }) => op.small(stored))) {
    if (kernelCase.imagenetOnly && stem !== "imagenet") continue;
    const operands = new Operands(gpu);
    try {
      const { dispatches, outputs, first = outputs } = kernelCase.prepare(operands);
      for (const variant of kernelCase.task ? variantsOf(gpu, kernelCase.task) : [undefined]) {
        proceed();
        operands.reset();
        const [launch] = dispatches(variant);
        const replaced = { ...launch, kernel: substitute(launch.kernel) };
        const check = await checkKernel(gpu, replaced, first, kernelCase.tolerance);
        const before = checks.get(check.kernel);
        if (!before || isWorse(check, before)) checks.set(check.kernel, check);
      }
    } finally {
      operands.destroy();
    }
  }
  return [...checks.values()];
}

/** Cases of one kernel have limits of their own: a failure is worse than a larger error that is right. */
function isWorse(check: KernelCheck, before: KernelCheck): boolean {
  return check.ok === before.ok ? check.error > before.error : before.ok;
}

async function checkKernel(
  gpu: Gpu,
  dispatch: Dispatch,
  outputs: readonly CaseOutput[],
  tolerance: Tolerance,
): Promise<KernelCheck> {
  const kernel = dispatch.kernel.name;
  const limit = tolerance.error;
  try {
    const { error, ok } = await checkCase(gpu, [dispatch], outputs, tolerance);
    return { kernel, error, limit, ok, problem: null };
  } catch (error) {
    // Whatever goes wrong with one kernel is a finding about it, and the others are still worth testing.
    const problem = error instanceof Error ? error.message : String(error);
    return { kernel, error: Infinity, limit, ok: false, problem };
  }
}

/**
 * Each kernel of a pass that runs on this adapter: strips without and with subgroups, tiles of two sizes in turn; those
 * of a stem are in strips.
 */
function variantsOf(gpu: Gpu, { pass, layer }: Conv2dTask): Conv2dVariant[] {
  const plain = plainVariant(pass, layer);
  if (layer.kernel === 7) {
    return conv2dWantsSubgroups(gpu) && pass === "forward"
      ? [plain, { ...plain, subgroups: true }]
      : [plain];
  }
  const halves = layer.kernel === 3 && layer.stride === 2;
  return [
    plain,
    ...(conv2dWantsSubgroups(gpu) ? [{ ...plain, subgroups: true }] : []),
    halves
      ? { kind: "tiles", rows: 64, columns: 32, perThread: 8 }
      : { kind: "tiles", rows: 32, columns: 16, perThread: 4 },
  ];
}
