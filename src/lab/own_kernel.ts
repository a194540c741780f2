import type { Op } from "../check/kernel_case.ts";
import { ops } from "../check/table.ts";
import { InputError } from "../errors.ts";
import { bound, type Dispatch } from "../gpu/dispatch.ts";
import { type Binding, type Constant, defineKernel, type Kernel } from "../gpu/kernel.ts";
import { type Field, type Layout, scalarOf, type UniformValue } from "../gpu/layout.ts";
import { nameOf } from "./layout_name.ts";
import { codeOf } from "../gpu/wgsl_tokens.ts";
import { libraries } from "../ops/shader.ts";
import type { StoredType } from "../ops/storage.ts";
import { refuseDeep } from "./depth.ts";
import { evaluateExpression, splitAtCommas } from "./expression.ts";

/** A WGSL file of somebody's own, as it was read. */
export interface KernelText {
  /** Its path, or another name for messages. */
  readonly name: string;
  /** In WGSL. */
  readonly code: string;
}

/**
 * A kernel of somebody's own, which takes the place of ours in the launches of one operation. It goes by the names that
 * our kernel's text has for bindings, uniform fields and constants.
 */
export interface OwnKernel extends KernelText {
  readonly op: Op;
  /** By how activations are stored; f16 only where its text leaves the choice of a storage library. */
  readonly forms: Readonly<Partial<Record<StoredType, Kernel>>>;
  /** Whether it takes the place of ours in every launch. */
  readonly takesAll: boolean;
  /** Whether it takes the place of our kernel in a launch: its line `//@ only:` may leave some to ours. */
  takes(launch: Dispatch): boolean;
  /**
   * The same launch with this kernel.
   *
   * @throws {InputError} for activations stored in a way that it has no form for, and for a number of workgroups that
   * is none.
   */
  launch(launch: Dispatch): Dispatch;
}

/**
 * Reads a kernel of somebody's own.
 *
 * @param opName which operation it computes; default: what its line `//@ op:` says, or else the one operation that has
 * such bindings.
 * @throws {InputError} for a text that cannot be read, an operation that cannot be told or does not fit, and directives
 * that are missing or wrong.
 */
export function readOwnKernel({ name, code }: KernelText, opName?: string): OwnKernel {
  const directives = directivesOf(name, code);
  refuseDeep(name, code);
  if (/^\s*enable\s[^;]*\bsubgroups\b/m.test(codeOf(code))) {
    throw new InputError(
      `Cannot read ${name}: leave "enable subgroups;" out, it is put in front where the compiler wants it`,
    );
  }
  const forms = formsOf(name, code);
  const kernel = (forms.f32 ?? forms.f16)!;
  const op = opOf(name, directives.op, kernel, opName);
  checkContract(name, kernel, op);
  const expressions = workgroupsOf(name, directives.workgroups);
  const only = onlyOf(name, directives.only);
  const file = { name, code };
  return {
    ...file,
    ...{ op, forms, takesAll: only.size === 0 },
    takes(launch) {
      const values = valuesOf(launch);
      return [...only].every(([key, allowed]) => {
        if (!Object.hasOwn(values, key)) {
          throw unknownName(name, `//@ only: ${key}`, Object.keys(values));
        }
        return allowed.includes(values[key]);
      });
    },
    launch(launch) {
      const stored = storedIn(launch.kernel);
      const form = forms[stored];
      if (!form) {
        throw new InputError(
          `Cannot launch ${name}: activations are stored as ${stored} here, and it has no form for that; read and ` +
            "write them as array<Stored> by widen() and narrow() of `// needs: lib/storage_f32 or lib/storage_f16`",
        );
      }
      return {
        kernel: form,
        constants: chosen(launch.constants ?? {}, form.constants),
        ...uniformOf(form, launch),
        buffers: Object.fromEntries(
          form.bindings.filter(({ access }) => access !== "uniform")
            .map((binding) => [binding.name, launch.buffers[binding.name]]),
        ),
        workgroups: count(name, expressions, valuesOf(launch)),
        label: launch.label,
      };
    },
  };
}

/** Our operation that a kernel of ours belongs to; null for one of somebody's own. */
export function opOfKernel({ name }: Pick<Kernel, "name">): Op | null {
  return ops.find(({ kernels }) => kernels.some((kernel) => kernel.name === name)) ?? null;
}

