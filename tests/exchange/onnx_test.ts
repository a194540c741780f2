/** What is exported as ONNX answers as the program does: onnxruntime is asked. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { newborn } from "../../src/continual/birth.ts";
import {
  type Generation,
  generationFiles,
  generationName,
} from "../../src/continual/generation.ts";
import type { LearnerSettings } from "../../src/continual/settings.ts";
import { Predictor } from "../../src/continual/predictor.ts";
import { encodeOnnx } from "../../src/exchange/onnx.ts";
import { onnxOfResNet18 } from "../../src/exchange/onnx_resnet18.ts";
import { exportModel } from "../../src/host/export_model.ts";
import { readExported, trainedNetwork } from "../../src/host/exported.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { loadConfig } from "../../src/host/load_config.ts";
import { openMaterials } from "../../src/host/open_materials.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/net/safetensors.ts";
import { Random } from "../../src/random.ts";
import { InputError } from "../../src/errors.ts";
import { withFolder } from "../data/fixtures.ts";
import { noReaders, read } from "../readers/readers.ts";
import { runTiny } from "../reliability/tiny.ts";
import { gpuTests } from "../support/gpu.ts";

const onAdapter = await gpuTests();
/** Needs an adapter and the readers. */
const gpuTest: typeof onAdapter = noReaders
  ? (name) => Deno.test.ignore(name, () => {})
  : onAdapter;

