import type { Sample } from "./batch.ts";
import { erAceStep, type SeenHeads } from "./er_ace.ts";
import { type FreezingChoice, searchFreezing } from "./freezing.ts";
import { batchesOf, type Session, shuffled, type Task } from "./session.ts";

/**
 * Wake-Sleep Consolidated Learning as the official implementation executes it: wake, NREM and REM merged into each step.
 * A shuffled batch mixes the task's images with dreams of all free heads (wake + REM), and the replay loss is added in
 * the same step (NREM). The first epoch of every later task is the freezing search: each candidate trains as a learner
 * of its own, with its own memory and its own seen labels.
 *
 * "official" throws the candidates' memories away (quirk Q1: no image of that epoch reaches the memory) and judges in
 * training mode (Q2); "paper" keeps what the first candidate remembered and judges in inference mode.
 */
export async function learnMerged(
  session: Session,
  task: Task,
  seen: SeenHeads,
): Promise<FreezingChoice | null> {
  const { options, random } = session;
  const stream = [...task.train, ...dreamSamples(session)];
  const steps = Math.ceil(stream.length / options.batchSize);
  let freezing: FreezingChoice | null = null;
  const epoch = async (of: SeenHeads, phase: "stream" | "freezing") => {
    for (const batch of batchesOf(shuffled(stream, random.order), options.batchSize)) {
      await erAceStep(session, task, batch, { seen: of, phase, remembers: true });
    }
  };
  let done = 0;
  if (task.index > 0 && options.freezing) {
    freezing = await searchMerged(session, task, steps, (of) => epoch(of, "freezing"), seen);
    done = 1;
  }
  session.begin("stream", (options.epochs - done) * steps);
  for (; done < options.epochs; done++) await epoch(seen, "stream");
  return freezing;
}

async function searchMerged(
  session: Session,
  task: Task,
  steps: number,
  epoch: (seen: SeenHeads) => Promise<void>,
  seen: SeenHeads,
): Promise<FreezingChoice> {
  const { learner, longTerm, options } = session;
  const before = longTerm.snapshot();
  let first: typeof before | null = null;
  const mode = options.compat === "official" ? "training" : "inference";
  try {
    const choice = await searchFreezing(
      session,
      async (isFirst) => {
        longTerm.restore(before);
        session.begin("freezing", steps);
        await epoch(new Set(seen));
        if (isFirst) first = longTerm.snapshot();
      },
      async () => ({
        buffer: await learner.losses(batchesOf(task.previousBuffer, options.batchSize), mode),
        validation: await learner.losses(batchesOf(task.validation, options.batchSize), mode),
      }),
    );
    longTerm.restore(options.compat === "official" ? before : first!);
    return choice;
  } finally {
    before.destroy();
    (first as typeof before | null)?.destroy();
  }
}

/** All dreams of the heads that are still free, in data order, labelled with these heads. */
function dreamSamples({ dreams, heads, options }: Session): Sample[] {
  if (!dreams || !options.rem) return [];
  const labelled = [...heads.free].flatMap((head) =>
    Array.from(
      dreams.heads.imagesOfHead[head],
      (index) => ({ from: dreams.store, index, label: head }),
    )
  );
  return labelled.sort((a, b) => a.index - b.index);
}
