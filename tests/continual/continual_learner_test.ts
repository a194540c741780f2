/** A learner in memory: days, nights, what is remembered, examined, refused and forgotten. */

import assert from "node:assert/strict";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { generationName, readGeneration } from "../../src/continual/generation.ts";
import { type LearnerStore, MemoryLearnerStore } from "../../src/continual/store.ts";
import { Predictor } from "../../src/continual/predictor.ts";
import { InputError } from "../../src/errors.ts";
import { checkpointFiles, checkpointOf } from "../../src/experiment/checkpoint_bundle.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { Trainer } from "../../src/learner/trainer.ts";
import { decodeSafetensors } from "../../src/net/safetensors.ts";
import { figures, names, SMALL, smallLearner, testHost } from "./small_learner.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const [disc, cross, ring, square] = names;

function onGpu(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: adapter === null, fn });
}

/** Bytes of the last generation, file by file. */
async function lastBytes(store: LearnerStore): Promise<Record<string, Uint8Array>> {
  const name = (await store.names("generations")).at(-1)!;
  return await store.read("generations", name);
}

onGpu(
  "a learner learns days of new and known classes, answers, and remembers no exam",
  async () => {
    const store = new MemoryLearnerStore();
    const learner = await smallLearner({ store });
    await learner.observeAll([...figures(disc, 30), ...figures(cross, 30)]);
    const first = await learner.sleep();
    assert(first.kind === "kept");
    assert.deepEqual(
      first.record.classes.map((
        { name, learned, apart, before },
      ) => [name, learned, apart, before]),
      [[disc, 27, 3, null], [cross, 27, 3, null]],
    );
    assert.equal(first.record.dreams.heads > 0, true);
    // A day that mixes old and new.
    await learner.observeAll([...figures(ring, 20), ...figures(disc, 10, 30)]);
    const second = await learner.sleep({ accept: true });
    assert(second.kind === "kept");
    const { classes, memory } = learner.state;
    assert.deepEqual(classes.map(({ name, taught }) => [name, taught]), [
      [disc, 40],
      [cross, 30],
      [ring, 20],
    ]);
    assert.equal(new Set(classes.map(({ head }) => head)).size, 3);
    assert.equal(memory!.capacity, SMALL.memory);
    const { memory: kept, exam } = await readGeneration(store, generationName(2));
    const apart = new Set(exam.map(({ digest }) => digest));
    assert.equal(exam.length, 4 + 3 + 3); // a tenth of 40, three of each at least
    assert.deepEqual(kept.filter(({ digest }) => apart.has(digest)), []);
    assert(kept.every(({ from, label }) => from.startsWith(label)));
    const [{ answers, none }] = await learner.predict([figures(ring, 1, 35)[0].pixels]);
    assert.equal(answers.length, 3);
    assert.equal(typeof none, "boolean");
    const sum = answers.reduce((sum, { probability }) => sum + probability, 0);
    assert(Math.abs(sum - 1) < 1e-6);
    // The exam again, by the predictor, gives what was counted at dawn.
    const again = await learner.exam();
    const counted = classes.reduce((sum, one) => sum + one.exam.right, 0);
    assert.equal(again.right, counted);
    learner.close();
  },
);

