import { batchesOf, plainSegment, type Session, shuffled, type Task } from "./session.ts";

/**
 * `epochs` passes over the stream with plain cross-entropy, and nothing else. Task after task this is the lower bound
 * (`finetune`); with one task that holds all data it is the upper bound (`joint`).
 */
export async function learnFinetune(
  session: Session,
  task: Task,
  phase: "stream" | "joint",
): Promise<void> {
  const { learner, options, random } = session;
  const steps = options.epochs * Math.ceil(task.train.length / options.batchSize);
  session.begin(phase, steps);
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    for (const batch of batchesOf(shuffled(task.train, random.order), options.batchSize)) {
      await learner.step(phase, [plainSegment(session, batch)]);
    }
  }
}
