import type { Session } from "../method/session.ts";
import type { MemoryEvent } from "./events.ts";
import type { HeadAssignment } from "./summary.ts";

/** Pictures of a class that are shown; a memory may hold thousands. */
const MOST_PICTURES = 10;

/** What the long-term memory holds, looked at from outside: see {@linkcode ImageMemory.peek}. */
export async function memoryEvent(
  task: number,
  { longTerm }: Pick<Session, "longTerm">,
  heads: readonly HeadAssignment[],
): Promise<MemoryEvent> {
  const pictures = await longTerm.peek();
  const slots = Map.groupBy(pictures.keys(), (slot) => longTerm.labels[slot]);
  const classes = heads.flatMap(({ heads, classes }) =>
    classes.map((name, i) => {
      const own = slots.get(heads[i]) ?? [];
      const shown = own.slice(0, MOST_PICTURES).map((slot) => pictures[slot]);
      return { name, count: own.length, pictures: shown };
    })
  );
  return { type: "memory", task, size: longTerm.tensor.shape[1], classes };
}
