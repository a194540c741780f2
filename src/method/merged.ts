import type { Sample } from "../learner/batch.ts";
import { erAceStep } from "./er_ace.ts";
import { calibrate } from "./calibration.ts";
import { dreamsOfFreeHeads } from "./dreams.ts";
import { type FreezingChoice, searchFreezing } from "./freezing.ts";
import type { ReplayStep, SeenHeads } from "./replay.ts";
import { batchesOf, type Session, shuffled, type Task } from "./session.ts";

/** How the merged schedule learns a task. */
export interface MergedOptions {
  /** The replay method whose step is used; default ER-ACE. */
  readonly step?: ReplayStep;
  /** Awaited before each epoch and, with the number of epochs, behind the last one. */
  readonly betweenEpochs?: (task: number, epoch: number) => Promise<void>;
}

/**
 * Wake-Sleep Consolidated Learning as the official implementation executes it: wake, NREM and REM merged into each
 * step. A shuffled batch mixes the task's images with dreams of all free heads (wake + REM), and the replay loss is
 * added in the same step (NREM). The first epoch of every later task is the freezing search: each candidate trains as
 * a learner of its own, with its own memory and its own seen labels.
 *
 * "official" throws the candidates' memories away (quirk Q1: no image of that epoch reaches the memory) and judges in
 * training mode (Q2); "paper" keeps what the first candidate remembered and judges in inference mode.
 */
export async function learnMerged(
  session: Session,
  task: Task,
  seen: SeenHeads,
  { step = erAceStep, betweenEpochs = async () => {} }: MergedOptions = {},
): Promise<FreezingChoice | null> {
  const { options, random } = session;
  const stream = [...task.train, ...(options.rem ? dreamsOfFreeHeads(session) : [])];
  const steps = Math.ceil(stream.length / options.batchSize);
  let freezing: FreezingChoice | null = null;
  const learnEpoch = async (of: SeenHeads, phase: "stream" | "freezing") => {
    for (const batch of batchesOf(shuffled(stream, random.order), options.batchSize)) {
      await step(session, task, batch, { seen: of, phase });
    }
  };
  let done = 0;
  if (task.index > 0 && options.freezing) {
    await betweenEpochs(task.index, 0);
    freezing = await searchMerged(session, task, steps, (of) => learnEpoch(of, "freezing"), seen);
    done = 1;
  }
  session.begin("stream", (options.epochs - done) * steps);
  for (; done < options.epochs; done++) {
    await betweenEpochs(task.index, done);
    await learnEpoch(seen, "stream");
  }
  await betweenEpochs(task.index, done);
  await calibrate(session, task);
  return freezing;
}

async function searchMerged(
  session: Session,
  task: Task,
  steps: number,
  learnEpoch: (seen: SeenHeads) => Promise<void>,
  seen: SeenHeads,
): Promise<FreezingChoice> {
  const { longTerm, options } = session;
  const before = longTerm.snapshot();
  let first: typeof before | null = null;
  try {
    const choice = await searchFreezing(
      session,
      async (isFirst) => {
        longTerm.restore(before);
        session.begin("freezing", steps);
        await learnEpoch(new Set(seen));
        if (isFirst) first = longTerm.snapshot();
      },
      () => judge(session, task),
    );
    longTerm.restore(options.compat === "official" ? before : first!);
    return choice;
  } finally {
    before.destroy();
    (first as typeof before | null)?.destroy();
  }
}

/**
 * Batch losses on the previous task's images, then on validation images; only those that the mode asks for, since
 * judging in training mode moves the running statistics that the winner keeps.
 */
async function judge({ learner, options }: Session, task: Task) {
  const { freezingMode, compat, batchSize } = options;
  const mode = compat === "official" ? "training" : "inference";
  const losses = async (samples: readonly Sample[]) =>
    await learner.losses(batchesOf(samples, batchSize), mode);
  const buffer = freezingMode === "training" ? [] : await losses(task.previousBuffer);
  const validation = freezingMode === "buffer" ? [] : await losses(task.validation);
  return { buffer, validation };
}
