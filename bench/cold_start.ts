/** What a process does up to its first finished training step; started by start.ts, prints milliseconds. */
import { openGpu } from "../src/host/open_gpu.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { prepareStep } from "./training_step.ts";

const provider = Deno.args[0] as ProviderName;
const [width, size, rows] = Deno.args.slice(1).map(Number);
const loaded = performance.now();
const gpu = await openGpu({ provider });
const opened = performance.now();
const step = await prepareStep(gpu, { width, size, segments: [rows] });
const built = performance.now();
step.run();
await gpu.settle();
const finished = performance.now();
step.destroy();
gpu.destroy();
console.log(JSON.stringify({
  load: loaded,
  open: opened - loaded,
  build: built - opened,
  step: finished - built,
}));