/** How a kernel of ours stores activations. */
export function storedIn({ files }: Kernel): StoredType {
  return files.some(({ name }) => name === "lib/storage_f16.wgsl") ? "f16" : "f32";
}

/**
 * Constants that a kernel of one's own may have: those that all of our kernels for an operation have. What else ours
 * have says how they work.
 */
export function sharedConstants({ kernels: [first, ...others] }: Op): readonly Constant[] {
  return first.constants.filter(({ name }) =>
    others.every(({ constants }) => constants.some((constant) => constant.name === name))
  );
}

function formsOf(name: string, code: string): OwnKernel["forms"] {
  const base = name.replace(/^.*[\\/]/, "").replace(/\.wgsl$/, "");
  const form = (...chosen: string[]): Kernel => {
    try {
      const kernel = defineKernel({ name: base, code, libraries, chosen });
      // Somebody's own may be called as ours is.
      return { ...kernel, name: `own ${base}` };
    } catch (error) {
      throw new InputError((error as Error).message);
    }
  };
  const leavesChoice = /^\/\/ needs:.*lib\/storage_f32 or lib\/storage_f16/m.test(code);
  return leavesChoice
    ? { f32: form("lib/storage_f32"), f16: form("lib/storage_f16") }
    : { f32: form() };
}

const storageOf = ({ bindings }: Kernel) => bindings.filter(({ access }) => access !== "uniform");

const described = (bindings: readonly Binding[]) =>
  bindings.map(({ name, access }) => access === "write" ? `${name} (written)` : name).join(", ");

function opOf(
  name: string,
  inText: string | undefined,
  kernel: Kernel,
  asked: string | undefined,
): Op {
  const said = asked ?? inText?.trim();
  if (said !== undefined) {
    const op = ops.find((op) => op.name === said);
    if (op) return op;
    throw new InputError(
      `Cannot replace ${said}: there is no such operation; ./wscl kernels lists them`,
    );
  }
  const names = (kernel: Kernel, access?: Binding["access"]) =>
    storageOf(kernel).filter((binding) => !access || binding.access === access)
      .map((binding) => binding.name).sort();
  const [all, written] = [names(kernel), names(kernel, "write")];
  const fitting = ops.filter(({ kernels: [ours] }) =>
    names(ours).join() === all.join() && names(ours, "write").join() === written.join()
  );
  if (fitting.length === 1) return fitting[0];
  // Those that it would fit if it read more.
  const near = ops.filter(({ kernels: [ours] }) =>
    names(ours, "write").join() === written.join() &&
    all.every((one) => names(ours).includes(one))
  );
  const hint = near.length > 0 ? ` (it could be ${near.map((op) => op.name).join(", ")})` : "";
  throw new InputError(
    `Cannot tell what ${name} computes: no operation binds just [${
      described(storageOf(kernel))
    }]${hint}; name it with --op, or in a line "//@ op: NAME"; ./wscl kernels show NAME says what an operation binds`,
  );
}

/** @throws {InputError} for a binding, field or constant that our kernel does not have, or has otherwise. */
function checkContract(name: string, kernel: Kernel, op: Op): void {
  const [ours] = op.kernels;
  const refuse = (what: string): never => {
    throw new InputError(
      `Cannot put ${name} in the place of ${op.name}: ${what}; ./wscl kernels show ${op.name} says what there is`,
    );
  };
  for (const { name: binding, access, layout } of storageOf(kernel)) {
    const own = storageOf(ours).find((one) => one.name === binding);
    if (!own) refuse(`it binds ${binding}, there is [${described(storageOf(ours))}]`);
    if (access === "write" && own!.access !== "write") {
      refuse(`it writes ${binding}, which others still read`);
    }
    if (access !== "write" && own!.access === "write") {
      refuse(`${binding} must be var<storage, read_write>: it is written`);
    }
    const problem = layoutProblem(layout, own!.layout);
    if (problem) refuse(`${binding} is ${nameOf(layout)}, ${problem}`);
  }
  const missing = storageOf(ours).filter(({ name, access }) =>
    access === "write" && !storageOf(kernel).some((one) => one.name === name)
  );
  if (missing.length > 0) refuse(`it does not bind ${described(missing)}`);
  const fields = fieldsOf(ours);
  const unknown = fieldsOf(kernel).filter((field) => !fields.includes(field));
  if (unknown.length > 0) {
    refuse(`its uniform record has ${unknown.join(", ")}, there is [${fields.join(", ")}]`);
  }
  for (const field of recordOf(kernel)) {
    const { layout } = recordOf(ours).find(({ name }) => name === field.name)!;
    if (!isAlike(field.layout, layout)) {
      refuse(`its field ${field.name} is ${nameOf(field.layout)}, there it is ${nameOf(layout)}`);
    }
  }
  const known = sharedConstants(op).map((constant) => constant.name);
  const unset = kernel.constants.filter((constant) =>
    constant.required && !known.includes(constant.name)
  );
  if (unset.length > 0) {
    refuse(
      `nothing sets its constant ${unset.map((one) => one.name).join(", ")}, there is [${
        known.join(", ")
      }]; give it a value`,
    );
  }
}

