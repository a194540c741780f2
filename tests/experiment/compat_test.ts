/** `wscl.compat` is one decision for a whole run, whatever its method. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { splitTasks } from "../../src/images/task_stream.ts";
import { accuracySummary } from "../../src/experiment/accuracy_summary.ts";
import { methodOptions } from "../../src/experiment/build.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { MethodName } from "../../src/experiment/config_types.ts";
import { headChoiceImages } from "../../src/experiment/head_choice.ts";
import { openMaterials } from "../../src/host/open_materials.ts";
import { forgetting, forgettingOfficial } from "../../src/experiment/metrics.ts";
import { withFolder } from "../data/fixtures.ts";
import { outcome, runTiny, tinyOptions } from "../reliability/tiny.ts";
import { gpuTests } from "../support/gpu.ts";

const gpuTest = await gpuTests();
const methods: readonly MethodName[] = ["wscl", "er_ace", "er", "derpp", "finetune", "joint"];
const compats = ["paper", "official"] as const;

const configOf = (method: MethodName, compat: "paper" | "official") =>
  resolveConfig({ ...tinyOptions, method, wscl: { freezing: true, schedule: "merged", compat } });

/** Task 2 is best in the last row, which only the official definition of forgetting looks at. */
const measured = {
  matrix: [[50], [40, 20], [30, 60, 10]],
  beforeTraining: [10, 0],
  baseline: [0, 0, 0],
};
assert.notEqual(forgettingOfficial(measured), forgetting(measured.matrix));

for (const method of methods) {
  for (const compat of compats) {
    Deno.test(`${method}, compat "${compat}": masks, splits, heads and metrics follow it`, () =>
      withFolder(async (root) => {
        const config = configOf(method, compat);
        assert.equal(methodOptions(config).compat, compat);

        const { dataset, tasks, headChoice } = await openMaterials(config, {
          dataRoot: root,
          cacheDir: join(root, "cache"),
          progress: () => {},
          warn: () => {},
        });
        const heldOut = method === "wscl" ? 4 : 0;
        const expected = splitTasks({
          trainLabels: dataset.train.labels,
          testLabels: dataset.test.labels,
          tasks: 3,
          classesPerTask: 2,
          validation: heldOut,
          freezingBuffer: heldOut,
          compat,
        });
        assert.deepEqual(tasks, expected);
        assert.deepEqual(headChoice, headChoiceImages(dataset.train.labels, tasks, compat));

        const definition = compat === "official"
          ? forgettingOfficial(measured)
          : forgetting(measured.matrix);
        assert.equal(
          accuracySummary(measured, config, true).forgetting,
          method === "joint" ? null : definition,
        );
      }));
  }
}

gpuTest(
  "alone, ER-ACE has the mask that compat names, and other methods learn the same",
  () =>
    withFolder(async (root) => {
      const digests = async (method: MethodName) => {
        const found = await Promise.all(compats.map(async (compat) => {
          const out = join(root, `${method} ${compat}`);
          Deno.mkdirSync(out);
          // Small batches: one without the task's second class leaves its head open officially.
          const changes = { method, epochs: 1, batchSize: 2, wscl: { freezing: true, compat } };
          await runTiny({ out, changes });
          return (await outcome(out)).digest;
        }));
        return new Set(found).size;
      };
      assert.equal(await digests("er_ace"), 2);
      for (const method of ["er", "finetune"] as const) assert.equal(await digests(method), 1);
    }),
);