onGpu("the same days give the same bits, whether they were cut or not", async () => {
  const teach = async (learner: ContinualLearner) => {
    await learner.observeAll([...figures(disc, 20), ...figures(cross, 20)]);
  };
  const whole = new MemoryLearnerStore();
  const one = await smallLearner({ store: whole });
  await teach(one);
  await one.sleep();
  await one.observe(figures(ring, 20).map(({ pixels }) => pixels), ring, "a day");
  await one.sleep({ accept: true });

  const cut = new MemoryLearnerStore();
  let points = 0;
  let stopAt = 7;
  const host = testHost({
    checkpointEvery: { steps: 5 },
    // On its way to where it was a night passes the same points again.
    atPoint: (_, gpu) => void (gpu.recording?.replaying || points++),
    shouldStop: () => points >= stopAt,
  });
  await ContinualLearner.create(cut, { settings: SMALL }, host);
  /** Sleeps in a new process, so to speak, each time it is stopped. */
  const sleepInPieces = async () => {
    for (let pieces = 1;; pieces++) {
      const learner = await ContinualLearner.open(cut, host);
      const outcome = await learner.sleep({ accept: true });
      learner.close();
      if (outcome.kind !== "stopped") return pieces;
      stopAt = points + 11;
    }
  };
  await teach(await ContinualLearner.open(cut, host));
  assert(await sleepInPieces() > 2);
  await (await ContinualLearner.open(cut, host))
    .observe(figures(ring, 20).map(({ pixels }) => pixels), ring, "a day");
  stopAt = points + 3;
  assert(await sleepInPieces() > 2);
  assert.deepEqual(await lastBytes(cut), await lastBytes(whole));
  assert.deepEqual(await cut.names("checkpoints"), []);
  one.close();
});

onGpu(
  "a night that does not come to where its checkpoint was begins anew, and ends the same",
  async () => {
    const whole = new MemoryLearnerStore();
    const one = await smallLearner({ store: whole });
    const images = [...figures(disc, 10), ...figures(cross, 10)];
    await one.observeAll(images);
    await one.sleep();
    one.close();
    for (const change of ["fingerprint", "state"] as const) {
      const store = new MemoryLearnerStore();
      const said: string[] = [];
      let points = 0;
      let stopsAt = 9;
      const host = testHost({
        atPoint: () => void points++,
        shouldStop: () => points >= stopsAt,
        emit: (event) => event.type === "message" && said.push(event.text),
      });
      const learner = await ContinualLearner.create(store, { settings: SMALL }, host);
      await learner.observeAll(images);
      assert.equal((await learner.sleep()).kind, "stopped");
      stopsAt = Infinity;
      const [name] = await store.names("checkpoints");
      const checkpoint = checkpointOf(await store.read("checkpoints", name), name);
      const { info, run } = checkpoint;
      const other = change === "state"
        ? { info, run: { ...run, state: run.state.slice(1) } }
        : { info: { ...info, fingerprint: { ...info.fingerprint, draws: "other" } }, run };
      await store.write("checkpoints", name, checkpointFiles(other));
      assert.equal((await learner.sleep()).kind, "kept");
      assert.match(
        said.join("\n"),
        /The night begins anew from the last dawn: it does not come to/,
      );
      assert.deepEqual(await lastBytes(store), await lastBytes(whole));
      learner.close();
    }
  },
);

onGpu("images that come while a night is interrupted wait for the next", async () => {
  const store = new MemoryLearnerStore();
  let stops = true;
  const host = testHost({ checkpointEvery: "never", shouldStop: () => stops });
  const learner = await ContinualLearner.create(store, { settings: SMALL }, host);
  await learner.observeAll([...figures(disc, 10), ...figures(cross, 10)]);
  assert.deepEqual(await learner.sleep(), { kind: "stopped", reason: "request" });
  await learner.observeAll(figures(ring, 10));
  stops = false;
  const outcome = await learner.sleep();
  assert(outcome.kind === "kept");
  assert.deepEqual(outcome.record.classes.map(({ name }) => name), [disc, cross]);
  assert.deepEqual([...(await learner.waiting()).day], [[ring, 10]]);
  learner.close();
});

onGpu("a night whose exam falls is refused, can be accepted, tried again or let go", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store, settings: { margin: -101 } }); // nothing is enough
  await learner.observeAll([...figures(disc, 40), ...figures(cross, 40)]);
  await learner.sleep();
  await learner.observeAll([...figures(ring, 12), ...figures(square, 12)]);
  const outcome = await learner.sleep();
  assert(outcome.kind === "refused");
  assert.equal(outcome.record.passed, false);
  assert.deepEqual(learner.state.classes.map(({ name }) => name), [disc, cross]);
  const waiting = await learner.waiting();
  assert.equal(waiting.refused, true);
  assert.deepEqual([...waiting.day], [[ring, 12], [square, 12]]);
  // Other draws: another night is another night.
  const again = await learner.sleep({ accept: true });
  assert(again.kind === "kept");
  assert.notDeepEqual(again.record.losses, outcome.record.losses);
  assert.equal((await learner.waiting()).day.size, 0);
  const nights = await learner.nights();
  assert.deepEqual(nights.map(({ passed }) => passed).slice(-2), [false, true]);
  await assert.rejects(learner.accept(), /Cannot accept: no night of .* was refused/);
  learner.close();
});

