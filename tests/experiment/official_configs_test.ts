import assert from "node:assert/strict";
import { loadConfig } from "../../src/host/load_config.ts";
import type { ExperimentConfig } from "../../src/experiment/config_types.ts";

const folder = new URL("../../configs/", import.meta.url);
const load = (name: string) => loadConfig(new URL(`${name}.json`, folder).pathname);

/** What the official program sets for a data set, whatever the method. */
const DATA_SETS = {
  cifar10: { tasks: 5, classesPerTask: 2, size: 32, augmentation: { padding: 4, flip: true } },
  cifar100: { tasks: 10, classesPerTask: 10, size: 32, augmentation: { padding: 4, flip: true } },
  tinyimg: { tasks: 5, classesPerTask: 20, size: 64, augmentation: { padding: 4, flip: true } },
  img100: { tasks: 20, classesPerTask: 5, size: 256, augmentation: { padding: 0, flip: false } },
} as const;

/** The official best arguments: data set, model, buffer, learning rate, batch, alpha, beta. */
const BEST_ARGUMENTS: readonly (readonly [
  dataset: keyof typeof DATA_SETS,
  model: "er_ace" | "er" | "derpp",
  buffer: number,
  learningRate: number,
  batch: number,
  alpha?: number,
  beta?: number,
])[] = [
  ["cifar10", "er_ace", 200, 0.03, 32],
  ["cifar10", "er_ace", 500, 0.03, 32],
  ["cifar10", "er", 200, 0.1, 32],
  ["cifar10", "er", 500, 0.1, 32],
  ["cifar10", "derpp", 200, 0.03, 32, 0.1, 0.5],
  ["cifar10", "derpp", 500, 0.03, 32, 0.2, 0.5],
  ["cifar100", "er_ace", 200, 0.03, 32],
  ["cifar100", "er_ace", 500, 0.03, 32],
  ["cifar100", "er", 200, 0.1, 32],
  ["cifar100", "er", 500, 0.1, 32],
  ["cifar100", "derpp", 200, 0.03, 32, 0.1, 0.5],
  ["cifar100", "derpp", 500, 0.03, 32, 0.1, 0.5],
  ["tinyimg", "er_ace", 200, 0.03, 32],
  ["tinyimg", "er_ace", 500, 0.03, 32],
  ["tinyimg", "er", 200, 0.1, 32],
  ["tinyimg", "er", 500, 0.03, 32],
  ["tinyimg", "derpp", 200, 0.03, 32, 0.1, 1],
  ["tinyimg", "derpp", 500, 0.03, 32, 0.2, 0.5],
  ["img100", "er_ace", 200, 0.03, 8],
  ["img100", "er_ace", 1000, 0.03, 8],
  ["img100", "er", 200, 0.1, 32],
  ["img100", "er", 1000, 0.03, 32],
  ["img100", "derpp", 200, 0.03, 8, 0.1, 1],
  ["img100", "derpp", 1000, 0.03, 8, 0.2, 0.5],
];

for (const [dataset, model, buffer, learningRate, batch, alpha, beta] of BEST_ARGUMENTS) {
  const name = `${dataset}_${model}_buffer${buffer}`;
  Deno.test(`${name} has the official best arguments`, async () => {
    const config = await load(name);
    const { tasks, classesPerTask, size, augmentation } = DATA_SETS[dataset];
    const { data, wscl } = config;
    assert.deepEqual([data.tasks, data.classesPerTask, data.size], [tasks, classesPerTask, size]);
    assert.deepEqual(config.augmentation, augmentation);
    assert.deepEqual(
      [config.method, wscl.base, wscl.schedule, wscl.compat],
      ["wscl", model, "merged", "official"],
    );
    assert.deepEqual([wscl.freezing, wscl.rem, wscl.headAssignment], [true, true, true]);
    assert.deepEqual(config.optimizer, {
      learningRate,
      momentum: 0,
      weightDecay: 0,
      nesterov: false,
    });
    assert.deepEqual([config.batchSize, config.replayBatchSize], [batch, batch]);
    assert.deepEqual([config.epochs, config.memory.longTerm, config.network.width], [
      10,
      buffer,
      64,
    ]);
    const { mode, validation, buffer: kept } = config.freezing;
    assert.deepEqual([mode, validation, kept], ["training_and_buff", 1000, 200]);
    if (alpha !== undefined) assert.deepEqual(config.derpp, { alpha, beta });
  });
}

Deno.test("the data sets are the official ones, with their dreams and their constants", async () => {
  const part = ({ data }: ExperimentConfig) => ({
    constants: [...data.mean, ...data.std],
    train: data.train,
    dreams: data.dreams!,
  });
  const cifar10 = part(await load("cifar10_er_ace_buffer200"));
  assert.deepEqual(cifar10.constants, [0.4914, 0.4822, 0.4465, 0.247, 0.2435, 0.2615]);
  assert.equal(cifar10.train.format, "cifar10");
  assert.deepEqual(cifar10.dreams, {
    ...cifar10.dreams,
    format: "cifar100",
    labels: "coarse",
    exclude: [8, 11, 12, 13, 15, 16, 18, 19],
  });
  const cifar100 = part(await load("cifar100_er_ace_buffer500"));
  assert.deepEqual(cifar100.constants, [0.5071, 0.4867, 0.4408, 0.2675, 0.2565, 0.2761]);
  assert.deepEqual(cifar100.train, { ...cifar100.train, format: "cifar100", labels: "fine" });
  const aux = { format: "image_folder", classList: "imagenet100_aux.txt" };
  assert.deepEqual(cifar100.dreams, {
    ...cifar100.dreams,
    ...aux,
    resize: "official_cifar100_aux",
  });
  const tiny = part(await load("tinyimg_er_ace_buffer500"));
  assert.deepEqual(tiny.constants, [0.4802, 0.448, 0.3975, 0.277, 0.2691, 0.2821]);
  // Lanczos leaves an image of the size asked for as it is: it is there for smaller data.size.
  const halves = { format: "image_folder", classList: "wnids.txt", resize: "lanczos" };
  assert.deepEqual(tiny.train, { ...tiny.train, ...halves, classes: ["0-99"] });
  assert.deepEqual(tiny.dreams, { ...tiny.dreams, ...halves, classes: ["100-199"] });
  const img100 = part(await load("img100_er_ace_buffer1000"));
  assert.deepEqual(img100.constants, [0.485, 0.456, 0.406, 0.229, 0.224, 0.225]);
  const primary = { classList: "imagenet100_primary.txt", resize: "lanczos" };
  assert.deepEqual(img100.train, { ...img100.train, ...primary });
  assert.deepEqual(img100.dreams, { ...img100.dreams, ...aux, resize: "lanczos" });
});

Deno.test("files of one data set differ in what belongs to the method only", async () => {
  for (const dataset of Object.keys(DATA_SETS)) {
    const all = BEST_ARGUMENTS.filter(([name]) => name === dataset);
    const configs = await Promise.all(
      all.map(([name, model, buffer]) => load(`${name}_${model}_buffer${buffer}`)),
    );
    for (const { data, freezing, augmentation, wscl } of configs) {
      assert.deepEqual(data, configs[0].data);
      assert.deepEqual(freezing, configs[0].freezing);
      assert.deepEqual(augmentation, configs[0].augmentation);
      assert.deepEqual({ ...wscl, base: null }, { ...configs[0].wscl, base: null });
    }
  }
});
