/** Wake, NREM, REM and dawn: what each learns from, writes and leaves alone. */

import assert from "node:assert/strict";
import { createImageStore } from "../../src/images/image_store.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { download, downloadU32 } from "../../src/gpu/tensor.ts";
import type { ImageMemory } from "../../src/images/image_memory.ts";
import { placeOf, samplesOf, type Segment } from "../../src/learner/batch.ts";
import { calibrate } from "../../src/method/calibration.ts";
import { learnErAce } from "../../src/method/er_ace.ts";
import { learnFinetune } from "../../src/method/finetune.ts";
import { learnMerged } from "../../src/method/merged.ts";
import { nremStep } from "../../src/method/nrem.ts";
import { Dreams, dreamsOfFreeHeads } from "../../src/method/dreams.ts";
import { remStep } from "../../src/method/rem.ts";
import type { Session, Task } from "../../src/method/session.ts";
import { dawn, sleep } from "../../src/method/sleep.ts";
import { wake } from "../../src/method/wake.ts";
import { learnStaged } from "../../src/method/wscl.ts";
import { assertSameBits, gpuTests } from "../support/gpu.ts";
import { toPixelWords } from "../../src/reference/layout.ts";
import {
  colouredNoise,
  type SmallOptions,
  type SmallSession,
  withSession,
} from "../support/session.ts";

const test = await gpuTests();

/** A session with dreams: four images for each of the six heads, image i for head i mod 6. */
async function withDreams(
  gpu: Gpu,
  options: SmallOptions,
  use: (small: SmallSession) => Promise<void>,
): Promise<void> {
  await withSession(gpu, options, async (small) => {
    const images = colouredNoise({ count: 24, classes: 6, size: 8, seed: 77 });
    const store = createImageStore(small.arena, {
      label: "dreams",
      source: 3,
      capacity: 24,
      height: 8,
      width: 8,
      maxRows: 16,
    });
    store.load(images, Array.from({ length: 24 }, (_, i) => i));
    const imagesOfHead = Array.from(
      { length: 6 },
      (_, head) => Uint32Array.from([0, 6, 12, 18], (i) => i + head),
    );
    const heads = { classOfHead: [0, 1, 2, 3, 4, 5], imagesOfHead };
    await use({ ...small, session: { ...small.session, dreams: { store, heads } } });
  });
}

/** Task `index` has the classes and heads 2 index and 2 index + 1; heads are given when it begins. */
function beginTask({ samples }: SmallSession, { heads }: Session, index: number): Task {
  const classes = [2 * index, 2 * index + 1];
  heads.assign(classes, classes);
  const of = (from: number, to: number) =>
    samples(from, to).filter(({ label }) => classes.includes(label));
  const validation = of(30, 48);
  return { index, heads: classes, train: of(0, 30), validation, previousBuffer: [] };
}

/** What a step was asked to do. */
interface Asked {
  phase: string;
  segments: readonly Segment[];
  memory: string | null;
}

/** Notes every step of the session's learner, which goes on learning. */
function watch({ learner }: Session): Asked[] {
  const asked: Asked[] = [];
  const step = learner.step.bind(learner);
  learner.step = (phase, segments, memory = null, ...rest) => {
    asked.push({ phase, segments, memory: memory?.label ?? null });
    return step(phase, segments, memory, ...rest);
  };
  return asked;
}

const labelsOf = ({ samples }: Segment) => samples.map(({ label }) => label);
const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b);

/** The bytes that each slot in use of a memory holds, as text. */
async function contents(gpu: Gpu, { tensor, filled }: ImageMemory): Promise<string[]> {
  const words = await downloadU32(gpu, tensor);
  return Array.from(
    { length: filled },
    (_, slot) => words.subarray(slot * 64, slot * 64 + 64).join(),
  );
}

