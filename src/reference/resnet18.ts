/**
 * The official CIFAR ResNet-18, and the one that torchvision publishes but for its names, in double precision, layouts
 * as in PyTorch (activations NCHW):
 *
 *     stem: conv3x3(3 -> width), bn, relu; or conv7x7(3 -> width) of stride 2, bn, relu, max pooling 3x3 of stride 2
 *     four stages of two basic blocks with width, 2, 4, 8 times width channels, strides 1, 2, 2, 2
 *     average over the map, linear(8 width -> heads) with bias
 *     basic block: relu(bn2(conv2(relu(bn1(conv1 x)))) + shortcut x)
 *     shortcut: bn(conv1x1 x) where stride or channels change, x otherwise
 *
 * Convolutions have no bias. Parameters and statistics are found by their official names
 * ("layer2.0.shortcut.1.running_var") in one map.
 */

import {
  batchNormBackward,
  batchNormEval,
  type BatchNormResult,
  batchNormTrain,
} from "./batch_norm.ts";
import {
  conv2dForward,
  conv2dInputGradient,
  type Conv2dOptions,
  conv2dOutputShape,
  conv2dWeightGradient,
  type Shape4,
} from "./conv2d.ts";
import { linearBackward, linearForward } from "./linear.ts";
import { maxPoolBackward, maxPoolForward, maxPoolOutputShape } from "./max_pool.ts";
import { globalAverageBackward, globalAverageForward } from "./pool.ts";
import { reluBackward, reluForward } from "./relu.ts";

/** Values by official name; training changes entries by replacing them. */
export type State = Map<string, Float64Array>;

/** A network: its sizes, and its weights and running statistics. */
export interface Resnet18 {
  width: number;
  heads: number;
  /** Default: cifar, the 3x3 convolution; imagenet: the 7x7 one and max pooling. */
  stem?: StemKind;
  state: State;
}

/** How the network begins. */
export type StemKind = "cifar" | "imagenet";

/** An activation, `[N, C, H, W]`. */
export interface Activation {
  data: Float64Array;
  shape: Shape4;
}

/** One forward pass in train mode, with all that its backward pass needs. */
interface TrainPass {
  /** `[N, heads]` */
  logits: Float64Array;
  /** `[N, 8 width]`, after the average */
  features: Float64Array;
  /** Outputs of the four stages, after their last relu. */
  stages: Activation[];
  /**
   * The gradients of this pass, given d loss / d logits. Those of parameters are added to `gradients`,
   * so that several passes may share one map.
   */
  backward: (gradLogits: Float64Array, gradients: State) => BackwardResult;
}

/** Gradients with respect to activations; those of parameters are in the map given. */
interface BackwardResult {
  /** d loss / d pictures */
  gradInput: Float64Array;
  /** d loss / d {@linkcode TrainPass.stages} */
  gradStages: Float64Array[];
}

/** Name and shape of every parameter in official order, running statistics left out. */
export function resnet18ParameterShapes(
  width: number,
  heads: number,
  stem: StemKind = "cifar",
): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const conv = (name: string, out: number, input: number, kernel: number) =>
    shapes.set(`${name}.weight`, [out, input, kernel, kernel]);
  const norm = (name: string, channels: number) =>
    shapes.set(`${name}.weight`, [channels]).set(`${name}.bias`, [channels]);
  conv("conv1", width, 3, stem === "cifar" ? 3 : 7);
  norm("bn1", width);
  for (const { name, input, output, stride } of blocks(width)) {
    conv(`${name}.conv1`, output, input, 3);
    norm(`${name}.bn1`, output);
    conv(`${name}.conv2`, output, output, 3);
    norm(`${name}.bn2`, output);
    if (stride !== 1 || input !== output) {
      conv(`${name}.shortcut.0`, output, input, 1);
      norm(`${name}.shortcut.1`, output);
    }
  }
  shapes.set("linear.weight", [heads, 8 * width]).set("linear.bias", [heads]);
  return shapes;
}

/**
 * Forward pass in train mode: every batch normalisation uses the statistics of these rows alone and
 * moves `net.state`'s running statistics once. One call per segment, in order, gives the official
 * sequence of updates.
 */
