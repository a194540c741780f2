import { codeOf } from "../gpu/wgsl_tokens.ts";
import { declarationsOf } from "../gpu/wgsl.ts";
import { layoutOf } from "../gpu/layout.ts";
import type { OwnKernel } from "./own_kernel.ts";

/** What every implementation of WebGPU allows: of more it is up to the adapter. */
const GUARANTEED = { invocations: 256, sizes: [256, 256, 64], workgroupBytes: 16384 };

/**
 * What is to be said about a kernel that is right here, in lines: what another adapter may refuse. Sizes that depend on
 * `override` constants without a value of their own are not looked at.
 */
export function remarksOf({ forms }: Pick<OwnKernel, "forms">): string[] {
  const { code } = (forms.f32 ?? forms.f16)!;
  const text = codeOf(code);
  return [...workgroupRemarks(text), ...memoryRemarks(text)];
}

function workgroupRemarks(text: string): string[] {
  const main = text.match(/@workgroup_size\s*\(([^)]*)\)/)?.[1] ?? "";
  const sizes = main.split(",").filter((part) => part.trim() !== "")
    .map((part) => numberOf(part.trim(), text));
  const all = sizes.reduce((product, size) => product * size, 1);
  const { invocations, sizes: most } = GUARANTEED;
  if (!(all > invocations || sizes.some((size, i) => size > most[i]))) return [];
  return [
    `@workgroup_size(${main.trim()}) is ${all} invocations: WebGPU promises ${invocations} (${
      most.join(" x ")
    } at most), another adapter may refuse it`,
  ];
}

function memoryRemarks(text: string): string[] {
  let bytes = 0;
  try {
    const declarations = declarationsOf(text, "kernel");
    for (const [, type] of text.matchAll(/var\s*<\s*workgroup\s*>\s*\w+\s*:\s*([^;=]+)[;=]/g)) {
      const alias = declarationsOf(`${text}\nalias workgroupMemory = ${type};`, "kernel");
      const layout = layoutOf(alias.aliases.get("workgroupMemory")!, declarations);
      bytes += Math.ceil(layout.size / 16) * 16;
    }
  } catch (error) {
    // Types that no buffer is made of, such as bool and f16, and lengths that are expressions: not counted.
    if (!(error instanceof SyntaxError)) throw error;
    return [];
  }
  if (bytes <= GUARANTEED.workgroupBytes) return [];
  return [
    `it takes ${bytes} bytes of workgroup memory: WebGPU promises ${GUARANTEED.workgroupBytes}, another adapter may ` +
    "refuse it",
  ];
}

/** A number, or the value that a constant of this name has in the text; NaN where it has none. */
function numberOf(word: string, text: string): number {
  if (/^\d+[iu]?$/.test(word)) return parseInt(word);
  const name = word.replace(/\W/g, "");
  const value = text.match(
    new RegExp(`\\b(?:const|override)\\s+${name}\\b[^=;]*=\\s*(\\d+)[iu]?\\s*;`),
  )?.[1];
  return value === undefined ? NaN : parseInt(value);
}