test("wake shows every image of the stream once and remembers its bytes", async (gpu) => {
  const options = { capacity: { longTerm: 5, shortTerm: 50 } };
  await withDreams(gpu, options, async (small) => {
    const { session, images, phases } = small;
    const task = beginTask(small, session, 0);
    const asked = watch(session);
    assert.equal(await wake(session, task), null);
    assert(asked.every(({ phase, segments }) => phase === "wake" && segments.length === 1));
    assert.deepEqual(phases, ["wake 3"]);
    assert.deepEqual(asked.map(({ segments: [{ samples }] }) => samples.length), [4, 4, 2]);
    const shown = asked.flatMap(({ segments: [{ samples }] }) => samples);
    assert.deepEqual(sorted(shown.map(placeOf)), task.train.map(placeOf));
    assert.notDeepEqual(shown.map(placeOf), task.train.map(placeOf));
    // All of it fits, so the memory holds it in the order in which it was shown.
    const held = await contents(gpu, session.shortTerm);
    shown.forEach((sample, slot) => {
      const image = placeOf(sample);
      const bytes = images.pixels.subarray(image * 192, image * 192 + 192);
      assert.equal(held[slot], toPixelWords(bytes).join(), `slot ${slot}`);
      assert.equal(session.shortTerm.labels[slot], sample.label);
    });
    assert.equal(session.longTerm.filled, 0);
  });
});

test("the short-term memory keeps its capacity when the stream is longer", async (gpu) => {
  const options = { capacity: { longTerm: 5, shortTerm: 7 } };
  await withDreams(gpu, options, async (small) => {
    const { session, images } = small;
    const task = beginTask(small, session, 0);
    await wake(session, task);
    assert.equal(session.shortTerm.filled, 7);
    assert.equal(session.shortTerm.reservoir.offered, 10);
    const texts = task.train.map(placeOf).map((image) =>
      toPixelWords(images.pixels.subarray(image * 192, image * 192 + 192)).join()
    );
    const held = await contents(gpu, session.shortTerm);
    assert.equal(new Set(held).size, 7);
    held.forEach((text, slot) => {
      assert(texts.includes(text), `slot ${slot} holds no image of the stream`);
      assert.equal(task.train[texts.indexOf(text)].label, session.shortTerm.labels[slot]);
    });
  });
});

test("from the second task on a stream batch leaves old heads out of its softmax", async (gpu) => {
  await withDreams(gpu, { method: { freezing: false } }, async (small) => {
    const { session } = small;
    for (const index of [0, 1]) {
      const task = beginTask(small, session, index);
      const asked = watch(session);
      await wake(session, task);
      for (const { segments: [segment] } of asked) {
        const open = index === 0
          ? [0, 1, 2, 3, 4, 5]
          : sorted(new Set([...labelsOf(segment), 4, 5]));
        assert.deepEqual(sorted(segment.open), open);
      }
    }
  });
});

test("NREM pairs episodes under ACE with a replay under plain cross-entropy", async (gpu) => {
  const options = { capacity: { longTerm: 10, shortTerm: 20 }, judgingShare: 0.2 };
  await withDreams(gpu, options, async (small) => {
    const { session } = small;
    beginTask(small, session, 0);
    const task = beginTask(small, session, 1);
    const { longTerm, shortTerm } = session;
    const asked = watch(session);
    const episodes = samplesOf(shortTerm, [2, 3, 2].map((label, slot) => ({ slot, label })));
    shortTerm.offer([2, 3, 2], session.random.reservoir);
    // Nothing to replay yet: one segment. Two slots judge and are not replayed.
    for (const offered of [0, 2, 4, 10]) {
      longTerm.clear();
      longTerm.offer(Array.from({ length: offered }, (_, i) => i % 2), session.random.reservoir);
      await nremStep(session, task, episodes);
      const { phase, segments, memory } = asked.at(-1)!;
      assert.deepEqual([phase, memory], ["nrem", null]);
      assert.deepEqual(sorted(segments[0].open), [2, 3, 4, 5]);
      assert.equal(segments.length, offered > 2 ? 2 : 1);
      if (segments.length === 1) continue;
      const [, replay] = segments;
      assert.deepEqual(sorted(replay.open), [0, 1, 2, 3, 4, 5]);
      assert.equal(replay.samples.length, Math.min(3, offered - 2));
      for (const sample of replay.samples) {
        const { from, label } = sample;
        const slot = placeOf(sample);
        assert.equal(from, longTerm);
        assert(slot >= 2, "an image that judges was replayed");
        assert.equal(label, longTerm.labels[slot]);
      }
    }
  });
});

