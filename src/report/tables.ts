import { type Content, Html, html } from "./html.ts";

/** A table of texts and numbers. */
export interface Table {
  /** What it is, for whoever cannot see where it stands. */
  readonly caption: string;
  readonly head: readonly Content[];
  readonly rows: readonly (readonly Content[])[];
  /** Columns that begin with words; the first of them heads its row. Default 1. */
  readonly words?: number;
}

/** The table; one that is too wide is moved within its frame, by keys as well. */
export function dataTable({ caption, head, rows, words = 1 }: Table): Html {
  const kind = (column: number) =>
    column < words
      ? html`
        class="w"
      `
      : "";
  return framed(
    caption,
    html`
      <table>
        <caption>${caption}</caption>
        <thead>
          <tr>${head.map((cell, i) =>
            html`
              <th scope="col" ${kind(i)}>${cell}</th>
            `
          )}</tr>
        </thead>
        <tbody>${rows.map((row) =>
          html`<tr>${
            row.map((cell, i) =>
              i === 0
                ? html`<th scope="row" class="w">${cell}</th>`
                : html`<td${kind(i)}>${cell}</td>`
            )
          }</tr>`
        )}</tbody>
      </table>
    `,
  );
}

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
  const dense = columns.length > DENSE
    ? html`
      dense
    `
    : "";
  return framed(
    caption,
    html`
      <table class="heat${dense}">
        <caption>${caption}</caption>
        <thead>
          <tr><th scope="col" class="w">${corner}</th>${columns.map(({ shown, said }) =>
            html`
              <th scope="col" ${said === undefined ? "" : html`
                title="${said}" abbr="${said}"
              `}>${shown}</th>
            `
          )}</tr>
        </thead>
        <tbody>${rows.map(({ head, cells }) =>
          html`<tr><th scope="row" class="w">${head}</th>${cells.map(heatCell)}</tr>`
        )}</tbody>
      </table>
    `,
  );
}

function heatCell(cell: HeatTable["rows"][number]["cells"][number]): Html {
  if (cell === null) return html`<td class="none"><span aria-label="not measured">·</span></td>`;
  const share = Math.min(100, Math.max(0, cell.share));
  // Dark ink on weak colours, light ink on strong ones; where it changes depends on the scheme.
  const strength = share >= 85 ? " s85" : share >= 70 ? " s70" : "";
  return html`<td class="h${strength}" style="--p:${share.toFixed(0)}%">${cell.text}</td>`;
}

/** What may be wider than the page, in a frame of its own that keys can move. */
export function framed(about: string, content: Html): Html {
  return html`<div class="frame" tabindex="0" role="region" aria-label="${about}">${content}</div>`;
}

/** Facts by name. */
export function factList(facts: readonly (readonly [name: string, value: Content])[]): Html {
  return html`<dl class="facts">${
    facts.map(([term, value]) =>
      html`
        <div>
          <dt>${term}</dt>
          <dd>${value}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** The few numbers that say most, large. */
export function tiles(
  facts: readonly { readonly name: string; readonly value: string; readonly more?: Content }[],
): Html {
  return html`<dl class="tiles">${
    facts.map(({ name, value, more }) =>
      html`
        <div>
          <dt>${name}</dt>
          <dd>${value}${more ? html`<small>${more}</small>` : ""}</dd>
        </div>
      `
    )
  }</dl>`;
}

/** What is shown when it is asked for. */
export function folded(summary: Content, content: Content): Html {
  return html`<details><summary>${summary}</summary>${content}</details>`;
}
