import type { KernelCase, NetworkSize } from "../check/kernel_case.ts";
import { ops } from "../check/table.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { StoredType } from "../ops/storage.ts";
import { checkOwn } from "./check_own.ts";
import { casesTaken, casesTakenOrNone, networkCases, smallCases } from "./own_cases.ts";
import { type OwnKernel, readOwnKernel } from "./own_kernel.ts";
import { starterOf } from "./starters.ts";
import { timeOwn } from "./time_own.ts";

// What the kernel lab is made of, for a page, a test or another program: plain records, a text and an open device.

/** An operation of a training step. */
export interface Operation {
  /** Such as "conv2d_forward". */
  readonly name: string;
  /** What it computes, in a few words. */
  readonly summary: string;
}

/** The network whose shapes a kernel is tried at. */
export interface LabNetwork {
  /** Channels of its first stage. */
  readonly width: number;
  /** Height and width of the images, in pixels. */
  readonly size: number;
  /** Images in a batch. */
  readonly batch: number;
  /** How it begins; default: cifar. */
  readonly stem?: "cifar" | "imagenet";
  /** Default: 10. */
  readonly heads?: number;
}

/** A shape that a kernel is tried at. */
export interface LabShape {
  /** The operation. */
  readonly op: string;
  /** The first layer that has the shape; "alone" for the small odd ones, which belong to none. */
  readonly layer: string;
  /** How many layers have it. */
  readonly layers: number;
  /** Its sizes, by name. */
  readonly shape: Readonly<Record<string, number>>;
}

/** What was found at a shape. */
export interface LabCheck extends LabShape {
  /** Why the kernel is refused; null: it is right. */
  readonly reason: string | null;
  /** What more there is to say about it, in lines. */
  readonly details: readonly string[];
  /** Worst relative error; infinite where nothing could be compared. */
  readonly error: number;
  /** Elements that were compared with the definition in double precision. */
  readonly samples: number;
  /** Whether it gave the bits of our own kernel. */
  readonly sameBits: boolean;
}

/** What a kernel takes at a shape, in turn with ours. */
export interface LabTiming extends LabShape {
  /** Of each round. */
  readonly milliseconds: readonly number[];
  /** Of our own kernel, in the same rounds. */
  readonly ours: readonly number[];
  /** Floating-point operations of a launch; a multiply-add is two. */
  readonly flops: number;
  /** Bytes that move if every operand moves once. */
  readonly bytes: number;
}

/** Every operation that a training step launches and that a kernel of one's own can compute. */
export function operations(): Operation[] {
  return ops.map(({ name, summary }) => ({ name, summary }));
}

/**
 * A plain kernel for an operation, which passes its check: to start from.
 *
 * @throws {InputError} for an operation that there is not.
 */
export function starterFor(operation: string): string {
  const op = ops.find(({ name }) => name === operation);
  if (op) return starterOf(op);
  throw new InputError(
    `Cannot find the operation ${operation}: there are ${ops.map(({ name }) => name).join(", ")}`,
  );
}

/**
 * Tries a kernel at small odd shapes and at those of a network, and ends at the first at which it is wrong.
 *
 * @param code its text in WGSL, with lines `//@ workgroups:` and, where bindings do not tell, `//@ op:`.
 * @throws {InputError} for a text that is no kernel for an operation; {@linkcode Error} with what the compiler says.
 */
export async function checkKernel(
  gpu: Gpu,
  code: string,
  network: LabNetwork,
): Promise<LabCheck[]> {
  const own = readOwnKernel({ name: "kernel.wgsl", code });
  const small = Object.keys(own.forms).flatMap((stored) =>
    smallCases(own.op, stored as StoredType, network.stem)
  );
  const cases = [
    ...await casesTakenOrNone(gpu, own, small),
    ...await casesOf(gpu, own, network),
  ];
  const forms = await casesTakenOrNone(gpu, own, own.op.otherForms(network, gpu));
  const checks: LabCheck[] = [];
  for (const kernelCase of [...cases, ...forms]) {
    const brief = forms.includes(kernelCase);
    const { reason, details, error, samples, sameBits } = await checkOwn(gpu, own, kernelCase, {
      brief,
    });
    checks.push({ ...shapeOf(kernelCase), reason, details, error, samples, sameBits });
    if (reason !== null) break;
  }
  return checks;
}

/**
 * Times a kernel at the shapes of a network, in turn with ours. What is wrong is timed as well: {@linkcode checkKernel}
 * comes first.
 *
 * @throws {InputError} as {@linkcode checkKernel} does.
 */
export async function timeKernel(
  gpu: Gpu,
  code: string,
  network: LabNetwork,
  rounds = 9,
): Promise<LabTiming[]> {
  const own = readOwnKernel({ name: "kernel.wgsl", code });
  const timings: LabTiming[] = [];
  for (const kernelCase of await casesOf(gpu, own, network)) {
    const { own: milliseconds, ours } = await timeOwn(gpu, own, kernelCase, { left: "", rounds });
    const { flops, bytes } = kernelCase;
    timings.push({ ...shapeOf(kernelCase), milliseconds, ours, flops, bytes });
  }
  return timings;
}

async function casesOf(gpu: Gpu, own: OwnKernel, network: NetworkSize): Promise<KernelCase[]> {
  return await casesTaken(gpu, own, networkCases(own.op, network, gpu));
}

function shapeOf({ op, layer, layers, shape }: KernelCase): LabShape {
  return { op, layer, layers, shape };
}
