import type { ClassView } from "../messages.ts";
import { byId, el, setText } from "./dom.ts";
import { paintStrip } from "./pixels.ts";

/** What can be done with a class. */
export interface ClassActions {
  add(name: string, files: readonly File[]): void;
  /** Captures while `signal` is not aborted. */
  capture(name: string, signal: AbortSignal): void;
  forget(name: string): void;
}

interface Card {
  readonly item: HTMLLIElement;
  readonly counts: HTMLElement;
  readonly strip: HTMLElement;
  readonly capture: HTMLButtonElement;
}

/** The classes, each with its pictures and what can be done with it. */
export class ClassesPanel {
  readonly #list = byId<HTMLUListElement>("classes");
  readonly #actions: ClassActions;
  readonly #cards = new Map<string, Card>();
  /** Named, without pictures yet. */
  readonly #drafts = new Set<string>();
  #classes: readonly ClassView[] = [];
  #cameraOn = false;

  constructor(actions: ClassActions) {
    this.#actions = actions;
  }

  /** Adds a class that has no pictures yet, and shows it. */
  draft(name: string): void {
    this.#drafts.add(name);
    this.#render();
    this.#cards.get(name)!.item.querySelector<HTMLInputElement>("input")!.focus();
  }

  /** The class whose card this is part of. */
  nameAt(element: Element): string | null {
    const item = element.closest("#classes > li");
    return [...this.#cards].find(([, card]) => card.item === item)?.[0] ?? null;
  }

  show(classes: readonly ClassView[]): void {
    this.#classes = classes;
    for (const { name } of classes) this.#drafts.delete(name);
    this.#render();
  }

  /** Another learner has other classes. */
  forgetDrafts(): void {
    this.#drafts.clear();
  }

  /** Whether there is a camera to capture from. */
  set cameraOn(on: boolean) {
    this.#cameraOn = on;
    for (const { capture } of this.#cards.values()) capture.hidden = !on;
  }

  #render(): void {
    const drafts = [...this.#drafts].map((name): ClassView => ({
      ...{ name, waiting: 0, taught: 0, remembered: 0, exam: null, pictures: [] },
    }));
    const all = [...this.#classes, ...drafts];
    const names = new Set(all.map(({ name }) => name));
    for (const [name, { item }] of this.#cards) {
      if (names.has(name)) continue;
      item.remove();
      this.#cards.delete(name);
    }
    for (const one of all) {
      const card = this.#cards.get(one.name) ?? this.#makeCard(one.name);
      setText(card.counts, countsText(one));
      paintStrip(card.strip, one.pictures.map((pixels) => ({ pixels })));
    }
    byId("no-classes").hidden = all.length > 0;
  }

  #makeCard(name: string): Card {
    const counts = el("p", { className: "hint" });
    const strip = el("div", { className: "strip" });
    const id = `add-${crypto.randomUUID()}`;
    const input = el("input", { type: "file", accept: "image/*", multiple: true, id });
    input.addEventListener("change", () => {
      this.#actions.add(name, [...input.files ?? []]);
      input.value = "";
    });
    const capture = holdButton(
      `Hold to capture`,
      `Hold to capture ${name}`,
      (signal) => this.#actions.capture(name, signal),
    );
    capture.hidden = !this.#cameraOn;
    const forget = el(
      "button",
      { type: "button", className: "plain", "aria-label": `Forget ${name}` },
      "Forget",
    );
    forget.addEventListener("click", () => {
      if (this.#drafts.delete(name)) this.#render();
      else this.#actions.forget(name);
    });
    const label = el(
      "label",
      { htmlFor: id, className: "button" },
      "Add pictures",
      el("span", { className: "unseen" }, ` of ${name}`),
    );
    const item = el(
      "li",
      {},
      el("div", { className: "card-head" }, el("h3", {}, name), forget),
      counts,
      strip,
      el("div", { className: "row" }, el("span", { className: "picker" }, input, label), capture),
    );
    const card = { item, counts, strip, capture };
    this.#cards.set(name, card);
    this.#list.append(item);
    return card;
  }
}

/** A button that works for as long as it is held, by pointer or key. */
function holdButton(
  text: string,
  label: string,
  hold: (signal: AbortSignal) => void,
): HTMLButtonElement {
  const button = el("button", { type: "button", "aria-label": label }, text);
  let held: AbortController | null = null;
  const begin = () => {
    if (held) return;
    held = new AbortController();
    button.classList.add("held");
    hold(held.signal);
  };
  const end = () => {
    held?.abort();
    held = null;
    button.classList.remove("held");
  };
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    begin();
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) button.addEventListener(name, end);
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      begin();
    }
  });
  button.addEventListener("keyup", end);
  return button;
}

function countsText({ waiting, taught, remembered, exam }: ClassView): string {
  const parts = [
    ...taught > 0 ? [`${taught} learned`] : [],
    ...waiting > 0 ? [`${waiting} wait${waiting === 1 ? "s" : ""} for the night`] : [],
    ...remembered > 0 ? [`${remembered} remembered`] : [],
    ...exam ? [`exam ${exam.right}/${exam.images}`] : [],
  ];
  return parts.join(" · ") || "No pictures yet: 8 are needed.";
}
