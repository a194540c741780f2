import { EPISODES } from "./day.ts";
import { generationFiles, generationName, readGeneration, readLast } from "./generation.ts";
import { checkSettings, type LearnerSettings } from "./settings.ts";
import type { LearnerStore } from "./store.ts";

/**
 * Begins a learner that is what another one was at its last dawn, and lives on with other settings: to compare methods
 * from there. What waits is not copied.
 *
 * @param to an empty store
 * @throws {InputError} for settings that no learner can live with, and where no generation is whole.
 */
export async function forkLearner(
  from: LearnerStore,
  to: LearnerStore,
  settings: Partial<Pick<LearnerSettings, "changed" | "margin">>,
): Promise<void> {
  const { found } = await readLast(from, (name) => readGeneration(from, name), () => {});
  const changed = { ...found.state.settings, ...settings };
  checkSettings(changed);
  const generation = { ...found, state: { ...found.state, settings: changed } };
  const name = generationName(generation.state.generation);
  await to.write("generations", name, generationFiles(generation));
}

/** Copies what waits for a night into the store of a fork, under the same numbers: both learn the same day. */
export async function copyDay(from: LearnerStore, to: LearnerStore): Promise<void> {
  const there = new Set(await to.names("day"));
  for (const name of await from.names("day")) {
    if (!there.has(name)) await to.write("day", name, await from.read("day", name, [EPISODES]));
  }
}