export function resnet18Train(net: Resnet18, pictures: Activation): TrainPass {
  const undo: Undo[] = [];
  const layers: Layers = {
    conv: (name, x, options) => {
      const weight = get(net.state, `${name}.weight`);
      const weightShape = convShape(net, name);
      undo.push((grad, gradients) => {
        add(
          gradients,
          `${name}.weight`,
          conv2dWeightGradient(grad, x.data, x.shape, weightShape, options),
        );
        return conv2dInputGradient(grad, x.shape, weight, weightShape, options);
      });
      return runConv(x, weight, weightShape, options);
    },
    norm: (name, x) => {
      const [weight, bias, mean, variance] = normState(net.state, name);
      const result = batchNormTrain(x.data, x.shape, weight, bias, mean, variance);
      net.state.set(`${name}.running_mean`, result.runningMean);
      net.state.set(`${name}.running_var`, result.runningVariance);
      undo.push((grad, gradients) => undoNorm(name, grad, x, weight, result, gradients));
      return { data: result.y, shape: x.shape };
    },
    pool: (x) => {
      const { y, places } = maxPoolForward(x.data, x.shape);
      undo.push((grad) => maxPoolBackward(grad, places, x.shape));
      return { data: y, shape: maxPoolOutputShape(x.shape) };
    },
    relu: (x) => {
      undo.push((grad) => reluBackward(grad, x.data));
      return { data: reluForward(x.data), shape: x.shape };
    },
  };
  // Each step of the tape undoes one block (or the stem); within it `undo` is filled afresh.
  const tape: Undo[] = [];
  const take = (): Undo => {
    const steps = undo.splice(0).reverse();
    return (grad, gradients) => steps.reduce((g, step) => step(g, gradients), grad);
  };
  let x = runStem(net, layers, pictures);
  tape.push(take());
  const stages: Activation[] = [];
  for (const block of blocks(net.width)) {
    const input = x;
    const main = mainBranch(layers, block, input);
    const undoMain = take();
    const short = shortcut(layers, block, input);
    const undoShort = take();
    const sum = addActivations(main, short);
    x = layers.relu(sum);
    const undoRelu = take();
    tape.push((grad, gradients) => {
      const gradSum = undoRelu(grad, gradients);
      const gradMain = undoMain(gradSum, gradients);
      const gradShort = undoShort(gradSum, gradients);
      return gradMain.map((value, i) => value + gradShort[i]);
    });
    if (block.last) stages.push(x);
  }
  const { features, logits } = head(net, x);
  const last = x.shape;
  const linearWeight = get(net.state, "linear.weight");
  return {
    logits,
    features,
    stages,
    backward: (gradLogits, gradients) => {
      const sizes = { rows: last[0], inputs: last[1], outputs: net.heads };
      const linear = linearBackward(gradLogits, features, linearWeight, sizes);
      add(gradients, "linear.weight", linear.gradWeight);
      add(gradients, "linear.bias", linear.gradBias);
      let grad = globalAverageBackward(linear.gradInput, last);
      const gradStages: Float64Array[] = [];
      for (let i = tape.length - 1; i >= 0; i--) {
        if (i > 0 && i % 2 === 0) gradStages.unshift(grad); // two blocks after the stem: a stage
        grad = tape[i](grad, gradients);
      }
      return { gradInput: grad, gradStages };
    },
  };
}

/** Forward pass in eval mode, by the running statistics: `[N, heads]`. */
export function resnet18Eval(net: Resnet18, pictures: Activation): Float64Array {
  const layers: Layers = {
    conv: (name, x, options) =>
      runConv(x, get(net.state, `${name}.weight`), convShape(net, name), options),
    norm: (name, x) => {
      const [weight, bias, mean, variance] = normState(net.state, name);
      const data = batchNormEval(x.data, x.shape, weight, bias, mean, variance);
      return { data, shape: x.shape };
    },
    pool: (x) => ({ data: maxPoolForward(x.data, x.shape).y, shape: maxPoolOutputShape(x.shape) }),
    relu: (x) => ({ data: reluForward(x.data), shape: x.shape }),
  };
  let x = runStem(net, layers, pictures);
  for (const block of blocks(net.width)) {
    x = layers.relu(addActivations(mainBranch(layers, block, x), shortcut(layers, block, x)));
  }
  return head(net, x).logits;
}

