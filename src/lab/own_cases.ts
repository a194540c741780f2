import type { KernelCase, NetworkSize, Op } from "../check/kernel_case.ts";
import { Operands } from "../check/operands.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { StoredType } from "../ops/storage.ts";
import type { OwnKernel } from "./own_kernel.ts";

/**
 * The small odd shapes of an operation that a kernel is tried at, as far as networks of this stem have their like; all,
 * where only those of the other stem have it.
 */
export function smallCases(op: Op, stored: StoredType, stem: NetworkSize["stem"]): KernelCase[] {
  const all = op.small(stored);
  const usual = all.filter(({ imagenetOnly }) => !imagenetOnly);
  return stem === "imagenet" || usual.length === 0 ? all : usual;
}

/** The shapes of a network, which is one with the other stem for an operation that no other has. */
export function networkCases(
  op: Op,
  size: NetworkSize,
  gpu: Gpu,
  stored: StoredType = "f32",
): KernelCase[] {
  const cases = op.ofNetwork(size, gpu, stored);
  return cases.length > 0 ? cases : op.ofNetwork({ ...size, stem: "imagenet" }, gpu, stored);
}

/**
 * Those cases whose launches a kernel takes.
 *
 * @throws {InputError} where its line `//@ only:` leaves none.
 */
export async function casesTaken(
  gpu: Gpu,
  own: OwnKernel,
  cases: readonly KernelCase[],
): Promise<KernelCase[]> {
  const taken = await casesTakenOrNone(gpu, own, cases);
  if (taken.length > 0) return taken;
  throw new InputError(
    `Cannot try ${own.name}: its line "//@ only:" leaves out every shape of ${own.op.name}`,
  );
}

/** The same, or none: a kernel may be for large shapes alone. */
export async function casesTakenOrNone(
  gpu: Gpu,
  own: OwnKernel,
  cases: readonly KernelCase[],
): Promise<KernelCase[]> {
  if (own.takesAll) return [...cases];
  const taken: KernelCase[] = [];
  for (const kernelCase of cases) {
    const operands = new Operands(gpu, {}, "operands", { most: 1 });
    try {
      if (own.takes(kernelCase.prepare(operands).dispatches()[0])) taken.push(kernelCase);
    } finally {
      operands.destroy();
      await gpu.settle();
    }
  }
  return taken;
}
