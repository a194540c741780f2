/** Cases of the table of operations (`src/check`), at whatever shape a test asks for. */

import { checkCase } from "../../src/check/check_case.ts";
import type { KernelCase } from "../../src/check/kernel_case.ts";
import { Operands } from "../../src/check/operands.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { assertClose } from "./assert_close.ts";

/** Fails unless the operation gives what its reference does. */
export async function assertCase(
  gpu: Gpu,
  kernelCase: KernelCase,
  tolerance: number,
): Promise<void> {
  const operands = new Operands(gpu);
  try {
    const { dispatches, outputs } = kernelCase.prepare(operands);
    const { found } = await checkCase(gpu, dispatches(), outputs, kernelCase.tolerance);
    outputs.forEach(({ name, expected }, i) =>
      assertClose(`${kernelCase.op} ${name}`, found[i], expected, tolerance)
    );
  } finally {
    operands.destroy();
  }
}
