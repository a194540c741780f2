/** The plain training steps follow the official float64 runs freely, and the float32 ones by steps. */

import assert from "node:assert/strict";
import { assertClose } from "../support/assert_close.ts";
import { derppStep } from "../../src/reference/derpp.ts";
import { erStep } from "../../src/reference/er.ts";
import { erAceOpenHeads, erAceStep } from "../../src/reference/er_ace.ts";
import {
  applySgd,
  type Learner,
  plainLearner,
  type Rows,
  type StepResult,
} from "../../src/reference/learner.ts";
import { resnet18ParameterShapes } from "../../src/reference/resnet18.ts";
import { readTrace, type Trace, type TraceStep } from "../support/trace.ts";

/** Absolute, as the losses are near 1; the official run itself is reproducible to about 1e-14. */
const LOSS_TOLERANCE = 1e-9;

type Step = (learner: Learner, step: TraceStep) => StepResult;

/** Runs all steps from the first state without ever looking at a recorded one again. */
function follow(name: string, trace: Trace, run: Step): void {
  const learner = plainLearner(trace.networkAt(0), trace.learningRate);
  let worst = 0;
  trace.steps.forEach((step, number) => {
    const { loss } = run(learner, step);
    const error = Math.abs(loss - step.lossDouble);
    assert.ok(error <= LOSS_TOLERANCE, `step ${number}: ${loss} instead of ${step.lossDouble}`);
    worst = Math.max(worst, error);
  });
  console.log(`worst loss error of ${name}: ${worst.toExponential(1)} (limit ${LOSS_TOLERANCE})`);
}

/** ER-ACE's `seen` is not part of a recorded state: it is what the steps before have shown. */
function seenBefore(trace: Trace, number: number): Set<number> {
  return new Set(trace.steps.slice(0, number).flatMap(({ stream }) => stream.labels));
}

Deno.test("ER-ACE follows the official float64 losses over 40 free steps", async () => {
  const trace = await readTrace("er_ace");
  const seen = new Set<number>();
  follow(
    "ER-ACE",
    trace,
    (learner, { task, stream, draws }) =>
      erAceStep(learner, stream, { task, seen, replay: draws[0]?.rows }),
  );
});

Deno.test("ER follows the official float64 losses over 20 free steps", async () => {
  const trace = await readTrace("er");
  follow("ER", trace, (learner, { stream, draws }) => erStep(learner, stream, draws[0]?.rows));
});

Deno.test("DER++ follows the official float64 losses over 20 free steps", async () => {
  const trace = await readTrace("derpp");
  // The buffer must hold this run's own logits: those recorded are float32.
  const buffer: Float64Array[] = [];
  follow("DER++", trace, (learner, { stream, draws, kept }) => {
    const { alpha, beta, heads } = trace;
    const result = derppStep(
      learner,
      stream,
      draws.length === 0 ? undefined : {
        alpha,
        beta,
        distilled: {
          pictures: draws[0].rows.pictures,
          logits: draws[0].slots.flatMap((slot) => Array.from(buffer[slot])),
        },
        labelled: draws[1].rows,
      },
    );
    for (const { row, slot } of kept) {
      if (slot < 0) continue;
      buffer[slot] = result.streamLogits.slice(row * heads, (row + 1) * heads);
    }
    return result;
  });
});

Deno.test("ER-ACE steps from every recorded state give the recorded float32 results", async () => {
  const trace = await readTrace("er_ace");
  const { file } = trace;
  assert.equal(trace.stateSteps.length, 21);
  for (const first of trace.stateSteps.slice(0, -1)) {
    const learner = plainLearner(trace.networkAt(first), trace.learningRate);
    const seen = seenBefore(trace, first);
    for (const number of [first, first + 1]) {
      const { task, stream, draws, loss, streamLogits } = trace.steps[number];
      const result = erAceStep(learner, stream, { task, seen, replay: draws[0]?.rows });
      assertClose("ER-ACE recorded loss", [result.loss], [loss], 1e-5);
      assertClose("ER-ACE recorded logits", result.streamLogits, streamLogits, 1e-5);
    }
    const recorded = file.state(`state/${String(first + 2).padStart(3, "0")}/`);
    for (const [name, value] of recorded) {
      assertClose("ER-ACE recorded next state", learner.net.state.get(name)!, value, 1e-5);
    }
  }
});

Deno.test("erAceOpenHeads() closes absent heads from task 1 on, and opens the never seen ones", () => {
  const open = (labels: number[], seen: number[], task: number) =>
    erAceOpenHeads(labels, new Set(seen), 6, task).flatMap((isOpen, head) => isOpen ? [head] : []);
  assert.deepEqual(open([1], [0, 1], 0), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(open([1], [0, 1, 3], 1), [1, 3, 4, 5]);
  assert.deepEqual(open([1, 4], [0, 1, 5, 4], 1), [1, 4]);
});

Deno.test("a frozen parameter and its momentum stay bit by bit as they were", async () => {
  const trace = await readTrace("er");
  const net = trace.networkAt(0);
  const names = [...resnet18ParameterShapes(net.width, net.heads).keys()];
  const frozen = new Set(names.slice(0, 9)); // stem and layer1.0
  const learner: Learner = {
    net,
    sgd: { learningRate: 0.03, momentum: 0.9, weightDecay: 0.01 },
    velocity: new Map(),
    frozen,
  };
  const before = new Map(net.state);
  for (const { stream } of trace.steps.slice(0, 2)) erStep(learner, stream);
  for (const name of names) {
    const same = before.get(name)!.every((value, i) => Object.is(value, net.state.get(name)![i]));
    assert.equal(same, frozen.has(name), name);
    assert.equal(learner.velocity.has(name), !frozen.has(name), name);
  }
  // The statistics of frozen layers keep moving.
  assert.notDeepEqual(net.state.get("bn1.running_mean"), before.get("bn1.running_mean"));
});

Deno.test("applySgd() keeps momentum from one step to the next", async () => {
  const net = (await readTrace("er")).networkAt(0);
  const learner = plainLearner(net, 0.1);
  learner.sgd = { learningRate: 0.1, momentum: 0.5 };
  const before = net.state.get("linear.bias")!;
  const gradient = new Map([["linear.bias", new Float64Array(net.heads).fill(1)]]);
  applySgd(learner, gradient);
  applySgd(learner, gradient);
  const moved = net.state.get("linear.bias")!.map((value, i) => value - before[i]);
  assertClose("two steps with momentum", moved, new Float64Array(net.heads).fill(-0.25), 1e-12);
});

Deno.test("the order of stream rows changes nothing but the order of their logits", async () => {
  const trace = await readTrace("er");
  const { stream } = trace.steps[0];
  const size = stream.pictures.data.length / stream.labels.length;
  const reversed: Rows = {
    labels: stream.labels.toReversed(),
    pictures: {
      shape: stream.pictures.shape,
      data: stream.pictures.data.map((_, i) =>
        stream.pictures.data[(stream.labels.length - 1 - Math.floor(i / size)) * size + i % size]
      ),
    },
  };
  const results = [stream, reversed].map((rows) =>
    erStep(plainLearner(trace.networkAt(0), trace.learningRate), rows)
  );
  assertClose("loss of reversed rows", [results[1].loss], [results[0].loss], 1e-12);
  for (const [name, gradient] of results[0].gradients) {
    assertClose("gradient of reversed rows", results[1].gradients.get(name)!, gradient, 1e-9);
  }
});
