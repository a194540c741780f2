import { type Gpu, guarded } from "./device.ts";
import { directives } from "./dialect.ts";
import { assembleText, type Libraries, placeOf, type SourceFile } from "./kernel_text.ts";
import { isOfType, type Layout, layoutOf } from "./layout.ts";
import type { Declarations } from "./wgsl.ts";

/** How a kernel uses a binding: a small uniform record, storage it only reads, storage it writes. */
export type Access = "uniform" | "read" | "write";

/** A variable of a kernel that a buffer is bound to. */
export interface Binding {
  readonly name: string;
  /** Its number in group 0. */
  readonly binding: number;
  readonly access: Access;
  readonly layout: Layout;
}

/** An `override` constant of a kernel. */
export interface Constant {
  readonly name: string;
  /** What the host calls it: its name, or the number that its text gives it. */
  readonly key: string;
  readonly type: "u32" | "i32" | "f32" | "bool";
  /** Whether a recorder must set it. */
  readonly required: boolean;
}

/** A WGSL kernel with an entry point `main`; all but its name is read from its text. */
export interface Kernel {
  readonly name: string;
  /** The file, and the libraries behind it. */
  readonly code: string;
  readonly files: readonly SourceFile[];
  readonly bindings: readonly Binding[];
  readonly constants: readonly Constant[];
}

/**
 * Declares a kernel.
 *
 * @throws {TypeError} with its name, for what its text says and the host cannot do, and for what it needs and there is
 * not; {@linkcode SyntaxError} where it cannot be read.
 */
export function defineKernel(definition: {
  readonly name: string;
  readonly code: string;
  /** What lines `// needs: lib/name` may ask for; default: nothing. */
  readonly libraries?: Libraries;
  /** Which ones, where such a line leaves a choice. */
  readonly chosen?: readonly string[];
}): Kernel {
  const { name, code, libraries = {}, chosen = [] } = definition;
  try {
    const { declarations, ...text } = assembleText(name, code, libraries, chosen);
    if (!declarations.entryPoints.includes("main")) {
      throw new TypeError("it has no function main with @compute");
    }
    const bindings = bindingsOf(declarations);
    return { name, ...text, bindings, constants: constantsOf(declarations) };
  } catch (error) {
    const { constructor, message } = error as Error;
    const Kind = constructor === SyntaxError ? SyntaxError : TypeError;
    throw new Kind(`Cannot define kernel ${name}: ${message}`);
  }
}

function bindingsOf(declarations: Declarations): Binding[] {
  const bindings = declarations.resources.map((resource): Binding => {
    const { name, group, binding, space, access } = resource;
    if (group !== 0) throw new TypeError(`${name} is in group ${group}, not in group 0`);
    const found = accesses[access ? `${space}, ${access}` : space];
    if (!found) throw new TypeError(`${name} is var<${space}${access ? `, ${access}` : ""}>`);
    try {
      return { name, binding, access: found, layout: layoutOf(resource.type, declarations) };
    } catch (error) {
      throw new SyntaxError(`${name} cannot be bound: ${(error as Error).message}`);
    }
  });
  for (const [i, { name, binding, access }] of bindings.entries()) {
    const other = bindings.slice(0, i).find((before) =>
      before.binding === binding || before.name === name ||
      before.access === "uniform" && access === "uniform"
    );
    if (other) {
      const both = access === "uniform" && other.access === access;
      const what = both ? "uniform records" : `both binding ${binding}`;
      throw new TypeError(`${other.name} and ${name} are ${what}`);
    }
  }
  return bindings.sort((a, b) => a.binding - b.binding);
}

const accesses: Readonly<Record<string, Access>> = {
  "uniform": "uniform",
  "storage": "read",
  "storage, read": "read",
  "storage, read_write": "write",
};

function constantsOf(declarations: Declarations): Constant[] {
  return declarations.overrides.map(({ name, id, type, hasDefault }) => {
    if (type !== "u32" && type !== "i32" && type !== "f32" && type !== "bool") {
      throw new TypeError(`the type of its constant ${name} is ${type ?? "not written"}`);
    }
    return { name, key: id === null ? name : `${id}`, type, required: !hasDefault };
  });
}

