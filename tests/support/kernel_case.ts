/** Cases of the table of operations (`src/check`), at whatever shape a test asks for. */

import { checkCase } from "../../src/check/check_case.ts";
import type { KernelCase } from "../../src/check/kernel_case.ts";
import { Operands } from "../../src/check/operands.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { assertStored } from "./gpu.ts";

/** Fails unless the operation gives what its reference does; the rounding to f16 is no error. */
export async function assertCase(
  gpu: Gpu,
  kernelCase: KernelCase,
  tolerance: number,
): Promise<void> {
  const operands = new Operands(gpu);
  try {
    const { dispatches, outputs } = kernelCase.prepare(operands);
    const { found } = await checkCase(gpu, dispatches(), outputs, kernelCase.tolerance);
    outputs.forEach(({ name, tensor: { type }, expected }, i) =>
      assertStored(
        type === "f16" ? "f16" : "f32",
        `${kernelCase.op} ${name}`,
        found[i],
        expected,
        tolerance,
      )
    );
  } finally {
    operands.destroy();
  }
}
