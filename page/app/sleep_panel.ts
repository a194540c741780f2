import type { DatedRecord, NightRecord, RunEvent, SeenPicture, StepLoss } from "../../src/core.ts";
import type { View, Who } from "../messages.ts";
import { byId, el, say, setText } from "./dom.ts";
import { LossCurve } from "./loss_curve.ts";
import { paintStrip } from "./pixels.ts";

/** What can be done about a night. */
export interface SleepActions {
  sleep(accept: boolean): void;
  stop(): void;
  accept(): void;
  discard(): void;
}

/** Residual blocks of the network; those of the last stage are never frozen. */
const BLOCKS = 8;

/** Small pictures of each kind that are shown. */
const SHOWN = 8;

const PHASES: Readonly<Record<string, { readonly step: string; readonly text: string }>> = {
  data: { step: "wake", text: "Getting ready" },
  kernels: { step: "wake", text: "Getting ready" },
  tuning: { step: "wake", text: "Getting ready" },
  heads: { step: "wake", text: "Choosing heads for new classes" },
  wake: { step: "wake", text: "Learning what is new, fast" },
  freezing: { step: "wake", text: "Trying how much to freeze" },
  sleep: { step: "nrem", text: "Falling asleep" },
  nrem: { step: "nrem", text: "Replaying the day and what it remembers" },
  rem: { step: "rem", text: "Dreaming" },
  dawn: { step: "dawn", text: "Handing the day over to long-term memory" },
  evaluation: { step: "exam", text: "Taking its exam" },
  saving: { step: "exam", text: "Waking up" },
};

const TWIN = { step: "twin", text: "Now its twin, only fine-tuned, learns the same day" };

