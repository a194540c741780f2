import type { Picture } from "../continual/pictures.ts";
import type { Backlog } from "./backlog.ts";
import type { ServedLearner } from "./served_learner.ts";

/**
 * Forgets and renames what was asked for while a night went on.
 *
 * @returns images that the learner has forgotten, and that wait under other names; null: nothing was asked for.
 */
export async function applyChanges(
  served: ServedLearner,
  backlog: Backlog,
): Promise<{ readonly forgotten: number; readonly renamed: number } | null> {
  const changes = backlog.changes();
  if (changes.length === 0) return null;
  const { memory, exam, day, trained } = await served.learner.pictures();
  const pictures = new Map([...memory, ...exam, ...day].map((one) => [one.digest, one]));
  const learned = new Set(trained.map(({ digest }) => digest));
  const isHeld = (digest: string) => pictures.has(digest) || learned.has(digest);
  const renamed = changes.flatMap(({ digest, label, exchanged, picture }): Picture[] => {
    // What the night has learned and crowded out is as it was kept with the change.
    const found = pictures.get(digest) ?? picture;
    const isHere = exchanged || backlog.find(digest) !== null;
    return label === null || !found || isHere ? [] : [{ ...found, label }];
  });
  // First they wait under their new names, then they are forgotten under the old ones.
  if (renamed.length > 0) backlog.exchange(renamed);
  const digests = changes.map(({ digest }) => digest).filter(isHeld);
  if (digests.length > 0) await served.learner.forget({ digests });
  // What had been taken by a night that has not begun is still here, and so is what was on its way to the learner.
  const waitAgain = new Set(renamed.map(({ digest }) => digest));
  for (const { digest, label, exchanged } of changes) {
    if (exchanged || waitAgain.has(digest)) continue;
    backlog.force(digest, label);
  }
  backlog.endChanges(
    changes.map((one) => ({ ...one, exchanged: one.exchanged || waitAgain.has(one.digest) })),
  );
  await served.refresh();
  return { forgotten: digests.length, renamed: renamed.length };
}
