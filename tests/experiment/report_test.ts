import assert from "node:assert/strict";
import { resolveConfig } from "../../src/experiment/config.ts";
import {
  accuracyTable,
  differingKeys,
  meanAndDeviation,
  methodTable,
  runReport,
} from "../../src/experiment/report.ts";
import { exampleSummary } from "./example_summary.ts";
import { exampleOptions } from "./example_options.ts";

Deno.test("meanAndDeviation is the sample deviation, left out for a single value", () => {
  assert.equal(meanAndDeviation([1, 2, 3]), "2.00 ± 1.00");
  assert.equal(meanAndDeviation([1, 3]), "2.00 ± 1.41");
  assert.equal(meanAndDeviation([1.5], 0), "2");
  assert.equal(meanAndDeviation([null, 4]), "4.00");
  assert.equal(meanAndDeviation([null]), "-");
});

Deno.test("methodTable has a row per method, over its completed runs", () => {
  const table = methodTable([
    exampleSummary({ seed: 0, classIl: 60 }),
    exampleSummary({ seed: 1, classIl: 62 }),
    exampleSummary({ seed: 2, classIl: 0, completed: false }),
    exampleSummary({ schedule: "merged", classIl: 58 }),
    exampleSummary({ method: "er_ace", schedule: null, classIl: 50 }),
  ]);
  assert.equal(
    table,
    `\
| method      | runs |   Class-IL % |    Task-IL % |   forgetting | seconds |
| ----------- | ---: | -----------: | -----------: | -----------: | ------: |
| wscl staged |    2 | 61.00 ± 1.41 | 80.00 ± 0.00 | 12.50 ± 0.00 |  12 ± 0 |
| wscl merged |    1 |        58.00 |        80.00 |        12.50 |      12 |
| er_ace      |    1 |        50.00 |        80.00 |        12.50 |      12 |`,
  );
});

Deno.test("methodTable keeps data sets apart", () => {
  const table = methodTable([exampleSummary(), exampleSummary({ dataset: "cifar10" })]);
  assert.match(table, /^\| data set \| method /);
  assert.equal(table.split("\n").length, 4);
});

Deno.test("accuracyTable shows tasks from 1 and a dash where nothing was measured", () => {
  assert.equal(
    accuracyTable("Class-IL %", exampleSummary().classIl),
    `\
| Class-IL %   | task 1 | task 2 |
| ------------ | -----: | -----: |
| after task 1 |  90.00 |      - |
| after task 2 |  40.00 |  80.00 |`,
  );
});

Deno.test("runReport shows both matrices and the metrics", () => {
  const report = runReport(exampleSummary());
  assert.match(report, /Class-IL %.*\n.*\n.*90\.00/);
  assert.match(report, /\| final average % +\| +60\.00 \| +80\.00 \|/);
  assert.match(report, /\| forgetting +\| +12\.50 \|/);
});

Deno.test("configurations differ in the keys that all have with other values, name and seed aside", () => {
  const config = (seed: number, tasks: number, more = {}) => ({
    ...{ name: `n${seed}`, seed, epochs: 2, ...more },
    data: { tasks, mean: [0.5, 0.5], train: { folder: null } },
  });
  assert.deepEqual(differingKeys([]), []);
  // What a configuration leaves out has its default, also where the key is not there any more.
  const whole = JSON.parse(JSON.stringify(resolveConfig(exampleOptions())));
  const { calibration: _, ...earlier } = whole;
  const cosine = { ...whole, optimizer: { ...whole.optimizer, schedule: "cosine" } };
  assert.deepEqual(differingKeys([whole, earlier]), []);
  assert.deepEqual(differingKeys([{ ...whole, calibration: 9 }, earlier]), ["calibration"]);
  assert.deepEqual(differingKeys([whole, cosine]), ["optimizer.schedule"]);
  assert.deepEqual(differingKeys([cosine, whole]), ["optimizer.schedule"]);
  assert.deepEqual(differingKeys([config(0, 2), config(1, 2)]), []);
  assert.deepEqual(differingKeys([config(0, 2), config(1, 2), config(2, 3)]), ["data.tasks"]);
  // An earlier version of the program may have written fewer keys.
  assert.deepEqual(differingKeys([config(0, 2, { calibration: 60 }), config(1, 2)]), []);
  const mean = { data: { tasks: 2, mean: [0.5, 0.4], train: { folder: null } } };
  assert.deepEqual(differingKeys([config(0, 2), { ...config(0, 2), ...mean }]), ["data.mean"]);
});
