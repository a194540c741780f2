/** What the page's worker does with a learner and its twin, in this process and without a browser's database. */

import assert from "node:assert/strict";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { figures, names, SMALL, testHost } from "../continual/small_learner.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

// By a name that the type check does not follow: the page has the types of a browser.
const { passingHome, Pupil } = await import(
  `${new URL("../../page/worker/pupil.ts", import.meta.url)}`
);

/** News of a night, as far as they are looked at. */
interface News {
  readonly kind: string;
  readonly who?: string;
}

function onGpu(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: adapter === null, fn });
}

/** Hooks of a pupil that is stopped at the first loss of one of the two. */
function stoppingAt(who: "learner" | "twin" | null) {
  let stopped = false;
  return {
    tell: (news: News) => {
      if (news.kind === "losses" && news.who === who) stopped = true;
    },
    shouldStop: () => stopped,
  };
}

/** What is asked of a pupil to teach it. */
interface Taught {
  teach(name: string, pictures: unknown[]): Promise<{ kept: number; known: number }>;
}

const teach = async (pupil: Taught, name: string, count = 10) =>
  await pupil.teach(
    name,
    figures(name, count).map(({ pixels, from }) => ({ image: pixels, from })),
  );

const settings = { ...SMALL, dreams: "none", margin: 100 };

onGpu(
  "a learner and its twin learn the same days and have the same exam, wherever they were cut",
  async () => {
    const home = passingHome();
    let pupil = await Pupil.create(home, { settings }, stoppingAt("learner"));
    for (const name of names.slice(0, 2)) await teach(pupil, name);
    assert.equal((await pupil.sleep(false)).kind, "stopped");
    const { waiting } = await pupil.view();
    assert.deepEqual([waiting.images, waiting.night, waiting.twin], [20, true, false]);

    // The page is closed, and opened again.
    pupil = await Pupil.open(home, stoppingAt("twin"));
    assert.equal((await pupil.sleep(false)).kind, "kept");
    assert.deepEqual((await pupil.view()).waiting, {
      ...{ images: 0, night: false, refused: null },
      twin: true,
    });
    assert.equal((await pupil.view()).nights[0].twin, null);

    pupil = await Pupil.open(home, stoppingAt(null));
    await teach(pupil, names[2]);
    await pupil.sleep(false);
    const { nights, classes } = await pupil.view();
    assert.equal(nights.length, 2);
    for (const { record, twin } of nights) {
      const own = record.classes.map((
        { name, exam }: { name: string; exam: { images: number } },
      ) => [name, exam.images]);
      assert.deepEqual([...twin].map(([name, { images }]) => [name, images]), own);
    }
    assert.deepEqual(
      classes.map(({ name, taught, waiting }: Record<string, unknown>) => [name, taught, waiting]),
      names.slice(0, 3).map((name) => [name, 10, 0]),
    );
    const [{ pixels }] = figures(names[0], 1, 20);
    const seen = await pupil.predict({ image: pixels, from: "" });
    assert.deepEqual([seen.learner.answers.length, seen.twin.answers.length], [3, 3]);
    pupil.close();
  },
);

onGpu("a night that is refused waits to be accepted or let go of, the twin with it", async () => {
  const changed = [{ path: "method", value: "finetune" }, { path: "calibration", value: 0 }];
  for (const way of ["accept", "discard"] as const) {
    const home = passingHome();
    const forgetful = { ...settings, margin: 0, changed: [...SMALL.changed!, ...changed] };
    const pupil = await Pupil.create(home, { settings: forgetful }, stoppingAt(null));
    for (const name of names.slice(0, 2)) await teach(pupil, name, 20);
    await pupil.sleep(true);
    await teach(pupil, names[2], 20);
    assert.equal((await pupil.sleep(false)).kind, "refused");
    const { waiting, nights } = await pupil.view();
    assert.equal(waiting.refused.passed, false);
    assert.equal(nights.length, 1);
    await pupil[way]();
    const after = await pupil.view();
    assert.equal(after.waiting.refused, null);
    assert.equal(after.waiting.images, 0);
    assert.equal(after.waiting.twin, false);
    assert.equal(after.classes.length, way === "accept" ? 3 : 2);
    assert.equal(after.nights.at(-1).twin !== null, true);
    pupil.close();
  }
});

onGpu("forgotten classes leave both, and what is missing for a night is told", async () => {
  const pupil = await Pupil.create(passingHome(), { settings }, stoppingAt(null));
  for (const name of names.slice(0, 2)) await teach(pupil, name);
  await pupil.sleep(false);
  await teach(pupil, names[2], 3);
  const { missing } = await pupil.view();
  assert.match(missing, /it has 3 images, and a new class needs at least 8/);
  await pupil.forget(names[2]);
  await pupil.forget(names[0]);
  const { classes, waiting } = await pupil.view();
  assert.deepEqual(classes.map(({ name }: { name: string }) => name), [names[1]]);
  assert.equal(waiting.images, 0);
  const again = await teach(pupil, names[1]);
  assert.deepEqual([again.kept, again.known], [0, 10]);
  pupil.close();
});

onGpu("a class that the twin still holds is shown, so that it can be forgotten again", async () => {
  const home = passingHome();
  const pupil = await Pupil.create(home, { settings }, stoppingAt(null));
  for (const name of names.slice(0, 2)) await teach(pupil, name);
  await pupil.sleep(false);
  const { write } = home.learner;
  home.learner.write = () => Promise.reject(new Error("no room"));
  await assert.rejects(pupil.forget(names[0]), /no room/);
  const held = async () =>
    (await ContinualLearner.open(home.twin, testHost())).state.classes.map(({ name }) => name);
  assert.equal((await pupil.view()).classes.length, 2);
  assert.deepEqual(await held(), [names[1]]);
  home.learner.write = write;
  await pupil.forget(names[0]);
  assert.equal((await pupil.view()).classes.length, 1);
  pupil.close();
});
