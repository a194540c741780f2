import type { Layout } from "../gpu/layout.ts";

/** A type as WGSL has it. */
export function nameOf(layout: Layout): string {
  if (layout.kind === "struct") return layout.name;
  if (layout.kind === "scalar") return layout.scalar;
  const { element, count } = layout;
  if (element.kind === "scalar" && count !== null && count <= 4) {
    return `vec${count}${element.scalar[0]}`;
  }
  return `array<${nameOf(element)}${count === null ? "" : `, ${count}`}>`;
}
