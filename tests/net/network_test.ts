/** The network on the adapter against the official recording and the double-precision twin. */

import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { copyTensor, download, type Tensor, upload } from "../../src/gpu/tensor.ts";
import type { Network } from "../../src/net/network.ts";
import type { HostTensor } from "../../src/net/safetensors.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/safetensors_files.ts";
import { BatchRecord } from "../../src/ops/batch_record.ts";
import { recordCrossEntropy } from "../../src/ops/cross_entropy.ts";
import { recordSgd } from "../../src/ops/sgd.ts";
import { Program } from "../../src/gpu/program.ts";
import { Random } from "../../src/random.ts";
import { assertClose } from "../support/assert_close.ts";
import type { Shape4 } from "../../src/reference/conv2d.ts";
import { crossEntropy } from "../../src/reference/cross_entropy.ts";
import { readGolden, readGoldenJson } from "../support/golden.ts";
import {
  type Activation,
  type Resnet18,
  resnet18Eval,
  resnet18ParameterShapes,
  resnet18Train,
  type State,
  type StemKind,
} from "../../src/reference/resnet18.ts";
import { select } from "../support/trace.ts";
import { assertSameBits, gpuTests, Workbench } from "../support/gpu.ts";
import { normals } from "../../src/reference/layout.ts";
import {
  fillGradients,
  gradientsOf,
  hostState,
  irregularState,
  logitsOf,
  setInput,
  setLogitGradient,
  trainPass,
  withNetwork,
} from "../support/network.ts";

const test = await gpuTests();

const golden = await readGolden("resnet18");
const json = await readGoldenJson("resnet18");
const goldenSizes = { width: json.nf, heads: json.classes, height: 32, imageWidth: 32, maxRows: 8 };