test("dreams are those of the free heads, each once before any comes again", async (gpu) => {
  await withDreams(gpu, {}, (small) => {
    const { session } = small;
    beginTask(small, session, 0);
    beginTask(small, session, 1);
    const dreams = new Dreams(session);
    const seen = Array.from({ length: 6 }, () => dreams.next(4)).flat();
    const indices = seen.map(placeOf);
    const expected = [4, 5, 10, 11, 16, 17, 22, 23];
    for (const round of [0, 8, 16]) {
      assert.deepEqual(sorted(indices.slice(round, round + 8)), expected);
    }
    assert.notDeepEqual(indices.slice(0, 8), indices.slice(8, 16));
    assert(seen.every((dream) => dream.label === placeOf(dream) % 6 && dream.from.source === 3));
    assert.equal(dreams.count, 8);
    // A batch may end one round and begin the next.
    const uneven = new Dreams(session);
    const three = Array.from({ length: 8 }, () => uneven.next(3)).flat().map(placeOf);
    for (const round of [0, 8, 16]) {
      assert.deepEqual(sorted(three.slice(round, round + 8)), expected);
    }
    beginTask(small, session, 2);
    assert.equal(new Dreams(session).count, 0);
    assert.deepEqual(new Dreams(session).next(4), []);
    return Promise.resolve();
  });
});

for (
  const [remOpens, open] of [
    ["all", [0, 1, 2, 3, 4, 5]],
    ["current", [2, 3, 4, 5]],
    ["free", [4, 5]],
  ] as const
) {
  test(`REM opens ${remOpens} heads`, async (gpu) => {
    await withDreams(gpu, { method: { remOpens } }, async (small) => {
      const { session } = small;
      beginTask(small, session, 0);
      const task = beginTask(small, session, 1);
      const asked = watch(session);
      await remStep(session, task, new Dreams(session));
      const [{ phase, segments: [segment], memory }] = asked;
      assert.deepEqual([phase, memory, segment.samples.length], ["rem", null, 4]);
      assert.deepEqual(sorted(segment.open), open);
    });
  });
}

test("a night has the dreams that it is told to have, spread over its batches", async (gpu) => {
  // 10 episodes in 3 batches, 2 passes; 16 dreams of four free heads in batches of 4.
  const cases = [
    ["all", ["rem", "nrem", "rem", "nrem", "rem", "rem", "nrem"]],
    [1.5, ["rem", "nrem", "rem", "rem", "nrem", "rem", "nrem", "rem", "rem", "nrem"]],
    [0.34, ["nrem", "nrem", "rem", "nrem", "nrem", "nrem", "rem", "nrem"]],
  ] as const;
  for (const [dreamsPerEpisode, expected] of cases) {
    const options = {
      method: { dreamsPerEpisode, sleepEpochs: 2 },
      capacity: { longTerm: 5, shortTerm: 50 },
    };
    await withDreams(gpu, options, async (small) => {
      const { session, phases } = small;
      const task = beginTask(small, session, 0);
      await wake(session, task);
      const asked = watch(session);
      await sleep(session, task);
      const steps = asked.map(({ phase }) => phase);
      assert.deepEqual(steps.slice(0, expected.length), expected, `${dreamsPerEpisode}`);
      assert.deepEqual(phases.at(-1), `sleep ${steps.length}`);
      if (dreamsPerEpisode !== "all") return;
      // Every dream once a pass.
      const dreamt = asked.filter(({ phase }) => phase === "rem")
        .flatMap(({ segments: [{ samples }] }) => samples.map(placeOf));
      assert.equal(dreamt.length, 32);
      assert.equal(new Set(dreamt.slice(0, 16)).size, 16);
    });
  }
});

test("a wake epoch that replays sees the long-term memory beside each batch", async (gpu) => {
  const options = { method: { wakeReplay: true, freezing: false } };
  await withDreams(gpu, options, async (small) => {
    const { session } = small;
    await learnStaged(session, beginTask(small, session, 0));
    const asked = watch(session);
    await wake(session, beginTask(small, session, 1));
    for (const { segments } of asked) {
      assert.equal(segments.length, 2);
      assert.deepEqual(sorted(segments[0].open), sorted(new Set([...labelsOf(segments[0]), 4, 5])));
      assert(segments[1].samples.every(({ from }) => from === session.longTerm));
      assert.deepEqual(sorted(segments[1].open), [0, 1, 2, 3, 4, 5]);
    }
  });
});

