import type { Dreams } from "./dreams.ts";
import type { Session, Task } from "./session.ts";

/**
 * One REM step: a batch of dreams under cross-entropy, one update of all plastic layers: the feature space is stretched
 * towards what is still to come. `remOpens` says which heads take part in the softmax: all of them, so that dreams also
 * learn not to look like what is known; all but those of earlier tasks; or the free heads alone.
 */
export async function remStep(session: Session, task: Task, dreams: Dreams): Promise<void> {
  const samples = dreams.next(session.options.batchSize);
  await session.learner.step("rem", [{ samples, open: openHeads(session, task) }]);
}

function openHeads({ heads, options }: Session, task: Task): ReadonlySet<number> {
  switch (options.remOpens) {
    case "all":
      return heads.all;
    case "current":
      return new Set([...task.heads, ...heads.free]);
    case "free":
      return heads.free;
  }
}
