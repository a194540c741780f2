import type { Ranked } from "./board.ts";
import { figures } from "./measure.ts";
import { type Column, escaped, htmlTable, onWideAndNarrow, page } from "./page.ts";
import { roofline } from "./roofline.ts";

/** The page of a board: for each machine its roofline, and for each operation a table of shapes and ranks. */
export function boardPage(entries: readonly Ranked[], refused: readonly string[]): string {
  const machines = [...Map.groupBy(entries, ({ machine }) => machine)];
  const body =
    `<p>Kernels by machine, operation and shape, the fastest first by the median of their rounds. Only those stand here
whose check ran: compared with the definition in double precision at the very shape that was timed. "Of ours" is the
time against ours in the same rounds, whatever else the machine did. Shares are those of the best multiply-adds and the
best copy of the same run. The hash is the beginning of the SHA-256 of the kernel's text. Tables scroll sideways where
there is no room for them.</p>
${winners(entries)}
${machines.map(([machine, own]) => section(machine, own)).join("\n")}
${
      refused.length === 0
        ? ""
        : `<h2>Refused</h2>\n<ul>${
          refused.map((text) => `<li>${escaped(text)}</li>`).join("\n")
        }</ul>`
    }`;
  return page("Kernel board", body);
}

/** Who leads where there is more than one. */
function winners(entries: readonly Ranked[]): string {
  const contested = entries.filter(({ rank, of }) => rank === 1 && of > 1);
  if (contested.length === 0) return "";
  const counts = [...Map.groupBy(contested, ({ author }) => author)]
    .toSorted((a, b) => b[1].length - a[1].length);
  const shapes = contested.length === 1 ? "the one shape" : `${contested.length} shapes`;
  return `<p>Of ${shapes} with more than one kernel ${
    counts.map(([author, own]) => `${escaped(author)} leads at ${own.length}`).join(", ")
  }.</p>`;
}

function section(machine: string, entries: readonly Ranked[]): string {
  const { adapter, commit } = entries.toSorted((a, b) => a.date < b.date ? 1 : -1)[0];
  const points = entries.map((entry) => ({ ...entry, kernel: entry.op }));
  const byOp = [...Map.groupBy(entries, ({ op }) => op)];
  const picture = (form: "wide" | "narrow") =>
    roofline(points, { adapter, commit: commit || null }, form);
  return `<h2>${escaped(machine)}</h2>
${onWideAndNarrow(picture("wide"), picture("narrow"))}
${byOp.map(([op, own]) => opSection(op, own)).join("\n")}`;
}

function opSection(op: string, entries: readonly Ranked[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const shapes = new Set(entries.map(({ shape }) => shape)).size;
  const rows = [...Map.groupBy(entries, ({ shape }) => shape)].flatMap(([shape, own]) => [
    `${own[0].layer}: ${shape}`,
    ...own.map((entry) => [
      `${entry.rank} of ${entry.of}`,
      entry.author,
      entry.kernel,
      entry.hash.slice(0, 10),
      figures(entry.milliseconds),
      entry.ratio === null ? "" : entry.ratio.toFixed(2),
      figures(entry.gflops),
      percent(entry.multiplyAddShare),
      figures(entry.gbs),
      percent(entry.copyShare),
      entry.error.toExponential(0),
      entry.commit,
      entry.date.slice(0, 10),
    ]),
  ]);
  const text = (name: string): Column => ({ name, kind: "text" });
  const short = (name: string): Column => ({ name, kind: "short text" });
  const number = (name: string): Column => ({ name });
  const heading = [
    ...[short("rank"), text("author"), text("kernel"), short("hash")],
    ...["ms", "of ours", "GFLOP/s", "of peak", "GB/s", "of copy", "error"].map(number),
    ...[short("commit"), short("date")],
  ];
  const contested = entries.some(({ of }) => of > 1);
  return `<details${contested ? " open" : ""}><summary><b>${escaped(op)}</b>, ${shapes} shape${
    shapes === 1 ? "" : "s"
  }</summary>${htmlTable(heading, rows)}</details>`;
}
