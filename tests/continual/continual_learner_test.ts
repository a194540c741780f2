/** A learner in memory: days, nights, what is remembered, examined, refused and forgotten. */

import assert from "node:assert/strict";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { generationName, readGeneration } from "../../src/continual/generation.ts";
import { type LearnerStore, MemoryLearnerStore } from "../../src/continual/store.ts";
import { Predictor } from "../../src/continual/predictor.ts";
import { InputError } from "../../src/errors.ts";
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

onGpu("what was refused is accepted as it was, or let go with the day", async () => {
  for (const way of ["accept", "discard"] as const) {
    const store = new MemoryLearnerStore();
    const learner = await smallLearner({ store, settings: { margin: -101 } }); // nothing is enough
    await learner.observeAll([...figures(disc, 12), ...figures(cross, 12)]);
    await learner.sleep();
    await learner.observeAll(figures(ring, 12));
    assert.equal((await learner.sleep()).kind, "refused");
    const [name] = await store.names("refused");
    const refused = await store.read("refused", name);
    await learner[way]();
    assert.equal((await learner.waiting()).day.size, 0);
    assert.deepEqual(await store.names("refused"), []);
    assert.equal(learner.state.classes.length, way === "accept" ? 3 : 2);
    if (way === "accept") {
      assert.deepEqual((await lastBytes(store))["model.safetensors"], refused["model.safetensors"]);
    }
    learner.close();
  }
});

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
  await assert.rejects(changed("method", "joint"), /wants all images at once/);
  await assert.rejects(changed("method", "derpp"), /are not kept/);
  await assert.rejects(changed("wscl.rem", false), /give --dreams/);
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
