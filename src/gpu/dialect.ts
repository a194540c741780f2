import { codeOf } from "./wgsl_tokens.ts";

/** What a compiler wants in front of kernels, found by trying. */
export interface Dialect {
  /** In front of kernels with subgroups; null: it does not know them. */
  readonly subgroups: string | null;
}

/**
 * In the order they are tried. Some compilers know subgroups wherever the device does, and refuse to have them enabled;
 * others know them only where they are. Some also want to prove that all lanes of a subgroup arrive at its operations,
 * which they cannot where a loop's bounds come from the thread's number; that is left to the kernels.
 */
const ways = [
  "",
  "enable subgroups; ",
  "enable subgroups; diagnostic(off, subgroup_uniformity); ",
];

/** Does with subgroups what the kernels of `shaders/` do. */
const probe = `
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  let lane = subgroupExclusiveAdd(1u);
  for (var i = 0u; i < id.x; i++) {
    x[id.x] += subgroupBroadcast(x[i], 0u) + subgroupShuffle(x[i], lane ^ 1u);
  }
}`;

/** The dialect of a compiler that knows subgroups or not, and accepts texts or not. */
export async function findDialect(
  hasSubgroups: boolean,
  accepts: (code: string) => Promise<boolean>,
): Promise<Dialect> {
  if (!hasSubgroups) return { subgroups: null };
  for (const subgroups of ways) {
    if (await accepts(subgroups + probe)) return { subgroups };
  }
  return { subgroups: null };
}

/** Whether the compiler of a device accepts a text. */
export async function compiles(device: GPUDevice, code: string): Promise<boolean> {
  device.pushErrorScope("validation");
  device.createShaderModule({ label: "dialect", code });
  return await device.popErrorScope() === null;
}

/** What goes in front of a kernel, without a line break, so that line numbers stay those of the file. */
export function directives({ subgroups }: Dialect, code: string): string {
  return subgroups && usesSubgroups(code) ? subgroups : "";
}

function usesSubgroups(code: string): boolean {
  const use = /\b(?:subgroup|quad)[A-Z]\w*\s*\(|@\s*builtin\s*\(\s*subgroup_/;
  return use.test(code) && use.test(codeOf(code));
}
