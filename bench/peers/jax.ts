import {
  type Array as JaxArray,
  defaultDevice,
  init,
  jit,
  lax,
  nn,
  numpy as np,
  tree,
  valueAndGrad,
} from "@jax-js/jax";
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
  weight: JaxArray;
  gamma: JaxArray;
  beta: JaxArray;
}

type Parameters = { [name: string]: Layer } & { linear: Layer };

/** jax-js: the whole step under one `jit`. */
export async function jax({ width, size, batch }: PeerSize): Promise<Peer> {
  if (!(await init("webgpu")).includes("webgpu")) {
    throw new Error("Cannot run jax-js: it finds no WebGPU adapter");
  }
  defaultDevice("webgpu");
  const blocks = blocksOf(width);
  const stem: ConvNorm = { inputs: 3, outputs: width, kernel: 3, stride: 1 };
  const shapes: Record<string, ConvNorm> = { stem };
  blocks.forEach(({ first, second, shortcut }, i) => {
    shapes[`${i}.first`] = first;
    shapes[`${i}.second`] = second;
    if (shortcut) shapes[`${i}.shortcut`] = shortcut;
  });
  const parameters = {} as Parameters;
  Object.entries(shapes).forEach(([name, { inputs, outputs, kernel }], i) => {
    const fan = inputs * kernel ** 2;
    parameters[name] = {
      weight: np.array(normals(outputs * fan, Math.sqrt(2 / fan), i))
        .reshape([outputs, inputs, kernel, kernel]),
      gamma: np.ones([1, outputs, 1, 1]),
      beta: np.zeros([1, outputs, 1, 1]),
    };
  });
  const features = 8 * width;
  parameters.linear = {
    weight: np.array(normals(features * heads, Math.sqrt(1 / features), 99))
      .reshape([features, heads]),
    gamma: np.ones([1]),
    beta: np.zeros([heads]),
  };

  const convNorm = ({ weight, gamma, beta }: Layer, { kernel, stride }: ConvNorm, x: JaxArray) => {
    const padding: [number, number] = kernel === 3 ? [1, 1] : [0, 0];
    const z = lax.convGeneralDilated(x, weight, [stride, stride], [padding, padding]);
    const centered = z.ref.sub(np.mean(z, [0, 2, 3], { keepdims: true }));
    const variance = np.mean(centered.ref.mul(centered.ref), [0, 2, 3], { keepdims: true });
    return centered.div(np.sqrt(variance.add(1e-5))).mul(gamma).add(beta);
  };
  const loss = (p: Parameters, x: JaxArray, target: JaxArray): JaxArray => {
    let y = nn.relu(convNorm(p.stem, stem, x));
    blocks.forEach(({ first, second, shortcut }, i) => {
      const middle = nn.relu(convNorm(p[`${i}.first`], first, y.ref));
      const main = convNorm(p[`${i}.second`], second, middle);
      y = nn.relu(main.add(shortcut ? convNorm(p[`${i}.shortcut`], shortcut, y) : y));
    });
    const { weight, gamma, beta } = p.linear;
    const logits = np.matmul(np.mean(y, [2, 3]), weight).mul(gamma).add(beta);
    return np.sum(nn.logSoftmax(logits, 1).mul(target)).mul(-1 / batch);
  };
  const step = jit((p: Parameters, x: JaxArray, target: JaxArray) => {
    const [value, gradient] = valueAndGrad(loss)(tree.ref(p), x, target);
    const next = tree.map(
      (v: JaxArray, g: JaxArray) => v.sub(g.mul(learningRate)),
      p,
      gradient,
    );
    return { value, next };
  });

  const x = np.array(normals(batch * 3 * size * size, 1, 7)).reshape([batch, 3, size, size]);
  const labels = new Float32Array(batch * heads);
  for (let n = 0; n < batch; n++) labels[n * heads + n % heads] = 1;
  const target = np.array(labels).reshape([batch, heads]);
  let current = parameters;
  return {
    name: "jax-js 0.1.25",
    device: "webgpu",
    async steps(count) {
      let last = NaN;
      for (let i = 0; i < count; i++) {
        const { value, next } = step(current, x.ref, target.ref) as {
          value: JaxArray;
          next: Parameters;
        };
        current = next;
        if (i === count - 1) last = (await value.data())[0];
        else value.dispose();
      }
      return last;
    },
    destroy() {
      tree.dispose(current);
      x.dispose();
      target.dispose();
    },
  };
}
