/** A learner as a library: calls at once, and arguments that are none. No night is spent here. */

import assert from "node:assert/strict";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { newborn } from "../../src/continual/birth.ts";
import { encodeModel, tableOf } from "../../src/continual/start.ts";
import { type LearnerSettings, USUAL } from "../../src/continual/settings.ts";
import { MemoryLearnerStore } from "../../src/continual/store.ts";
import { Turns } from "../../src/continual/turns.ts";
import { InputError } from "../../src/errors.ts";
import { initialRunning, initialValues } from "../../src/net/initialize.ts";
import { stateTensors } from "../../src/net/network_state.ts";
import { encodeSafetensors } from "../../src/net/safetensors.ts";
import { Random } from "../../src/random.ts";
import { figures, names, SMALL, smallLearner, testHost } from "./small_learner.ts";

const [disc, cross, ring] = names;

Deno.test("turns come in the order in which they were asked for, also behind one that fails", async () => {
  const turns = new Turns();
  const order: number[] = [];
  const slow = (number: number, fails = false) => async () => {
    await new Promise((resolve) => setTimeout(resolve, 5 - number));
    order.push(number);
    if (fails) throw new Error("as it should");
    return number;
  };
  const all = await Promise.allSettled([
    turns.take(slow(1)),
    turns.take(slow(2, true)),
    turns.take(slow(3)),
  ]);
  assert.deepEqual(order, [1, 2, 3]);
  assert.deepEqual(all.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
});

Deno.test("images that are observed at once are all kept, each once", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  const observed = await Promise.all([
    learner.observeAll(figures(disc, 3)),
    learner.observeAll(figures(cross, 4)),
    learner.observeAll(figures(disc, 5)),
    learner.waiting(),
    learner.observeAll(figures(ring, 2)),
  ]);
  const kept = observed.flatMap((one) => "digests" in one ? one.digests : []);
  assert.equal(new Set(kept).size, 5 + 4 + 2);
  assert.deepEqual([...(await learner.waiting()).day], [[disc, 5], [cross, 4], [ring, 2]]);
  await Promise.all([learner.discard(), learner.observeAll(figures(ring, 1))]);
  const left = (await learner.waiting()).day;
  assert.deepEqual([...left], [[ring, 1]]);
});

Deno.test("copies of one picture count once, before any of them is kept", async () => {
  const learner = await smallLearner();
  const [picture] = figures(disc, 1);
  const copies = Array<typeof picture>(20).fill(picture);
  await assert.rejects(
    learner.check(copies),
    /Cannot learn disc: it has 1 different image \(among 20\), and a new class needs at least 8/,
  );
  assert.equal((await learner.waiting()).day.size, 0);
  await learner.observeAll(figures(disc, 5));
  await learner.check(figures(disc, 3, 5));
  await assert.rejects(
    learner.check(figures(disc, 3, 5), { discarded: true }),
    /has 3 images, and/,
  );
});

Deno.test("arguments that are none are refused in words, and nothing is taken", async () => {
  const learner = await smallLearner();
  const [{ pixels }] = figures(disc, 1);
  const plain = [...pixels] as unknown as typeof pixels;
  const none = undefined as unknown as string;
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => learner.observe([pixels], 5 as unknown as string), /a class named 5/],
    [() => learner.observe([pixels], none), /a class named undefined/],
    [() => learner.observe([plain], "cat"), /its pixels are an array; give a Uint8Array/],
    [() => learner.observe([none as never], "cat"), /its pixels are undefined/],
    [() => learner.observe(pixels as never, "cat"), /what is no list: it is a Uint8Array/],
    [() => learner.observe([pixels], "cat", 7 as never), /Cannot use an image from 7/],
    [() => learner.observe([pixels], "ca\ud800t"), /"ca\\u\{D800\}t": it is no text in Unicode/],
    [() => learner.observe([pixels], "\x1b[31mcat"), /"\\u\{001B\}\[31mcat": it has control/],
    [() => learner.observe([pixels], "\u200b"), /"\\u\{200B\}": nothing of it can be seen/],
    [() => learner.observe([pixels], "\u2800"), /"\\u\{2800\}": nothing of it can be seen/],
    [() => learner.observe([pixels], "a\u202eb"), /"a\\u\{202E\}b": it has characters that turn/],
    [() => learner.observe([pixels], "None of  these"), /this program uses that name itself/],
    [() => learner.observe([pixels], "all"), /this program uses that name itself/],
    [() => learner.predict([plain]), /its pixels are an array/],
    [() => learner.predict(pixels as never), /Cannot ask about what is no list/],
    [
      () => learner.forget({ classes: "cat" as never }),
      /Cannot forget what is no list: it is a text/,
    ],
  ];
  for (const [act, message] of cases) {
    await assert.rejects(
      act(),
      (error) => error instanceof InputError && message.test(error.message),
    );
    assert.equal((await learner.waiting()).day.size, 0);
  }
  // What a reader can see is a name, in any script.
  await learner.observe([pixels], "кошка 🐈‍⬛");
});

