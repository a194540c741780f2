import { dirname } from "node:path";
import type { Op } from "../check/kernel_case.ts";
import { ops } from "../check/table.ts";
import { InputError } from "../errors.ts";
import { isThere, writing } from "../host/durable.ts";
import { openGpu } from "../host/open_gpu.ts";
import { contractOf } from "../lab/contract.ts";
import { starterOf } from "../lab/starters.ts";
import type { Terminal } from "./terminal.ts";
import { quotedPath } from "../text.ts";

/** Prints every operation that a kernel of one's own can compute. */
export function listKernels(terminal: Terminal): void {
  const longest = Math.max(...ops.map(({ name }) => name.length));
  for (const { name, summary } of ops) terminal.print(`${name.padEnd(longest)}  ${summary}`);
  terminal.print(
    "\n./wscl kernels show OP says what a kernel for it binds and computes, ./wscl kernels new OP my.wgsl writes a " +
      "plain one, ./wscl bench custom my.wgsl checks and times it",
  );
}

/** Prints what a kernel for an operation has to do; which shapes a network asks for depends on the adapter. */
export async function showKernel(name: string, terminal: Terminal): Promise<void> {
  const op = opNamed(name);
  const gpu = await openGpu();
  try {
    for (const line of contractOf(op, gpu)) terminal.print(line);
  } finally {
    gpu.destroy();
  }
}

/** Writes a plain kernel for an operation into a new file. */
export function newKernel(name: string, path: string, terminal: Terminal): void {
  const code = starterOf(opNamed(name));
  if (isThere(path)) {
    throw new InputError(`Cannot write ${path}: there is such a file; choose another name`);
  }
  try {
    writing(path, () => Deno.writeTextFileSync(path, code));
  } catch (error) {
    if (!((error as Error).cause instanceof Deno.errors.NotFound)) throw error;
    throw new InputError(
      `Cannot write ${path}: there is no folder ${dirname(path)}; make it, or name another file`,
    );
  }
  terminal.print(
    `written: ${path}; check and time it with ./wscl bench custom ${quotedPath(path)}`,
  );
}

function opNamed(name: string): Op {
  const op = ops.find((op) => op.name === name);
  if (op) return op;
  throw new InputError(
    `Cannot find the operation ${name}: there are ${ops.map(({ name }) => name).join(", ")}`,
  );
}
