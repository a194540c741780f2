import type { Prediction } from "../../src/core.ts";
import type { Seen } from "../messages.ts";
import { byId, el, say, setText } from "./dom.ts";
import { paint } from "./pixels.ts";

/** Answers that are shown. */
const SHOWN = 4;

/** Milliseconds between two answers that are said. */
const SAY_EVERY = 3000;

interface Row {
  readonly item: HTMLLIElement;
  readonly name: HTMLElement;
  readonly bar: HTMLElement;
  readonly percent: HTMLElement;
}

/** What is asked about, and what both learners answer. */
export class AskPanel {
  readonly #canvas = byId<HTMLCanvasElement>("asked");
  readonly #rows = { learner: rowsIn("answers"), twin: rowsIn("twin-answers") };
  #said = "";
  #saidAt = 0;

  constructor() {
    this.clear();
  }

  /** Shows a picture that was asked about, and the answers. */
  show({ learner, twin, pixels }: Seen, isLive: boolean): void {
    if (!isLive) {
      paint(this.#canvas, pixels);
      this.#canvas.hidden = false;
      byId("stage-hint").hidden = true;
    }
    fill(this.#rows.learner, learner, "It has learned nothing yet.");
    fill(this.#rows.twin, twin, "It has learned nothing yet.");
    this.#tell(learner);
  }

  /** Live: what the camera sees takes the place of the picture. */
  set live(on: boolean) {
    this.#canvas.hidden = true;
    byId("stage-hint").hidden = on;
  }

  clear(): void {
    fill(this.#rows.learner, null, "It was not asked yet.");
    fill(this.#rows.twin, null, "");
  }

  #tell({ answers, none }: Prediction): void {
    const text = none ? "None of these" : answers[0].name;
    const now = performance.now();
    if (text === this.#said || now - this.#saidAt < SAY_EVERY) return;
    [this.#said, this.#saidAt] = [text, now];
    say(`It sees: ${text}`);
  }
}

function rowsIn(id: string): Row[] {
  return Array.from({ length: SHOWN }, () => {
    const name = el("span", { className: "name" });
    const bar = el("span", { className: "bar", "aria-hidden": "true" });
    const percent = el("span", { className: "percent" });
    const item = el("li", {}, name, bar, percent);
    byId(id).append(item);
    return { item, name, bar, percent };
  });
}

function fill(rows: readonly Row[], prediction: Prediction | null, otherwise: string): void {
  const { answers, none } = prediction ?? { answers: [], none: false };
  const told = [
    ...none && answers.length > 0 ? [{ name: "None of these", probability: null }] : [],
    ...answers,
  ];
  rows.forEach(({ item, name, bar, percent }, i) => {
    const answer = told[i];
    item.classList.toggle("best", i === 0 && answer !== undefined);
    setText(name, answer?.name ?? (i === 0 ? otherwise : ""));
    const share = answer?.probability ?? null;
    bar.style.setProperty("--share", String(share ?? 0));
    setText(percent, share === null ? "" : `${Math.round(100 * share)} %`);
  });
}
