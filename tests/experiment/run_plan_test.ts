/** What a run is told to be going to do is what it does. */

import assert from "node:assert/strict";
import { countImages } from "../../src/experiment/comparison/count_images.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { PlannedPhase, RunEvent } from "../../src/experiment/events.ts";
import { openDrawn } from "../../src/experiment/open_drawn.ts";
import { driveRun } from "../../src/experiment/run.ts";
import { memoryHost } from "../../src/experiment/run_in_memory.ts";
import { planRun } from "../../src/experiment/run_plan.ts";
import { openMaterials } from "../../src/host/open_materials.ts";
import { figures, names, smallLearner } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";
import { runTiny, tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const ignore = adapter === null;

const sum = (phases: readonly PlannedPhase[], key: "steps" | "trained") =>
  phases.reduce((total, phase) => total + phase[key], 0);

/** The phases that were announced, by task, as far as the plan has them. */
function announced(events: readonly RunEvent[], phases: readonly PlannedPhase[]): string[] {
  const planned = new Set(phases.map(({ task, phase }) => `${task} ${phase}`));
  return events.flatMap((event) => event.type === "phase" ? [`${event.task} ${event.phase}`] : [])
    .filter((key) => planned.has(key));
}

const cases = {
  "staged WSCL": { wscl: { preset: "paper", sleepEpochs: 1, freezing: false } },
  "staged WSCL that searches in its second task": {},
  "merged WSCL": { wscl: { freezing: false, schedule: "merged" } },
  "ER-ACE, calibrated": { method: "er_ace", calibration: 5 },
  "joint training": { method: "joint" },
};

for (const [name, changes] of Object.entries(cases)) {
  Deno.test({
    name: `a plan foretells phases, steps and images of ${name}`,
    ignore,
    fn: () =>
      withFolder(async (folder) => {
        const data = { ...tinyOptions.data, tasks: 2 };
        const options = { tells: { plan: true } };
        const { summary, events } = await runTiny({
          out: folder,
          changes: { data, ...changes },
          options,
        });
        const plans = events.filter((event) => event.type === "plan");
        assert.equal(plans.length, 1);
        const [{ phases }] = plans;
        assert.equal(sum(phases, "steps"), summary.steps);
        assert.equal(sum(phases, "trained"), summary.images);
        const keys = phases.slice(1).map(({ task, phase }) => `${task} ${phase}`);
        const real = announced(events, phases);
        // Phases without anything to do are announced, too.
        let at = -1;
        for (const key of keys) {
          at = real.indexOf(key, at + 1);
          assert(at >= 0, `${key} is not announced in its place: ${real.join(", ")}`);
        }
        assert.deepEqual(new Set(real), new Set(phases[0].task === null ? keys : []));
        const log = Deno.readTextFileSync(`${folder}/log.jsonl`);
        assert.doesNotMatch(log, /"type":"(plan|memory|resume)"/);
      }),
  });
}

Deno.test("of many passes the first ones foretell the others, where they are alike", () =>
  withFolder(async (folder) => {
    const wscl = { ...tinyOptions.wscl, freezing: false, sleepEpochs: 23, dreamsPerEpisode: "all" };
    const memory = { longTerm: 200, shortTerm: 24 };
    const sparse = { sleepEpochs: 8, dreamsPerEpisode: 0.06 };
    const methods = [
      { wscl },
      { wscl: { ...wscl, dreamsPerEpisode: 2 } },
      { method: "er_ace", epochs: 31 },
      { wscl: { freezing: true, schedule: "merged" }, epochs: 11 },
      // Three batches have 2.1 batches of dreams: one more in every tenth pass.
      { wscl: { ...wscl, dreamsPerEpisode: 0.7 }, memory },
      // The first dream of a night comes in its sixth pass.
      { wscl: { ...wscl, ...sparse, nrem: false }, memory },
      // Dreams are those of what has been drawn to be remembered.
      { wscl: { ...wscl, dreamsFrom: "memory" }, memory },
      // The memory fills from pass to pass.
      { wscl: { ...wscl, transfer: "nrem" }, memory },
      { method: "er", epochs: 31, batchSize: 24, replayBatchSize: 180, memory },
    ];
    for (const changes of methods) {
      const config = resolveConfig({ ...tinyOptions, ...changes });
      const materials = await openMaterials(config, {
        ...{ dataRoot: folder, cacheDir: folder, progress: () => {}, warn: assert.fail },
      });
      const phases = await planRun(config, materials);
      const exact = await countImages(config, materials);
      const name = JSON.stringify(changes);
      assert.equal(sum(phases, "steps"), exact.steps, name);
      assert.equal(sum(phases, "trained"), exact.trained, name);
    }
  }));

Deno.test({
  name: "a run of which no plan can be made is run, and says so",
  ignore,
  async fn() {
    const events: RunEvent[] = [];
    let opened = 0;
    const config = resolveConfig({
      ...tinyOptions,
      ...{ method: "finetune", epochs: 1, data: { ...tinyOptions.data, tasks: 1 } },
    });
    const host = memoryHost({
      tells: { plan: true },
      emit: (event) => void events.push(event),
      // The first who looks at the tasks behind the start is the plan.
      async openMaterials(...given) {
        const materials = await openDrawn(...given);
        const tasks = materials.tasks;
        return {
          ...materials,
          get tasks() {
            if (events.some(({ type }) => type === "start") && opened++ === 0) {
              throw new Error("out of order");
            }
            return tasks;
          },
        };
      },
    });
    const summary = await driveRun(config, host);
    assert(summary.completed);
    assert(!events.some(({ type }) => type === "plan"));
    const told = events.flatMap((event) => event.type === "message" ? [event.text] : []);
    const text = "Cannot foretell how long this takes: out of order; it goes on without a plan";
    assert.equal(told.filter((line) => line === text).length, 1, told.join("\n"));
  },
});

Deno.test({
  name: "a run that nobody asks tells no plan",
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const changes = { method: "finetune", epochs: 1, data: { ...tinyOptions.data, tasks: 1 } };
      const { events } = await runTiny({ out: folder, changes });
      assert.deepEqual(events.filter(({ type }) => type === "plan" || type === "memory"), []);
    }),
});

Deno.test({
  name: "a plan foretells the steps of a learner's nights, of rest as well",
  ignore,
  async fn() {
    const events: RunEvent[] = [];
    const host = { tells: { plan: true }, emit: (event: RunEvent) => void events.push(event) };
    const learner = await smallLearner({ host });
    const planned = () => {
      const plans = events.splice(0).filter((event) => event.type === "plan");
      assert.equal(plans.length, 1);
      return sum(plans[0].phases, "steps");
    };
    const [disc, cross, ring] = names;
    await learner.observeAll([...figures(disc, 20), ...figures(cross, 20)]);
    const first = await learner.sleep();
    assert(first.kind === "kept");
    assert.equal(planned(), first.record.steps);
    await learner.observeAll(figures(ring, 20));
    const second = await learner.sleep({ accept: true });
    assert(second.kind === "kept");
    assert.equal(planned(), second.record.steps);
    const rest = await learner.sleep({ accept: true });
    assert(rest.kind === "kept");
    assert.equal(planned(), rest.record.steps);
    learner.close();
  },
});
