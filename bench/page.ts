/** Pages that need nothing but themselves: no script, no font, no picture from elsewhere. */

/** Text as it stands in HTML and SVG. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const css = `
:root { color-scheme: light dark; --paper: #fff; --ink: #222; --dim: #666; --line: #ddd; --stripe: #f6f6f4 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1b1d21; --ink: #ddd; --dim: #999; --line: #3a3d44; --stripe: #24272c }
}
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 90rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
p { max-width: 46rem } .dim { color: var(--dim) } .together { white-space: nowrap }
.warning { border-left: 4px solid #d62728; padding-left: .8rem }
.wide { overflow-x: auto } svg { display: block; height: auto; max-width: 100% }
.on-wide svg, .on-narrow svg { width: 100% } .on-wide svg { max-width: 76rem } .on-narrow { display: none }
@media (max-width: 45rem) { .on-wide { display: none } .on-narrow { display: block } }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; white-space: nowrap }
th, td { padding: .15rem .45rem; text-align: right; vertical-align: top }
th { border-bottom: 1px solid var(--line) }
.text { max-width: 18rem; min-width: 9rem; overflow-wrap: anywhere; text-align: left; white-space: normal }
.text.short { min-width: 0; white-space: nowrap }
tbody tr:nth-child(even) { background: var(--stripe) }
td.group { color: var(--dim); padding-top: .6rem; text-align: left; white-space: normal }
summary { cursor: pointer; padding: .2rem 0 } code { font-size: .9em }
`;

/** A whole page; `body` is HTML. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${css}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
${body}
</body>
</html>
`;
}

/** A picture in two forms, of which a page shows the one that it has room for. */
export function onWideAndNarrow(wide: string, narrow: string): string {
  return `<div class="on-wide">${wide}</div>\n<div class="on-narrow">${narrow}</div>`;
}

/** A column of a table: numbers stand on the right, texts on the left; those that may be long are broken. */
export interface Column {
  readonly name: string;
  readonly kind?: "number" | "text" | "short text";
}

/** A table that scrolls sideways where the page is narrow; cells are text. A row that is a text heads those below it. */
export function htmlTable(
  columns: readonly Column[],
  rows: readonly (string | readonly string[])[],
): string {
  const heading = (text: string) =>
    `<tr><td class="group" colspan="${columns.length}">${escaped(text)}</td></tr>`;
  const classOf = ({ kind = "number" }: Column) =>
    kind === "number" ? "" : kind === "text" ? ' class="text"' : ' class="text short"';
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${
      cells.map((cell, i) => `<${tag}${classOf(columns[i])}>${escaped(cell)}</${tag}>`).join("")
    }</tr>`;
  return `<div class="wide"><table>\n<thead>${
    row(columns.map(({ name }) => name), "th")
  }</thead>\n<tbody>\n${
    rows.map((cells) => typeof cells === "string" ? heading(cells) : row(cells, "td")).join("\n")
  }\n</tbody></table></div>`;
}