onGpu(
  "what was refused is accepted as it was, or let go: with the day, or for other dreams",
  async () => {
    for (const way of ["accept", "discard", "dreamOf"] as const) {
      const store = new MemoryLearnerStore();
      const learner = await smallLearner({ store, settings: { margin: -101 } }); // nothing is enough
      await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
      await learner.sleep();
      await learner.observeAll(figures(ring, 12));
      assert.equal((await learner.sleep()).kind, "refused");
      const [name] = await store.names("refused");
      const refused = await store.read("refused", name);
      await (way === "dreamOf" ? learner.dreamOf("none") : learner[way]());
      assert.equal((await learner.waiting()).day.size, way === "dreamOf" ? 1 : 0);
      assert.deepEqual(await store.names("refused"), []);
      assert.equal(learner.state.classes.length, way === "accept" ? 3 : 2);
      if (way === "accept") {
        assert.deepEqual(
          (await lastBytes(store))["model.safetensors"],
          refused["model.safetensors"],
        );
      }
      learner.close();
    }
  },
);

onGpu("forgetting takes a class out of every generation, and frees its head", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12), ...figures(ring, 12)]);
  await learner.sleep();
  await learner.observeAll([...figures(cross, 6, 12), ...figures(square, 12)]);
  await learner.sleep({ accept: true });
  await learner.observeAll(figures(cross, 4, 20));
  const head = learner.state.classes.find(({ name }) => name === cross)!.head;
  const gone = figures(cross, 40);
  assert(await learner.forget({ classes: [cross] }) >= 4);
  assert.deepEqual(learner.state.classes.map(({ name }) => name), [disc, ring, square]);
  assert.deepEqual([...(await learner.waiting()).day], [[cross, 0]].slice(1));
  for (const shelf of ["generations", "day", "refused", "checkpoints"] as const) {
    for (const name of await store.names(shelf)) {
      const files = await store.read(shelf, name);
      for (const [file, bytes] of Object.entries(files)) {
        assert(!new TextDecoder().decode(bytes).includes(`"${cross}"`), `${shelf} ${name} ${file}`);
        for (const { pixels } of gone) assert(!holds(bytes, pixels), `${shelf} ${name} ${file}`);
      }
    }
  }
  // The head is free: what answers is one of the others.
  const { answers } = (await learner.predict([gone[0].pixels]))[0];
  assert.deepEqual(answers.map(({ name }) => name).sort(), [disc, ring, square].sort());
  const outcome = await learner.sleep({ accept: true });
  assert(outcome.kind === "kept");
  assert.deepEqual(outcome.record.classes.map(({ learned }) => learned), [0, 0, 0]);
  assert(!learner.state.classes.some((known) => known.head === head));
  learner.close();
});

onGpu("one image is forgotten by the beginning of its digest", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  const { digests } = await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  const generation = await readGeneration(store, generationName(1));
  const [{ digest }] = generation.memory;
  assert(digests.includes(digest));
  assert.equal(await learner.forget({ digests: [digest.slice(0, 12)] }), 1);
  const { memory, state } = await readGeneration(store, generationName(1, 1));
  assert.equal(memory.length, generation.memory.length - 1);
  assert.equal(state.memory!.offered, memory.length);
  await assert.rejects(learner.forget({ digests: [digest] }), /holds such an image/);
  await assert.rejects(learner.forget({ digests: ["12"] }), /no digest; give/);
  await assert.rejects(learner.forget({ classes: ["dog"] }), /it is no class of/);
  await learner.sleep();
  learner.close();
});

