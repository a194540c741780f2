import { Dreams, dreamsOfImages } from "./dreams.ts";
import { plainSegment, type Session } from "./session.ts";

/**
 * Trains the untouched network on the auxiliary images before the first task, whatever is dreamt of later: at least
 * `images` of them under plain cross-entropy, labelled with the heads that they are bound to. A control for WSCL: the
 * same pictures, all of them beforehand.
 */
export async function startOnDreams(session: Session, images: number): Promise<void> {
  const { batchSize } = session.options;
  const dreams = new Dreams(session, dreamsOfImages(session));
  const steps = dreams.count === 0 ? 0 : Math.ceil(images / Math.min(batchSize, dreams.count));
  if (steps === 0) return;
  session.begin("rem", steps);
  for (let step = 0; step < steps; step++) {
    await session.learner.step("rem", [plainSegment(session, dreams.next(batchSize))]);
  }
}
