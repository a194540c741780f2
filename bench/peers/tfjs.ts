import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import {
  blocksOf,
  type ConvNorm,
  heads,
  learningRate,
  normals,
  type Peer,
  type PeerSize,
} from "./peer.ts";

interface Layer {
  readonly weight: tf.Variable;
  readonly gamma: tf.Variable;
  readonly beta: tf.Variable;
}

/** TensorFlow.js with its WebGPU backend. */
export async function tfjs({ width, size, batch }: PeerSize): Promise<Peer> {
  if (!await tf.setBackend("webgpu")) {
    throw new Error("Cannot run TensorFlow.js: its WebGPU backend does not start");
  }
  await tf.ready();
  const layers = new Map<ConvNorm, Layer>();
  const add = (layer: ConvNorm) => {
    const { inputs, outputs, kernel } = layer;
    const fan = inputs * kernel ** 2;
    layers.set(layer, {
      weight: tf.variable(
        tf.tensor4d(normals(outputs * fan, Math.sqrt(2 / fan), layers.size), [
          kernel,
          kernel,
          inputs,
          outputs,
        ]),
      ),
      gamma: tf.variable(tf.ones([outputs])),
      beta: tf.variable(tf.zeros([outputs])),
    });
  };
  const stem: ConvNorm = { inputs: 3, outputs: width, kernel: 3, stride: 1 };
  const blocks = blocksOf(width);
  add(stem);
  for (const { first, second, shortcut } of blocks) {
    [first, second, shortcut].forEach((layer) => layer && add(layer));
  }
  const features = 8 * width;
  const linear = tf.variable(
    tf.tensor2d(normals(features * heads, Math.sqrt(1 / features), 99), [features, heads]),
  );
  const bias = tf.variable(tf.zeros([heads]));

  const convNorm = (layer: ConvNorm, x: tf.Tensor4D): tf.Tensor4D => {
    const { weight, gamma, beta } = layers.get(layer)!;
    const padding = (layer.kernel - 1) / 2;
    const z = tf.conv2d(
      x,
      weight as tf.Tensor as tf.Tensor4D,
      layer.stride,
      padding,
      "NHWC",
      1,
      "floor",
    );
    const { mean, variance } = tf.moments(z, [0, 1, 2]);
    return tf.batchNorm4d(
      z,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      beta as tf.Tensor as tf.Tensor1D,
      gamma as tf.Tensor as tf.Tensor1D,
      1e-5,
    );
  };
  const x = tf.tensor4d(normals(batch * size * size * 3, 1, 7), [batch, size, size, 3]);
  const target = tf.oneHot(
    tf.tensor1d(Array.from({ length: batch }, (_, n) => n % heads), "int32"),
    heads,
  );
  const loss = (): tf.Scalar => {
    let y = tf.relu(convNorm(stem, x));
    for (const { first, second, shortcut } of blocks) {
      const main = convNorm(second, tf.relu(convNorm(first, y)));
      y = tf.relu(tf.add(main, shortcut ? convNorm(shortcut, y) : y));
    }
    const logits = tf.add(
      tf.matMul(tf.mean(y, [1, 2]) as tf.Tensor2D, linear as tf.Tensor as tf.Tensor2D),
      bias,
    );
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), target), 1))) as tf.Scalar;
  };
  const optimizer = tf.train.sgd(learningRate);
  return {
    name: "TensorFlow.js 4.22.0",
    device: tf.getBackend(),
    async steps(count) {
      for (let i = 0; i < count - 1; i++) optimizer.minimize(loss);
      const value = optimizer.minimize(loss, true)!;
      const [last] = await value.data();
      value.dispose();
      return last;
    },
    destroy() {
      tf.disposeVariables();
      x.dispose();
      target.dispose();
    },
  };
}