/** What is wrong with how a binding lies in its buffer, beside how ours does; null: nothing. */
function layoutProblem(layout: Layout, ours: Layout): string | null {
  if (layout.kind === "list" && layout.count !== null) {
    return "whose length is fixed; leave it out, sizes are in the uniform record";
  }
  const [scalar, wanted] = [scalarOf(layout), scalarOf(ours)];
  // Structs of several types are left to the kernel.
  const differs = scalar !== null && wanted !== null && (scalar === "f32") !== (wanted === "f32");
  return differs ? `there it is ${nameOf(ours)}` : null;
}

/** Whether the host can give a field of this type what it has for the other. */
function isAlike(layout: Layout, ours: Layout): boolean {
  if (layout.kind !== "list" || ours.kind !== "list") return layout.kind === ours.kind;
  return layout.count === ours.count && isAlike(layout.element, ours.element);
}

/** The fields of the uniform record; none where there is no record. */
function recordOf({ bindings }: Kernel): readonly Field[] {
  const layout = bindings.find(({ access }) => access === "uniform")?.layout;
  return layout?.kind === "struct" ? layout.fields : [];
}

/** Names of the fields of the uniform record. */
export function fieldsOf(kernel: Kernel): string[] {
  return recordOf(kernel).map(({ name }) => name);
}

function uniformOf(kernel: Kernel, { uniform = {} }: Dispatch): Pick<Dispatch, "uniform"> {
  const fields = fieldsOf(kernel);
  if (fields.length === 0) return {};
  return { uniform: Object.fromEntries(fields.map((field) => [field, uniform[field]])) };
}

function chosen(
  values: NonNullable<Dispatch["constants"]>,
  constants: readonly Constant[],
): NonNullable<Dispatch["constants"]> {
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => constants.some((constant) => constant.name === name)),
  );
}

/** What lines `//@ NAME: ...` may say. */
const directiveNames = ["op", "workgroups", "only"] as const;

/** Longest text of a line `//@`: what is longer is no line that anybody wrote. */
const LONGEST_DIRECTIVE = 2000;

/**
 * The texts behind `//@ NAME:`, by name.
 *
 * @throws {InputError} for a line that looks like one of them and is none: it would be passed over, and the kernel
 * launched otherwise than it says.
 */
function directivesOf(name: string, code: string): Readonly<Record<string, string | undefined>> {
  const found: Record<string, string> = Object.create(null);
  for (const [i, line] of code.replace(/^\ufeff/, "").split(/\r?\n/).entries()) {
    if (!/^\s*\/\/\s*@/.test(line)) continue;
    const refuse = (what: string): never => {
      throw new InputError(
        `Cannot read ${name}: line ${i + 1}, "${line.trim().slice(0, 60)}", ${what}`,
      );
    };
    const [, key, text] = line.match(/^\/\/@ (\w+):(.*)$/) ?? [];
    if (!directiveNames.some((known) => known === key)) {
      refuse(
        `is not understood; such lines begin with ${
          directiveNames.map((known) => `"//@ ${known}:"`).join(", ")
        }, with nothing in front`,
      );
    }
    if (key in found) refuse(`is the second "//@ ${key}:"; put both into one line`);
    if (text.length > LONGEST_DIRECTIVE) {
      refuse(`has ${text.length} characters, ${LONGEST_DIRECTIVE} at most are read`);
    }
    found[key] = text;
  }
  return found;
}

