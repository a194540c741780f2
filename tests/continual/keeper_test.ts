/** What is kept of a learner, damaged: it falls back, says so, loses nothing else, and goes on. No device is needed. */

import assert from "node:assert/strict";
import { newborn } from "../../src/continual/birth.ts";
import { addToDay, endDay, EPISODES } from "../../src/continual/day.ts";
import { finishForgetting, intend } from "../../src/continual/forgetting.ts";
import { type Generation, generationName } from "../../src/continual/generation.ts";
import type { Checkpoint } from "../../src/experiment/checkpoint.ts";
import { Keeper } from "../../src/continual/keeper.ts";
import { type Picture, pictureOf } from "../../src/continual/pictures.ts";
import { type NightRecord, parseRecord, withoutLost } from "../../src/continual/record.ts";
import { NightCheckpoints } from "../../src/continual/night_checkpoints.ts";
import { type Files, MemoryLearnerStore, type Shelf } from "../../src/continual/store.ts";
import { SMALL } from "./small_learner.ts";

const SIZE = SMALL.size!;
const first = await newborn({ settings: SMALL });

/** A learner of so many nights, and what it says. */
async function keptFor(nights: number) {
  const store = new MemoryLearnerStore();
  const said: string[] = [];
  const hooks = { now: () => 0, warn: (text: string) => void said.push(text) };
  const open = () => Keeper.open(store, hooks);
  const keeper = await Keeper.begin(store, first, hooks);
  for (let night = 1; night <= nights; night++) await keeper.keep(behind(night), 1);
  return { store, said, keeper, open };
}

/** What a night might have made. */
function behind(night: number): Generation {
  const record: NightRecord = {
    ...{ night, generation: night, passed: true, method: "WSCL", adapter: "none", classes: [] },
    ...{ voted: false, freezing: null, dreams: { images: 0, heads: 0 }, steps: 1, images: 1 },
    ...{ losses: {}, threshold: null },
  };
  return { ...first, state: { ...first.state, generation: night, nights: night }, record };
}

/** Puts other bytes in the place of one file of a bundle. */
async function damage(store: MemoryLearnerStore, shelf: Shelf, name: string, file: string) {
  const files = await store.read(shelf, name);
  await store.write(shelf, name, { ...files, [file]: new Uint8Array(9) });
}

const pictures = (label: string, count: number, from = 0): Promise<Picture[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => {
    return pictureOf(new Uint8Array(SIZE * SIZE * 3).fill(from + i), label, "");
  }));

/** The history, a word for each night. */
async function history(store: MemoryLearnerStore): Promise<string[]> {
  return (await store.lines()).flatMap(parseRecord)
    .map(({ night, passed, lost }) => `${night} ${lost ? "lost" : passed ? "passed" : "refused"}`);
}

Deno.test("a damaged generation is set aside, its night is marked as lost, and the next takes its number", async () => {
  for (const file of ["memory.safetensors", "exam.safetensors", "learner.json", "night.json"]) {
    const { store, said, open } = await keptFor(2);
    await damage(store, "generations", generationName(2), file);
    const keeper = await open();
    assert.equal(keeper.generation.state.generation, 1);
    await keeper.recover();
    await (await open()).recover(); // once is enough
    assert.deepEqual(await history(store), ["1 passed", "2 passed", "2 lost"]);
    assert.deepEqual(await store.names("generations"), [0, 1].map((n) => generationName(n)));
    assert.match(
      said.join("\n"),
      /taking the one before[^]*it is kept in aside\/generations-000002/,
    );
    await keeper.keep(behind(2), 1);
    await (await open()).recover();
    assert.deepEqual(await history(store), ["1 passed", "2 passed", "2 lost", "2 passed"]);
    const left = withoutLost((await store.lines()).flatMap(parseRecord));
    assert.deepEqual(left.map(({ generation, lost }) => [generation, lost]), [[1, undefined], [
      2,
      undefined,
    ]]);
  }
});

Deno.test("a dawn that was cut before its line was written is written down, once", async () => {
  const { store, keeper, open } = await keptFor(1);
  await keeper.write(behind(2));
  await (await open()).recover();
  await (await open()).recover();
  assert.deepEqual(await history(store), ["1 passed", "2 passed"]);
});

