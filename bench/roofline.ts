import type { KernelResult } from "./kernels.ts";
import { escaped } from "./page.ts";
import type { Setting } from "./setting.ts";

/** Where things are, in units of the picture: names beside the plot, or on a narrow page below it. */
const layouts = {
  wide: { width: 760, plot: 480, margin: { left: 64, right: 200, top: 44, bottom: 52 } },
  narrow: { width: 380, plot: 360, margin: { left: 52, right: 22, top: 44, bottom: 52 } },
};
/** Height of a line of names, and width of a letter. */
const [lineHeight, letter] = [18, 6.4];
const colors = [
  "#4269d0",
  "#efb118",
  "#ff725c",
  "#6cc5b0",
  "#3ca951",
  "#ff8ab7",
  "#a463f2",
  "#97bbf5",
];

/** Light and dark, also where the picture is part of a page. */
const style = ".roofline .paper { fill: #fff } .roofline text { fill: #222 } " +
  ".roofline .grid { stroke: #ddd } .roofline .roof { stroke: #222 } " +
  "@media (prefers-color-scheme: dark) { .roofline .paper { fill: #1b1d21 } .roofline text { fill: #ddd } " +
  ".roofline .grid { stroke: #3a3d44 } .roofline .roof { stroke: #ddd } }";

/** What a kernel's place in the picture comes from. */
export type RooflinePoint =
  & Pick<
    KernelResult,
    "kernel" | "layer" | "gflops" | "gbs" | "multiplyAddCeiling" | "copyCeiling"
  >
  & { readonly width?: number; readonly batch?: number; readonly size?: number };

/**
 * The roofline (Williams, Waterman and Patterson 2009) as SVG: each kernel at its operations per byte and its speed,
 * under the roof that copy and multiply-add ceiling of the same run make. Both axes are logarithmic, so that kernels
 * that only copy, without an operation, have no place in it.
 */