function goldenState(prefix: string): Map<string, HostTensor> {
  const entries = [...golden.tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(entries.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

test("the network gives the recorded logits, gradients and statistics", async (gpu) => {
  await withNetwork(gpu, goldenSizes, async (network) => {
    await Workbench.with(gpu, async (bench) => {
      network.load(goldenState("init/"), "the recording");
      const pictures = golden.activation("x");
      const recorded = (name: string) => golden.get(name).data;

      setInput(network, pictures);
      await bench.run(network.recordForward([8], "inference"));
      const before = await logitsOf(network, 8);
      assertClose(
        "recorded logits before, inference",
        before,
        recorded("eval_before/logits"),
        1e-5,
      );

      const labels = [...recorded("labels")];
      const logits = await trainPass(bench, network, [8], pictures, (logits) => {
        const { loss, gradLogits } = crossEntropy(logits, labels, json.classes);
        assertClose("recorded loss", [loss], recorded("train/loss"), 1e-6);
        return gradLogits;
      });
      assertClose("recorded logits, training", logits, recorded("train/logits"), 1e-5);
      const gradients = await gradientsOf(network);
      assert.deepEqual([...gradients.keys()], json.parameter_order);
      for (const [name, gradient] of gradients) {
        assertClose("recorded parameter gradient", gradient, recorded(`grad/${name}`), 1e-4);
      }
      const after = await network.export();
      for (const [name, { data }] of goldenState("after/")) {
        if (name.endsWith("num_batches_tracked")) continue;
        const found = after.get(name)!.data as Float32Array;
        assertClose("recorded running statistic", found, data as Float32Array, 1e-5);
      }

      await bench.run(network.recordForward([8], "inference"));
      const last = await logitsOf(network, 8);
      assertClose("recorded logits after, inference", last, recorded("eval_after/logits"), 1e-5);
    });
  });
});

/** One problem for network and twin. */
interface Problem {
  width: number;
  heads: number;
  height: number;
  imageWidth: number;
  segments: number[];
  stem?: StemKind;
  state: State;
  pictures: Activation;
  labels: number[];
}

function problemOf(
  seed: number,
  sizes: Pick<Problem, "width" | "heads" | "height" | "imageWidth" | "segments" | "stem">,
): Problem {
  const random = Random.stream(seed, "network test");
  const rows = sizes.segments.reduce((a, b) => a + b, 0);
  const shape: Shape4 = [rows, 3, sizes.height, sizes.imageWidth];
  return {
    ...sizes,
    state: irregularState(random, sizes.width, sizes.heads, sizes.stem),
    pictures: { shape, data: normals(random, shape.reduce((a, b) => a * b, 1)) },
    labels: Array.from({ length: rows }, () => random.below(sizes.heads)),
  };
}

function networkSizes({ width, heads, height, imageWidth, labels, stem }: Problem) {
  return { width, heads, height, imageWidth, maxRows: labels.length, stem };
}

/** The twin's passes, one per segment, each with its mean loss. */
function twin({ width, heads, segments, stem, state, pictures, labels }: Problem) {
  const net: Resnet18 = { width, heads, stem, state: new Map(state) };
  const gradients: State = new Map();
  const logits: number[] = [];
  const gradLogits: number[] = [];
  let start = 0;
  for (const rows of segments) {
    const indices = Array.from({ length: rows }, (_, i) => start + i);
    const pass = resnet18Train(net, select(pictures, indices));
    const entropy = crossEntropy(pass.logits, labels.slice(start, start + rows), heads);
    pass.backward(entropy.gradLogits, gradients);
    logits.push(...pass.logits);
    gradLogits.push(...entropy.gradLogits);
    start += rows;
  }
  return { net, gradients, logits, gradLogits, inferred: resnet18Eval(net, pictures) };
}

async function compareWithTwin(gpu: Gpu, problem: Problem): Promise<void> {
  const expected = twin(problem);
  const { width, heads, segments, stem, pictures, labels } = problem;
  await withNetwork(gpu, networkSizes(problem), async (network) => {
    await Workbench.with(gpu, async (bench) => {
      network.load(hostState(problem.state, width, heads, stem), "the test");
      fillGradients(network, NaN);
      // The twin's own gradient of the logits: what is compared is the network alone.
      const logits = await trainPass(
        bench,
        network,
        segments,
        pictures,
        () => Float64Array.from(expected.gradLogits),
      );
      assertClose("network logits, training", logits, expected.logits, 1e-5);
      for (const [name, gradient] of await gradientsOf(network)) {
        // A gradient that nearly cancels is mostly rounding; in a network one channel wide it can: a 1x1 shortcut of
        // one channel only scales it, and batch norm takes all scales alike.
        const [what, limit] = width === 1 ? [" of width 1", 5e-3] : ["", 1e-4];
        assertClose(`network gradient${what}`, gradient, expected.gradients.get(name)!, limit);
      }
      const state = await network.export();
      for (const [name, values] of expected.net.state) {
        const found = state.get(name)!.data as Float32Array;
        assertClose("network state", found, values, 1e-5);
      }
      await bench.run(network.recordForward([labels.length], "inference"));
      const inferred = await logitsOf(network, labels.length);
      assertClose("network logits, inference", inferred, expected.inferred, 1e-5);
      await assertPaddingZero(bench, network);
    });
  });
}

/** Every place of the tables that no official array stands for holds zero, in activations too. */
async function assertPaddingZero(bench: Workbench, network: Network): Promise<void> {
  const { activations, values, running } = network;
  const tensors: [Tensor, number][] = [...activations.outputs].map(([name, tensor]) => {
    const layers = [network.architecture.stem, ...network.architecture.blocks.map((b) => b.second)];
    const block = network.architecture.blocks.find((b) => b.first.conv === name);
    const owner = block?.first ?? layers.find(({ conv }) => conv.startsWith(name)) ?? layers[0];
    return [tensor, owner.outputChannels];
  });
  const read = await bench.read(values, running, ...tensors.map(([tensor]) => tensor));
  read.slice(2).forEach((data, i) => {
    const [tensor, channels] = tensors[i];
    const step = tensor.shape[3];
    assert(data.every((v, at) => at % step < channels || v === 0), `padding of ${tensor.label}`);
  });
  const owned = [...(await network.export()).values()]
    .filter(({ dtype }) => dtype === "F32")
    .reduce((sum, { data }) => sum + (data as Float32Array).reduce((n, v) => n + +(v !== 0), 0), 0);
  const nonZero = [read[0], read[1]]
    .reduce((sum, data) => sum + (data as Float32Array).reduce((n, v) => n + +(v !== 0), 0), 0);
  assert.equal(nonZero, owned, "values in the padding of the tables");
}

const shapes: [string, Parameters<typeof problemOf>[1]][] = [
  ["width 4", { width: 4, heads: 10, height: 16, imageWidth: 16, segments: [6] }],
  ["width 6, 17 pixels", { width: 6, heads: 7, height: 17, imageWidth: 17, segments: [5] }],
  ["width 5, 9x14 pixels", { width: 5, heads: 3, height: 9, imageWidth: 14, segments: [4] }],
  ["width 1, one head more than 4", {
    width: 1,
    heads: 5,
    height: 8,
    imageWidth: 8,
    segments: [7],
  }],
  ["segments of 3 and 5", { width: 4, heads: 6, height: 16, imageWidth: 16, segments: [3, 5] }],
  ["4 segments", { width: 3, heads: 6, height: 12, imageWidth: 11, segments: [2, 4, 3, 2] }],
  ["an imagenet stem, 64 pixels", {
    ...{ width: 4, heads: 5, height: 64, imageWidth: 64 },
    ...{ segments: [2], stem: "imagenet" as const },
  }],
  ["an imagenet stem, 37x30 pixels, two segments", {
    ...{ width: 5, heads: 3, height: 37, imageWidth: 30 },
    ...{ segments: [4, 3], stem: "imagenet" as const },
  }],
  ["one pixel at the end", { width: 4, heads: 4, height: 7, imageWidth: 5, segments: [9, 6] }],
];
for (const [index, [name, sizes]] of shapes.entries()) {
  test(`the network agrees with the twin: ${name}`, async (gpu) => {
    await compareWithTwin(gpu, problemOf(index, sizes));
  });
}

const mixedShapes: [string, Parameters<typeof problemOf>[1]][] = [
  ["width 8, two segments", {
    width: 8,
    heads: 6,
    height: 16,
    imageWidth: 16,
    segments: [8, 6],
  }],
  ["width 5, 17x9 pixels", { width: 5, heads: 3, height: 17, imageWidth: 9, segments: [7] }],
  ["an imagenet stem", {
    ...{ width: 6, heads: 3, height: 48, imageWidth: 36 },
    ...{ segments: [4, 3], stem: "imagenet" as const },
  }],
];
for (const [index, [name, sizes]] of mixedShapes.entries()) {
  test(`mixed precision: the forward pass stays near the twin's, the backward pass is the same: ${name}`, async (gpu) => {
    const problem = problemOf(40 + index, sizes);
    const expected = twin(problem);
    const { width, heads, segments, stem, pictures, labels } = problem;
    const state = hostState(problem.state, width, heads, stem);
    const options = networkSizes(problem);
    await withNetwork(gpu, { ...options, precision: "mixed" }, async (mixed) => {
      await Workbench.with(gpu, async (bench) => {
        const pass = async () => {
          mixed.load(state, "the test");
          fillGradients(mixed, NaN);
          const logits = await trainPass(
            bench,
            mixed,
            segments,
            pictures,
            () => Float64Array.from(expected.gradLogits),
          );
          return { logits, gradients: await gradientsOf(mixed), state: await mixed.export() };
        };
        const found = await pass();
        assert.deepEqual(await pass(), found, "the same bits again");
        await assertPaddingZero(bench, mixed);

        // Of f16's 11 bits a rounding costs at most 2^-11 of a value. The logits are 36 roundings away from the pixels:
        // the input's, z and y of 17 layers, one shortcut's; these are independent, so their squares add up. Twice
        // that, because batch norm subtracts a mean as large as what is left.
        const tolerance = 2 * Math.sqrt(36) * 2 ** -11;
        assertClose("mixed logits, training", found.logits, expected.logits, tolerance);
        for (const [name, values] of expected.net.state) {
          const data = found.state.get(name)!.data as Float32Array;
          assertClose("mixed running statistic", data, values, tolerance);
        }
        await bench.run(mixed.recordForward([labels.length], "inference"));
        const inferred = await logitsOf(mixed, labels.length);
        assertClose("mixed logits, inference", inferred, expected.inferred, tolerance);
        // A ReLU's input that lies within rounding of 0 may change its sign, for one in 2000 here: gradients differ
        // from the twin's by a tenth then. So the backward pass is compared on the same activations.
        await pass();
        await withNetwork(gpu, options, async (full) => {
          full.load(state, "the test");
          fillGradients(full, NaN);
          await copyActivations(mixed, full);
          await bench.run(full.recordBackward(segments));
          for (const [name, gradient] of await gradientsOf(full)) {
            assertClose("mixed gradient", found.gradients.get(name)!, gradient, 1e-6);
          }
        });
      });
    });
  });
}

/** Gives a network what a forward pass left in another, and its gradient of the logits. */
async function copyActivations(from: Network, to: Network): Promise<void> {
  const tensors = ({ activations }: Network) => [
    ...[activations.input, activations.features, activations.gLogits],
    ...activations.outputs.values(),
    ...activations.poolTaps ? [activations.poolTaps] : [],
    ...[...activations.layers.values()].flatMap(({ z, statistics }) => [z, statistics]),
  ];
  const targets = tensors(to);
  const values = await download(from.gpu, tensors(from));
  values.forEach((data, i) => upload(to.gpu, targets[i], data));
}

test("a forward pass of several segments equals one pass per segment", async (gpu) => {
  const sizes = { width: 4, heads: 6, height: 8, imageWidth: 8, segments: [3, 5] };
  const problem = problemOf(20, sizes);
  await withNetwork(gpu, networkSizes(problem), async (network) => {
    await Workbench.with(gpu, async (bench) => {
      const state = hostState(problem.state, 4, 6);
      network.load(state, "the test");
      setInput(network, problem.pictures);
      await bench.run(network.recordForward([3, 5], "training"));
      const together = [await logitsOf(network, 8), await network.export()] as const;
      network.load(state, "the test");
      const apart: number[] = [];
      for (const indices of [[0, 1, 2], [3, 4, 5, 6, 7]]) {
        setInput(network, select(problem.pictures, indices));
        await bench.run(network.recordForward([indices.length], "training"));
        apart.push(...await logitsOf(network, indices.length));
      }
      assert.deepEqual([...together[0]], apart);
      assert.deepEqual(await network.export(), together[1]);
    });
  });
});

test("recording refuses more rows than there is room for, and empty segments", async (gpu) => {
  const sizes = { width: 1, heads: 2, height: 8, imageWidth: 8, maxRows: 4 };
  await withNetwork(gpu, sizes, (network) => {
    assert.throws(() => network.recordForward([3, 2], "training"), /room for 4 rows/);
    assert.throws(() => network.recordForward([0, 2], "training"), RangeError);
    for (const blocks of [-1, 7, 1.5]) assert.throws(() => network.freeze(blocks), RangeError);
    return Promise.resolve();
  });
});

for (const stem of ["cifar", "imagenet"] as const) {
  for (const precision of ["full", "mixed"] as const) {
    test(`a network for inference gives the same bits in a fraction of the memory: ${stem} stem, ${precision}`, async (gpu) => {
      const problem = problemOf(40, {
        ...{ width: 6, heads: 5, height: 37, imageWidth: 30, segments: [3], stem },
      });
      const options = { ...networkSizes(problem), precision };
      const state = hostState(problem.state, 6, 5, stem);
      await Workbench.with(gpu, async (bench) => {
        const logitsAndBytes = async (use: "training" | "inference") => {
          const before = gpu.memory.bytes;
          let found: readonly [Float64Array, number];
          await withNetwork(gpu, { ...options, use }, async (network) => {
            const bytes = gpu.memory.bytes - before;
            network.load(state, "the test");
            // Twice, and fewer images behind more: nothing of the first pass is left in the second.
            for (const rows of [3, 2]) {
              setInput(network, problem.pictures);
              await bench.run(network.recordForward([rows], "inference"));
            }
            found = [await logitsOf(network, 3), bytes];
            if (use === "training") return;
            for (
              const refused of [
                () => network.recordForward([3], "training"),
                () => network.recordForward([3], "inference", 1),
                () => network.recordBackward([3]),
              ]
            ) assert.throws(refused, /Cannot record .*: the network is for inference/);
          });
          return found!;
        };
        const [expected, most] = await logitsAndBytes("training");
        const [logits, least] = await logitsAndBytes("inference");
        assertSameBits(Float32Array.from(logits), Float32Array.from(expected), "logits");
        assert(least < 0.6 * most, `${least} of ${most} bytes`);
      });
    });
  }

  test(`with k blocks frozen the plastic gradients keep every bit, in fewer launches: ${stem} stem`, async (gpu) => {
    const size = stem === "cifar" ? 8 : 32;
    const sizes = { width: 4, heads: 6, height: size, imageWidth: size, segments: [3, 4], stem };
    const problem = problemOf(21, sizes);
    await withNetwork(gpu, networkSizes(problem), async (network) => {
      await Workbench.with(gpu, async (bench) => {
        network.load(hostState(problem.state, 4, 6, stem), "the test");
        setInput(network, problem.pictures);
        await bench.run(network.recordForward(sizes.segments, "training"));
        const gradLogits = twin(problem).gradLogits;
        let launches = Infinity;
        let whole: Map<string, Float32Array> | undefined;
        const frozenNames: string[][] = [
          [],
          ...Object.values(json.frozen_parameters_for_candidate),
        ] as string[][];
        assert.equal(frozenNames.length, 7);
        for (const [blocks, frozen] of frozenNames.entries()) {
          network.freeze(blocks);
          assert.equal(network.frozenBlocks, blocks);
          fillGradients(network, -7);
          setLogitGradient(network, gradLogits, 7);
          const backward = network.recordBackward(sizes.segments);
          assert(backward.length < launches, `${backward.length} launches for ${blocks} blocks`);
          launches = backward.length;
          await bench.run(backward);
          const gradients = await gradientsOf(network);
          whole ??= gradients;
          for (const [name, gradient] of gradients) {
            if (frozen.includes(name)) {
              assert(gradient.every((g) => g === -7), `${name} was computed`);
            } else {assertSameBits(
                gradient,
                whole.get(name)!,
                `${name} behind ${blocks} frozen blocks`,
              );}
          }
        }
      });
    });
  });
}

test("the mask of k frozen blocks covers the official parameters and no others", async (gpu) => {
  const sizes = { width: 3, heads: 5, height: 8, imageWidth: 8, maxRows: 2 };
  await withNetwork(gpu, sizes, async (network) => {
    const frozenNames = Object.values(json.frozen_parameters_for_candidate) as string[][];
    for (const [index, frozen] of [[], ...frozenNames].entries()) {
      network.freeze(index);
      const [mask] = await download(gpu, [network.mask]);
      for (const entry of network.table.learned) {
        const part = mask.subarray(entry.offset / 4, (entry.offset + entry.length) / 4);
        const expected = frozen.includes(`${entry.name}.weight`) ? 0 : 1;
        assert(
          part.every((open) => open === expected),
          `${entry.name} with ${index} blocks frozen`,
        );
      }
    }
  });
});

test("a loaded state is exported bit by bit, through a file too", async (gpu) => {
  const folder = await Deno.makeTempDir({ prefix: "wscl-test-" });
  try {
    for (const [width, heads] of [[5, 3], [4, 8]]) {
      const sizes = { width, heads, height: 8, imageWidth: 8, maxRows: 2 };
      await withNetwork(gpu, sizes, async (network) => {
        const random = Random.stream(width, "export test");
        const state = hostState(irregularState(random, width, heads), width, heads);
        for (const name of [...state.keys()].filter((name) => name.endsWith("running_mean"))) {
          const counter = { dtype: "I64", shape: [], data: BigInt64Array.of(41n) } as const;
          state.set(name.replace("running_mean", "num_batches_tracked"), { ...counter, shape: [] });
        }
        network.load(state, "the test");
        assert.equal(network.batchesTracked, 41);
        const exported = await network.export();
        assert.deepEqual([...exported.keys()].sort(), [...state.keys()].sort());
        for (const [name, tensor] of state) assert.deepEqual(exported.get(name), tensor, name);
        const path = `${folder}/state.safetensors`;
        await writeSafetensors(path, exported);
        network.initialize(random);
        assert.equal(network.batchesTracked, 0);
        network.load((await readSafetensors(path)).tensors, path);
        assert.deepEqual(await network.export(), exported);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

test("a state that does not fit is refused and changes nothing", async (gpu) => {
  const sizes = { width: 2, heads: 3, height: 8, imageWidth: 8, maxRows: 2 };
  await withNetwork(gpu, sizes, async (network) => {
    const random = Random.stream(0, "load test");
    const good = hostState(irregularState(random, 2, 3), 2, 3);
    network.load(good, "good.safetensors");
    const before = await network.export();
    const other = hostState(irregularState(random, 2, 3), 2, 3);
    const refuse = (change: (state: Map<string, HostTensor>) => void, message: RegExp) => {
      const state = new Map(other);
      change(state);
      assert.throws(() => network.load(state, "bad.safetensors"), (error: Error) => {
        assert(error instanceof InputError);
        assert.match(error.message, /^Cannot load weights from bad\.safetensors: /);
        assert.match(error.message, message);
        return true;
      });
    };
    refuse((state) => state.delete("linear.bias"), /linear\.bias is missing/);
    refuse((state) => state.delete("layer4.1.bn2.running_var"), /bn2\.running_var is missing/);
    refuse(
      (state) =>
        state.set("linear.weight", {
          dtype: "F32",
          shape: [4, 16],
          data: new Float32Array(64),
        }),
      /linear\.weight is F32 \[4,16\], this network has F32 \[3,16\]; set network\.width/,
    );
    refuse(
      (state) => state.set("bn1.bias", { dtype: "I32", shape: [2], data: new Int32Array(2) }),
      /bn1\.bias is of type I32, weights are floating-point numbers; convert them to float32/,
    );
    assert.deepEqual(await network.export(), before);
  });
});

test("a snapshot brings back parameters, velocities and statistics", async (gpu) => {
  const sizes = { width: 2, heads: 3, height: 8, imageWidth: 8, maxRows: 2 };
  await withNetwork(gpu, sizes, async (network) => {
    const random = Random.stream(0, "snapshot test");
    network.initialize(random);
    const velocities = Float32Array.from(normals(random, network.velocities.length));
    upload(gpu, network.velocities, velocities);
    network.batchesTracked = 5;
    const tables = [network.values, network.velocities, network.running];
    const before = await download(gpu, tables);
    const snapshot = network.snapshot("test");
    network.save(snapshot);
    network.initialize(random);
    copyTensor(gpu, [[network.values, network.velocities]]);
    network.batchesTracked = 6;
    assert.notDeepEqual(await download(gpu, tables), before);
    network.restore(snapshot);
    assert.deepEqual(await download(gpu, tables), before);
    assert.equal(network.batchesTracked, 5);
    snapshot.destroy();
  });
});

test("initialize() draws by PyTorch's rules, the same from equal seeds", async (gpu) => {
  const sizes = { width: 8, heads: 10, height: 8, imageWidth: 8, maxRows: 2 };
  await withNetwork(gpu, sizes, async (network) => {
    network.initialize(Random.stream(3, "init"));
    const state = await network.export();
    for (const [name, shape] of resnet18ParameterShapes(8, 10)) {
      const data = state.get(name)!.data as Float32Array;
      if (shape.length > 1 || name === "linear.bias") {
        const fanIn = name === "linear.bias" ? 64 : shape.slice(1).reduce((a, b) => a * b, 1);
        const bound = 1 / Math.sqrt(fanIn);
        assert(data.every((value) => Math.abs(value) <= bound), name);
        // Of n uniform draws the largest lies within 10 / n of the bound, nearly always.
        const largest = data.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        assert(largest > bound * (1 - 10 / data.length), name);
        const mean = data.reduce((a, b) => a + b, 0) / data.length;
        assert(Math.abs(mean) < 4 * bound / Math.sqrt(3 * data.length), name);
      } else {
        assert(data.every((value) => value === (name.endsWith("weight") ? 1 : 0)), name);
      }
    }
    assert(state.get("bn1.running_mean")!.data.every((value) => value === 0));
    assert(state.get("bn1.running_var")!.data.every((value) => value === 1));
    network.initialize(Random.stream(3, "init"));
    assert.deepEqual(await network.export(), state);
    const count = [...resnet18ParameterShapes(8, 10).values()]
      .reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assert.equal(network.parameterCount, count);
  });
});

for (const precision of ["full", "mixed"] as const) {
  test(`a network of ${precision} precision can learn one batch by heart`, async (gpu) => {
    const sizes = { width: 4, heads: 4, height: 8, imageWidth: 8, segments: [8] };
    const problem = problemOf(30, sizes);
    await withNetwork(gpu, { ...networkSizes(problem), precision }, async (network) => {
      await Workbench.with(gpu, async (bench) => {
        network.initialize(Random.stream(0, "init"));
        const { logits, gLogits, rowLosses } = network.activations;
        const batch = new BatchRecord(bench.arena, { maxRows: 8, maxMasks: 1, heads: 4 });
        const losses = bench.f32(1);
        const row = { source: 0, index: 0, top: 0, left: 0, flip: false, mask: 0, slot: -1 };
        batch.write(
          { lossSlot: 0, learningRate: 0.1 },
          problem.labels.map((label) => ({ ...row, label, weight: 1 / 8 })),
          [new Set([0, 1, 2, 3])],
        );
        setInput(network, problem.pictures);
        const { values, gradients, velocities, mask } = network;
        const program = await Program.build(gpu, "overfit", [
          ...network.recordForward([8], "training"),
          recordCrossEntropy({
            rows: 8,
            heads: 4,
            batch: batch.tensor,
            logits,
            gLogits,
            rowLosses,
            losses,
          }),
          ...network.recordBackward([8]),
          recordSgd({
            momentum: 0.9,
            weightDecay: 0,
            nesterov: false,
            batch: batch.tensor,
            gradients,
            mask,
            values,
            velocities,
          }),
        ]);
        for (let step = 0; step < 40; step++) program.run();
        program.destroy();
        const [[loss]] = await bench.read(losses);
        console.log(`loss of one batch after 40 steps: ${loss}`);
        assert(loss < 0.05, `loss after 40 steps: ${loss}`);
        await assertPaddingZero(bench, network);
      });
    });
  });
}
