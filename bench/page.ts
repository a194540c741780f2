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
  max-width: 76rem; padding: 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
p { max-width: 46rem } .dim { color: var(--dim) }
.wide { overflow-x: auto } svg { display: block; height: auto; max-width: 100% }
.wide svg { min-width: 40rem; width: 100% }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap }
th, td { padding: .15rem .6rem; text-align: right } th { border-bottom: 1px solid var(--line) }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left }
tbody tr:nth-child(even) { background: var(--stripe) }
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

/** A table that scrolls sideways where the page is narrow; cells are text. */
export function htmlTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>\n<thead>${row(heading, "th")}</thead>\n<tbody>\n${
    rows.map((cells) => row(cells, "td")).join("\n")
  }\n</tbody></table></div>`;
}