test("handed over within NREM, each batch is offered after its update", async (gpu) => {
  const options = {
    method: { transfer: "nrem", freezing: false, sleepEpochs: 2 } as const,
    capacity: { longTerm: 6, shortTerm: 12 },
  };
  await withDreams(gpu, options, async (small) => {
    const { session } = small;
    for (const index of [0, 1]) {
      const { longTerm } = session;
      const task = beginTask(small, session, index);
      await wake(session, task);
      const before = longTerm.reservoir.offered;
      const episodes = await contents(gpu, session.shortTerm);
      const older = await contents(gpu, longTerm);
      const asked = watch(session);
      await sleep(session, task);
      assert.equal(longTerm.reservoir.offered - before, 2 * episodes.length);
      const nights = asked.filter(({ phase }) => phase === "nrem");
      assert(nights.every(({ memory }) => memory === longTerm.tensor.label));
      // Nothing older is there in the first night, and what is replayed is the memory before the batch.
      assert(nights.every(({ segments }) => segments.length === (index === 0 ? 1 : 2)));
      const held = await contents(gpu, longTerm);
      held.forEach((text, slot) => {
        const episode = episodes.indexOf(text);
        assert(episode >= 0 || older.includes(text), `slot ${slot} holds no episode`);
        if (episode >= 0) assert.equal(longTerm.labels[slot], session.shortTerm.labels[episode]);
      });
      await dawn(session, task);
      assert.equal(longTerm.reservoir.offered - before, 2 * episodes.length);
    }
  });
});