onGpu(
  "what was learned from is known when it is not remembered any more, until it is forgotten",
  async () => {
    const store = new MemoryLearnerStore();
    const learner = await smallLearner({ store, settings: { memory: 8 } });
    const pictures = [...figures(disc, 15), ...figures(cross, 15)];
    await learner.observeAll(pictures);
    await learner.sleep();
    const again = await learner.observeAll(pictures);
    assert.deepEqual([again.digests.length, again.known], [0, 30]);
    await assert.rejects(
      learner.observeAll([{ ...pictures[0], label: ring }]),
      /it is known as disc/,
    );
    const { memory, exam, trained, state } = await readGeneration(store, generationName(1));
    assert.deepEqual([memory.length, exam.length, trained.length], [8, 6, 24]);
    const held = new Set([...memory, ...exam].map(({ digest }) => digest));
    const crowdedOut = trained.find(({ digest }) => !held.has(digest))!;
    assert.equal(await learner.find(memory[0].digest), "held");
    assert.equal(await learner.find(crowdedOut.digest), "trained");
    assert.equal(await learner.forget({ digests: [crowdedOut.digest] }), 0);
    assert.equal(await learner.find(crowdedOut.digest), null);
    const without = await readGeneration(store, generationName(1, 1));
    assert.deepEqual(without.state, state);
    assert.equal(without.trained.length, 23);
    assert.equal((await learner.observeAll(pictures)).digests.length, 1);
    await learner.forget({ classes: [disc] });
    const { trained: left } = await readGeneration(store, generationName(1, 2));
    assert.deepEqual([...new Set(left.map(({ label }) => label))], [cross]);
    learner.close();
  },
);

onGpu("a generation from before digests were kept knows what it remembers", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store, settings: { memory: 8 } });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  const { "trained.safetensors": _, ...older } = await store.read("generations", generationName(1));
  await store.write("generations", generationName(1), older);
  const { memory, trained } = await readGeneration(store, generationName(1));
  assert.deepEqual(trained, memory.map(({ label, digest }) => ({ label, digest })));
  const again = await ContinualLearner.open(store, testHost());
  const { digests, known } = await again.observeAll(figures(disc, 12));
  assert.deepEqual([digests.length, known], [12 - known, 3 + 4]);
  learner.close();
});

onGpu("a night tries the copies of its freezing search before it trains", async () => {
  const made: string[] = [];
  let before: readonly string[] | null = null;
  const learner = await smallLearner({
    settings: {
      changed: [
        { path: "wscl.sleepEpochs", value: 1 },
        { path: "wscl.freezing", value: true },
        { path: "freezing.maxBlocks", value: 1 },
      ],
      dreams: "none",
    },
    host: {
      async openGpu() {
        const gpu = await openGpu();
        const create = gpu.createBuffer.bind(gpu);
        gpu.createBuffer = (label, ...rest) => {
          made.push(label);
          return create(label, ...rest);
        };
        return gpu;
      },
      atPoint: () => before ??= [...made],
    },
  });
  /** Which copies were made before the night's first point. */
  const tried = async () => {
    [made.length, before] = [0, null];
    await learner.sleep({ accept: true });
    return before!.filter((label) => /^freezing search \d\/values$/.test(label));
  };
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  assert.deepEqual(await tried(), []);
  await learner.observeAll(figures(disc, 12, 12));
  assert.deepEqual(await tried(), ["freezing search 0/values", "freezing search 1/values"]);
  assert(made.includes("candidate 1/values"));
  assert.deepEqual(await tried(), [], "a night of rest searches for nothing");
  learner.close();
});

onGpu("however many images are to judge freezing, half of a night's are learned", async () => {
  const said: string[] = [];
  const changed = [
    { path: "wscl.sleepEpochs", value: 1 },
    { path: "calibration", value: 2 },
    { path: "wscl.freezing", value: true },
    { path: "freezing.validation", value: 1000 },
  ];
  const learner = await smallLearner({
    settings: { changed, dreams: "none" },
    host: { emit: (event) => event.type === "message" && said.push(event.text) },
  });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  const first = await learner.sleep();
  assert(first.kind === "kept" && first.record.steps > 0);
  assert.match(said.join(), /Freezing is judged on 9 of the 18 images, not on 1000/);
  await learner.observeAll(figures(disc, 1, 12));
  const second = await learner.sleep({ accept: true });
  assert(second.kind === "kept" && second.record.freezing === null && second.record.steps > 0);
  assert.match(said.join(), /Nothing is frozen: of one image/);
  learner.close();
});