/** The compiled pipeline of a kernel with given constants, from the device's cache or compiled now. */
export async function pipelineOf(
  gpu: Gpu,
  kernel: Kernel,
  constants: ConstantValues,
): Promise<GPUComputePipeline> {
  checkConstants(kernel, constants);
  const key = `${kernel.code}\n${JSON.stringify(Object.entries(constants).sort())}`;
  const cached = gpu.pipelines.get(key);
  if (cached) return cached;
  const valuesByKey = Object.fromEntries(
    kernel.constants.filter(({ name }) => name in constants)
      .map(({ name, key }) => [key, Number(constants[name])]),
  );
  const { device } = gpu;
  const label = `${kernel.name} ${JSON.stringify(constants)}`;
  let messages: () => Promise<readonly GPUCompilationMessage[]> = () => Promise.resolve([]);
  let pipeline: GPUComputePipeline;
  try {
    pipeline = await guarded(gpu, `compile kernel ${label}`, () => {
      const module = moduleOf(gpu, kernel, label);
      messages = async () => (await module.getCompilationInfo()).messages;
      const layout = device.createBindGroupLayout({
        label,
        entries: kernel.bindings.map(({ access, binding }) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: bufferTypes[access] },
        })),
      });
      return device.createComputePipeline({
        label,
        layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main", constants: valuesByKey },
      });
    });
  } catch (error) {
    const inFront = directives(gpu.dialect, kernel.code).length;
    let said = (error as Error).message;
    const lines = (await messages()).map(({ lineNum, linePos, message }) => {
      const text = message.trim();
      said = said.replace(text, () => ""); // some say it there as well, without the place in the file
      const place = placeOf(kernel.files, lineNum);
      return `${place}:${linePos - (lineNum === 1 ? inFront : 0)} ${text}`;
    });
    // What stands below with its place need not be said in front without it.
    const [first, ...more] = said.split("\n");
    const front = lines.length > 0 ? [first] : [first, ...more];
    const all = [...front, ...lines].join("\n").split("\n").map(withoutHandles);
    throw new Error(all.filter((line) => line.trim() !== "").join("\n"));
  }
  gpu.pipelines.set(key, pipeline);
  return pipeline;
}

/** A compiler's note without numbers that are its own: "the pointer [51]" is nothing that a text has. */
const withoutHandles = (line: string) =>
  (/^\s*[:=]/.test(line) ? line.replaceAll(/ ?\[\d+\]/g, "") : line)
    .replace(/ naga::ir::\w+ \[\d+\]$/, "");

/** Values of `override` constants, by name. */
export type ConstantValues = Readonly<Record<string, number | boolean>>;

/** @throws {TypeError} for a constant that is missing, unknown or of another type, with the kernel's name. */
export function checkConstants(kernel: Kernel, constants: ConstantValues): void {
  const names = kernel.constants.map(({ name }) => name);
  const missing = kernel.constants
    .filter(({ name, required }) => required && constants[name] === undefined)
    .map(({ name }) => name);
  const unknown = Object.keys(constants).filter((name) => !names.includes(name));
  const wrong = kernel.constants
    .filter(({ name, type }) => {
      const value = constants[name];
      return value !== undefined &&
        !(type === "bool" ? typeof value === "boolean" : isOfType(value, type));
    })
    .map(({ name, type }) => `${name} ${constants[name]} is no ${type}`);
  if (missing.length || unknown.length || wrong.length) {
    throw new TypeError(
      `Cannot specialise kernel ${kernel.name}: constants missing [${missing}], unknown [${unknown}]` +
        `${wrong.length > 0 ? `; ${wrong.join(", ")}` : ""}`,
    );
  }
}

/** Modules by shader text: constants come with the pipeline, so that variants share what the compiler has read. */
const modules = new WeakMap<Gpu, Map<string, GPUShaderModule>>();

function moduleOf(gpu: Gpu, kernel: Kernel, label: string): GPUShaderModule {
  if (!modules.has(gpu)) modules.set(gpu, new Map());
  const known = modules.get(gpu)!;
  const code = directives(gpu.dialect, kernel.code) + kernel.code;
  const found = known.get(kernel.code) ?? gpu.device.createShaderModule({ label, code });
  known.set(kernel.code, found);
  return found;
}

const bufferTypes = { uniform: "uniform", read: "read-only-storage", write: "storage" } as const;
