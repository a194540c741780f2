import { relativeError, withoutF16Rounding } from "../reference/compare.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Kernel } from "../gpu/kernel.ts";
import { Program } from "../gpu/program.ts";
import { download } from "../gpu/tensor.ts";
import type { StoredType } from "../ops/storage.ts";
import { batchNormCases } from "./self_test/batch_norm.ts";
import { CaseTensors, type KernelCase } from "./self_test/case.ts";
import { classifierCases, poolCases } from "./self_test/classifier.ts";
import { convolutionCases } from "./self_test/convolution.ts";
import { distillationCases } from "./self_test/distillation.ts";
import { imageCases, updateCases, watchCases } from "./self_test/images_and_update.ts";

/** What the self-test found out about one kernel on this adapter. */
export interface KernelCheck {
  /** Its name: the file in `shaders/`, with `_subgroup` and `_f16` behind it for these variants. */
  readonly kernel: string;
  /**
   * Worst `‖found - expected‖ / ‖expected‖` of its outputs, the rounding of those stored in f16 left out; infinite where it
   * could not run.
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
 * Rounding of f32, and the freedom that WGSL gives adapters in exp, log, sqrt and division, stay below this in cases so
 * small; one wrong number out of some thousand is far above.
 */
const ROUNDING = 1e-5;

/** Kernels that read or write activations, and some that belong to them. */
const activationGroups = [imageCases, convolutionCases, batchNormCases, poolCases];

const otherGroups = [classifierCases, distillationCases, updateCases, watchCases];

/**
 * Runs every kernel on this adapter, at small odd shapes, and compares with plain double-precision code that shares
 * nothing with it. Each kernel gets inputs that the reference computed, so a wrong one is named, not those after it.
 *
 * @param storages ways of storing activations; kernels of others are left out, and not compiled.
 * @param substitute replaces kernels before they are compiled, so that a test can break one.
 * @param proceed called before each kernel; what it throws ends the test.
 */
export async function selfTest(
  gpu: Gpu,
  storages: readonly StoredType[] = ["f32", "f16"],
  substitute: (kernel: Kernel) => Kernel = (kernel) => kernel,
  proceed: () => void = () => {},
): Promise<KernelCheck[]> {
  const checks = new Map<string, KernelCheck>();
  const groups = [
    ...storages.flatMap((storage) => activationGroups.map((prepare) => ({ storage, prepare }))),
    ...otherGroups.map((prepare) => ({ storage: storages[0], prepare })),
  ];
  for (const { storage, prepare } of groups) {
    const tensors = new CaseTensors(gpu, storage);
    try {
      for (const kernelCase of prepare(tensors)) {
        proceed();
        const check = await runCase(gpu, kernelCase, substitute);
        const before = checks.get(check.kernel);
        if (!before || check.error > before.error) checks.set(check.kernel, check);
      }
    } finally {
      tensors.destroy();
    }
  }
  return [...checks.values()];
}

async function runCase(
  gpu: Gpu,
  { dispatch, outputs, exact = false }: KernelCase,
  substitute: (kernel: Kernel) => Kernel,
): Promise<KernelCheck> {
  const kernel = dispatch.kernel.name;
  const limit = exact ? 0 : ROUNDING;
  let program: Program | null = null;
  try {
    const replaced = { ...dispatch, kernel: substitute(dispatch.kernel) };
    program = await Program.build(gpu, "self-test", [replaced]);
    program.run();
    const found = await download(gpu, outputs.map(({ tensor }) => tensor));
    const errors = outputs.map(({ tensor, expected, read = (values) => values }, i) => {
      const values = read(found[i]);
      const rounded = tensor.type === "f16";
      return relativeError(rounded ? withoutF16Rounding(values, expected) : values, expected);
    });
    const error = Math.max(...errors);
    return { kernel, error, limit, ok: error <= limit, problem: null };
  } catch (error) {
    // Whatever goes wrong with one kernel is a finding about it, and the others are still worth testing.
    const problem = error instanceof Error ? error.message : String(error);
    return { kernel, error: Infinity, limit, ok: false, problem };
  } finally {
    program?.destroy();
  }
}
