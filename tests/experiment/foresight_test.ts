/** Segments of one image are foreseen by a dry run, in every phase, and refused with numbers that do. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { ImageSet } from "../../src/images/image_set.ts";
import { InputError } from "../../src/errors.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { ExperimentConfig } from "../../src/experiment/config_types.ts";
import { loadConfig } from "../../src/host/load_config.ts";
import { findLoneSegment } from "../../src/experiment/foresight/lone_segment.ts";
import { refuseLoneSegments } from "../../src/experiment/foresight/refuse_lone_segments.ts";
import type { Materials } from "../../src/experiment/materials.ts";
import { divide } from "../../src/experiment/divide.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { needsOf } from "../../src/method/methods.ts";
import { withFolder } from "../data/fixtures.ts";

/** Black images, so many of each class. */
function imageSet(name: string, perClass: readonly number[], size = 8): ImageSet {
  const labels = Uint16Array.from(perClass.flatMap((n, label) => Array<number>(n).fill(label)));
  const classNames = perClass.map((_, label) => `class ${label}`);
  const pixels = new Uint8Array(labels.length * size * size * 3);
  return { name, height: size, width: size, count: labels.length, labels, classNames, pixels };
}

/** So many training images of each class, and dreams of each class of the dream set. */
interface Numbers {
  readonly train: readonly number[];
  readonly dreams: readonly number[];
}

function materialsOf(config: ExperimentConfig, { train, dreams }: Numbers): Materials {
  const { size } = config.data;
  const dataset = {
    name: "set",
    train: imageSet("train", train, size),
    test: imageSet("test", train.map(() => 1), size),
  };
  const dreaming = needsOf(config).dreams || config.dreamStart > 0;
  const opened = dreaming ? imageSet("dreams", dreams, size) : null;
  return divide(config, { dataset, dreams: opened }, () => {});
}

const source = {
  format: "drawn",
  drawn: { kind: "shapes", classes: 3, trainPerClass: 1, testPerClass: 1 },
};
const quiet = { freezing: false, sleepEpochs: 1, dreamsPerEpisode: "all" };

/** Nothing is amiss with it: three tasks of a class of 6 images, 2 dreams of each head, batches of 4. */
const options = {
  name: "sound",
  method: "wscl",
  wscl: quiet,
  data: { tasks: 3, classesPerTask: 1, size: 8, train: source, dreams: source },
  network: { width: 1 },
  batchSize: 4,
  replayBatchSize: 2,
  epochs: 1,
  memory: { longTerm: 8, shortTerm: 9 },
  freezing: { validation: 2, buffer: 2, share: 0.5, maxBlocks: 1 },
};
const numbers: Numbers = { train: [6, 6, 6], dreams: [2, 2, 2] };

const official = { ...quiet, schedule: "merged", compat: "official", freezing: true };
const merged = { ...quiet, schedule: "merged" };
const memory = { longTerm: 4, shortTerm: 3 };
const replays =
  "(the long-term memory has no other to replay by then, beside 2 that judge freezing)";
const otherShare = "set memory.longTerm or freezing.share to another number";