onGpu(
  "batches no larger than can be filled, and a failure that advises what a learner can do",
  async () => {
    const teach = async (path: string, value: number) => {
      const learner = await smallLearner({
        settings: {
          dreams: "none",
          changed: [{ path: "wscl.sleepEpochs", value: 1 }, { path, value }],
        },
      });
      await learner.observeAll([...figures(disc, 8), ...figures(cross, 8)]);
      return learner;
    };
    const large = await teach("batchSize", 65_536);
    assert.equal((await large.sleep()).kind, "kept");
    large.close();
    const fast = await teach("optimizer.learningRate", 1e6);
    await assert.rejects(
      fast.sleep(),
      /lower optimizer.learningRate; of a learner that is settled when it is made: make another/,
    );
  },
);

onGpu(
  "calls at once do not disturb each other: nights, images, questions, forgetting",
  async () => {
    class FullStore extends MemoryLearnerStore {
      full = false;
      override write(...[shelf, name, files]: Parameters<MemoryLearnerStore["write"]>) {
        if (this.full && shelf === "generations") throw new Error("No space left; free some space");
        return super.write(shelf, name, files);
      }
    }
    const store = new FullStore();
    const changed = [{ path: "wscl.sleepEpochs", value: 1 }, { path: "calibration", value: 2 }];
    const learner = await smallLearner({ store, settings: { dreams: "none", changed } });
    await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
    store.full = true;
    await assert.rejects(
      learner.sleep(),
      /No space left; free some space; nothing is lost, go on with the same call/,
    );
    store.full = false;
    const order: string[] = [];
    const done = (name: string) => () => void order.push(name);
    await Promise.all([
      learner.sleep().then(done("night")),
      learner.observeAll(figures(ring, 8)).then(done("images")),
      learner.forget({ classes: [ring] }).then(done("forgotten")),
      learner.sleep().then(done("rest")),
    ]);
    assert.deepEqual(order, ["images", "night", "forgotten", "rest"]);
    assert.deepEqual(learner.state.classes.map(({ name }) => name), [disc, cross]);
    assert.equal(learner.state.nights, 2);
    const [a, b] = [disc, cross].map((name) => figures(name, 5).map(({ pixels }) => pixels));
    const alone = [await learner.predict(a), await learner.predict(b)];
    assert.deepEqual(await Promise.all([learner.predict(a), learner.predict(b)]), alone);
    learner.close();
  },
);

onGpu("what cannot be taught is refused with the fix, and nothing is taken", async () => {
  const learner = await smallLearner({ settings: { maxClasses: 3 } });
  const few = figures(disc, 4);
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => learner.sleep(), /nothing waits to be learned, and nothing is remembered/],
    [() => learner.observe([new Uint8Array(5)], "cat"), /it has 5 bytes, .* 16 x 16 .*resize/],
    [() => learner.observe([few[0].pixels], " "), /without a name/],
    [
      () => learner.observeAll(names.slice(0, 4).flatMap((name) => figures(name, 1))),
      /it would be the 4th class, and the learner has room for 3/,
    ],
    [
      () => learner.observeAll([few[0], { ...few[1], label: disc.toUpperCase() }]),
      /looks like the class disc/,
    ],
    [
      () => learner.observeAll([few[0], { ...few[0], label: cross }]),
      /Cannot learn disc 0 as cross: it is known as disc/,
    ],
    [
      () => learner.checkCounts(new Map([[disc, 4]])),
      /it has 4 images, and a new class needs .* 8/,
    ],
  ];
  for (const [act, message] of cases) {
    await assert.rejects(
      act(),
      (error) => error instanceof InputError && message.test(error.message),
    );
    assert.equal((await learner.waiting()).day.size, 0);
  }
  const once = await learner.observeAll(few);
  assert.deepEqual([once.digests.length, once.known], [4, 0]);
  const twice = await learner.observeAll(few);
  assert.deepEqual([twice.digests.length, twice.known], [0, 4]);
  await assert.rejects(learner.sleep(), /disc: it has 4 images/);
  learner.close();
});

