import { figures } from "./measure.ts";
import { type Column, escaped, htmlTable, onWideAndNarrow, page } from "./page.ts";
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
  /** What cannot be: launches above a ceiling. */
  readonly impossible?: readonly string[];
}

/** In units of the picture: of the whole step, and of operations and layers, whose names may stand upright. */
const [rowHeight, nameHeight] = [34, 180];
/** Of the picture on a wide page, and on a narrow one. */
const widths = { wide: 1000, narrow: 380 };
/** Width of a letter. */
const letter = 6.2;

/** A page with a training step as nested bars, widths by time, and the table of its launches. */
export function profilePage(
  { title, about, launches, hints, reached, impossible = [] }: ProfileParts,
): string {
  const body =
    `<p class="dim">${escaped(about)}; ceilings ${figures(reached.multiplyAdd)} GFLOP/s of ` +
    `multiply-adds and ${figures(reached.copy)} GB/s of copying</p>
${warning(impossible)}
<p>Widths are milliseconds. Below the whole step its operations, below each its layers. The colour is the larger of
the two shares of the ceilings: faint is far below what the adapter can do, full is near it. Each bar says more when
it is pointed at.</p>
${onWideAndNarrow(bars(launches, hints, "wide"), bars(launches, hints, "narrow"))}
${legend()}
<h2>Launches, the longest first</h2>
<p class="dim">"Too few": so few workgroups leave parts of the adapter without work. The table scrolls sideways where
there is no room for it.</p>
${launchTable(launches, hints)}`;
  return page(title, body);
}

/** Of what cannot be the colours say nothing. */
function warning(impossible: readonly string[]): string {
  if (impossible.length === 0) return "";
  return `<div class="warning"><p><b>Not all of these times can be right.</b> Bars above a ceiling have a red frame.</p><ul>${
    impossible.map((text) => `<li>${escaped(text)}</li>`).join("\n")
  }</ul></div>`;
}

const shareOf = (
  { multiplyAddShare, copyShare }: Pick<ProfiledLaunch, "multiplyAddShare" | "copyShare">,
) => Math.max(multiplyAddShare, copyShare);

/** From faint to full in the blue of the pictures; by opacity, so that it serves on light and dark paper. */
const fill = (share: number) =>
  `fill="#4269d0" fill-opacity="${(0.15 + 0.85 * Math.min(1, share)).toFixed(2)}"`;

function bars(
  launches: readonly ProfiledLaunch[],
  hints: ProfileParts["hints"],
  form: keyof typeof widths,
): string {
  const width = widths[form];
  const sum = (list: readonly ProfiledLaunch[]) =>
    list.reduce((all, one) => all + one.milliseconds, 0);
  const mean = (list: readonly ProfiledLaunch[]) =>
    list.reduce((all, one) => all + shareOf(one) * one.milliseconds, 0) / sum(list);
  const total = sum(launches);
  const parts: string[] = [];
  const bar = (x: number, row: number, ms: number, name: string, share: number, more: string) => {
    const w = ms / total * width;
    const top = row === 0 ? 0 : rowHeight + (row - 1) * nameHeight;
    const height = row === 0 ? rowHeight : nameHeight;
    const part = `${(100 * ms / total).toFixed(1)} % of the step`;
    const title = escaped(`${name}: ${figures(ms)} ms, ${part}${more}`);
    const rect = `<rect x="${x.toFixed(2)}" y="${top}" width="${
      Math.max(w - 0.5, 0.2).toFixed(2)
    }" height="${height - 2}" ${fill(share)}${
      share > 1 ? ' stroke="#d62728" stroke-width="2"' : ""
    }/>`;
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
  const height = rowHeight + 2 * nameHeight;
  return `<svg class="bars" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">` +
    `<style>${style}</style>\n${parts.join("\n")}\n</svg>`;
}

/** A name where it has room: along its bar, or upwards, cut short if it must be. */
function label(
  x: number,
  w: number,
  top: number,
  row: number,
  name: string,
  share: number,
): string {
  const color = share > 0.55 ? ' class="on"' : "";
  if (row < 2 && name.length * letter <= w - 6) {
    return `<text x="${(x + 3).toFixed(1)}" y="${top + 21}"${color}>${escaped(name)}</text>`;
  }
  if (row === 0 || w < 13) return "";
  const room = Math.floor((nameHeight - 16) / letter);
  const shown = name.length > room ? `${name.slice(0, room - 1)}…` : name;
  const [cx, cy] = [(x + w / 2 + 4).toFixed(1), top + nameHeight - 8];
  return `<text x="${cx}" y="${cy}" transform="rotate(-90 ${cx} ${cy})"${color}>${
    escaped(shown)
  }</text>`;
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
    `<span class="together"><svg width="28" height="14" style="display:inline-block;vertical-align:middle">` +
    `<rect width="28" height="14" ${fill(share)}/></svg> ${100 * share} %</span>`
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
    hints.has(launch) ? `${launch.workgroups}, too few` : String(launch.workgroups),
    launch.kernel,
  ]);
  const short = (name: string): Column => ({ name, kind: "short text" });
  const number = (name: string): Column => ({ name });
  return htmlTable(
    [
      ...["operation", "layer"].map(short),
      ...["ms", "of step", "GFLOP/s", "of peak", "GB/s", "of copy", "workgroups"].map(number),
      short("kernel"),
    ],
    rows,
  );
}
