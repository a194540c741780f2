/**
 * What sharing the frozen prefix saves: epochs of the freezing search with candidates one after another and side by
 * side, interleaved in one process on one adapter.
 *
 *     deno run -A bench/freezing_search.ts [WIDTH] [SIZE] [BATCH] [ROUNDS]
 */
import { openGpu } from "../src/host/open_gpu.ts";
import { Arena } from "../src/gpu/tensor.ts";
import { Learner } from "../src/learner/learner.ts";
import { Network } from "../src/net/network.ts";
import { Random } from "../src/random.ts";

const [width = 8, size = 32, batch = 32, rounds = 5] = Deno.args.map(Number);
const gpu = await openGpu();
const network = new Network(gpu, {
  width,
  heads: 10,
  height: size,
  imageWidth: size,
  maxRows: batch,
});
network.initialize(Random.stream(0, "init"));
const arena = new Arena(gpu, "images");
const from = { source: 0, tensor: arena.tensor("noise", [batch, size, size], "u32") };
const learner = new Learner({
  network,
  images: { height: size, width: size, padding: 4, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  flip: true,
  sgd: { learningRate: 0.001, momentum: 0, weightDecay: 0, nesterov: false },
  augmentRandom: Random.stream(0, "augment"),
  readEvery: 1000,
  onLosses: () => {},
});
const open = new Set(Array(10).keys());
const samples = Array.from({ length: batch }, (_, image) => ({ from, image, label: image % 10 }));
const contenders = [6, 5, 4, 3, 2, 1, 0].map((frozen) => {
  return { frozen, state: network.snapshot(`candidate ${frozen}`) };
});
for (const { state } of contenders) network.save(state);

const apart = async () => {
  for (const { frozen, state } of contenders) {
    network.restore(state);
    network.freeze(frozen);
    await learner.step("freezing", [{ samples, open }]);
  }
};
const together = () => learner.stepCandidates("freezing", [{ samples, open }], contenders);
const timed = async (what: () => Promise<void>) => {
  const started = performance.now();
  await what();
  await gpu.settle();
  return performance.now() - started;
};
const times = { apart: [] as number[], together: [] as number[] };
for (let round = 0; round <= rounds; round++) {
  const [a, b] = [await timed(apart), await timed(together)];
  if (round === 0) continue; // compiles
  times.apart.push(a);
  times.together.push(b);
}
const median = (values: number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const [a, b] = [median(times.apart), median(times.together)];
console.log(
  `one step of 7 candidates, width ${width}, ${size} pixels, batch ${batch}, ${gpu.adapter.description}: ` +
    `apart ${a.toFixed(0)} ms, together ${b.toFixed(0)} ms, ratio ${(a / b).toFixed(2)}`,
);
for (const { state } of contenders) state.destroy();
learner.destroy();
network.destroy();
arena.destroy();
gpu.destroy();
