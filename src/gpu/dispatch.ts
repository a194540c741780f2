import { type Binding, checkConstants, type ConstantValues, type Kernel } from "./kernel.ts";
import { type Layout, packed, scalarOf, type UniformValue } from "./layout.ts";
import { type ElementType, range, type Tensor, type TensorRange } from "./tensor.ts";

/** One kernel launch as a recorder describes it; everything goes by the names that the kernel's text has for it. */
export interface Dispatch {
  readonly kernel: Kernel;
  /** Values of the kernel's `override` constants; those with a value of their own may be left out. */
  readonly constants?: ConstantValues;
  /** The fields of the kernel's uniform record, if it has one. */
  readonly uniform?: Readonly<Record<string, UniformValue>>;
  /** What its storage is bound to. */
  readonly buffers: Readonly<Record<string, Tensor | TensorRange>>;
  readonly workgroups: readonly [number, number?, number?];
  /** What it is for, e.g. "layer1.0.conv1"; shown in listings, errors and profiles. */
  readonly label?: string;
}

/** Bytes of the largest uniform record. */
export const uniformStride = 256;

/**
 * A launch whose constants, fields and buffers are those of its kernel.
 *
 * @throws {TypeError} for what is missing, unknown or of another type, with the kernel's name.
 */
export function dispatch(given: Dispatch): Dispatch {
  checkDispatch(given);
  return given;
}

/** @throws {TypeError} as {@linkcode dispatch} does. */
export function checkDispatch(given: Dispatch): void {
  const { kernel, constants = {}, buffers } = given;
  checkConstants(kernel, constants);
  const storage = kernel.bindings.filter(({ access }) => access !== "uniform");
  const names = storage.map(({ name }) => name);
  const missing = names.filter((name) => buffers[name] === undefined);
  const unknown = Object.keys(buffers).filter((name) => !names.includes(name));
  if (missing.length > 0 || unknown.length > 0) {
    throw new TypeError(
      `Cannot ${
        recordingOf(given)
      }: it binds [${names}]; missing [${missing}], unknown [${unknown}]`,
    );
  }
  for (const { name, layout } of storage) checkType(given, name, layout);
  uniformWords(given);
}

/** What is done when something about a launch is wrong. */
function recordingOf({ kernel, label }: Dispatch): string {
  return `record ${kernel.name} (${label ?? kernel.name})`;
}

/** The words of the uniform record, or null where the kernel has none. */
export function uniformWords(given: Dispatch): Uint32Array<ArrayBuffer> | null {
  const { kernel, uniform } = given;
  const record: Binding | undefined = kernel.bindings.find(({ access }) => access === "uniform");
  const wrong = (what: string) => new TypeError(`Cannot ${recordingOf(given)}: ${what}`);
  if (!record || !uniform) {
    if (uniform) throw wrong("it has no uniform record");
    if (record) throw wrong(`its uniform record ${record.name} is missing`);
    return null;
  }
  if (record.layout.size > uniformStride) {
    throw new RangeError(
      `Cannot ${recordingOf(given)}: uniform record of ${record.layout.size} bytes`,
    );
  }
  try {
    return packed(record.layout, uniform, record.name);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}

/** A tensor, or a part of one, as a part. */
export function bound(given: Tensor | TensorRange): TensorRange {
  return "tensor" in given ? given : range(given);
}

function checkType(given: Dispatch, name: string, layout: Layout): void {
  const { tensor, type = tensor.type } = bound(given.buffers[name]);
  if (holds(layout, type)) return;
  throw new TypeError(
    `Cannot ${recordingOf(given)}: ${name} is ${scalarOf(layout) ?? "a struct"} in the kernel, ` +
      `${tensor.label} holds ${type}`,
  );
}

/** Whether a storage variable is made of such elements; structs of several types are left to the kernel. */
function holds(layout: Layout, type: ElementType): boolean {
  const scalar = scalarOf(layout);
  if (scalar === null) return true;
  if (type === "f16") return scalar === "u32" && layout.kind === "list" && layout.stride === 8;
  return (scalar === "f32") === (type === "f32");
}