Deno.test("what it dreams of can be changed to nothing, and back", async () => {
  const learner = await smallLearner();
  for (const dreams of ["none", "memory", "none", null] as const) {
    await learner.dreamOf(dreams);
    assert.equal(learner.state.settings.dreams, dreams ?? "memory");
  }
  assert.equal(learner.state.generation, 4);
});

Deno.test("settings that are no numbers, or would leave no generation, are refused", async () => {
  const make = (settings: Partial<LearnerSettings>) =>
    ContinualLearner.create(
      new MemoryLearnerStore(),
      { settings: { ...SMALL, ...settings } },
      testHost(),
    );
  const cases: [Partial<LearnerSettings>, RegExp][] = [
    [{ kept: 0 }, /kept is 0; give a whole number of 1 or more/],
    [{ kept: 1.5 }, /kept is 1.5/],
    [{ memory: NaN }, /memory is NaN/],
    [{ maxClasses: 2.5 }, /maxClasses is 2.5/],
    [{ seed: -1 }, /seed is -1; give a whole number of 0 or more/],
    [{ margin: NaN }, /margin is NaN; give a number of points/],
    [{ dreams: "often" as "memory" }, /dreams is often/],
  ];
  for (const [settings, message] of cases) {
    await assert.rejects(
      make(settings),
      (error) => error instanceof InputError && message.test(error.message),
    );
  }
});

Deno.test("classes of a start whose names could not be learned are refused, and so is no start", async () => {
  const settings = { ...SMALL, maxClasses: 4 };
  const all = { ...USUAL, ...settings, mean: [0, 0, 0], std: [1, 1, 1] } as LearnerSettings;
  const table = tableOf(all, 2);
  const values = initialValues(table, Random.stream(0, "init"));
  const state = { values, running: initialRunning(table), batchesTracked: 1 };
  const start = (classes: readonly string[]) => ({
    bytes: encodeSafetensors(stateTensors(table, state), { classes: JSON.stringify(classes) }),
    name: "start",
  });
  const born = (classes: readonly string[]) =>
    newborn({ settings, start: start(classes), keepHead: true });
  const cases: [string[], RegExp][] = [
    [["cat", "cat"], /two of its classes are named cat; leave --keep-head out/],
    [["cat", "CAT"], /looks like the class cat/],
    [["cat", ""], /without a name/],
    [["cat", "\u200b"], /nothing of it can be seen/],
    [["cat", "\x1b[31m"], /it has control characters/],
  ];
  for (const [classes, message] of cases) await assert.rejects(born(classes), message);
  const { state: { classes } } = await born(["cat", "dog"]);
  assert.deepEqual(classes.map(({ name }) => name), ["cat", "dog"]);
  await assert.rejects(
    newborn({ settings, keepHead: true }),
    /Cannot keep the classifier of a start: there is none/,
  );
  assert(encodeModel(stateTensors(table, state), all, ["cat"]).length > 0);
});
