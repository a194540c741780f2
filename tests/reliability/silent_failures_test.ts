/** What goes wrong without an error on the device stops the run at its next read-back. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Gpu } from "../../src/gpu/device.ts";
import { downloadF32, upload } from "../../src/gpu/tensor.ts";
import { plainSegment } from "../../src/method/session.ts";
import { withFolder } from "../data/fixtures.ts";
import { gpuTests } from "../support/gpu.ts";
import { type SmallSession, withSession } from "../support/session.ts";
import { runTiny } from "./tiny.ts";

const test = await gpuTests();

/** A step, then something that happens to the network, then the losses. */
async function stepThen(gpu: Gpu, harm: (small: SmallSession) => void): Promise<void> {
  await withSession(gpu, {}, async (small) => {
    const { session, samples } = small;
    await session.learner.step("wake", [plainSegment(session, samples(0, 8))]);
    harm(small);
    await session.learner.readLosses();
  });
}

test("a step that is as it should be passes the watch", (gpu) => stepThen(gpu, () => {}));

test("a gradient that is zero throughout stops the run, as on a device that fails silently", async (gpu) => {
  await assert.rejects(
    stepThen(gpu, ({ session: { learner: { network } } }) => {
      upload(gpu, network.gradients, new Float32Array(network.gradients.length));
    }),
    /^Error: Cannot go on training: the gradient is zero throughout and the loss .* at step 0: the device fails/,
  );
});

test("a gradient or a parameter that is not finite stops the run", async (gpu) => {
  await assert.rejects(
    stepThen(gpu, ({ session: { learner: { network } } }) => {
      upload(gpu, network.gradients, Float32Array.of(NaN), 5);
    }),
    /the gradient is not finite at step 0; lower optimizer\.learningRate$/,
  );
  await assert.rejects(
    stepThen(gpu, ({ session: { learner: { network } } }) => {
      upload(gpu, network.values, Float32Array.of(-Infinity), 9);
    }),
    /parameters are not finite/,
  );
});

test("a frozen layer's stale gradient, and a batch with one open head, are no failure", async (gpu) => {
  await withSession(gpu, {}, async ({ session, samples }) => {
    const { learner } = session;
    const step = async () => {
      await learner.step("wake", [plainSegment(session, samples(0, 8))]);
      await learner.readLosses();
    };
    // Watched while nothing is frozen, and as more and more is.
    await step();
    for (const blocks of [1, 6]) {
      learner.network.freeze(blocks);
      upload(gpu, learner.network.gradients, Float32Array.of(NaN));
      await step();
    }
    const alike = [...samples(0, 1), ...samples(6, 7)];
    await learner.step("wake", [{ samples: alike, open: new Set([alike[0].label]) }]);
    await learner.readLosses();
  });
});

test("a gradient that is zero where nothing is frozen is none, whatever frozen layers had", async (gpu) => {
  await withSession(gpu, {}, async ({ session, samples }) => {
    const { learner, learner: { network } } = session;
    const step = () => learner.step("wake", [plainSegment(session, samples(0, 8))]);
    await step();
    await learner.readLosses();
    network.freeze(6);
    await step();
    const { length } = network.gradients;
    const frozen = network.table.learned.filter(({ frozenFrom }) => frozenFrom <= 6);
    const behind = Math.max(...frozen.map(({ offset, length }) => offset + length));
    assert(behind < length);
    upload(gpu, network.gradients, new Float32Array(length - behind), behind);
    await assert.rejects(learner.readLosses(), /the gradient is zero throughout .* at step 1/);
  });
});

test("an activation that f16 cannot hold stops the run, and the message names the precision", async (gpu) => {
  const remedy = /; lower optimizer\.learningRate, or set precision to "full" \("mixed" .* 65504/;
  for (const precision of ["full", "mixed"] as const) {
    await withSession(gpu, { precision }, async ({ session, samples }) => {
      const { learner, learner: { network } } = session;
      const { offset, length } = network.table.learned.find(({ name }) => name === "conv1")!;
      const weights = (await downloadF32(gpu, network.values)).slice(offset, offset + length);
      upload(gpu, network.values, weights.map((weight) => weight * 1e6), offset);
      const all = new Set(Array(learner.heads).keys());
      const step = async () => {
        await learner.step("wake", [plainSegment(session, samples(0, 8))]);
        await learner.readLosses();
      };
      const judge = () => learner.losses([samples(0, 4), samples(4, 8)], "inference");
      const evaluate = () => learner.predictions(samples(0, 20), [all]);
      if (precision === "full") {
        for (const loss of await judge()) assert(Number.isFinite(loss));
        await evaluate();
        await step();
      } else {
        const fails = (found: string) => new RegExp(`^Error: Cannot ${found}${remedy.source}`);
        await assert.rejects(judge, fails("judge the network: the loss of a batch is NaN"));
        await assert.rejects(evaluate, fails("count predictions: 20 of 20 .* are not numbers"));
        await assert.rejects(step, fails("go on training: the loss of step 0 \\(wake\\) is NaN"));
      }
    });
  }
});

test("so it does where a checkpoint comes before the next look at the losses", () =>
  withFolder(async (folder) => {
    // The first parameters are the first convolution's.
    const enlarge = (point: number, gpu: Gpu) => {
      const values = [...gpu.state].find(({ label }) => label === "network/values")!;
      if (point === 3) upload(gpu, values, new Float32Array(16).fill(1e6));
    };
    const options = { atPoint: enlarge, checkpointEvery: { steps: 1 } };
    const out = join(folder, "run");
    Deno.mkdirSync(out);
    await assert.rejects(
      runTiny({ out, changes: { precision: "mixed" }, options }),
      /element \d+ of network\/values is NaN; .*, or set precision to "full" .*wake, after 1 steps/,
    );
  }));