Deno.test("lines of the history that are no records are passed over, and this is said once", async () => {
  const { store, said, open } = await keptFor(2);
  const [line] = await store.lines();
  const record = JSON.parse(line);
  const others = [
    "null",
    "5",
    '{"a":1}',
    "[]",
    '{"night":',
    JSON.stringify({ ...record, night: -1 }),
  ];
  const classes = [{ name: "cat" }];
  for (const other of [...others, JSON.stringify({ ...record, classes })]) {
    await store.append(other);
  }
  await store.append(JSON.stringify({ ...record, later: "versions may say more" }));
  const keeper = await open();
  await keeper.recover();
  await keeper.recover();
  assert.deepEqual(await history(store), ["1 passed", "2 passed", "1 passed"]);
  assert.deepEqual(said, [
    "Passed over in the history of nights: 7 lines are no records of a night",
  ]);
});

Deno.test("a damaged bundle of the day is set aside, and with it the night that was to learn it", async () => {
  const { store, said, keeper } = await keptFor(1);
  await addToDay(store, 1, await pictures("cat", 2), SIZE);
  await addToDay(store, 2, await pictures("dog", 3, 2), SIZE);
  await keeper.newPlan();
  await damage(store, "day", "000000001", EPISODES);
  assert.deepEqual((await keeper.day()).map(({ label }) => label), ["dog", "dog", "dog"]);
  assert.deepEqual(await store.names("day"), ["000000002"]);
  assert.equal(await keeper.pendingPlan(), null);
  assert.match(said.join(), /teach them again; it is kept in aside\/day-000000001/);
});

Deno.test("behind a refused night that is damaged there is another attempt all the same", async () => {
  const { store, keeper } = await keptFor(1);
  for (const attempt of [0, 1]) {
    const plan = await keeper.newPlan();
    assert.equal(plan.attempt, attempt);
    const { record, ...refused } = behind(2);
    await keeper.refuse({ ...refused, record: { ...record!, passed: false } }, plan, 1);
  }
  await damage(store, "refused", generationName(2), "plan.json");
  assert.equal((await keeper.newPlan()).attempt, 2);
});

Deno.test("what is damaged does not keep a learner from forgetting, and goes with what is forgotten", async () => {
  const { store, said, open } = await keptFor(2);
  await addToDay(store, 1, await pictures("cat", 2), SIZE);
  await addToDay(store, 2, [...await pictures("cat", 1, 2), ...await pictures("dog", 1, 3)], SIZE);
  await store.write("generations", generationName(3), {});
  await store.setAside("generations", generationName(3));
  await damage(store, "generations", generationName(2), "memory.safetensors");
  await damage(store, "day", "000000001", EPISODES);
  const keeper = await open();
  await intend(store, { classes: ["cat"], digests: [] });
  await keeper.recover();
  assert.equal(keeper.generation.state.generation, 1);
  assert.deepEqual(await store.names("generations"), [0, 1].map((n) => generationName(n)));
  assert.deepEqual((await keeper.day()).map(({ label }) => label), ["dog"]);
  assert.deepEqual(await store.names("forgetting"), []);
  assert.equal(said.filter((text) => /may hold what is to be forgotten/.test(text)).length, 3);
  // What had been set aside before is gone, too: its place is free.
  await store.write("generations", generationName(3), {});
  assert.equal(await store.setAside("generations", generationName(3)), "aside/generations-000003");
});

Deno.test("where it is not known any more what was to be forgotten, this is said", async () => {
  const { store } = await keptFor(1);
  await intend(store, { classes: ["cat"], digests: [] });
  await damage(store, "forgetting", "1", "forgetting.json");
  const said: string[] = [];
  assert.equal(await finishForgetting(store, (text) => void said.push(text)), false);
  assert.match(said.join(), /nothing is forgotten, say again what is to be/);
  assert.deepEqual(await store.names("forgetting"), []);
});

/** Ends, as a kill would, at one of the changes to come; a bundle that was to be replaced is gone then, as in a folder. */
class CutStore extends MemoryLearnerStore {
  changesLeft = Infinity;