onGpu("a learner is copied to another store, where it is the same", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  await learner.observeAll(figures(ring, 12));
  const copy = new MemoryLearnerStore();
  await learner.save(copy);
  await assert.rejects(learner.save(copy), /it is not empty/);
  const other = await ContinualLearner.open(copy, testHost());
  await learner.sleep({ accept: true });
  await other.sleep({ accept: true });
  assert.deepEqual(await lastBytes(copy), await lastBytes(store));
  learner.close();
  other.close();
});

onGpu("a rollback is a generation of its own", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  const then = await lastBytes(store);
  await learner.observeAll(figures(ring, 12));
  await learner.sleep({ accept: true });
  await learner.rollback(1);
  assert.equal(learner.state.generation, 3);
  assert.deepEqual(learner.state.classes.map(({ name }) => name), [disc, cross]);
  const now = await lastBytes(store);
  assert.deepEqual(now["model.safetensors"], then["model.safetensors"]);
  assert.equal((await learner.waiting()).day.size, 0);
  await assert.rejects(learner.rollback(0), /it is not kept; there are generations 1 and 2/);
  await assert.rejects(learner.rollback(3), /it is the last one/);
  // What was rolled back is kept, and so can be forgotten.
  const { memory } = await readGeneration(store, generationName(2));
  const { digest } = memory.find(({ label }) => label === ring)!;
  assert.equal(await learner.find(digest), "earlier");
  assert.equal(await learner.forget({ digests: [digest] }), 0);
  assert.equal(await learner.find(digest), null);
  assert.equal(await learner.forget({ classes: [ring] }), 0);
  await learner.rollback(2);
  assert.deepEqual(learner.state.classes.map(({ name }) => name), [disc, cross]);
  await assert.rejects(learner.forget({ classes: [ring] }), /it is no class of/);
  learner.close();
});

onGpu("a generation that is not whole makes way for the one before, and this is said", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  await store.write("generations", generationName(2), {});
  const said: string[] = [];
  const host = testHost({ emit: (event) => event.type === "message" && said.push(event.text) });
  const again = await ContinualLearner.open(store, host);
  assert.equal(again.state.generation, 1);
  assert.match(said.join(), /taking the one before/);
  learner.close();
});

onGpu("the weights name their classes, and what images are normalised by", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  const { metadata } = decodeSafetensors((await lastBytes(store))["model.safetensors"]);
  const classes = JSON.parse(metadata.classes) as (string | null)[];
  assert.equal(classes.length, SMALL.maxClasses);
  for (const { name, head } of learner.state.classes) assert.equal(classes[head], name);
  assert.deepEqual(JSON.parse(metadata.mean), learner.state.settings.mean);
  assert.equal(metadata.size, "16");
  learner.close();
});

