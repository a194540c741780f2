import type { Sample } from "../learner/batch.ts";
import { chooseHeads } from "./heads.ts";
import type { Session } from "./session.ts";

/**
 * Gives each of some new classes a head of its own: the free one that its images answer with, or, without images, the
 * next free one.
 *
 * @param samples of the classes, each with the position of its class in `classes` as label; null: nobody votes.
 * @returns the heads, in the order of `classes`.
 */
export async function giveHeads(
  session: Session,
  classes: readonly number[],
  samples: readonly Sample[] | null,
): Promise<number[]> {
  const { learner, heads: table, options, begin } = session;
  let heads = table.next(classes.length);
  if (samples !== null) {
    begin("heads", 0);
    heads = await chooseHeads(learner, table, classes, samples, options);
  }
  table.assign(classes, heads);
  return heads;
}
