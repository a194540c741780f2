import { isOwnMethod, needsOf } from "../method/methods.ts";
import { withPasses } from "./comparison/plan.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { DryRun } from "./dry_run.ts";
import type { Phase, PlannedPhase } from "./events.ts";
import { ImageCounter, noImages, type Tally } from "./image_counter.ts";
import type { Materials } from "./materials.ts";

/** Passes behind which each does what the one before did: what is dreamt of is drawn, and memories are full. */
const ALIKE = 6;

/**
 * The phases of a run, in their order, and what each moves through the network, by a dry run. Exact as the counts of a
 * comparison's plan are: a freezing search counts as if nothing were frozen before. Of a run of many passes only the
 * first ones are run dry, since that takes seconds for a million images.
 */
export async function planRun(
  config: ExperimentConfig,
  materials: Materials,
): Promise<PlannedPhase[]> {
  const passes = needsOf(config).sleeps ? config.wscl.sleepEpochs : config.epochs;
  if (passes <= ALIKE || isOwnMethod(config.method)) return await countPhases(config, materials);
  const fewer = await countPhases(withPasses(config, ALIKE - 1), materials);
  const phases = await countPhases(withPasses(config, ALIKE), materials);
  return phases.map((phase, i) => {
    const rest = (key: "steps" | "trained" | "judged") =>
      phase[key] + (phase[key] - fewer[i][key]) * (passes - ALIKE);
    return { ...phase, steps: rest("steps"), trained: rest("trained"), judged: rest("judged") };
  });
}

async function countPhases(
  config: ExperimentConfig,
  materials: Materials,
): Promise<PlannedPhase[]> {
  const learner = new PhaseCounter(config);
  await new DryRun(config, materials, learner, (event) => {
    if (event.type === "phase") learner.begin(event.task, event.phase);
  }).execute();
  return learner.planned;
}

/** Counts what each phase moves through the network. */
export class PhaseCounter extends ImageCounter {
  /** What the untrained network is evaluated for belongs to no phase that is announced. */
  readonly #phases: Counted[] = [{ task: null, phase: "evaluation", count: noImages() }];

  /** Those in which something is done, in their order. */
  get planned(): PlannedPhase[] {
    return this.#phases
      .filter(({ count: { steps, judged } }) => steps + judged > 0)
      .map(({ task, phase, count: { steps, trained, judged } }) => {
        return { task, phase, steps, trained, judged };
      });
  }

  /** A phase begins. */
  begin(task: number | null, phase: Phase): void {
    this.#phases.push({ task, phase, count: noImages() });
  }

  protected override get tally(): Tally {
    return this.#phases.at(-1)!.count;
  }
}

interface Counted extends Pick<PlannedPhase, "task" | "phase"> {
  readonly count: Tally;
}
