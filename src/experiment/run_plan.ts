import { isOwnMethod, needsOf } from "../method/methods.ts";
import { withPasses } from "./comparison/plan.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { DryRun } from "./dry_run.ts";
import type { Phase, PlannedPhase, RunEvent } from "./events.ts";
import { ImageCounter, noImages, type Tally } from "./image_counter.ts";
import type { Materials } from "./materials.ts";

/** Passes of which the last one does what each further one does, where {@linkcode passesAreAlike}. */
const ALIKE = 6;

/**
 * The phases of a run, in their order, and what each moves through the network, by a dry run. Exact as the counts of a
 * comparison's plan are: a freezing search counts as if nothing were frozen before. Of a run of many passes only the
 * first ones are run dry where the others are alike, since that takes seconds for a million images.
 */
export async function planRun(
  config: ExperimentConfig,
  materials: Materials,
): Promise<PlannedPhase[]> {
  const passes = needsOf(config).sleeps ? config.wscl.sleepEpochs : config.epochs;
  if (passes <= ALIKE || !passesAreAlike(config, materials)) {
    return await countPhases(config, materials);
  }
  const nameOf = ({ task, phase }: PlannedPhase) => `${task} ${phase}`;
  const fewer = Map.groupBy(await countPhases(withPasses(config, ALIKE - 1), materials), nameOf);
  const phases = await countPhases(withPasses(config, ALIKE), materials);
  return phases.map((phase) => {
    // Candidates for freezing are phases of one name, in the same order whatever the number of passes.
    const before = fewer.get(nameOf(phase))?.shift();
    const rest = (key: "steps" | "trained" | "judged") =>
      phase[key] + (phase[key] - (before?.[key] ?? 0)) * (passes - ALIKE);
    return { ...phase, steps: rest("steps"), trained: rest("trained"), judged: rest("judged") };
  });
}

/**
 * Whether each pass behind the first ones moves as much through the network as the one before. It does not where dreams
 * are no whole number for each episode or of pictures that were drawn to be remembered, where a replay takes all of a
 * memory that still fills, nor, for all that is known, in a method of one's own.
 */
function passesAreAlike(config: ExperimentConfig, { tasks }: Materials): boolean {
  if (isOwnMethod(config.method)) return false;
  const { wscl, replayBatchSize } = config;
  const { sleeps, replays } = needsOf(config);
  if (config.method === "wscl" && wscl.rem && wscl.dreamsFrom === "memory") return false;
  if (sleeps) {
    const ratio = wscl.rem ? wscl.dreamsPerEpisode : 0;
    return wscl.transfer !== "nrem" && (ratio === "all" || Number.isInteger(ratio));
  }
  const smallest = Math.min(...tasks.map(({ train }) => train.length));
  // The pass that is compared with the one behind it begins with what those before it offered.
  return replays === 0 || smallest * (ALIKE - 2) >= replayBatchSize;
}

/** Tells a plan, or why there is none: what cannot be foretold is run all the same. */
export async function tellPlan(
  tell: (event: RunEvent) => void,
  plan: () => Promise<PlannedPhase[]>,
): Promise<void> {
  try {
    tell({ type: "plan", phases: await plan() });
  } catch (error) {
    const found = error instanceof Error ? error.message : error;
    tell({
      type: "message",
      text: `Cannot foretell how long this takes: ${found}; it goes on without a plan`,
    });
  }
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
