/** The parts of a kept learner that need no device: division, answers, dreams' heads, starts. */

import assert from "node:assert/strict";
import { sightsOf, thresholdOf } from "../../src/continual/answers.ts";
import { countApart, divideDay, refuseFew } from "../../src/continual/division.ts";
import { firstDreams, movedDreams } from "../../src/continual/dream_heads.ts";
import { decodePictures, encodePictures, pictureOf } from "../../src/continual/pictures.ts";
import { firstModel, PHOTOGRAPHS, startFacts, tableOf } from "../../src/continual/start.ts";
import { type LearnerSettings, USUAL } from "../../src/continual/settings.ts";
import { initialRunning, initialValues } from "../../src/net/initialize.ts";
import { stateTensors } from "../../src/net/network_state.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  type WrittenTensor,
} from "../../src/net/safetensors.ts";
import { Random } from "../../src/random.ts";
import { alsoTrained, decodeTrained, encodeTrained } from "../../src/continual/trained.ts";

Deno.test("a tenth of what a class was ever taught is set apart, 3 to 50, and one is learned from", () => {
  const none = { taught: 0, apart: 0 };
  const cases: [count: number, known: typeof none, apart: number][] = [
    [8, none, 3],
    [44, none, 4],
    [100, none, 10],
    [10_000, none, 50],
    [10, { taught: 100, apart: 10 }, 1],
    [1, { taught: 100, apart: 10 }, 0],
    [1, { taught: 300, apart: 10 }, 0], // or nothing were left to learn
    [200, { taught: 1000, apart: 50 }, 0],
    [5, { taught: 12, apart: 0 }, 3], // those of its exam were forgotten
  ];
  for (const [count, known, apart] of cases) {
    assert.equal(countApart(count, known), apart, `${count} beside ${JSON.stringify(known)}`);
  }
});

Deno.test("a day is divided class by class, each image once, the same for the same draws", async () => {
  const day = await Promise.all(
    Array.from({ length: 40 }, (_, i) => pictureOf(Uint8Array.of(i), i % 2 ? "cat" : "dog", "")),
  );
  const divide = (seed: number) => divideDay(day, new Map(), Random.stream(seed, "exam"));
  const { train, exam } = divide(0);
  assert.equal(exam.filter(({ label }) => label === "cat").length, 3);
  assert.equal(exam.filter(({ label }) => label === "dog").length, 3);
  const places = [...train, ...exam].map((picture) => day.indexOf(picture));
  assert.deepEqual(places.toSorted((a, b) => a - b), [...day.keys()]);
  assert.deepEqual(divide(0), { train, exam });
  assert.notDeepEqual(divide(1).exam, exam);
});

Deno.test("what was learned from is not set apart, however few others there are", async () => {
  const day = await Promise.all(
    Array.from({ length: 10 }, (_, i) => pictureOf(Uint8Array.of(i), "cat", "")),
  );
  const learned = new Set(day.slice(0, 8).map(({ digest }) => digest));
  for (let seed = 0; seed < 8; seed++) {
    const { exam } = divideDay(day, new Map(), Random.stream(seed, "exam"), learned);
    assert.deepEqual(exam, day.slice(8));
  }
});

Deno.test("digests are read as they were written, class by class and each once", async () => {
  const one = { label: 'a "cat"', digest: (await pictureOf(Uint8Array.of(1), "", "")).digest };
  const two = { label: "__proto__", digest: (await pictureOf(Uint8Array.of(2), "", "")).digest };
  const three = { ...one, digest: (await pictureOf(Uint8Array.of(3), "", "")).digest };
  const all = alsoTrained([one, two], [one, three]);
  assert.deepEqual(all, [one, two, three]);
  assert.deepEqual(decodeTrained(encodeTrained(all), "digests"), [one, three, two]);
  assert.deepEqual(decodeTrained(encodeTrained([]), "digests"), []);
  const other = encodePictures([], 2);
  assert.throws(() => decodeTrained(other, "digests"), /Cannot read digests: it does not hold/);
});

Deno.test("new classes with too few images are refused, known ones may bring one", () => {
  const known = new Map([["cat", {}]]);
  refuseFew(new Map([["cat", 1], ["dog", 8]]), known);
  assert.throws(
    () => refuseFew(new Map([["cat", 1], ["dog", 7], ["fox", 1]]), known),
    /Cannot learn dog: it has 7 images, .* 8, 3 of them for its exam \(and 1 more have too few\)/,
  );
});

Deno.test("answers are a softmax over the classes, familiarity one over all heads", () => {
  const logits = Float32Array.of(Math.log(6), Math.log(1), Math.log(2), Math.log(1));
  const classes = [{ name: "cat", head: 2 }, { name: "dog", head: 0 }];
  const [{ answers, familiarity }] = sightsOf(logits, 4, classes);
  assert.deepEqual(answers.map(({ name }) => name), ["dog", "cat"]);
  assert(Math.abs(answers[0].probability - 6 / 8) < 1e-6);
  assert(Math.abs(answers[1].probability - 2 / 8) < 1e-6);
  assert(Math.abs(familiarity - 6 / 10) < 1e-6);
  // Logits that no exponential can hold, and classes that are out of the question.
  const [far] = sightsOf(Float32Array.of(-1000, 1000, -1001, 0), 4, classes);
  assert.deepEqual(far.answers, [
    { name: "dog", probability: 0.5 },
    { name: "cat", probability: 0.5 },
  ]);
  assert.equal(far.familiarity, 0);
  assert.deepEqual(sightsOf(logits, 4, []), [{ answers: [], familiarity: 0 }]);
});

