/** The hub can read a model card's head, and what people read in it is what is known. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { newborn } from "../../src/continual/birth.ts";
import { type CardFacts, modelCard } from "../../src/exchange/model_card.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { withFolder } from "../data/fixtures.ts";
import { exampleOptions } from "../experiment/example_options.ts";
import { exampleSummary } from "../experiment/example_summary.ts";
import { noReaders, read } from "../readers/readers.ts";

const summary = exampleSummary();
const run = {
  kind: "run",
  config: resolveConfig(exampleOptions({ name: "example" })),
  summary,
} as const;

const facts: CardFacts = {
  name: 'my "best": run',
  format: "onnx",
  file: "model.onnx",
  license: null,
  classes: [{ name: "a|b", head: 0 }, { name: "<c>", head: 2 }],
  heads: 4,
  size: 32,
  ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  ...{ width: 8, stem: "cifar", parameters: 175_258, half: false },
  story: run,
};

async function learnerFacts(): Promise<CardFacts> {
  const { state } = await newborn({ settings: { width: 4, size: 16 } });
  const one = { taught: 20, remembered: 5 };
  const classes = [
    { name: "cat", head: 0, ...one, exam: { images: 4, right: 3 } },
    { name: "dog", head: 3, ...one, exam: { images: 4, right: 4 } },
  ];
  const story = { kind: "learner", state: { ...state, classes, nights: 1 }, record: null } as const;
  return {
    ...facts,
    name: "pets",
    format: "safetensors",
    file: "m.safetensors",
    license: "mit",
    story,
    classes,
  };
}

Deno.test({
  name: "the head of a card is YAML that names licence, task, library, tags and what was measured",
  ignore: noReaders !== null,
  fn: () =>
    withFolder(async (folder) => {
      const file = join(folder, "README.md");
      Deno.writeTextFileSync(file, modelCard(facts));
      const head = await read<Record<string, unknown>>("read_card.ts", file);
      assert.equal(head.license, "unknown");
      assert.equal(head.library_name, "onnx");
      assert.equal(head.pipeline_tag, "image-classification");
      assert.deepEqual(head.tags, [
        "image-classification",
        "continual-learning",
        "resnet-18",
        "wscl",
        "onnx",
      ]);
      assert.deepEqual(head["model-index"], [{
        name: 'my "best": run',
        results: [{
          task: { type: "image-classification" },
          dataset: { name: "drawn, test images", type: "drawn-test-images" },
          metrics: [
            { type: "accuracy", name: "Class-IL accuracy, %", value: summary.classIl.finalAverage },
            { type: "accuracy", name: "Task-IL accuracy, %", value: summary.taskIl.finalAverage },
          ],
        }],
      }]);

      Deno.writeTextFileSync(file, modelCard(await learnerFacts()));
      const learner = await read<Record<string, unknown>>("read_card.ts", file);
      assert.deepEqual([learner.license, learner.library_name], ["mit", "wscl"]);
      const [{ results: [{ metrics }] }] = learner["model-index"] as {
        results: { metrics: unknown }[];
      }[];
      assert.deepEqual(metrics, [{
        type: "accuracy",
        name: "accuracy in the exam, %",
        value: 87.5,
      }]);
    }),
});

Deno.test("a run's card has the last row of its accuracies, and escapes what Markdown would read", () => {
  const card = modelCard(facts).replace(/ +/g, " ");
  assert(card.includes("| 1 | a, b | 40.00 % | 60.00 % |"), card);
  assert(card.includes("| 2 | c, d | 80.00 % | 100.00 % |"), card);
  assert(card.includes("| all | | 60.00 % | 80.00 % |"), card);
  assert.match(card, /a\\\|b/);
  assert.match(card, /\\<c\\>/);
  assert.match(card, /InferenceSession\("model\.onnx"\)/);
  assert.match(card, /32x32 pixels/);
  assert.match(card, /Forgetting \(Class-IL\): 12\.50 points/);
});

Deno.test("a run that was stopped in its first task has a card that says so", () => {
  const nothing = {
    matrix: [],
    finalAverage: null,
    backwardTransfer: null,
    forwardTransfer: null,
    forgetting: null,
  };
  const stopped = { ...summary, classIl: nothing, taskIl: nothing, completed: false };
  const card = modelCard({ ...facts, story: { ...run, summary: stopped } });
  assert.match(card, /Nothing was measured/);
  assert.match(card, /stopped before its end/);
  assert.doesNotMatch(card, /model-index/);
});

Deno.test("a card tells of adjusted logits where the run counted labels to adjust them by", () => {
  const { config } = run;
  const evaluation = { ...config.evaluation, logitAdjustment: 1 };
  const card = (labels?: number[]) =>
    modelCard({
      ...facts,
      story: { ...run, config: { ...config, evaluation }, summary: { ...summary, labels } },
    });
  assert.match(card([3, 4]), /logits that are adjusted/);
  assert.doesNotMatch(card(), /adjusted/);
});

Deno.test("a learner's card has its exam by class, and how to go on from the file", async () => {
  const card = modelCard(await learnerFacts());
  assert.match(card, /\| cat {3}\| {6}0 \| 3 of 4 \|/);
  assert.match(card, /7 of 8 in its last exam/);
  assert.match(card, /\.\/wscl new LEARNER --start m\.safetensors/);
  assert.match(card, /and 4 outputs/);
});
