import { type Content, type Html, markup } from "./html.ts";

/** A table of texts and numbers. */
export interface Table {
  /** What it is, for whoever cannot see where it stands. */
  readonly caption: string;
  readonly head: readonly Content[];
  /** The first cell heads its row. */
  readonly rows: readonly (readonly Content[])[];
  /** Columns of words, beside the first; the others are of numbers. */
  readonly words?: readonly number[];
}

/** Lines that are not torn apart. */
const MOST_TOGETHER = 15;

/** The table; one that is too wide is moved within its frame, by keys as well. */
export function dataTable({ caption, head, rows, words = [] }: Table): Html {
  const kind = (column: number) => column === 0 || words.includes(column) ? OF_WORDS : "";
  // On paper a table of few lines stays on one page.
  const short = rows.length <= MOST_TOGETHER ? markup` class="short"` : "";
  const headings = head.map((cell, i) => markup`<th scope="col"${kind(i)}>${cell}</th>`);
  const lines = rows.map(([first, ...others]) => {
    const cells = others.map((cell, i) => markup`<td${kind(i + 1)}>${cell}</td>`);
    return markup`<tr><th scope="row" class="w">${first}</th>${cells}</tr>`;
  });
  return framed(
    caption,
    markup`<table${short}><caption>${caption}</caption><thead><tr>${headings}</tr></thead><tbody>${lines}</tbody></table>`,
  );
}

/** Numbers by two things, of which the one with more is read downwards: pages are narrow. */
export function crossTable(
  { caption, rows, columns, cell, words = false }: {
    readonly caption: string;
    /** What rows are, and their heads. */
    readonly rows: readonly [what: string, heads: readonly Content[]];
    readonly columns: readonly [what: string, heads: readonly Content[]];
    readonly cell: (row: number, column: number) => Content;
    /** Cells are words. */
    readonly words?: boolean;
  },
): Html {
  const [[what, heads], [, others], at] = rows[1].length >= columns[1].length
    ? [rows, columns, cell]
    : [columns, rows, (column: number, row: number) => cell(row, column)];
  return dataTable({
    caption,
    words: words ? others.map((_, i) => i + 1) : [],
    head: [what, ...others],
    rows: heads.map((head, i) => [head, ...others.map((_, j) => at(i, j))]),
  });
}

const OF_WORDS = markup` class="w"`;

/** A matrix whose cells are coloured by their share of 100. */
export interface HeatTable {
  readonly caption: string;
  /** Of the first column. */
  readonly corner: Content;
  /** `said` is what a screen reader says where `shown` is short. */
  readonly columns: readonly { readonly shown: Content; readonly said?: string }[];
  readonly rows: readonly {
    readonly head: Content;
    /** `share`, 0 to 100, is the strength of the colour; null: nothing was measured. */
    readonly cells: readonly ({ readonly share: number; readonly text: string } | null)[];
  }[];
}

/** More columns are set smaller. */
const DENSE = 12;

/** The matrix as a table: each colour is a number to read. */
export function heatTable({ caption, corner, columns, rows }: HeatTable): Html {
  const dense = columns.length > DENSE ? " dense" : "";
  const headings = columns.map(({ shown, said }) => {
    const about = said === undefined ? "" : markup` title="${said}" abbr="${said}"`;
    return markup`<th scope="col"${about}>${shown}</th>`;
  });
  const lines = rows.map(({ head, cells }) =>
    markup`<tr><th scope="row" class="w">${head}</th>${cells.map(heatCell)}</tr>`
  );
  return framed(
    caption,
    markup`<table class="heat${dense}"><caption>${caption}</caption><thead><tr><th scope="col" class="w">${corner}</th>${headings}</tr></thead><tbody>${lines}</tbody></table>`,
  );
}

function heatCell(cell: HeatTable["rows"][number]["cells"][number]): Html {
  if (cell === null) return markup`<td class="none"><span aria-label="not measured">·</span></td>`;
  const share = Math.min(100, Math.max(0, cell.share));
  // Black ink on weak colours and white on strong ones, or the reverse: where it changes depends on the scheme, and a
  // contrast of 4.5 is kept.
  const strength = share >= 82 ? " s82" : share >= 76 ? " s76" : "";
  return markup`<td class="h${strength}" style="--p:${share.toFixed(0)}%">${cell.text}</td>`;
}

/** What may be wider than the page, in a frame of its own that keys can move; its caption is not moved with it. */
function framed(about: string, content: Html): Html {
  return markup`<p class="caption" aria-hidden="true">${about}</p><div class="frame" tabindex="0" role="region" aria-label="${about}">${content}</div>`;
}

/** Facts by name. */
export function factList(facts: readonly (readonly [name: string, value: Content])[]): Html {
  const lines = facts.map(([term, value]) => markup`<div><dt>${term}</dt><dd>${value}</dd></div>`);
  return markup`<dl class="facts">${lines}</dl>`;
}

/** The few numbers that say most, large. */
export function tiles(
  facts: readonly { readonly name: string; readonly value: string; readonly more?: Content }[],
): Html {
  const each = facts.map(({ name, value, more }) => {
    const small = more ? markup`<small>${more}</small>` : "";
    return markup`<div><dt>${name}</dt><dd>${value}${small}</dd></div>`;
  });
  return markup`<dl class="tiles">${each}</dl>`;
}

/** What is shown when it is asked for. */
export function folded(summary: Content, content: Content): Html {
  return markup`<details><summary>${summary}</summary>${content}</details>`;
}
