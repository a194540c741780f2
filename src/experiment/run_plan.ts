import type { Sample, Segment } from "../learner/batch.ts";
import { isOwnMethod, needsOf } from "../method/methods.ts";
import { withPasses } from "./comparison/plan.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { DryLearner, DryRun } from "./dry_run.ts";
import type { Phase, PlannedPhase } from "./events.ts";
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

type Count = { -readonly [K in keyof PlannedPhase]: PlannedPhase[K] };

/** Counts what each phase moves through the network. */
export class PhaseCounter extends DryLearner {
  /** What the untrained network is evaluated for belongs to no phase that is announced. */
  readonly phases: Count[] = [count(null, "evaluation")];

  /** Those in which something is done, in their order. */
  get planned(): PlannedPhase[] {
    return this.phases.filter(({ steps, judged }) => steps + judged > 0);
  }

  /** A phase begins. */
  begin(task: number | null, phase: Phase): void {
    this.phases.push(count(task, phase));
  }

  override step(_phase: string, segments: readonly Segment[]): Promise<void> {
    const last = this.#last;
    last.steps++;
    for (const { samples } of segments) last.trained += samples.length;
    return Promise.resolve();
  }

  override async stepCandidates(
    phase: string,
    segments: readonly Segment[],
    candidates: readonly unknown[],
  ): Promise<void> {
    for (const _ of candidates) await this.step(phase, segments);
  }

  override rememberLogits(samples: readonly Sample[]): Promise<void> {
    this.#last.judged += samples.length;
    return super.rememberLogits(samples);
  }

  override losses(
    batches: readonly (readonly Sample[])[],
    mode: "training" | "inference",
  ): Promise<number[]> {
    this.#last.judged += batches.reduce((sum, batch) => sum + batch.length, 0);
    return super.losses(batches, mode);
  }

  override predictions(
    samples: readonly Sample[],
    masks: readonly unknown[],
  ): Promise<Uint32Array[][]> {
    this.#last.judged += samples.length;
    return super.predictions(samples, masks);
  }

  get #last(): Count {
    return this.phases.at(-1)!;
  }
}

const count = (task: number | null, phase: Phase): Count => ({
  ...{ task, phase, steps: 0, trained: 0, judged: 0 },
});
