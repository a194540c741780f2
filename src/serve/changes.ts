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
    if (label === null || exchanged) return [];
    // What the night has learned and crowded out is as it was kept with the change.
    const found = pictures.get(digest) ?? picture ?? backlog.picture(digest);
    return found ? [{ ...found, label }] : [];
  });
  // First they wait under their new names, then they are forgotten under the old ones.
  if (renamed.length > 0) backlog.exchange(renamed);
  const digests = changes.map(({ digest }) => digest).filter(isHeld);
  if (digests.length > 0) await served.learner.forget({ digests });
  // A night that has not begun has taken it, or its hand-over was cut, and the learner had it as well.
  for (const { digest, label } of changes) if (label === null) backlog.drop(digest);
  const waitAgain = new Set(renamed.map(({ digest }) => digest));
  backlog.endChanges(
    changes.map((one) => ({ ...one, exchanged: one.exchanged || waitAgain.has(one.digest) })),
  );
  await served.refresh();
  return { forgotten: digests.length, renamed: renamed.length };
}