/** Each way to a segment of one image: what is changed, and what is said of it. */
const ways: readonly {
  readonly name: string;
  readonly change?: Record<string, unknown>;
  readonly numbers?: Partial<Numbers>;
  readonly found: string;
  readonly fix: string;
}[] = [
  {
    name: "the last batch awake",
    numbers: { train: [6, 5, 6] },
    found: "a batch of task 2 has one image (5 images in batches of 4)",
    fix: "set batchSize to 3 or 6, or give the task another number of images",
  },
  {
    name: "the last batch of a freezing search",
    change: { wscl: { ...quiet, freezing: true } },
    numbers: { train: [6, 7, 7] },
    found: "a batch of task 2 has one image (5 images in batches of 4)",
    fix: "set batchSize to 3 or 6, or give the task another number of images",
  },
  {
    name: "fine-tuning",
    change: { method: "finetune" },
    numbers: { train: [6, 6, 9] },
    found: "a batch of task 3 has one image (9 images in batches of 4)",
    fix: "set batchSize to 3 or 6, or give the task another number of images",
  },
  {
    name: "a task of one image",
    change: { method: "finetune" },
    numbers: { train: [6, 1, 6] },
    found: "a batch of task 2 has one image (1 image in batches of 4)",
    fix: "give the task another number of images",
  },
  {
    name: "batches of one image",
    change: { method: "finetune", batchSize: 1 },
    found: "a batch of task 1 has one image (6 images in batches of 1)",
    fix: "set batchSize to 2, or give the task another number of images",
  },
  {
    name: "joint training",
    change: { method: "joint" },
    numbers: { train: [6, 6, 5] },
    found: "a batch has one image (17 images in batches of 4)",
    fix: "set batchSize to 3 or 5, or give the task another number of images",
  },
  {
    name: "images and dreams in one batch",
    change: { wscl: merged },
    numbers: { train: [9, 6, 6] },
    found: "a batch of task 1 has one image (9 images and 4 dreams in batches of 4)",
    fix: "set batchSize to 8, or give the task another number of images",
  },
  {
    name: "dreams of heads that are chosen",
    change: { wscl: merged },
    numbers: { dreams: [2, 3, 2] },
    found: "a batch of task 2 may have one image, depending on the heads that classes choose " +
      "(6 images and 3 dreams in batches of 4)",
    fix: "set batchSize to 3 or 6, or give the task another number of images",
  },
  {
    name: "the short-term memory",
    change: { memory: { longTerm: 8, shortTerm: 5 } },
    found: "a batch of the episodes of task 1 has one image (5 episodes in batches of 4)",
    fix: "set batchSize to 3 or 6, or set memory.shortTerm to another number",
  },
  {
    name: "one dream",
    numbers: { dreams: [2, 1, 1] },
    found: "a batch of the dreams of task 2 has one image (1 dream in batches of 4)",
    fix: "give the dream classes more images",
  },
  {
    name: "a start on dreams",
    change: {
      method: "finetune",
      dreamStart: 3,
      data: { ...options.data, tasks: 1 },
    },
    numbers: { train: [6], dreams: [1] },
    found: "a batch of the dreams of task 1 has one image (1 dream in batches of 4)",
    fix: "give the dream classes more images",
  },
  {
    name: "replays of one image",
    change: { method: "er_ace", replayBatchSize: 1 },
    found: "a replay of task 2 has one image (replayBatchSize 1)",
    fix: "set replayBatchSize to 2",
  },
  {
    name: "a memory of one image",
    change: { method: "derpp", replayBatchSize: 1, memory: { longTerm: 1 } },
    found: "a replay of task 1 has one image (replayBatchSize 1)",
    fix: "set memory.longTerm to 2 and replayBatchSize to 2",
  },
  {
    name: "replays of one image beside a last batch of one",
    change: { method: "derpp", replayBatchSize: 1 },
    numbers: { train: [6, 5, 6] },
    found: "a replay of task 1 has one image (replayBatchSize 1)",
    fix: "set replayBatchSize to 2 and batchSize to 3 or 6, or " + otherShare,
  },
  {
    name: "calibration",
    change: { calibration: 2, method: "wscl", replayBatchSize: 1, wscl: { ...quiet, nrem: false } },
    found: "a replay of task 2 has one image (replayBatchSize 1)",
    fix: "set replayBatchSize to 2",
  },
  {
    name: "a memory whose share judges, at night",
    change: { wscl: { ...quiet, freezing: true, transfer: "dawn" }, memory },
    numbers: { train: [8, 8, 8] },
    found: `a replay of task 2 has one image ${replays}`,
    fix: otherShare,
  },
  {
    name: "a memory whose share judges, awake",
    change: { wscl: { ...quiet, freezing: true, wakeReplay: true }, memory },
    numbers: { train: [8, 8, 8] },
    found: `a replay of task 2 has one image ${replays}`,
    fix: otherShare,
  },
  {
    name: "a memory that is filled within NREM",
    change: { wscl: { ...quiet, freezing: true, transfer: "nrem" }, memory },
    numbers: { train: [8, 8, 8] },
    found: `a replay of task 2 has one image ${replays}`,
    fix: otherShare,
  },
  {
    name: "ER before anything is remembered",
    change: { method: "er", batchSize: 1 },
    found: "a batch of task 1 has one image (6 images in batches of 1)",
    fix: "set batchSize to 2, or give the task another number of images",
  },
  {
    name: "DER++ when one image is remembered among dreams, by this seed's draws",
    change: { wscl: { ...merged, base: "derpp" }, seed: 23 },
    found: "a replay of task 1 has one image (the long-term memory has no other to replay by then)",
    fix: "set batchSize to 6, or " + otherShare,
  },
  {
    name: "validation images that judge in training mode",
    change: { wscl: official, freezing: { ...options.freezing, validation: 5 } },
    numbers: { train: [9, 9, 9] },
    found: "a batch of the images that judge freezing of task 2 has one image " +
      "(5 images in batches of 4)",
    fix: "set batchSize to 5, or set freezing.validation and freezing.buffer to other numbers",
  },
  {
    name: "the images kept of the task before, which judge in training mode",
    change: { wscl: official, freezing: { ...options.freezing, buffer: 5 } },
    numbers: { train: [9, 9, 9] },
    found: "a batch of the images that judge freezing of task 2 has one image " +
      "(5 images in batches of 4)",
    fix: "set batchSize to 6, or set freezing.validation and freezing.buffer to other numbers",
  },
];