onGpu("logits of pictures are those of the network on normalised inputs", async () => {
  const store = new MemoryLearnerStore();
  const learner = await smallLearner({ store });
  await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
  await learner.sleep();
  const generation = await readGeneration(store, generationName(1));
  const { settings: { size, mean, std, width, maxClasses } } = generation.state;
  const pictures = [...figures(ring, 3), ...figures(disc, 2)].map(({ pixels }) => pixels);
  const gpu = await openGpu();
  const predictor = new Predictor(gpu, generation, 2); // so that they take turns
  const found = await predictor.logits(pictures);
  const area = size * size;
  const inputs = new Float32Array(pictures.length * 3 * area);
  pictures.forEach((pixels, n) => {
    for (let i = 0; i < pixels.length; i++) {
      const [pixel, channel] = [Math.floor(i / 3), i % 3];
      inputs[(n * 3 + channel) * area + pixel] = (pixels[i] / 255 - mean[channel]) / std[channel];
    }
  });
  const trainer = new Trainer(gpu, {
    ...{ width, heads: maxClasses, height: size, imageWidth: size },
    ...{ maxRows: pictures.length, learningRate: 0 },
  });
  trainer.load(decodeSafetensors(generation.model).tensors, "the learner");
  const expected = await trainer.infer(inputs);
  assert.equal(found.length, expected.length);
  found.forEach((logit, i) => assert(Math.abs(logit - expected[i]) < 1e-4, `${logit}`));

  // It goes on as another generation, to the bit, and not as another learner.
  await learner.observeAll(figures(ring, 8));
  await learner.sleep({ accept: true });
  const next = await readGeneration(store, generationName(2));
  const fresh = new Predictor(gpu, next, 2);
  assert.equal(predictor.take(next), true);
  assert.equal(predictor.knowledge, next);
  const after = await predictor.logits(pictures);
  assert.notDeepEqual(after, found);
  assert.deepEqual(after, await fresh.logits(pictures));
  const { state } = next;
  const other = { ...next, state: { ...state, settings: { ...state.settings, size: 32 } } };
  assert.equal(predictor.take(other), false);
  assert.equal(predictor.knowledge, next);
  fresh.destroy();
  predictor.destroy();
  trainer.destroy();
  gpu.destroy();
  learner.close();
});

Deno.test("settings that cannot work are refused with the fix", async () => {
  const make = (settings: Partial<typeof SMALL>) =>
    ContinualLearner.create(
      new MemoryLearnerStore(),
      { settings: { ...SMALL, ...settings } },
      testHost({ openGpu: () => openGpu() }),
    );
  await assert.rejects(make({ size: 8 }), /images of 8 pixels are too small for the cifar stem/);
  await assert.rejects(make({ maxClasses: 1 }), /give room for 2 or more/);
  await assert.rejects(make({ memory: 4 }), /cannot hold one of each of 8 classes/);
  const changed = (path: string, value: unknown) => make({ changed: [{ path, value }] });
  await assert.rejects(changed("network.width", 8), /network.width cannot be set: give --width/);
  await assert.rejects(changed("data.size", 32), /data.size cannot be set: give --width, --size/);
  // Of a section that is given whole, the keys are not seen one by one.
  const sections = ["memory", "network", "data", "data.train", "wscl", "evaluation", "freezing"];
  for (const path of sections) {
    await assert.rejects(changed(path, {}), /cannot be set as a whole: set its keys, as --set/);
  }
  await assert.rejects(
    changed("wscl.preset", "best"),
    /wscl.preset cannot be set: .* set the keys/,
  );
  await assert.rejects(changed("method", "joint"), /wants all images at once/);
  await assert.rejects(changed("method", "derpp"), /are not kept/);
  await assert.rejects(changed("wscl.rem", false), /give --dreams/);
  const merged = [{ path: "wscl.schedule", value: "merged" }, {
    path: "wscl.freezing",
    value: true,
  }];
  await assert.rejects(
    make({ dreams: "none", changed: merged }),
    /judges on images of the task before/,
  );
  await assert.rejects(make({ changed: merged }), /changes that while it is dreamt of/);
});

/** Whether bytes hold others somewhere. */
function holds(bytes: Uint8Array, part: Uint8Array): boolean {
  const text = (of: Uint8Array) => Array.from(of, (byte) => String.fromCharCode(byte)).join("");
  return text(bytes).includes(text(part));
}

onGpu("who asks while it is closed, as at dawn, is answered", async () => {
  const learner = await smallLearner();
  await learner.observeAll([...figures(disc, 10), ...figures(cross, 10)]);
  await learner.sleep();
  const asked = figures(disc, 3).map(({ pixels }) => pixels);
  const before = await learner.predict(asked);
  const answers = learner.predict(asked);
  await Promise.resolve();
  learner.close();
  assert.deepEqual(await answers, before);
  learner.close();
});
