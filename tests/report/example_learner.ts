/** A learner that never learned: three nights, one refused and repeated, one refused and accepted. */

import type { Picture } from "../../src/continual/pictures.ts";
import type { ClassRecord, DatedRecord } from "../../src/continual/record.ts";
import type { LearnerPart } from "../../src/report/records.ts";

type Marks = readonly [images: number, right: number];
const marks = (given: Marks | null) => given && { images: given[0], right: given[1] };

function classOf(
  name: string,
  head: number,
  exam: Marks,
  before: Marks | null,
  after: Marks | null,
  learned = 0,
): ClassRecord {
  const apart = learned > 0 ? 4 : 0;
  return {
    ...{ name, head, learned: Math.max(0, learned - apart), apart, remembered: 1 },
    ...{ before: marks(before), after: marks(after), exam: marks(exam)! },
  };
}

function nightOf(
  night: number,
  generation: number,
  passed: boolean,
  classes: readonly ClassRecord[],
  more: Partial<DatedRecord> = {},
): DatedRecord {
  return {
    ...{ night, generation, passed, classes, method: "wscl", adapter: "test", voted: night > 1 },
    freezing: night === 2
      ? { candidates: [{ frozen: 0, loss: 1.25 }, { frozen: 1, loss: 1.125 }], chosen: 1 }
      : null,
    ...{ dreams: { images: 20, heads: 3 }, steps: 100, images: 1500 },
    losses: { wake: [2.5, 1.5], nrem: [2, 0.5] },
    ...{ threshold: 0.4, at: `2026-11-2${night}T08:00:00.000Z`, seconds: 12.5, ...more },
  };
}

const picture = (label: string): Picture => ({
  ...{ label, digest: label, from: `${label}.jpg` },
  pixels: new Uint8Array(4 * 4 * 3).fill(90),
});

export function exampleLearner(): LearnerPart {
  const first = [
    classOf("cat", 0, [4, 3], null, null, 40),
    classOf("<dog>", 1, [4, 4], null, null, 40),
  ];
  const second = (cat: Marks, dog: Marks, bird: Marks) => [
    classOf("cat", 0, cat, [4, 3], cat),
    classOf("<dog>", 1, dog, [4, 4], dog),
    classOf("bird", 4, bird, null, null, 30),
  ];
  const third = [
    classOf("cat", 0, [4, 1], [4, 2], [4, 1]),
    classOf("<dog>", 1, [4, 2], [4, 3], [4, 2]),
    classOf("bird", 4, [3, 2], [3, 1], [3, 2]),
  ];
  const mistakes = [
    { class: "cat", answer: "<dog>", images: 2 },
    { class: "cat", answer: "bird", images: 1 },
    { class: "<dog>", answer: "cat", images: 2 },
    { class: "bird", answer: "cat", images: 1 },
  ];
  const state = (name: string, head: number, taught: number, remembered: number, exam: Marks) => ({
    ...{ name, head, taught, remembered, exam: marks(exam)! },
  });
  return {
    kind: "learner",
    path: "pets",
    state: {
      ...{ format: 1, generation: 3, dreams: null, dreamOfHead: [], random: null, taken: 3 },
      settings: {
        ...{ size: 4, width: 8, stem: "cifar", maxClasses: 8, memory: 10, dreams: "memory" },
        ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], seed: 0, margin: 20, kept: 3 },
        changed: [{ path: "method", value: "wscl" }],
      },
      classes: [
        state("cat", 0, 40, 2, [4, 1]),
        state("<dog>", 1, 40, 1, [4, 2]),
        state("bird", 4, 30, 0, [3, 2]),
      ],
      ...{ nights: 3, steps: 400, images: 6000, memory: null, threshold: 0.4 },
    },
    nights: [
      nightOf(1, 1, true, first),
      nightOf(2, 2, false, second([4, 1], [4, 2], [3, 2])),
      nightOf(2, 2, true, second([4, 2], [4, 3], [3, 1])),
      nightOf(3, 3, false, third, { mistakes }),
      nightOf(3, 3, true, third, { mistakes, accepted: true }),
    ],
    memory: [picture("cat"), picture("cat"), picture("<dog>")],
    exam: ["cat", "<dog>", "bird"].map((label, i) => ({ ...picture(label), right: i > 0 })),
    generations: [1, 2, 3],
    waiting: [["owl", 12]],
  };
}
