import type { Gpu } from "../../src/gpu/device.ts";
import { openGpu } from "../../src/host/open_gpu.ts";
import { downloadF32 } from "../../src/gpu/tensor.ts";
import { prepareStep } from "../training_step.ts";
import { learningRate, type Peer, type PeerSize } from "./peer.ts";

/** This program. Its step augments the images and moves running statistics, which the others do not. */
export async function ours({ width, size, batch }: PeerSize): Promise<Peer> {
  const gpu: Gpu = await openGpu();
  const step = await prepareStep(gpu, { width, size, segments: [batch] }, learningRate);
  return {
    name: "wscl",
    device: gpu.adapter.description,
    async steps(count) {
      for (let i = 0; i < count; i++) step.run();
      return (await downloadF32(gpu, step.losses))[0];
    },
    destroy() {
      step.destroy();
      gpu.destroy();
    },
  };
}
