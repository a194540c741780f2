/** What goes wrong without an error on the device stops the run at its next read-back. */

import assert from "node:assert/strict";
import type { Gpu } from "../../src/gpu/device.ts";
import { upload } from "../../src/gpu/tensor.ts";
import { plainSegment } from "../../src/method/session.ts";
import { gpuTests } from "../support/gpu.ts";
import { type SmallSession, withSession } from "../support/session.ts";

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
    /^Error: Cannot go on training: the gradient is zero throughout and the loss is .* at step 0$/,
  );
});

test("a gradient or a parameter that is not finite stops the run", async (gpu) => {
  await assert.rejects(
    stepThen(gpu, ({ session: { learner: { network } } }) => {
      upload(gpu, network.gradients, Float32Array.of(NaN), 5);
    }),
    /the gradient is not finite; lower optimizer\.learningRate at step 0$/,
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
    learner.network.freeze(6);
    upload(gpu, learner.network.gradients, Float32Array.of(NaN));
    await learner.step("wake", [plainSegment(session, samples(0, 8))]);
    await learner.readLosses();
    const alike = [...samples(0, 1), ...samples(6, 7)];
    await learner.step("wake", [{ samples: alike, open: new Set([alike[0].label]) }]);
    await learner.readLosses();
  });
});