function workgroupsOf(name: string, text: string | undefined): readonly string[] {
  if (text === undefined) {
    throw new InputError(
      `Cannot launch ${name}: it does not say how many workgroups it wants; add a line such as ` +
        "`//@ workgroups: ceil(batch * outHeight * outWidth / 64), outGroups`",
    );
  }
  const parts = splitAtCommas(text);
  if (parts.length <= 3) return parts;
  throw new InputError(
    `Cannot launch ${name}: "//@ workgroups:${text}" has ${parts.length} parts, a grid has three at most`,
  );
}

/** `//@ only: KERNEL = 3, STRIDE = 1 or 2`: values by name. */
function onlyOf(name: string, text = ""): ReadonlyMap<string, readonly number[]> {
  const parts = text.split(",").filter((part) => part.trim() !== "");
  const only = new Map(
    parts.map((part) => {
      const [, key, values] = part.match(/^\s*(\w+)\s*=\s*(\d+(?:\s+or\s+\d+)*)\s*$/) ?? [];
      if (key === undefined) {
        throw new InputError(
          `Cannot read "${part.trim()}" of the line "//@ only:" in ${name}: expected NAME = NUMBER, or NAME = NUMBER ` +
            "or NUMBER",
        );
      }
      return [key, values.split(/\s+or\s+/).map(Number)] as const;
    }),
  );
  if (only.size === parts.length) return only;
  throw new InputError(
    `Cannot read the line "//@ only:" in ${name}: it names something twice; for several values write NAME = 1 or 3`,
  );
}

function unknownName(name: string, what: string, known: readonly string[]): InputError {
  return new InputError(`Cannot use ${name}: ${what} is not known; known are ${known.join(", ")}`);
}

/** What directives may name: constants, and fields of the uniform record, those of lists as "ends_0". */
export function valuesOf({ constants = {}, uniform = {} }: Dispatch): Record<string, number> {
  const values: Record<string, number> = {};
  const add = (name: string, value: UniformValue | boolean): void => {
    if (Array.isArray(value)) value.forEach((part, i) => add(`${name}_${i}`, part));
    else if (typeof value !== "object") values[name] = Number(value);
  };
  for (const [name, value] of [...Object.entries(uniform), ...Object.entries(constants)]) {
    add(name, value);
  }
  return values;
}

function count(
  name: string,
  expressions: readonly string[],
  values: Readonly<Record<string, number>>,
): [number, number, number] {
  const [x, y = 1, z = 1] = expressions.map((text) => evaluateExpression(text, values));
  if ([x, y, z].every((n) => Number.isInteger(n) && n >= 1 && n <= 65535)) return [x, y, z];
  throw new InputError(
    `Cannot launch ${name}: "//@ workgroups:${
      expressions.join(",")
    }" gives [${x}, ${y}, ${z}] here; each must be a ` +
      "whole number from 1 to 65535: round up with ceil(), and let a thread do more where there are too many",
  );
}

/** Puts kernels of somebody's own in the place of ours: what a program launches, for what it was recorded with. */
export function replacing(own: readonly OwnKernel[]): (launch: Dispatch) => Dispatch {
  const byOp = new Map(own.map((kernel) => [kernel.op.name, kernel]));
  return (launch) => {
    const kernel = byOp.get(opOfKernel(launch.kernel)?.name ?? "");
    return kernel?.takes(launch) ? kernel.launch(launch) : launch;
  };
}

/**
 * Reads kernels that are to be used together.
 *
 * @throws {InputError} for a text that is no kernel for an operation, and for two that are for the same one: which of
 * them is meant would be a matter of order.
 */
export function readOwnKernels(texts: readonly KernelText[]): OwnKernel[] {
  const own = texts.map((text) => readOwnKernel(text));
  const twice = own.find(({ op }, i) => own.slice(0, i).some((before) => before.op === op));
  if (!twice) return own;
  const { op: { name } } = twice;
  const files = own.filter(({ op }) => op.name === name).map((kernel) => kernel.name);
  throw new InputError(
    `Cannot use ${files.join(" and ")} together: both compute ${name}; leave one out`,
  );
}

/** The tensors of a launch, each once, and how they are bound. */
export function boundIn(launch: Dispatch) {
  return Object.entries(launch.buffers).map(([name, given]) => ({ name, ...bound(given) }));
}
