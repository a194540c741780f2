/**
 * The recordings of the official program in `tests/golden`, replayed by what `wscl test --golden` uses, through the
 * functions that a run uses; worst errors are printed. And what the replay is worth: changed recordings are refused.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { checkRecording } from "../../fidelity/check_folder.ts";
import { OfficialRecording, readRecordings } from "../../fidelity/official_recording.ts";
import type { HostTensor } from "../../src/net/safetensors.ts";
import { gpuTests } from "../support/gpu.ts";

const test = await gpuTests();
const folder = fileURLToPath(new URL("../golden", import.meta.url));
const recordings = new Map(
  (await readRecordings(folder)).map((recording) => [recording.name, recording]),
);

const expected = [
  "derpp_trace",
  "er_ace_trace",
  "er_trace",
  "freeze_score",
  "freezing_trace",
  "fullrun_er_ace",
  "heads",
  "metrics",
  "ops",
  "reservoir",
  "resnet18",
  "splits",
  "transforms",
];

for (const name of expected) {
  test(`a run's functions give the official numbers of ${name}`, async (gpu) => {
    const check = await checkRecording(gpu, recordings.get(name)!);
    console.log(`${name}: ${check?.text}`);
    assert.equal(check?.kind, name);
    assert(check.ok, check.text);
  });
}

// deno-lint-ignore no-explicit-any
type Change = { tensor?: [name: string, at: number, by: number]; json?: (json: any) => void };

/** A copy with one number of a tensor, or something in the JSON, changed. */
function changed(
  { name, tensors, json }: OfficialRecording,
  { tensor, json: change }: Change,
): OfficialRecording {
  const copy = new Map(tensors);
  if (tensor) {
    const [key, at, by] = tensor;
    const { data, ...rest } = copy.get(key)!;
    const values = data.slice() as Float32Array | BigInt64Array;
    if (values instanceof BigInt64Array) values[at] += BigInt(by);
    else values[at] += by;
    copy.set(key, { ...rest, data: values } as HostTensor);
  }
  const given = structuredClone(json);
  change?.(given);
  return new OfficialRecording(name, copy, given);
}

const changes: Record<string, [what: string, change: Change, complaint: RegExp][]> = {
  er_ace_trace: [
    [
      "a loss",
      { tensor: ["step/loss", 25, 1e-3] },
      /losses \S+e-4 of 1e-4 \(step 25\)/,
    ],
    ["a weight", { tensor: ["state/022/layer3.0.conv2.weight", 7, 1e-3] }, /weights|losses|logits/],
    ["a running mean", { tensor: ["state/004/bn1.running_mean", 0, 1e-3] }, /running statistics/],
    ["a label", { tensor: ["step/labels", 21 * 8, 1] }, /losses|logits/],
    [
      "a replayed slot",
      { tensor: ["step/draw_slot", 30 * 8, -1] },
      /replayed labels|losses|logits/,
    ],
    ["a remembered picture", { tensor: ["final/buffer_idx", 3, 1] }, /memory: \d+ differ/],
    ["the task", { json: (json) => json.steps_info[24].task = 0 }, /losses|logits|length/],
    ["the method", { json: (json) => json.model = "er" }, /losses|draws/],
  ],
  derpp_trace: [
    ["alpha", { json: (json) => json.alpha = 0.12 }, /losses/],
    ["beta", { json: (json) => json.beta = 0.55 }, /losses/],
  ],
  freezing_trace: [
    ["a candidate's loss", { tensor: ["t1/candidate_3/loss", 2, 1e-3] }, /losses .*candidate_3/],
    ["a candidate's weight", {
      tensor: ["state/t1_candidate_0_before_eval/linear.bias", 0, 1e-3],
    }, /weights .*candidate_0/],
    ["the winner's statistics", {
      tensor: ["state/t1_before_epoch_1/bn1.running_var", 0, 1e-3],
    }, /running statistics .*after_freeze/],
    ["the winner", { json: (json) => json.tasks[1].freezing.winner = 1 }, /winners: 1 differ/],
    ["what is frozen", { json: (json) => json.tasks[1].frozen_after.pop() }, /winners: 1 differ/],
    ["a judging loss", {
      json: (json) => json.tasks[1].freezing.candidates[4].val_eval[0].loss += 1e-3,
    }, /judging losses/],
    ["what judges", { json: (json) => json.config.freezing_eval = "training" }, /scores/],
    ["a vote", { json: (json) => json.tasks[1].freezing.heads.counts[2][2]-- }, /votes for heads/],
    ["the memory's count", {
      json: (json) => json.tasks[1].buffer_after.num_seen_examples++,
    }, /memory: 1 differ/],
    ["an accuracy", { json: (json) => json.evaluations[1].task_il[0] += 1 }, /accuracies/],
    ["a test logit", { tensor: ["eval_logits/after_task_1", 3, 1e-3] }, /test logits/],
  ],
  heads: [["a head", { json: (json) => json.cases[0].class_to_head[2] = 4 }, /heads: 1 differ/]],
  splits: [["a train set", { json: (json) => json.cases[1].tasks[1].train[3]++ }, /train sets: 1/]],
  metrics: [["forgetting", { json: (json) => json.cases[2].forgetting += 1e-6 }, /forgetting/]],
};

for (const [name, cases] of Object.entries(changes)) {
  for (const [what, change, complaint] of cases) {
    test(`a recording is refused where it is changed: ${name}, ${what}`, async (gpu) => {
      const check = await checkRecording(gpu, changed(recordings.get(name)!, change));
      assert(!check!.ok, `not refused: ${check!.text}`);
      assert.match(check!.text, complaint);
    });
  }
}
