import type { Gpu } from "../src/gpu/device.ts";
import type { Program } from "../src/gpu/program.ts";
import { Arena, type Tensor, upload } from "../src/gpu/tensor.ts";
import { LearnerPrograms } from "../src/learner/programs.ts";
import { Network, type NetworkOptions } from "../src/net/network.ts";
import type { Conv2dChoice } from "../src/ops/conv2d_variants.ts";
import type { Precision } from "../src/ops/storage.ts";
import { Random } from "../src/random.ts";

const heads = 10;

/** A training step as a learner records it, over one resident batch of noise. */
export interface TrainingStep {
  readonly program: Program;
  readonly network: Network;
  /** The loss of the last step comes first. */
  readonly losses: Tensor;
  /** Bytes of GPU memory that it holds. */
  readonly bytes: number;
  /** What a learner does on the host for each step: writes the batch record, encodes, submits. */
  run(): void;
  destroy(): void;
}

/** Sizes of a step. Each segment has its own batch statistics; a stream and its replay are two. */
export interface StepSize {
  readonly width: number;
  readonly size: number;
  readonly segments: readonly number[];
  /** Default "full". */
  readonly precision?: Precision;
  /** How convolutions are computed; default: what suits this kind of adapter. */
  readonly choice?: Conv2dChoice;
  /** What is launched in place of what is recorded: kernels of one's own; default: the same. */
  readonly replace?: NetworkOptions["replace"];
}

/** Augmentation, forward, loss, backward and update of ResNet-18. */
export async function prepareStep(
  gpu: Gpu,
  { width, size, segments, precision = "full", choice, replace }: StepSize,
  learningRate = 0.01,
): Promise<TrainingStep> {
  const rows = segments.reduce((a, b) => a + b, 0);
  const before = gpu.memory.bytes;
  const network = new Network(gpu, {
    width,
    heads,
    height: size,
    imageWidth: size,
    maxRows: rows,
    precision,
    choice,
    replace,
  });
  const programs = new LearnerPrograms({
    network,
    images: {
      ...{ height: size, width: size, padding: 4 },
      ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    },
    sgd: { momentum: 0, weightDecay: 0, nesterov: false },
  });
  const arena = new Arena(gpu, "images");
  const destroy = () => {
    programs.destroy();
    arena.destroy();
    network.destroy();
  };
  try {
    network.initialize(Random.stream(0, "init"));
    const images = arena.tensor("images", [rows, size, size], "u32");
    const random = Random.stream(0, "images");
    upload(gpu, images, Uint32Array.from({ length: images.length }, () => random.uint32()));
    const program = await programs.programOf({
      rows,
      gather: [{ source: 0, tensor: images }],
      forward: { mode: "training", sizes: segments },
      loss: { targets: null },
      update: { frozen: network.frozenBlocks },
    });
    const open = new Set(Array(heads).keys());
    const batch = segments.flatMap((count, mask) =>
      Array.from({ length: count }, (_, index) => ({
        source: 0,
        index,
        top: index % 9,
        left: index % 7,
        flip: index % 2 === 1,
        label: index % heads,
        mask,
        weight: 1 / count,
        slot: -1,
      }))
    );
    return {
      program,
      network,
      losses: programs.losses,
      bytes: gpu.memory.bytes - before,
      run: () => {
        programs.batch.write({ lossSlot: 0, learningRate }, batch, segments.map(() => open));
        program.run();
      },
      destroy,
    };
  } catch (error) {
    destroy();
    throw error;
  }
}