Deno.test("the threshold is what 19 of 20 images of the exam reach", () => {
  const sights = Array.from({ length: 40 }, (_, i) => ({ answers: [], familiarity: i / 40 }));
  const threshold = thresholdOf(sights)!;
  assert.equal(sights.filter(({ familiarity }) => familiarity < threshold).length, 2);
  assert.equal(thresholdOf([]), null);
});

Deno.test("the dreams of a head that is taken go to a free one that has none", () => {
  const dreams = firstDreams(6, 3);
  assert.deepEqual(dreams, [0, 1, 2, -1, -1, -1]);
  assert.deepEqual(movedDreams(dreams, new Set([1])), [0, -1, 2, 1, -1, -1]);
  assert.deepEqual(movedDreams(dreams, new Set([0, 2, 3])), [-1, 1, -1, -1, 0, 2]);
  assert.deepEqual(movedDreams([0, 1], new Set([0, 1])), [-1, -1]); // nowhere to go
});

Deno.test("pictures are read as they were written, and nothing else is", async () => {
  const pictures = [
    await pictureOf(new Uint8Array(12).fill(7), 'a "cat"', "läuft,\n1.png"),
    await pictureOf(new Uint8Array(12), "__proto__", ""),
  ];
  const bytes = encodePictures(pictures, 2);
  assert.deepEqual(decodePictures(bytes, "the day", 2), pictures);
  assert.throws(() => decodePictures(bytes, "the day", 3), /does not hold pictures of 3 pixels/);
});

const settings: LearnerSettings = { ...USUAL, ...PHOTOGRAPHS, size: 16, width: 4, maxClasses: 5 };

/** Weights of another seed with this many classes. */
function weights(heads: number, seed = 7): Map<string, HostTensor> {
  const table = tableOf(settings, heads);
  const values = initialValues(table, Random.stream(seed, "init"));
  return stateTensors(table, { values, running: initialRunning(table), batchesTracked: 3 });
}

const startOf = (
  tensors: ReadonlyMap<string, WrittenTensor>,
  metadata: Record<string, string> = {},
) => ({ bytes: encodeSafetensors(tensors, metadata), name: "start" });

Deno.test("a start gives its layers, and the classifier is drawn", () => {
  const { model, classes } = firstModel(settings, startOf(weights(9)), false);
  const { tensors, metadata } = decodeSafetensors(model);
  const fresh = decodeSafetensors(firstModel(settings, null, false).model).tensors;
  assert.deepEqual(tensors.get("conv1.weight"), weights(9).get("conv1.weight"));
  assert.deepEqual(tensors.get("linear.weight"), fresh.get("linear.weight"));
  assert.deepEqual(classes, Array(5).fill(null));
  assert.deepEqual(JSON.parse(metadata.classes), classes);
  assert.notDeepEqual(fresh.get("conv1.weight"), tensors.get("conv1.weight"));
  assert.deepEqual(firstModel(settings, null, false), firstModel(settings, null, false));
});

Deno.test("half precision and torchvision's names are taken, deeper and other files refused", () => {
  const half = new Map(
    [...weights(9)].map(([name, tensor]): [string, WrittenTensor] => [
      name,
      tensor.dtype === "F32"
        ? { ...tensor, dtype: "F16", data: new Float16Array(tensor.data) }
        : tensor,
    ]),
  );
  const facts = startFacts(startOf(half, { mean: "[0.5,0.4,0.3]", std: "[0.2,0.2,0.2]" }));
  assert.deepEqual(facts, {
    ...{ width: 4, stem: "cifar" },
    ...{ mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2] },
  });
  assert.deepEqual(startFacts(startOf(half, { mean: "[7]" })).mean, PHOTOGRAPHS.mean);
  const { tensors } = decodeSafetensors(firstModel(settings, startOf(half), false).model);
  const rounded = weights(9).get("conv1.weight")!.data as Float32Array;
  assert.deepEqual(
    tensors.get("conv1.weight")!.data,
    new Float32Array(new Float16Array(rounded)),
  );
  const foreign = new Map(
    [...weights(9)].map(([name, tensor]) => [
      name.replace(/^linear\b/, "fc").replace(".shortcut.", ".downsample."),
      tensor,
    ]),
  );
  const taken = decodeSafetensors(firstModel(settings, startOf(foreign), false).model).tensors;
  assert.deepEqual(
    taken.get("layer2.0.shortcut.0.weight"),
    weights(9).get("layer2.0.shortcut.0.weight"),
  );
  const none = startOf(new Map([["a", { dtype: "F32", shape: [1], data: new Float32Array(1) }]]));
  assert.throws(() => startFacts(none), /it has no conv1.weight of a ResNet-18/);
  const wider = { ...settings, width: 8 };
  assert.throws(() => firstModel(wider, startOf(weights(9)), false), /Cannot load weights from/);
});

Deno.test("a classifier is kept where it fits, with the names of its classes", () => {
  const names = JSON.stringify(["cat", null, "dog"]);
  const { model, classes } = firstModel(settings, startOf(weights(3), { classes: names }), true);
  assert.deepEqual(classes, ["cat", null, "dog", null, null]);
  const own = decodeSafetensors(model).tensors.get("linear.weight")!.data as Float32Array;
  const kept = weights(3).get("linear.weight")!.data as Float32Array;
  assert.deepEqual(own.subarray(0, kept.length), kept);
  // Whoever wrote other metadata meant something else by it.
  const other = firstModel(settings, startOf(weights(3), { classes: '["cat"]' }), true);
  assert.deepEqual(other.classes, Array(5).fill(null));
  assert.throws(
    () => firstModel(settings, startOf(weights(9)), true),
    /it has 9 classes, and the learner has room for 5; leave --keep-head out/,
  );
});