export function roofline(
  results: readonly RooflinePoint[],
  setting: Pick<Setting, "adapter" | "commit">,
  form: keyof typeof layouts = "wide",
): string {
  const { width, plot: height, margin } = layouts[form];
  const points = results.filter(({ gflops, gbs }) => gflops > 0 && gbs > 0).map((result) => ({
    ...result,
    intensity: result.gflops / result.gbs,
  }));
  // The best of all runs: no kernel of theirs is above it.
  const peak = Math.max(...results.map((r) => r.multiplyAddCeiling));
  const copy = Math.max(...results.map((r) => r.copyCeiling));
  const decades = (
    values: number[],
  ) => [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const [x0, x1] = decades([...points.map((p) => p.intensity), peak / copy]);
  const [y0, y1] = decades([...points.map((p) => p.gflops), peak * 1.5]);
  const x = (value: number) =>
    margin.left + (Math.log10(value) - x0) / (x1 - x0) * (width - margin.left - margin.right);
  const y = (value: number) =>
    height - margin.bottom -
    (Math.log10(value) - y0) / (y1 - y0) * (height - margin.top - margin.bottom);
  const at = (value: number) => value.toFixed(1);
  const text = (px: number, py: number, content: string, more = "") =>
    `<text x="${at(px)}" y="${at(py)}" ${more}>${escaped(content)}</text>`;
  const line = (xa: number, ya: number, xb: number, yb: number, more: string) =>
    `<line x1="${at(xa)}" y1="${at(ya)}" x2="${at(xb)}" y2="${at(yb)}" ${more}/>`;
  const parts: string[] = [];
  const grid = 'class="grid"';
  for (let decade = x0; decade <= x1; decade++) {
    const px = x(10 ** decade);
    parts.push(line(px, margin.top, px, height - margin.bottom, grid));
    parts.push(text(px, height - margin.bottom + 16, String(10 ** decade), 'text-anchor="middle"'));
  }
  for (let decade = y0; decade <= y1; decade++) {
    const py = y(10 ** decade);
    parts.push(line(margin.left, py, width - margin.right, py, grid));
    parts.push(text(margin.left - 6, py + 4, String(10 ** decade), 'text-anchor="end"'));
  }
  const ridge = peak / copy;
  // Where the roof leaves the picture: at its left edge, or at its lower one.
  const start = Math.max(10 ** x0, 10 ** y0 / copy);
  const roof = 'class="roof" stroke-width="2"';
  parts.push(line(x(start), y(start * copy), x(ridge), y(peak), roof));
  parts.push(line(x(ridge), y(peak), width - margin.right, y(peak), roof));
  const ceilings = `${peak.toFixed(1)} GFLOP/s, copy ${copy.toFixed(1)} GB/s`;
  const right = width - margin.right - 6;
  const fits = x(ridge) + 6 + letter * ceilings.length < right;
  parts.push(
    fits
      ? text(x(ridge) + 6, y(peak) - 6, ceilings)
      : text(right, y(peak) - 6, ceilings, 'text-anchor="end"'),
  );
  const kernels = [...new Set(points.map(({ kernel }) => kernel))];
  for (const point of points) {
    const { width: channels, batch, size } = point;
    const network = channels === undefined
      ? ""
      : ` (width ${channels}, batch ${batch}, ${size} pixels)`;
    const title = `${point.kernel} ${point.layer}${network}: ` +
      `${point.gflops.toPrecision(3)} GFLOP/s, ${point.gbs.toPrecision(3)} GB/s`;
    const place = kernels.indexOf(point.kernel);
    parts.push(
      mark(x(point.intensity), y(point.gflops), place, `<title>${escaped(title)}</title>`),
    );
  }
  const below = form === "narrow" ? Math.ceil(kernels.length / 2) : 0;
  kernels.forEach((kernel, i) => {
    const py = below > 0
      ? height + 10 + lineHeight * (i % below)
      : margin.top + 10 + lineHeight * i;
    const px = below > 0 ? 12 + Math.floor(i / below) * width / 2 : width - margin.right + 14;
    parts.push(mark(px, py - 4, i, ""));
    parts.push(text(px + 10, py, kernel));
  });
  const heading = `${setting.adapter.description}, commit ${setting.commit ?? "unknown"}`;
  const room = Math.floor((width - 24) / letter / 1.1);
  const shown = heading.length > room ? `${heading.slice(0, room - 1)}…` : heading;
  parts.push(text(below > 0 ? 12 : margin.left, 20, shown, 'font-weight="bold"'));
  const middleX = (margin.left + width - margin.right) / 2;
  parts.push(
    text(middleX, height - 14, "floating-point operations per byte", 'text-anchor="middle"'),
  );
  parts.push(
    text(
      16,
      height / 2,
      "GFLOP/s",
      `text-anchor="middle" transform="rotate(-90 16 ${height / 2})"`,
    ),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${
    Math.max(
      height + below * lineHeight,
      below > 0 ? 0 : margin.top + 20 + lineHeight * kernels.length,
    )
  }" ` +
    `class="roofline" font-family="sans-serif" font-size="12"><style>${style}</style>` +
    `<rect class="paper" width="100%" height="100%"/>\n` +
    parts.join("\n") + "\n</svg>\n";
}

/** The mark of the `i`-th kernel: when the colours are used up they begin again in another form. */
function mark(x: number, y: number, i: number, inside: string): string {
  const paint = `fill="${colors[i % colors.length]}" fill-opacity="0.8"`;
  const form = Math.floor(i / colors.length) % 3;
  if (form === 0) {
    return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="4.5" ${paint}>${inside}</circle>`;
  }
  const turned = form === 2 ? ` transform="rotate(45 ${x.toFixed(1)} ${y.toFixed(1)})"` : "";
  return `<rect x="${(x - 4).toFixed(1)}" y="${
    (y - 4).toFixed(1)
  }" width="8" height="8"${turned} ` +
    `${paint}>${inside}</rect>`;
}