/** The night: its button, and what happens in it. */
export class SleepPanel {
  readonly #button = byId<HTMLButtonElement>("sleep-button");
  readonly #stop = byId<HTMLButtonElement>("stop-button");
  readonly #progress = byId<HTMLProgressElement>("progress");
  readonly #curve = new LossCurve();
  readonly #strips = {
    day: byId("seen-day"),
    memory: byId("seen-memory"),
    dream: byId("seen-dream"),
  };
  /** Phases of sleep that have been reported since it fell asleep. */
  readonly #asleepIn = new Set<string>();
  #view: View | null = null;
  #asleep = false;

  constructor(actions: SleepActions) {
    this.#button.addEventListener("click", () => actions.sleep(false));
    this.#stop.addEventListener("click", () => {
      this.#stop.disabled = true;
      setText(byId("progress-text"), "Stopping after this step");
      actions.stop();
    });
    byId("accept").addEventListener("click", () => actions.accept());
    byId("try-again").addEventListener("click", () => actions.sleep(false));
    byId("discard").addEventListener("click", () => actions.discard());
    byId("blocks").append(...Array.from({ length: BLOCKS }, () => el("li")));
  }

  /** Whether a night goes on. */
  get asleep(): boolean {
    return this.#asleep;
  }

  show(view: View | null): void {
    this.#view = view;
    this.#renderButton();
    const refused = view?.waiting.refused ?? null;
    byId("refused").hidden = refused === null || this.#asleep;
    if (refused) setText(byId("refused-text"), refusedText(refused));
    const last = view?.nights.at(-1)?.record;
    setText(byId("night-result"), last ? nightText(last, last.seconds) : "");
    this.#showFrozen(last?.freezing?.chosen ?? 0, last !== undefined && last.freezing !== null);
  }

  /** What was seen and said of another night goes. */
  clear(): void {
    this.#curve.clear();
    for (const strip of Object.values(this.#strips)) strip.replaceChildren();
    this.#mark([], "It is awake.");
  }

  /** A night begins. */
  begin(): void {
    this.#asleep = true;
    this.#stop.disabled = false;
    this.clear();
    this.#renderButton();
    byId("refused").hidden = true;
    this.#mark(["wake"], "Getting ready");
    this.#progress.removeAttribute("value");
    say("It falls asleep.");
  }

  /** A night has ended. */
  end(text: string): void {
    this.#asleep = false;
    this.#stop.disabled = true;
    this.#progress.value = 0;
    this.#mark([], text);
    this.#renderButton();
    say(text);
  }

  hear(who: Who, event: RunEvent): void {
    if (!this.#asleep) return;
    if (event.type === "phase") {
      const { step, text } = who === "twin" ? TWIN : PHASES[event.phase] ?? TWIN;
      this.#asleepIn.clear();
      this.#mark([step], text);
      if (event.phase === "evaluation") this.#progress.removeAttribute("value");
    } else if (event.type === "step") {
      const { step, text } = who === "twin" ? TWIN : PHASES[event.phase] ?? TWIN;
      // The two phases of sleep take turns, several times between two reports.
      const isSleep = step === "nrem" || step === "rem";
      const both = isSleep ? [...this.#asleepIn.add(step)] : [step];
      const doing = both.length > 1 ? "Replaying and dreaming in turn" : text;
      this.#mark(both, `${doing}: step ${event.step} of ${event.steps}`);
      this.#progress.value = event.steps > 0 ? event.step / event.steps : 0;
    } else if (event.type === "freezing") {
      this.#showFrozen(event.chosen, true);
    } else if (event.type === "message" && !event.passing) {
      setText(byId("progress-text"), event.text);
    }
  }

  addLosses(who: Who, losses: readonly StepLoss[]): void {
    if (this.#asleep) this.#curve.add(who, losses.map(({ loss }) => loss));
  }

  showPictures(pictures: readonly SeenPicture[]): void {
    for (const as of ["day", "memory", "dream"] as const) {
      const own = pictures.filter((picture) => picture.as === as).slice(0, SHOWN);
      if (own.length > 0) paintStrip(this.#strips[as], own);
    }
  }

  #renderButton(): void {
    const view = this.#view;
    const waits = view !== null && (view.waiting.images > 0 || view.waiting.night);
    this.#button.disabled = this.#asleep || !waits || view.missing !== null;
    setText(
      byId("sleep-why"),
      this.#asleep
        ? view?.place === "demo"
          ? "It sleeps."
          : "It sleeps. What it was taught is safe if this page is closed."
        : view?.missing ??
          (waits
            ? view.waiting.night
              ? "A night was interrupted: it goes on from where it was saved."
              : `${view.waiting.images} pictures wait.`
            : "Nothing waits to be learned."),
    );
  }

  #mark(steps: readonly string[], text: string): void {
    for (const item of byId("phases").children) {
      if (steps.includes((item as HTMLElement).dataset.phase!)) {
        item.setAttribute("aria-current", "step");
      } else item.removeAttribute("aria-current");
    }
    setText(byId("progress-text"), text);
  }

  #showFrozen(blocks: number, searched: boolean): void {
    [...byId("blocks").children].forEach((block, i) =>
      block.classList.toggle("is-frozen", i < blocks)
    );
    setText(
      byId("frozen-text"),
      blocks > 0
        ? `The first ${blocks} of ${BLOCKS} blocks are frozen: what they know stays as it is.`
        : searched
        ? "It tried freezing, and froze nothing."
        : "No block is frozen.",
    );
  }
}

function nightText({ night, steps, images, dreams }: NightRecord, seconds: number): string {
  const dreamt = dreams.images > 0 ? `, ${dreams.images} dreams` : "";
  return `Night ${night}: ${steps} steps on ${images} pictures${dreamt}, in ${
    Math.max(1, Math.round(seconds))
  } s.`;
}

function refusedText({ classes }: DatedRecord): string {
  const sum = (key: "before" | "after") =>
    classes.reduce((total, one) => total + (one[key]?.right ?? 0), 0);
  return `It woke up as it was: in this night earlier classes would have fallen from ${
    sum("before")
  } to ${sum("after")} right answers. What it was taught waits.`;
}
