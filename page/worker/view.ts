import type { ContinualLearner, DatedRecord, Picture } from "../../src/core.ts";
import type { ClassView, NightView, Place, Score, View } from "../messages.ts";

/** Pictures of a class that are shown. */
const SHOWN = 8;

/** All that the page shows of a learner and its twin. */
export async function viewOf(
  place: Place,
  learner: ContinualLearner,
  twin: ContinualLearner,
): Promise<View> {
  const { state } = learner;
  const today = await learner.today();
  const { night, refused } = await learner.waiting();
  const records = await learner.nights();
  return {
    place,
    settings: state.settings,
    classes: classViews(learner, today),
    nights: nightViews(records.filter(({ passed }) => passed), await twin.nights()),
    remembered: learner.remembered.length,
    waiting: {
      images: today.length,
      night,
      refused: refused ? records.findLast(({ passed }) => !passed) ?? null : null,
      twin: twin.state.taken < state.taken && (await twin.waiting()).day.size > 0,
    },
    missing: await missingOf(learner),
  };
}

function classViews(learner: ContinualLearner, today: readonly Picture[]): ClassView[] {
  const { state: { classes }, remembered } = learner;
  const names = new Set([...classes, ...today.map(({ label }) => ({ name: label }))]
    .map(({ name }) => name));
  return [...names].map((name) => {
    const known = classes.find((one) => one.name === name);
    const waits = today.filter(({ label }) => label === name);
    const kept = remembered.filter(({ label }) => label === name);
    return {
      name,
      waiting: waits.length,
      taught: known?.taught ?? 0,
      remembered: known?.remembered ?? 0,
      exam: known && known.exam.images > 0 ? known.exam : null,
      pictures: [...waits.toReversed(), ...kept].slice(0, SHOWN).map(({ pixels }) => pixels),
    };
  });
}

function nightViews(
  records: readonly DatedRecord[],
  twins: readonly DatedRecord[],
): NightView[] {
  return records.map((record) => {
    const other = twins.findLast(({ night }) => night === record.night);
    const scores = new Map<string, Score>(
      other?.classes.map(({ name, exam }) => [name, exam]) ?? [],
    );
    const isSame = record.classes.every(({ name, exam }) =>
      scores.get(name)?.images === exam.images
    );
    return { record, twin: other && isSame ? scores : null };
  });
}

/** What keeps a night from learning what waits. */
async function missingOf(learner: ContinualLearner): Promise<string | null> {
  try {
    await learner.checkCounts(new Map());
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