type Undo = (grad: Float64Array, gradients: State) => Float64Array;

interface Layers {
  conv(name: string, x: Activation, options: Conv2dOptions): Activation;
  norm(name: string, x: Activation): Activation;
  pool(x: Activation): Activation;
  relu(x: Activation): Activation;
}

interface Block {
  name: string;
  input: number;
  output: number;
  stride: number;
  /** Whether it is the second of its stage. */
  last: boolean;
}

function runStem({ stem = "cifar" }: Resnet18, layers: Layers, pictures: Activation): Activation {
  const options = stem === "cifar" ? { stride: 1, padding: 1 } : { stride: 2, padding: 3 };
  const x = layers.relu(layers.norm("bn1", layers.conv("conv1", pictures, options)));
  return stem === "cifar" ? x : layers.pool(x);
}

function blocks(width: number): Block[] {
  return [1, 2, 3, 4].flatMap((stage) => {
    const output = width * 2 ** (stage - 1);
    const input = stage === 1 ? width : output / 2;
    const stride = stage === 1 ? 1 : 2;
    return [
      { name: `layer${stage}.0`, input, output, stride, last: false },
      { name: `layer${stage}.1`, input: output, output, stride: 1, last: true },
    ];
  });
}

function mainBranch(layers: Layers, { name, stride }: Block, x: Activation): Activation {
  const first = layers.conv(`${name}.conv1`, x, { stride, padding: 1 });
  const middle = layers.relu(layers.norm(`${name}.bn1`, first));
  const second = layers.conv(`${name}.conv2`, middle, { stride: 1, padding: 1 });
  return layers.norm(`${name}.bn2`, second);
}

function shortcut(layers: Layers, block: Block, x: Activation): Activation {
  if (block.stride === 1 && block.input === block.output) return x;
  const conv = layers.conv(`${block.name}.shortcut.0`, x, { stride: block.stride, padding: 0 });
  return layers.norm(`${block.name}.shortcut.1`, conv);
}

function head(net: Resnet18, x: Activation): { features: Float64Array; logits: Float64Array } {
  const features = globalAverageForward(x.data, x.shape);
  const weight = get(net.state, "linear.weight");
  const sizes = { rows: x.shape[0], inputs: x.shape[1], outputs: net.heads };
  const logits = linearForward(features, weight, get(net.state, "linear.bias"), sizes);
  return { features, logits };
}

function runConv(
  x: Activation,
  weight: Float64Array,
  weightShape: Shape4,
  options: Conv2dOptions,
): Activation {
  return {
    data: conv2dForward(x.data, x.shape, weight, weightShape, options),
    shape: conv2dOutputShape(x.shape, weightShape, options),
  };
}

function undoNorm(
  name: string,
  grad: Float64Array,
  x: Activation,
  weight: Float64Array,
  result: BatchNormResult,
  gradients: State,
): Float64Array {
  const { gradInput, gradWeight, gradBias } = batchNormBackward(
    grad,
    x.data,
    x.shape,
    weight,
    result,
  );
  add(gradients, `${name}.weight`, gradWeight);
  add(gradients, `${name}.bias`, gradBias);
  return gradInput;
}

function convShape(net: Resnet18, name: string): Shape4 {
  const shape = resnet18ParameterShapes(net.width, net.heads, net.stem).get(`${name}.weight`)!;
  return [shape[0], shape[1], shape[2], shape[3]];
}

function normState(state: State, name: string): Float64Array[] {
  return ["weight", "bias", "running_mean", "running_var"].map((part) =>
    get(state, `${name}.${part}`)
  );
}

function addActivations(a: Activation, b: Activation): Activation {
  return { data: a.data.map((value, i) => value + b.data[i]), shape: a.shape };
}

function add(gradients: State, name: string, gradient: Float64Array): void {
  const sum = gradients.get(name);
  gradients.set(name, sum === undefined ? gradient : sum.map((value, i) => value + gradient[i]));
}

function get(state: State, name: string): Float64Array {
  const value = state.get(name);
  if (value === undefined) throw new TypeError(`Cannot run resnet18: the state has no ${name}`);
  return value;
}
