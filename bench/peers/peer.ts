/** The same training step in one library: ResNet-18 on one fixed batch, plain SGD. */
export interface Peer {
  readonly name: string;
  /** What it ran on. */
  readonly device: string;
  /** Runs so many steps one after the other and waits for the last; returns the loss of the last. */
  steps(count: number): Promise<number>;
  destroy(): void;
}

/** Sizes that all peers share. */
export interface PeerSize {
  readonly width: number;
  readonly size: number;
  readonly batch: number;
}

/** Classes and learning rate that all peers share. */
export const heads = 10;
export const learningRate = 0.02;

/** One convolution with batch norm. */
export interface ConvNorm {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: 1 | 3;
  readonly stride: 1 | 2;
}

/** Two convolutions, and a third where the shape changes. */
export interface Block {
  readonly first: ConvNorm;
  readonly second: ConvNorm;
  readonly shortcut: ConvNorm | null;
}

/** The CIFAR form of ResNet-18 (He et al. 2016, 3x3 stem), written once more for the other libraries. */
export function blocksOf(width: number): Block[] {
  const blocks: Block[] = [];
  let inputs = width;
  for (const [stage, outputs] of [width, 2 * width, 4 * width, 8 * width].entries()) {
    for (const stride of [stage === 0 ? 1 : 2, 1] as const) {
      blocks.push({
        first: { inputs, outputs, kernel: 3, stride },
        second: { inputs: outputs, outputs, kernel: 3, stride: 1 },
        shortcut: stride === 2 ? { inputs, outputs, kernel: 1, stride } : null,
      });
      inputs = outputs;
    }
  }
  return blocks;
}

/** Normally distributed numbers, the same in every run. */
export function normals(count: number, deviation: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 + 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => deviation * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}