interface Answer {
  readonly shape: readonly number[];
  readonly logits: readonly number[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputShape: readonly { readonly dimValue?: number; readonly dimParam?: string }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly operations: readonly string[];
  readonly producerName: string;
}

/** Heads of three classes, out of order and with free ones between them. */
const taken = [["owl", 4], ["cat", 0], ['a "quoted" name', 2]] as const;

/** A learner whose every number is drawn, running statistics and batch norm included. */
async function strangeLearner(settings: Partial<LearnerSettings>): Promise<Generation> {
  const born = await newborn({ settings: { width: 4, maxClasses: 6, ...settings } });
  const random = Random.stream(7, "onnx test");
  const { tensors, metadata } = decodeSafetensors(born.model);
  for (const [name, { dtype, data }] of tensors) {
    if (dtype !== "F32" || name.endsWith("conv1.weight")) continue;
    const norm = /\.(bn\d|1)\.weight$|^bn1\.weight$|running_var$/.test(name);
    for (let i = 0; i < data.length; i++) {
      data[i] += norm ? random.uniform() : 0.3 * random.normal();
    }
  }
  const exam = { images: 0, right: 0 };
  const classes = taken.map(([name, head]) => ({ name, head, taught: 9, remembered: 0, exam }));
  return {
    ...born,
    state: { ...born.state, classes },
    model: encodeSafetensors(tensors, metadata),
  };
}

/** Bytes `[size, size, 3]` as an ONNX file takes them: f32, colours first. */
function planes(pixels: Uint8Array): Float32Array<ArrayBuffer> {
  const area = pixels.length / 3;
  return Float32Array.from(pixels, (_, i) => pixels[i % area * 3 + Math.floor(i / area)]);
}

/** Asks onnxruntime. */
async function ask(
  model: string,
  images: readonly Uint8Array[],
  size: number,
): Promise<Answer> {
  const file = `${model}.f32`;
  Deno.writeFileSync(
    file,
    new Uint8Array(Float32Array.from(images.flatMap((pixels) => [...planes(pixels)])).buffer),
  );
  return await read<Answer>("ask_onnx.ts", model, file, String(images.length), String(size));
}

for (
  const { stem, size } of [{ stem: "cifar", size: 16 }, { stem: "imagenet", size: 64 }] as const
) {
  gpuTest(
    `onnxruntime gives the logits of a learner with the ${stem} stem`,
    (gpu) =>
      withFolder(async (folder) => {
        const generation = await strangeLearner({ stem, size });
        const learner = join(folder, "learner");
        const store = new LearnerFolder(learner);
        await store.write("generations", generationName(0), generationFiles(generation));
        const out = join(folder, "model.onnx");
        const written = await exportModel(learner, {
          format: "onnx",
          out,
          half: false,
          warn: assert.fail,
        });
        assert.equal(Deno.statSync(out).size, written);

        const random = Random.stream(1, "images");
        const images = Array.from(
          { length: 3 },
          () => Uint8Array.from({ length: size * size * 3 }, () => random.below(256)),
        );
        const predictor = new Predictor(gpu, generation);
        const ours = await predictor.logits(images);
        predictor.destroy();
        const answer = await ask(out, images, size);
        const heads = [0, 2, 4];
        assert.deepEqual(answer.shape, [3, 3]);
        const expected = images.flatMap((_, row) => heads.map((head) => ours[row * 6 + head]));
        const spread = Math.max(...expected) - Math.min(...expected);
        assert(spread > 0.5, `all logits are alike: ${expected}`);
        answer.logits.forEach((logit, i) => {
          assert(Math.abs(logit - expected[i]) < 1e-4, `logit ${i}: ${logit}, not ${expected[i]}`);
        });

        assert.deepEqual([answer.inputNames, answer.outputNames], [["image"], ["logits"]]);
        assert.deepEqual(answer.inputShape, [
          { dimParam: "batch" },
          ...[3, size, size].map((dimValue) => ({ dimValue })),
        ]);
        assert.deepEqual(JSON.parse(answer.metadata.classes), ["cat", 'a "quoted" name', "owl"]);
        assert.deepEqual(JSON.parse(answer.metadata.heads), heads);
        assert.equal(answer.metadata.size, String(size));
        assert.equal(answer.producerName, "wscl");
        const counts = Map.groupBy(answer.operations, (op) => op);
        assert.equal(counts.get("Conv")?.length, 20);
        assert.equal(counts.get("BatchNormalization")?.length, 20);
        assert.equal(counts.get("MaxPool")?.length, stem === "imagenet" ? 1 : undefined);
      }),
  );
}

gpuTest(
  "an exported run answers as many test images right as its summary says",
  () =>
    withFolder(async (folder) => {
      const out = join(folder, "run");
      Deno.mkdirSync(out);
      const { summary } = await runTiny({ out });
      const model = join(folder, "model.onnx");
      await exportModel(out, { format: "onnx", out: model, half: false, warn: assert.fail });
      const config = await loadConfig(join(out, "config.json"));
      const cacheDir = join(folder, "cache");
      const { dataset: { test }, tasks } = await openMaterials(config, {
        ...{ dataRoot: out, cacheDir, progress: () => {}, warn: assert.fail },
      });
      const asked = tasks.flatMap((task) => [...task.test]);
      const answer = await ask(model, asked.map((image) => imagePixels(test, image)), 8);
      const classes: string[] = JSON.parse(answer.metadata.classes);
      const isRight = new Map(asked.map((image, row) => {
        const logits = answer.logits.slice(row * classes.length, (row + 1) * classes.length);
        const name = classes[logits.indexOf(Math.max(...logits))];
        return [image, name === test.classNames[test.labels[image]]] as const;
      }));
      const accuracies = tasks.map((task) =>
        100 * [...task.test].filter((image) => isRight.get(image)).length / task.test.length
      );
      assert.deepEqual(accuracies, summary.classIl.matrix.at(-1));
    }),
);

Deno.test("logits that are adjusted in evaluation are adjusted in the file", async () => {
  const generation = await strangeLearner({ size: 16 });
  const { tensors } = decodeSafetensors(generation.model);
  await withFolder(async (folder) => {
    const store = new LearnerFolder(join(folder, "learner"));
    await store.write("generations", generationName(0), generationFiles(generation));
    const network = trainedNetwork(await readExported(join(folder, "learner"), assert.fail));
    const shift = Float32Array.of(1, 2, 3, 4, 5, 6);
    const labels = { name: "n", about: "", producer: { name: "p", version: "1" } };
    const bias = (
      model = onnxOfResNet18(network, labels),
    ) => [...model.constants.find(({ name }) => name === "linear.bias")!.data];
    const plain = [0, 2, 4].map((head) => Number(tensors.get("linear.bias")!.data[head]));
    assert.deepEqual(bias(), plain);
    const shifted = bias(onnxOfResNet18({ ...network, shift }, labels));
    assert.deepEqual(shifted, plain.map((value, i) => Math.fround(value + [1, 3, 5][i])));
  });
});

Deno.test("a constant that does not fill its shape is refused", () => {
  const labels = { name: "n", about: "", producer: { name: "p", version: "1" } };
  const constants = [{ name: "c", shape: [2, 2], data: new Float32Array(3) }];
  const nothing = { nodes: [], inputs: [], outputs: [], metadata: {} };
  assert.throws(() => encodeOnnx({ ...labels, ...nothing, constants }), {
    name: "TypeError",
    message: "Cannot write constant c: shape [2,2] does not hold 3 values",
  });
});

Deno.test("a learner that knows no classes, and F16, are no ONNX; nothing is written then", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    const born = await newborn({ settings: { width: 4, size: 16 } });
    await new LearnerFolder(learner).write("generations", generationName(0), generationFiles(born));
    const card = join(folder, "README.md");
    const options = {
      format: "onnx",
      out: join(folder, "m.onnx"),
      card,
      warn: assert.fail,
    } as const;
    await assert.rejects(exportModel(learner, { ...options, half: false }), (error: Error) => {
      return error instanceof InputError && /knows no classes yet/.test(error.message);
    });
    await assert.rejects(exportModel(learner, { ...options, half: true }), /in F32 only/);
    Deno.writeTextFileSync(card, "mine");
    await assert.rejects(
      exportModel(learner, { ...options, half: false }),
      /README.md: it is there already; .* --card/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "README.md",
      "learner",
    ]);
  }));
