import type { NightView, Score, View } from "../messages.ts";
import { byId, el, setText } from "./dom.ts";

/** Nights that stand side by side: the last ones. */
const SHOWN = 4;

/** A table of exams, night by night. */
interface ScoreTable {
  readonly title: string;
  readonly nights: readonly { readonly night: number; readonly of: ReadonlyMap<string, Score> }[];
}

/** What each class's exam was behind each night, with sleep and only fine-tuned. */
export class ScoresPanel {
  #shown = "";

  show(view: View | null): void {
    const nights = view?.nights ?? [];
    // Rebuilt only where something is new, or a reader would lose its place.
    const key = JSON.stringify(nights.map(({ record, twin }) => [record.night, record.at, !!twin]));
    if (key === this.#shown) return;
    this.#shown = key;
    const names = nights.at(-1)?.record.classes.map(({ name }) => name) ?? [];
    const last = nights.slice(-SHOWN);
    const own: ScoreTable = {
      title: "With sleep",
      nights: last.map(({ record }) => ({
        night: record.night,
        of: new Map(record.classes.map(({ name, exam }) => [name, exam])),
      })),
    };
    const twin: ScoreTable = {
      title: "Only fine-tuned",
      nights: last.map(({ record, twin }) => ({ night: record.night, of: twin ?? new Map() })),
    };
    const tables = [own, twin].map((table) => tableOf(table, names));
    byId("tables").replaceChildren(...nights.length > 0 ? tables : []);
    // What is new stands at the end.
    for (const part of byId("tables").querySelectorAll(".scroll")) {
      part.scrollLeft = part.scrollWidth;
    }
    const text = summaryOf(nights.at(-1));
    if (text !== null) setText(byId("scores-text"), text);
  }
}

function tableOf({ title, nights }: ScoreTable, names: readonly string[]): HTMLElement {
  const label = `Exams: ${title}`;
  if (nights.every(({ of }) => of.size === 0)) {
    const why = "It has no twin yet: one grows up beside it from the next night on.";
    return el("div", {}, el("h3", {}, title), el("p", { className: "hint" }, why));
  }
  const head = el("tr", {}, el("th", { scope: "col" }, "Behind night"));
  head.append(...nights.map(({ night }) => el("th", { scope: "col" }, String(night))));
  const body = el("tbody");
  for (const name of names) {
    const row = el("tr", {}, el("th", { scope: "row" }, name));
    row.append(...nights.map(({ of }) => cell(of.get(name) ?? null)));
    body.append(row);
  }
  const all = el("tr", {}, el("th", { scope: "row" }, "All"));
  all.append(...nights.map(({ of }) => cell(together([...of.values()]))));
  const table = el(
    "table",
    { "aria-label": label },
    el("thead", {}, head),
    body,
    el("tfoot", {}, all),
  );
  const scroll = { className: "scroll", tabIndex: 0, role: "region", "aria-label": label } as const;
  return el("div", {}, el("h3", {}, title), el("div", scroll, table));
}

function cell(score: Score | null): HTMLTableCellElement {
  if (score === null || score.images === 0) return el("td", { className: "none" }, "–");
  const share = score.right / score.images;
  const td = el(
    "td",
    { title: `${score.right} of ${score.images} pictures` },
    `${Math.round(100 * share)} %`,
  );
  td.style.setProperty("--share", String(share));
  return td;
}

function together(scores: readonly Score[]): Score | null {
  if (scores.length === 0) return null;
  return scores.reduce((sum, { images, right }) => ({
    images: sum.images + images,
    right: sum.right + right,
  }));
}

function summaryOf(night: NightView | undefined): string | null {
  if (night === undefined) return null;
  const own = together(night.record.classes.map(({ exam }) => exam));
  if (own === null || own.images === 0) return null;
  const twin = night.twin && together([...night.twin.values()]);
  const isNew = new Set(
    night.record.classes.filter(({ before }) => before === null).map(({ name }) => name),
  );
  const older = night.twin &&
    together([...night.twin].filter(([name]) => !isNew.has(name)).map(([, score]) => score));
  const ownOlder = together(
    night.record.classes.filter(({ name }) => !isNew.has(name)).map(({ exam }) => exam),
  );
  const compared = twin ? `; only fine-tuned ${twin.right}` : "";
  const earlier = older && ownOlder
    ? ` Of earlier classes: ${ownOlder.right} and ${older.right} of ${older.images}.`
    : "";
  return `Of ${own.images} exam pictures that neither has learned from, it knows ${own.right}${compared}.${earlier}`;
}
