/** What a process does up to its first finished training step; started by start.ts, prints milliseconds. */
import { openGpu } from "../src/gpu/device.ts";
import { prepareStep } from "./training_step.ts";

const [width, size, rows] = Deno.args.map(Number);
const loaded = performance.now();
const gpu = await openGpu();
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
