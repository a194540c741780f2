import { type Gpu, guarded } from "./device.ts";
import { directives } from "./provider.ts";

/** How a kernel uses a binding: a small uniform record, storage it only reads, storage it writes. */
export type Access = "uniform" | "read" | "write";

/** A WGSL kernel, declared once beside the op that records it. */
export interface Kernel {
  readonly name: string;
  /** WGSL with one entry point `main`; bindings 0, 1, ... of group 0 in the order of `bindings`. */
  readonly code: string;
  readonly bindings: readonly { readonly name: string; readonly access: Access }[];
  /** Names of the `override` constants that a recorder must set. */
  readonly constants: readonly string[];
}

const declared: Kernel[] = [];

/** All kernels that the program has declared so far, whether they have been compiled or not. */
export function declaredKernels(): readonly Kernel[] {
  return declared;
}

/**
 * Declares a kernel. `bindings` maps names to access, in binding order. `library` texts are appended after the
 * kernel's own, so that line numbers in compiler messages stay those of the file.
 */
export function defineKernel(definition: {
  readonly name: string;
  readonly code: string;
  readonly bindings: Readonly<Record<string, Access>>;
  readonly constants?: readonly string[];
  readonly library?: readonly string[];
}): Kernel {
  const { name, code, bindings, constants = [], library = [] } = definition;
  const kernel = {
    name,
    code: [code, ...library].join("\n"),
    bindings: Object.entries(bindings).map(([name, access]) => ({ name, access })),
    constants,
  };
  declared.push(kernel);
  return kernel;
}

/** The compiled pipeline of a kernel with given constants, from the device's cache or compiled now. */
export async function pipelineOf(
  gpu: Gpu,
  kernel: Kernel,
  constants: Readonly<Record<string, number>>,
): Promise<GPUComputePipeline> {
  const missing = kernel.constants.filter((name) => !(name in constants));
  const unknown = Object.keys(constants).filter((name) => !kernel.constants.includes(name));
  if (missing.length || unknown.length) {
    throw new TypeError(
      `Cannot specialise kernel ${kernel.name}: constants missing [${missing}], unknown [${unknown}]`,
    );
  }
  const key = `${kernel.code}\n${JSON.stringify(Object.entries(constants).sort())}`;
  const cached = gpu.pipelines.get(key);
  if (cached) return cached;
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
        entries: kernel.bindings.map(({ access }, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: bufferTypes[access] },
        })),
      });
      return device.createComputePipeline({
        label,
        layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main", constants: { ...constants } },
      });
    });
  } catch (error) {
    const inFront = directives(gpu.adapter.provider, kernel.code).length;
    let said = (error as Error).message;
    const lines = (await messages()).map(({ lineNum, linePos, message }) => {
      const text = message.trim();
      said = said.replace(text, () => ""); // some say it there as well, without the place in the file
      return `${kernel.name}.wgsl:${lineNum}:${linePos - (lineNum === 1 ? inFront : 0)} ${text}`;
    });
    throw new Error([said.trimEnd(), ...lines].join("\n"));
  }
  gpu.pipelines.set(key, pipeline);
  return pipeline;
}

/** Modules by shader text: constants come with the pipeline, so that variants share what the compiler has read. */
const modules = new WeakMap<Gpu, Map<string, GPUShaderModule>>();

function moduleOf(gpu: Gpu, kernel: Kernel, label: string): GPUShaderModule {
  if (!modules.has(gpu)) modules.set(gpu, new Map());
  const known = modules.get(gpu)!;
  const code = directives(gpu.adapter.provider, kernel.code) + kernel.code;
  const found = known.get(kernel.code) ?? gpu.device.createShaderModule({ label, code });
  known.set(kernel.code, found);
  return found;
}

const bufferTypes = { uniform: "uniform", read: "read-only-storage", write: "storage" } as const;
