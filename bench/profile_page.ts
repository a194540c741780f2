import { figures } from "./measure.ts";
import { escaped, htmlTable, page } from "./page.ts";
import type { ProfiledLaunch } from "./profile.ts";

/** What the page of a profile shows. */
export interface ProfileParts {
  readonly title: string;
  /** Adapter, commit, date. */
  readonly about: string;
  readonly launches: readonly ProfiledLaunch[];
  /** What is to be said about a launch. */
  readonly hints: ReadonlyMap<ProfiledLaunch, string>;
  /** GFLOP/s and GB/s of the ceilings. */
  readonly reached: { readonly multiplyAdd: number; readonly copy: number };
}

/** In units of the picture; the row of layers is taller, since their names stand upright. */
const [width, rowHeight, layerHeight] = [1000, 34, 150];
/** Width of a letter. */
const letter = 6.6;

/** A page with a training step as nested bars, widths by time, and the table of its launches. */
export function profilePage({ title, about, launches, hints, reached }: ProfileParts): string {
  const body =
    `<p class="dim">${escaped(about)}; ceilings ${figures(reached.multiplyAdd)} GFLOP/s of ` +
    `multiply-adds and ${figures(reached.copy)} GB/s of copying</p>
<p>Widths are milliseconds. Below the whole step its operations, below each its layers. The colour is the larger of
the two shares of the ceilings: faint is far below what the adapter can do, full is near it. Each bar says more when
it is pointed at.</p>
<div class="wide">${bars(launches, hints)}</div>
${legend()}
<h2>Launches, the longest first</h2>
${launchTable(launches, hints)}`;
  return page(title, body);
}

const shareOf = (
  { multiplyAddShare, copyShare }: Pick<ProfiledLaunch, "multiplyAddShare" | "copyShare">,
) => Math.max(multiplyAddShare, copyShare);

/** From faint to full in the blue of the pictures; by opacity, so that it serves on light and dark paper. */
const fill = (share: number) =>
  `fill="#4269d0" fill-opacity="${(0.15 + 0.85 * Math.min(1, share)).toFixed(2)}"`;

function bars(launches: readonly ProfiledLaunch[], hints: ProfileParts["hints"]): string {
  const sum = (list: readonly ProfiledLaunch[]) =>
    list.reduce((all, one) => all + one.milliseconds, 0);
  const mean = (list: readonly ProfiledLaunch[]) =>
    list.reduce((all, one) => all + shareOf(one) * one.milliseconds, 0) / sum(list);
  const total = sum(launches);
  const parts: string[] = [];
  const bar = (x: number, row: number, ms: number, name: string, share: number, more: string) => {
    const w = ms / total * width;
    const [top, height] = [row * rowHeight, row === 2 ? layerHeight : rowHeight];
    const part = `${(100 * ms / total).toFixed(1)} % of the step`;
    const title = escaped(`${name}: ${figures(ms)} ms, ${part}${more}`);
    const rect = `<rect x="${x.toFixed(2)}" y="${top}" width="${
      Math.max(w - 0.5, 0.2).toFixed(2)
    }" height="${height - 2}" ${fill(share)}/>`;
    parts.push(`<g><title>${title}</title>${rect}${label(x, w, top, row, name, share)}</g>`);
  };
  bar(0, 0, total, `${launches.length} launches, ${figures(total)} ms`, mean(launches), "");
  let x = 0;
  const byOp = [...Map.groupBy(launches, ({ op }) => op)]
    .toSorted((a, b) => sum(b[1]) - sum(a[1]));
  for (const [op, list] of byOp) {
    bar(x, 1, sum(list), op, mean(list), `, ${list.length} launches`);
    for (const launch of list.toSorted((a, b) => b.milliseconds - a.milliseconds)) {
      const { milliseconds, layer, kernel } = launch;
      bar(x, 2, milliseconds, layer || kernel, shareOf(launch), ratesOf(launch, hints));
      x += milliseconds / total * width;
    }
  }
  const style = ".bars text { fill: #222; font: 12px sans-serif } .bars .on { fill: #fff } " +
    "@media (prefers-color-scheme: dark) { .bars text { fill: #eee } }";
  const height = 2 * rowHeight + layerHeight;
  return `<svg class="bars" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">` +
    `<style>${style}</style>\n${parts.join("\n")}\n</svg>`;
}

/** A name where it has room: along its bar, of layers upwards. */
function label(
  x: number,
  w: number,
  top: number,
  row: number,
  name: string,
  share: number,
): string {
  const color = share > 0.55 ? ' class="on"' : "";
  if (row === 2) {
    if (w < 13) return "";
    const [cx, cy] = [(x + w / 2 + 4).toFixed(1), top + layerHeight - 8];
    return `<text x="${cx}" y="${cy}" transform="rotate(-90 ${cx} ${cy})"${color}>${
      escaped(name.slice(0, Math.floor((layerHeight - 12) / letter)))
    }</text>`;
  }
  // A piece of a name is worth less than none.
  if (name.length * letter > w - 6) return "";
  return `<text x="${(x + 3).toFixed(1)}" y="${top + 21}"${color}>${escaped(name)}</text>`;
}

function ratesOf(launch: ProfiledLaunch, hints: ProfileParts["hints"]): string {
  const { gflops, gbs, multiplyAddShare, copyShare, kernel } = launch;
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const rates = gflops === null || gbs === null
    ? ""
    : `, ${figures(gflops)} GFLOP/s (${percent(multiplyAddShare)}), ${figures(gbs)} GB/s (${
      percent(copyShare)
    })`;
  const hint = hints.get(launch);
  return `${rates}, by ${kernel}${hint ? `; ${hint}` : ""}`;
}

function legend(): string {
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    `<svg width="28" height="14" style="display:inline-block;vertical-align:middle"><rect width="28" height="14" ${
      fill(share)
    }/></svg> ${100 * share} %`
  );
  return `<p class="dim">share of the ceiling: ${steps.join(" &nbsp; ")}</p>`;
}

function launchTable(launches: readonly ProfiledLaunch[], hints: ProfileParts["hints"]): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const total = launches.reduce((all, one) => all + one.milliseconds, 0);
  const rows = launches.toSorted((a, b) => b.milliseconds - a.milliseconds).map((launch) => [
    launch.op,
    launch.layer,
    figures(launch.milliseconds),
    `${(100 * launch.milliseconds / total).toFixed(1)} %`,
    launch.gflops === null ? "-" : figures(launch.gflops),
    percent(launch.multiplyAddShare),
    launch.gbs === null ? "-" : figures(launch.gbs),
    percent(launch.copyShare),
    String(launch.workgroups),
    hints.get(launch) ?? "",
    launch.kernel,
  ]);
  return htmlTable(
    [
      "operation",
      "layer",
      "ms",
      "of step",
      "GFLOP/s",
      "of peak",
      "GB/s",
      "of copy",
      "workgroups",
      "hint",
      "kernel",
    ],
    rows,
  );
}
