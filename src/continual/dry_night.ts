import { drySession, emptyStore } from "../experiment/dry_run.ts";
import type { PlannedPhase } from "../experiment/events.ts";
import { PhaseCounter } from "../experiment/run_plan.ts";
import { imagesOfHeads } from "./dream_heads.ts";
import type { NightSession, SessionParts } from "./night_session.ts";

/** A night without a device, on a learner that learns nothing, and what its phases come to. */
export interface DryNight extends Pick<NightSession, "session" | "stream"> {
  /** The phases so far, and the exam behind them. */
  planned(): PlannedPhase[];
}

/** Heads and memory are as they are at dusk; `streams` are used up. */
export function dryNight(
  { base, config, streams, exam, dreams }: Omit<SessionParts, "train" | "choice">,
): DryNight {
  const { state, memory } = base;
  const learner = new PhaseCounter(config);
  const session = drySession(config, learner, {
    random: streams,
    heads: dreams && imagesOfHeads(state.dreamOfHead, dreams),
    begin: (phase) => learner.begin(state.nights, phase),
  });
  state.classes.forEach(({ head }, i) => session.heads.assign([i], [head]));
  if (state.memory !== null) {
    const headOf = new Map(state.classes.map(({ name, head }) => [name, head]));
    session.longTerm.reservoir.restore(state.memory);
    session.longTerm.labels.set(memory.map(({ label }) => headOf.get(label)!));
  }
  return {
    session,
    stream: emptyStore(0),
    planned: () => [
      ...learner.planned,
      { task: null, phase: "evaluation", steps: 0, trained: 0, judged: exam.length },
    ],
  };
}
