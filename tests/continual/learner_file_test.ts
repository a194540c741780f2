/** A learner as one file, forks of it, and what those see who watch its nights. */

import assert from "node:assert/strict";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { copyDay, forkLearner } from "../../src/continual/fork.ts";
import { packLearner, unpackLearner } from "../../src/continual/learner_file.ts";
import { type LearnerStore, MemoryLearnerStore } from "../../src/continual/store.ts";
import type { SeenPicture } from "../../src/continual/watch.ts";
import { InputError } from "../../src/errors.ts";
import type { StepLoss } from "../../src/learner/options.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/net/safetensors.ts";
import { figures, names, SMALL, smallLearner, testHost } from "./small_learner.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

const filesOf = async (store: LearnerStore, shelf: "generations" | "day") =>
  await Promise.all(
    (await store.names(shelf)).map(async (name) => [name, await store.read(shelf, name)]),
  );

Deno.test("a file has the last generation, what waits and the history, to the byte", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll(figures(names[0], 3));
  await learner.observeAll(figures(names[1], 2));
  await store.append('{"night":0}');
  const packed = await packLearner(store);
  const again = await unpackLearner(packed, "a.wscl");
  assert.equal(again.name, "a.wscl");
  assert.deepEqual(await filesOf(again, "generations"), await filesOf(store, "generations"));
  assert.deepEqual(await filesOf(again, "day"), await filesOf(store, "day"));
  assert.deepEqual(await again.lines(), ['{"night":0}']);
  assert.deepEqual(await packLearner(again), packed);
  const opened = await ContinualLearner.open(again, testHost());
  assert.deepEqual([...(await opened.waiting()).day], [[names[0], 3], [names[1], 2]]);
  assert.deepEqual(
    (await opened.today()).map(({ from }) => from),
    (await learner.today()).map(({ from }) => from),
  );
  // What is damaged of the day keeps the rest from nothing.
  const said: string[] = [];
  const [, second] = await store.names("day");
  await store.write("day", second, {});
  store.read = async (shelf, name, files) => {
    if (name === second) throw new InputError(`Cannot use ${shelf} ${name}: it is damaged`);
    return await MemoryLearnerStore.prototype.read.call(store, shelf, name, files);
  };
  const less = await unpackLearner(await packLearner(store, (text) => said.push(text)), "b.wscl");
  assert.deepEqual(await less.names("day"), [(await store.names("day"))[0]]);
  assert.match(said.join(), /it is damaged; its images are left out, teach them again/);
});

Deno.test("a file that is damaged, or of another kind, is refused by what is wrong with it", async () => {
  const store = new MemoryLearnerStore();
  await (await smallLearner({ store })).observeAll(figures(names[0], 3));
  const packed = await packLearner(store);
  const { tensors, metadata } = decodeSafetensors(packed);
  const rewritten = (change: Partial<typeof metadata>) =>
    encodeSafetensors(tensors, { ...metadata, ...change } as typeof metadata);
  const flipped = packed.slice();
  flipped[flipped.length - 1] ^= 1;
  const [day] = [...tensors.keys()].filter((place) => place.startsWith("day/"));
  const without = new Map(tensors);
  without.delete(day);
  const stray = new Map(tensors).set("../x/1/a.b", tensors.get(day)!);
  const cases: [Uint8Array<ArrayBuffer>, RegExp][] = [
    [flipped, /is damaged: its checksum is another/],
    [packed.slice(0, -1), /the file holds \d+ bytes of values/],
    [rewritten({ format: "pt" }), /no learner's; save it from the page, or with \.\/wscl pack/],
    [rewritten({ format: "wscl learner 2" }), /use a newer version/],
    [rewritten({ digests: "{" }), /its list of files is damaged/],
    [encodeSafetensors(without, metadata), /day\/.* is missing/],
    [encodeSafetensors(stray, metadata), /\.\.\/x\/1\/a\.b is no file of a learner/],
  ];
  for (const [bytes, message] of cases) {
    await assert.rejects(
      unpackLearner(bytes, "a.wscl"),
      (error) => error instanceof InputError && message.test(error.message),
      String(message),
    );
  }
});

Deno.test({
  name: "a fork learns the same day by another method, and is examined by the same images",
  ignore: adapter === null,
  async fn() {
    const store = new MemoryLearnerStore();
    const learner = await smallLearner({ store, settings: { dreams: "none", margin: 100 } });
    const twinStore = new MemoryLearnerStore();
    const changed = [{ path: "method", value: "finetune" }, { path: "calibration", value: 0 }];
    await forkLearner(store, twinStore, { changed, margin: 100 });
    const twin = await ContinualLearner.open(twinStore, testHost());
    for (const pair of [names.slice(0, 2), names.slice(2, 3)]) {
      for (const name of pair) await learner.observeAll(figures(name, 9));
      await copyDay(store, twinStore);
      await copyDay(store, twinStore); // what is there is left
      await learner.sleep();
      const outcome = await twin.sleep();
      assert(outcome.kind === "kept");
      assert.equal(outcome.record.method, "finetune");
      const digests = ({ examined }: ContinualLearner) => examined.map(({ digest }) => digest);
      assert.deepEqual(digests(twin), digests(learner));
      assert.deepEqual(twin.remembered, []);
    }
    learner.close();
    twin.close();
  },
});

Deno.test({
  name: "who watches a night sees what each step learns from, and every loss",
  ignore: adapter === null,
  async fn() {
    const seen: SeenPicture[][] = [];
    const losses: StepLoss[] = [];
    const watch = {
      step: (look: () => SeenPicture[]) => void seen.push(look()),
      losses: (read: readonly StepLoss[]) => void losses.push(...read),
    };
    const learner = await smallLearner({ host: { watch } });
    const unwatched = await smallLearner();
    const taught = new Set<string>();
    const text = (pixels: Uint8Array) => pixels.join();
    for (const name of names.slice(0, 2)) {
      const pictures = figures(name, 9);
      for (const { pixels } of pictures) taught.add(text(pixels));
      await learner.observeAll(pictures);
      await unwatched.observeAll(pictures);
    }
    const apart = new Set<string>();
    const night = async () => {
      seen.length = losses.length = 0;
      const outcome = await learner.sleep({ accept: true });
      assert(outcome.kind === "kept");
      assert.equal(seen.length, outcome.record.steps);
      assert.equal(losses.length, outcome.record.steps);
      for (const { pixels } of learner.examined) apart.add(text(pixels));
      return seen.flat();
    };
    const first = await night();
    assert.deepEqual(new Set(first.map(({ as }) => as)), new Set(["day", "dream"]));
    for (const { as, pixels, turns } of first) {
      assert(taught.has(text(pixels)) && !apart.has(text(pixels)));
      assert.equal(turns > 0, as === "dream");
    }
    await learner.observeAll(figures(names[2], 9));
    const remembered = new Set(learner.remembered.map(({ pixels }) => text(pixels)));
    const replayed = (await night()).filter(({ as }) => as === "memory");
    assert(replayed.length > 0);
    for (const { pixels } of replayed) assert(remembered.has(text(pixels)));
    // Watching changes nothing.
    await unwatched.sleep({ accept: true });
    const model = async (one: ContinualLearner, number: string) => {
      const store = new MemoryLearnerStore();
      await one.save(store);
      return (await store.read("generations", number))["model.safetensors"];
    };
    assert.deepEqual(await model(unwatched, "000001"), await model(learner, "000001"));
    assert.equal(SMALL.dreams, "memory");
    learner.close();
    unwatched.close();
  },
});
