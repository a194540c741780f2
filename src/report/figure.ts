import { type Content, Html, markup } from "./html.ts";
import { folded } from "./tables.ts";

/** A drawing library, as much of it as is used here: Observable Plot. */
export interface PlotLibrary {
  plot(options: Readonly<Record<string, unknown>>): { readonly outerHTML: string };
  lineY(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  areaY(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  dot(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  text(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  barX(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  link(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  tickX(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  image(data: readonly unknown[], options: Readonly<Record<string, unknown>>): unknown;
  ruleX(data: readonly unknown[], options?: Readonly<Record<string, unknown>>): unknown;
  ruleY(data: readonly unknown[], options?: Readonly<Record<string, unknown>>): unknown;
}

/** What charts and pictures are made with. */
export interface Tools {
  readonly plot: PlotLibrary;
  /** A document that elements are made in. */
  readonly document: unknown;
  /** A PNG file of RGB or RGBA bytes, `[height, width, channels]`. */
  png(pixels: Uint8Array, width: number, height: number, channels: 3 | 4): Uint8Array<ArrayBuffer>;
}

/** Widths that charts are drawn for: a wide page, and a telephone. */
export type ChartWidth = { readonly width: number; readonly narrow: boolean };
const WIDTHS: readonly ChartWidth[] = [
  { width: 620, narrow: false },
  { width: 320, narrow: true },
];

/** A chart with all that makes it readable. */
export interface Figure {
  readonly title: string;
  /** What is to be seen, in a sentence, for whoever does not see it. */
  readonly about: string;
  /** Options of the plot for a width. */
  readonly draw: (width: ChartWidth) => Readonly<Record<string, unknown>>;
  readonly legend?: Html;
  /** Every number of the chart. */
  readonly numbers: Html;
  readonly note?: Content;
}

/** Draws a figure twice, for wide and for narrow pages, of which one is shown; its numbers are beside it as text. */
export function figure(tools: Tools, { title, about, draw, legend, numbers, note }: Figure): Html {
  const drawings = WIDTHS.map((size) => {
    const { narrow, width } = size;
    const { outerHTML } = tools.plot.plot({
      document: tools.document,
      ...roomy(draw(size)),
      width,
      ariaLabel: `${title}. ${about}`,
    });
    const drawing = new Html(outerHTML.replace(/^<svg /, '<svg role="img" '));
    return markup`<div class="${narrow ? "narrow" : "wide"}">${drawing}</div>`;
  });
  const remark = note ? markup`<p class="note">${note}</p>` : "";
  const text = folded(markup`Numbers of “${title}”`, numbers);
  return markup`<figure aria-label="${title}"><figcaption><h4>${title}</h4><p>${about}</p></figcaption>${
    legend ?? ""
  }${drawings}${remark}${text}</figure>`;
}

/** Room for labels in a size that can be read, each in the middle of its axis or above it. */
function roomy(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const axis = (given: unknown, more: object) => ({
    labelArrow: "none",
    ...more,
    ...given as object,
  });
  return {
    ...{ style: { fontSize: "12px" }, marginBottom: 46, marginTop: 30 },
    ...options,
    x: axis(options.x, { labelAnchor: "center", labelOffset: 40 }),
    y: axis(options.y, {}),
  };
}

/** Colours, told apart in either scheme; beyond them strokes differ as well. */
const COLORS = 8;
const DASHES = ["none", "7 3", "2 3"];
const SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "cross", "wye"];

/** How one of several things is drawn: by colour, stroke and symbol. */
export interface Look {
  readonly color: string;
  readonly dash: string;
  readonly symbol: string;
}

/** The look of the thing at a place. */
export function lookOf(place: number): Look {
  return {
    color: `var(--c${place % COLORS})`,
    dash: DASHES[Math.floor(place / COLORS) % DASHES.length],
    symbol: SYMBOLS[place % SYMBOLS.length],
  };
}

/** What each look stands for. */
export function legend(
  tools: Tools,
  entries: readonly { readonly text: Content; readonly look: Look }[],
): Html {
  return markup`<ul class="legend">${
    entries.map(({ text, look }) => {
      const { outerHTML } = tools.plot.plot({
        document: tools.document,
        ...{ width: 34, height: 14, margin: 0, axis: null },
        x: { domain: [0, 2] },
        y: { domain: [-1, 1] },
        marks: [
          tools.plot.ruleY([0], { stroke: look.color, strokeWidth: 2, strokeDasharray: look.dash }),
          tools.plot.dot([1], { x: 1, y: 0, r: 4, symbol: look.symbol, fill: look.color }),
        ],
      });
      return markup`<li>${new Html(
        outerHTML.replace(/^<svg /, '<svg aria-hidden="true" '),
      )}<span>${text}</span></li>`;
    })
  }</ul>`;
}