for (
  const [nrem, rem, expected] of [
    [true, true, ["rem", "nrem", "rem", "nrem", "rem", "nrem"]],
    [true, false, ["nrem", "nrem", "nrem"]],
    [false, true, ["rem", "rem", "rem"]],
    [false, false, []],
  ] as const
) {
  test(`sleep alternates its phases: NREM ${nrem}, REM ${rem}`, async (gpu) => {
    const options = {
      method: { nrem, rem, sleepEpochs: 2 },
      capacity: { longTerm: 5, shortTerm: 50 },
    };
    await withDreams(gpu, options, async (small) => {
      const { session, phases } = small;
      const task = beginTask(small, session, 0);
      await wake(session, task);
      phases.length = 0;
      const asked = watch(session);
      await sleep(session, task);
      const steps = [...expected, ...expected];
      assert.deepEqual(asked.map(({ phase }) => phase), steps);
      assert.deepEqual(phases, steps.length ? [`sleep ${steps.length}`] : []);
      // Each pass meets every episode once.
      const replayed = asked.filter(({ phase }) => phase === "nrem")
        .map(({ segments: [{ samples }] }) => samples.map(placeOf));
      for (const pass of nrem ? [replayed.slice(0, 3), replayed.slice(3)] : []) {
        assert.deepEqual(sorted(pass.flat()), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      }
      assert.equal(session.shortTerm.filled, 10);
    });
  });
}

test("at dawn episodes move to the long-term memory byte by byte", async (gpu) => {
  for (const longTermCapacity of [30, 4]) {
    const options = { capacity: { longTerm: longTermCapacity, shortTerm: 9 } };
    await withDreams(gpu, options, async (small) => {
      const { session, phases } = small;
      const task = beginTask(small, session, 0);
      await wake(session, task);
      const { shortTerm, longTerm } = session;
      const episodes = await contents(gpu, shortTerm);
      const labels = [...shortTerm.labels];
      const network = await session.learner.network.export();
      phases.length = 0;
      await dawn(session, task);
      assert.deepEqual(phases, ["dawn 0"]);
      assert.equal(shortTerm.filled, 0);
      assert(shortTerm.labels.every((label) => label === -1));
      assert.equal(longTerm.reservoir.offered, 9);
      const held = await contents(gpu, longTerm);
      assert.equal(held.length, Math.min(longTermCapacity, 9));
      held.forEach((text, slot) => {
        const episode = episodes.indexOf(text);
        assert(episode >= 0, `slot ${slot} holds no episode`);
        assert.equal(longTerm.labels[slot], labels[episode]);
      });
      if (longTermCapacity > 9) assert.deepEqual(held, episodes);
      assert.equal(new Set(held).size, held.length);
      assert.deepEqual(await session.learner.network.export(), network);
    });
  }
});

test("handed over at dusk, episodes are in the long-term memory while it is night", async (gpu) => {
  for (const transfer of ["dawn", "dusk"] as const) {
    const method = { transfer, freezing: false };
    const options = { method, capacity: { longTerm: 30, shortTerm: 8 } };
    await withDreams(gpu, options, async (small) => {
      const { session } = small;
      const asked = watch(session);
      const ownReplays = () =>
        asked.splice(0).filter(({ phase }) => phase === "nrem")
          .flatMap(({ segments }) => segments.slice(1).flatMap(({ samples }) => [...samples]))
          .filter(({ label }) => label >= 2);
      await learnStaged(session, beginTask(small, session, 0));
      assert(asked.every(({ segments }) => segments.length === 1), "the first night replays");
      assert.equal(session.longTerm.filled, 8);
      assert.equal(session.shortTerm.filled, 0);
      ownReplays();
      await learnStaged(session, beginTask(small, session, 1));
      assert.equal(ownReplays().length > 0, transfer === "dusk");
    });
  }
});

test("a run stages no image of a task that has not begun", async (gpu) => {
  await withDreams(gpu, { method: { maxBlocks: 1 }, judgingShare: 0.2 }, async (small) => {
    const { session, images } = small;
    const asked = watch(session);
    for (const index of [0, 1, 2]) {
      const task = beginTask(small, session, index);
      small.store.load(images, [...task.train, ...task.validation].map(placeOf));
      asked.length = 0;
      await learnStaged(session, task);
      const samples = asked.flatMap(({ segments }) => segments.flatMap(({ samples }) => samples));
      const seen = new Set(
        samples.filter(({ from }) => from.source !== 3).map(({ label }) => label),
      );
      assert(
        sorted(seen).every((label) => label < 2 * index + 2),
        `task ${index} saw ${sorted(seen)}`,
      );
      const dreamt = new Set(samples.filter(({ from }) => from.source === 3).map((s) => s.label));
      const free = [0, 1, 2, 3, 4, 5].filter((head) => head >= 2 * index + 2);
      assert.deepEqual(sorted(dreamt), free, `dreams in the night of task ${index}`);
      const { longTerm, shortTerm } = session;
      assert(longTerm.filled <= 10 && shortTerm.filled === 0);
    }
    assert.throws(() => small.store.stage([0]), /has not loaded it/);
  });
});

/** Everything that two tasks of a method leave behind. */
async function runTasks(
  gpu: Gpu,
  seed: number,
  learn: (session: Session, task: Task) => Promise<unknown>,
) {
  let result: { tables: Float32Array[]; losses: unknown; phases: string[] } | undefined;
  const options = { seed, images: colouredNoise({ count: 48, classes: 6, size: 8 }) };
  const method = { maxBlocks: 1, epochs: 1 };
  await withDreams(gpu, { ...options, method, judgingShare: 0.2 }, async (small) => {
    const { session, losses, phases } = small;
    for (const index of [0, 1]) await learn(session, beginTask(small, session, index));
    const { learner: { network }, learner } = session;
    await learner.readLosses();
    const tables = await download(gpu, [network.values, network.velocities, network.running]);
    result = { tables: tables as Float32Array[], losses: [...losses], phases: [...phases] };
  });
  return result!;
}

const methods: Record<string, (session: Session, task: Task) => Promise<unknown>> = {
  "wake, NREM, REM and dawn": learnStaged,
  "ER-ACE": (session, task) => learnErAce(session, task, new Set()),
  "fine-tuning": (session, task) => learnFinetune(session, task, "stream"),
};
for (const [name, learn] of Object.entries(methods)) {
  test(`equal seeds repeat every bit of two tasks of ${name}`, async (gpu) => {
    const [first, again, other] = [
      await runTasks(gpu, 3, learn),
      await runTasks(gpu, 3, learn),
      await runTasks(gpu, 4, learn),
    ];
    assert.deepEqual(again.losses, first.losses);
    assert.deepEqual(again.phases, first.phases);
    first.tables.forEach((table, i) => assertSameBits(again.tables[i], table, `table ${i}`));
    assert.notDeepEqual(other.tables, first.tables);
  });
}

test("behind a task the memory is trained on, each class equally often", async (gpu) => {
  const method = { calibration: 60, freezing: false } as const;
  const options = { method, capacity: { longTerm: 8, shortTerm: 20 }, judgingShare: 0.25 };
  await withDreams(gpu, options, async (small) => {
    const { session, phases } = small;
    const { longTerm, random } = session;
    const first = beginTask(small, session, 0);
    const task = beginTask(small, session, 1);
    // Two slots judge; of those that are replayed one has label 0, one label 3, four label 2.
    longTerm.offer([1, 1, 0, 2, 2, 3, 2, 2], random.reservoir);
    const asked = watch(session);
    const rates: (number | null)[] = [];
    session.learner.anneal = (steps) => void rates.push(steps);
    await calibrate(session, first);
    assert.deepEqual([asked.length, rates.length], [0, 0]); // there is nothing older
    await calibrate(session, task);
    assert.deepEqual(rates, [60, null]);
    assert.equal(phases.at(-1), "dawn 60");
    assert(
      asked.every(({ phase, segments, memory }) =>
        phase === "dawn" && segments.length === 1 && segments[0].open.size === 6 && memory === null
      ),
    );
    const shown = asked.flatMap(({ segments: [{ samples }] }) => samples);
    assert.equal(shown.length, 180);
    assert(
      shown.every((sample) =>
        sample.from === longTerm && placeOf(sample) >= 2 &&
        longTerm.labels[placeOf(sample)] === sample.label
      ),
    );
    for (const label of [0, 2, 3]) {
      const times = shown.filter((sample) => sample.label === label).length;
      assert(times > 40 && times < 80, `class ${label} was shown ${times} of 180 times`);
    }
    // ER-ACE and both schedules end with it.
    asked.length = 0;
    await learnErAce(session, task, new Set());
    assert.deepEqual(new Set(asked.slice(-60).map(({ phase }) => phase)), new Set(["dawn"]));
    assert.equal(asked.at(-61)!.phase, "stream");
    asked.length = 0;
    await learnMerged(session, task, new Set());
    assert.equal(asked.filter(({ phase }) => phase === "dawn").length, 60);
    asked.length = 0;
    await learnStaged(session, task);
    assert.deepEqual(new Set(asked.slice(-60).map(({ phase }) => phase)), new Set(["dawn"]));
  });
});

test("dreams of memory are turned pictures of remembered classes, another pair for each free head", async (gpu) => {
  const options = {
    method: { dreamsFrom: "memory", freezing: false, dreamsPerEpisode: "all" } as const,
    capacity: { longTerm: 8, shortTerm: 20 },
    judgingShare: 0.25,
  };
  await withDreams(gpu, options, async (small) => {
    const { session } = small;
    const { longTerm, shortTerm } = session;
    for (const index of [0, 1]) {
      const task = beginTask(small, session, index);
      await wake(session, task);
      const dreams = dreamsOfFreeHeads(session);
      const free = [...session.heads.free];
      const byHead = Map.groupBy(dreams, ({ label }) => label);
      assert.deepEqual(sorted(byHead.keys()), sorted(free));
      const pairs = [...byHead].map(([, samples]) => {
        const known = new Set(
          samples.map((sample) => (sample.from as ImageMemory).labels[placeOf(sample)]),
        );
        const turns = new Set(samples.map(({ turns }) => turns));
        assert.deepEqual([known.size, turns.size], [1, 1]);
        const [[label], [turn]] = [[...known], [...turns]];
        assert(turn! >= 1 && turn! <= 3 && !session.heads.free.has(label));
        // All that is remembered of the class, but what judges freezing.
        const held = [...shortTerm.labels, ...longTerm.labels.subarray(longTerm.judging)];
        assert.equal(samples.length, held.filter((other) => other === label).length);
        return `${label} ${turn}`;
      });
      assert.equal(new Set(pairs).size, pairs.length);
      assert.notDeepEqual(dreamsOfFreeHeads(session), dreams); // drawn anew
      const asked = watch(session);
      await sleep(session, task);
      const rem = asked.filter(({ phase }) => phase === "rem")
        .flatMap(({ segments: [{ samples }] }) => samples);
      assert(rem.length > 0 && rem.every(({ from }) => from === shortTerm || from === longTerm));
      await dawn(session, task);
    }
  });
});
