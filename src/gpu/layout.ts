import { type Declarations, type TypeName, wholeNumber } from "./wgsl.ts";

/** A number type of 32 bits. */
export type Scalar = "f32" | "u32" | "i32";

/** A type of WGSL as it lies in a buffer; `align` and `size` in bytes. */
export type Layout =
  & { readonly align: number; readonly size: number }
  & (
    | { readonly kind: "scalar"; readonly scalar: Scalar }
    /** Vectors of `count` numbers, matrices of `count` columns, arrays; null: as many as the buffer has room for. */
    | {
      readonly kind: "list";
      readonly element: Layout;
      readonly count: number | null;
      readonly stride: number;
    }
    | { readonly kind: "struct"; readonly name: string; readonly fields: readonly Field[] }
  );

/** A field of a struct; `offset` in bytes. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly layout: Layout;
}

/** A value as the host gives it: a number, one for each element, or one for each field. */
export type UniformValue =
  | number
  | readonly UniformValue[]
  | { readonly [field: string]: UniformValue };

const letters: Readonly<Record<string, Scalar>> = { f: "f32", u: "u32", i: "i32" };

/**
 * How a type lies in a buffer, by the rules of WGSL.
 *
 * @throws {SyntaxError} for a type that is not declared, or that no buffer is made of here.
 */
export function layoutOf({ name, args }: TypeName, known: Declarations): Layout {
  const alias = known.aliases.get(name);
  if (alias) return layoutOf(alias, known);
  const members = known.structs.get(name);
  if (members) return structOf(name, members, known);
  if (name === "f32" || name === "u32" || name === "i32") {
    return { kind: "scalar", scalar: name, align: 4, size: 4 };
  }
  if (name === "atomic" && args.length === 1) return layoutOf(args[0], known);
  if (name === "array" && args.length > 0) return arrayOf(args, known);
  const short = name.match(/^(vec[234]|mat[234]x[234])([fui]?)$/);
  const scalar = short?.[2] ? letters[short[2]] : args[0]?.name;
  if (short && scalar) {
    const element = layoutOf({ name: scalar, args: [] }, known);
    const [first, second] = short[1].replace(/[a-z]+/, "").split("x").map(Number);
    if (second === undefined) return vectorOf(element, first);
    const column = vectorOf(element, second);
    return listOf(column, first, column.align, column.align);
  }
  throw new SyntaxError(`its type ${name} is not declared, or none that is passed in buffers`);
}

function vectorOf(element: Layout, count: number): Layout {
  const { size } = element;
  const align = count === 3 ? 4 * size : count * size;
  return { kind: "list", element, count, stride: size, align, size: count * size };
}

function listOf(element: Layout, count: number | null, stride: number, align: number): Layout {
  return { kind: "list", element, count, stride, align, size: (count ?? 1) * stride };
}

function arrayOf([type, length]: readonly TypeName[], known: Declarations): Layout {
  const element = layoutOf(type, known);
  const count = length ? known.numbers.get(length.name) ?? wholeNumber(length.name) : null;
  if (length && count === null) {
    throw new SyntaxError(`the length ${length.name} of an array is no number`);
  }
  return listOf(element, count, roundUp(element.size, element.align), element.align);
}

function structOf(
  name: string,
  members: NonNullable<ReturnType<Declarations["structs"]["get"]>>,
  known: Declarations,
): Layout {
  let end = 0;
  let align = 1;
  const fields = members.map((member): Field => {
    const layout = layoutOf(member.type, known);
    const own = member.align ?? layout.align;
    const offset = roundUp(end, own);
    align = Math.max(align, own);
    end = offset + (member.size ?? layout.size);
    return { name: member.name, offset, layout };
  });
  return { kind: "struct", name, fields, align, size: roundUp(end, align) };
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** What a buffer of this type is made of, if it is one kind of number. */
export function scalarOf(layout: Layout): Scalar | null {
  if (layout.kind === "scalar") return layout.scalar;
  if (layout.kind === "list") return scalarOf(layout.element);
  const scalars = new Set(layout.fields.map((field) => scalarOf(field.layout)));
  return scalars.size === 1 ? [...scalars][0] : null;
}

/** Whether a number is one of a type. */
export function isOfType(value: unknown, type: string): boolean {
  if (typeof value !== "number") return false;
  if (type === "f32") return true;
  const [low, high] = type === "u32" ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  return Number.isInteger(value) && value >= low && value <= high;
}

/**
 * The bytes of a value, as words of 32 bits; what no field covers is 0.
 *
 * @param path what the value is called, for messages.
 * @throws {TypeError} for what is missing, unknown or of another type.
 */
export function packed(
  layout: Layout,
  value: UniformValue,
  path: string,
): Uint32Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(roundUp(layout.size, 16)));
  write(view, 0, layout, value, path);
  return new Uint32Array(view.buffer);
}

function write(
  view: DataView,
  at: number,
  layout: Layout,
  value: UniformValue | undefined,
  path: string,
): void {
  if (value === undefined) throw new TypeError(`${path} is missing`);
  if (layout.kind === "scalar") {
    const { scalar } = layout;
    if (!isOfType(value, scalar)) throw new TypeError(`${path} is ${shown(value)}, not ${scalar}`);
    if (scalar === "f32") view.setFloat32(at, value as number, true);
    else view.setUint32(at, (value as number) >>> 0, true);
  } else if (layout.kind === "list") {
    const { element, count, stride } = layout;
    if (!Array.isArray(value) || value.length !== count) {
      throw new TypeError(`${path} is ${shown(value)}, not a list of ${count}`);
    }
    value.forEach((part, i) => write(view, at + i * stride, element, part, `${path}[${i}]`));
  } else {
    if (typeof value !== "object" || Array.isArray(value)) {
      throw new TypeError(`${path} is ${shown(value)}, not an object of its fields`);
    }
    const given = value as Readonly<Record<string, UniformValue>>;
    const names = layout.fields.map(({ name }) => name);
    const unknown = Object.keys(given).filter((name) => !names.includes(name));
    if (unknown.length > 0) throw new TypeError(`${path} has no ${unknown.join(", no ")}`);
    for (const field of layout.fields) {
      write(view, at + field.offset, field.layout, given[field.name], `${path}.${field.name}`);
    }
  }
}

function shown(value: unknown): string {
  return Array.isArray(value) ? `a list of ${value.length}` : JSON.stringify(value) ?? typeof value;
}
