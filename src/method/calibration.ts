import { samplesOf } from "../learner/batch.ts";
import { plainSegment, type Session, type Task } from "./session.ts";

/**
 * Calibration behind a task: `calibration` training steps of all plastic layers on the long-term memory alone, each
 * class that it holds equally often, whatever its share of the memory, under plain cross-entropy over all heads and
 * with a learning rate that falls along half a cosine. New and old classes meet here on equal terms, after nights in
 * which the new ones were many and the old ones few. Not behind the first task, which has nothing older.
 *
 * In the spirit of the balanced fine-tuning of Castro et al. (ECCV 2018, EEIL); nothing of it is in the WSCL paper.
 */
export async function calibrate(session: Session, task: Task): Promise<void> {
  const { learner, longTerm, options, random } = session;
  const steps = task.index > 0 ? options.calibration : 0;
  const examples = longTerm.examplesByLabel();
  if (steps === 0 || examples.size === 0) return;
  const classes = [...examples.keys()];
  const draw = () => {
    const ofClass = examples.get(classes[random.sleep.below(classes.length)])!;
    return ofClass[random.sleep.below(ofClass.length)];
  };
  session.begin("dawn", steps);
  learner.anneal(steps);
  for (let step = 0; step < steps; step++) {
    const drawn = Array.from({ length: options.replayBatchSize }, draw);
    await learner.step("dawn", [plainSegment(session, samplesOf(longTerm, drawn))]);
  }
  learner.anneal(null);
}