  override async write(shelf: Shelf, name: string, files: Files): Promise<void> {
    if (this.changesLeft-- === 0) {
      await super.remove(shelf, name);
      throw new Error("cut");
    }
    await super.write(shelf, name, files);
  }

  override async remove(shelf: Shelf, name: string): Promise<void> {
    if (this.changesLeft-- === 0) throw new Error("cut");
    await super.remove(shelf, name);
  }
}

Deno.test("wherever the forgetting of an image is cut, the others of its day wait, each once", async () => {
  for (let changes = 0, isCut = true; isCut; changes++) {
    const store = new CutStore();
    const hooks = { now: () => 0, warn: (text: string) => assert.fail(text) };
    const keeper = await Keeper.begin(store, first, hooks);
    await addToDay(store, 1, await pictures("cat", 8), SIZE);
    await addToDay(store, 2, await pictures("dog", 8, 100), SIZE);
    const all = await keeper.day();
    const gone = [all[3].digest, all[12].digest];
    await intend(store, { classes: [], digests: gone });
    store.changesLeft = changes;
    isCut = await keeper.recover().then(() => false, () => true);
    store.changesLeft = Infinity;
    const again = await Keeper.open(store, hooks);
    await again.recover();
    const left = all.filter(({ digest }) => !gone.includes(digest));
    assert.deepEqual(await again.day(), left, `cut at change ${changes}`);
    assert.deepEqual(await store.names("day"), ["000000001-1", "000000002-1"]);
    assert.equal(await again.nextNumber(), 3);
    await endDay(store, 1);
    assert.deepEqual(await store.names("day"), ["000000002-1"]);
  }
});

Deno.test("the number of a damaged bundle is not given again, in whichever night that is", async () => {
  const { store, keeper } = await keptFor(0);
  await addToDay(store, 1, await pictures("cat", 8), SIZE);
  await addToDay(store, 2, await pictures("dog", 8, 100), SIZE);
  const { taken } = await keeper.newPlan();
  await damage(store, "day", "000000002", EPISODES);
  await keeper.day();
  assert.deepEqual(await store.names("night"), [], "what the plan was made of is gone");
  assert.equal(await keeper.nextNumber(), taken + 1);
});

Deno.test("checkpoints of another night go, and those of this one are kept", async () => {
  const store = new MemoryLearnerStore();
  const said: string[] = [];
  const checkpoints = new NightCheckpoints(store, (text) => said.push(text));
  const at = (point: number, version: string): Checkpoint => ({
    info: {
      ...{ format: 1, point, steps: point, task: 0, phase: "stream", seconds: 1, logBytes: 0 },
      ...{ adapter: "none", identity: { version }, fingerprint: {} },
    },
    run: { points: point, journal: [], state: [] },
  });
  for (const point of [500, 600]) await checkpoints.writeCheckpoint(at(point, "1"));
  assert.equal(await checkpoints.last({ version: "2" }), null);
  assert.match(said.join(), /begins anew from the last dawn: version is not what it was/);
  for (const point of [100, 200, 300]) await checkpoints.writeCheckpoint(at(point, "2"));
  assert.equal((await checkpoints.last({ version: "2" }))!.info.point, 300);
  assert.equal((await store.names("checkpoints")).length, 2);
});

Deno.test("a night that was accepted is not there again where its line could not be written", async () => {
  const { store, keeper, open } = await keptFor(1);
  await addToDay(store, 1, await pictures("cat", 8), SIZE);
  const plan = await keeper.newPlan();
  const made = behind(2);
  const refused = { ...made, state: { ...made.state, taken: plan.taken } };
  await keeper.refuse({ ...refused, record: { ...made.record!, passed: false } }, plan, 1);
  assert.equal(await (await open()).refused(), generationName(2));
  const { append } = store;
  store.append = () => Promise.reject(new Error("the disk is full"));
  await assert.rejects(keeper.keep(refused, 0, { accepted: true }), /the disk is full/);
  store.append = append;
  const again = await open();
  await again.recover();
  assert.equal(await again.refused(), null);
  assert.equal(again.generation.state.generation, 2);
  assert.deepEqual(await store.names("day"), []);
  assert.deepEqual(await history(store), ["1 passed", "2 refused", "2 passed"]);
});