const context = { resumed: null, warn: (text: string) => assert.fail(text) };

Deno.test("a run without a segment of one image is let through, of any method", async () => {
  for (const method of ["wscl", "er_ace", "er", "derpp", "finetune", "joint"]) {
    for (const wscl of [quiet, merged]) {
      const config = resolveConfig({ ...options, method, wscl });
      await refuseLoneSegments(config, materialsOf(config, numbers), context);
    }
  }
});

for (const { name, change, numbers: other, found, fix } of ways) {
  Deno.test(`foreseen: ${name}`, async () => {
    const config = resolveConfig({ ...options, ...change });
    const materials = materialsOf(config, { ...numbers, ...other });
    const why =
      "batch norm cannot normalise one image where the last map is 1x1, as of images of 8 pixels";
    await assert.rejects(
      refuseLoneSegments(config, materials, context),
      new InputError(`Cannot train ${config.method}: ${found}, and ${why}; ${fix}`),
    );
    for (const batchSize of fix.match(/batchSize to (\d+)(?: or (\d+))?/)?.slice(1) ?? []) {
      if (batchSize === undefined || fix.includes("replayBatchSize")) continue;
      const mended = { ...config, batchSize: Number(batchSize) };
      assert.equal(await findLoneSegment(mended, materials), null);
    }
  });
}

Deno.test("larger images may have segments of one: their last map has more than one pixel", async () => {
  const config = resolveConfig({ ...options, data: { ...options.data, size: 9 }, batchSize: 1 });
  await refuseLoneSegments(config, materialsOf(config, numbers), context);
});

Deno.test("a method of one's own is foreseen by what it does, or it is said that it cannot be", () =>
  withFolder(async (folder) => {
    const load = async (text: string, change: Record<string, unknown> = {}) => {
      const module = join(folder, `${crypto.randomUUID()}.ts`);
      Deno.writeTextFileSync(module, text);
      const file = join(folder, "config.json");
      writeJson(file, { ...options, ...change, method: module });
      return await loadConfig(file);
    };
    const method = (body: string) =>
      `export default { name: "mine", needs: () => (${
        JSON.stringify(needs)
      }), async learn(session, task) { ${body} } };`;
    const pairs = "const samples = task.train.slice(0, 2), open = session.heads.all;";
    const step = (which: string) =>
      `${pairs} await session.learner.step("stream", [{ samples: ${which}, open }]);`;
    const sound = await load(method(step("samples")));
    await refuseLoneSegments(sound, materialsOf(sound, numbers), context);
    const lone = await load(method(step("samples.slice(task.index)")));
    await assert.rejects(
      refuseLoneSegments(lone, materialsOf(lone, numbers), context),
      /^InputError: Cannot train .*: a batch of task 2 has one image \(6 images in batches of 4\)/,
    );
    const strange = await load(method("await session.learner.somethingElse();"));
    const told: string[] = [];
    const warn = (text: string) => void told.push(text);
    await refuseLoneSegments(strange, materialsOf(strange, numbers), { resumed: null, warn });
    assert.match(told.join(), /^The batches of .* cannot be foreseen \(.*somethingElse/);
  }));

const needs = {
  replays: 0,
  logits: false,
  shortTerm: false,
  dreams: false,
  votes: false,
  freezing: null,
  jointly: false,
  sleeps: false,
};
