import { fileURLToPath } from "node:url";
import { type Knowledge, readKnowledge } from "../src/continual/generation.ts";
import { imageSetOf } from "../src/continual/pictures.ts";
import { Predictor } from "../src/continual/predictor.ts";
import { nightConfig } from "../src/continual/settings.ts";
import { InputError } from "../src/errors.ts";
import { createLearner } from "../src/experiment/build.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { Arena } from "../src/gpu/tensor.ts";
import { LearnerFolder, refuseOther } from "../src/host/learner_folder.ts";
import { readAsked } from "../src/host/learner_images.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import { createImageStore } from "../src/images/image_store.ts";
import { Network } from "../src/net/network.ts";
import { Random } from "../src/random.ts";
import { figures, summarise, type Summary, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";

/** What `wscl bench answers` was asked for. */
export interface AnswersOptions {
  readonly learner: string;
  /** A file or a folder of images. */
  readonly images: string;
  /** Images of one call; those of the folder are asked again until there are so many. */
  readonly count: number;
  readonly rounds: number;
  readonly out: string;
  readonly cacheDir: string;
}

/** One line of `answers.jsonl`. */
interface AnswersResult {
  readonly bench: "answers";
  readonly width: number;
  readonly size: number;
  readonly heads: number;
  readonly images: number;
  /** Milliseconds from the start of a process to the end of `predict` of one image, with the driver's cache warm. */
  readonly first: Summary;
  /** Milliseconds of one call that answers all images. */
  readonly predict: Summary;
  /** Milliseconds of an experiment's evaluation of the same images, which counts answers on the GPU. */
  readonly evaluate: Summary;
}

/** Times a learner's answers: the first one of a process, and many in one call beside an experiment's evaluation. */
export async function benchAnswers(options: AnswersOptions, output: Output): Promise<void> {
  const { learner, images, count, rounds, cacheDir } = options;
  refuseOther(learner);
  const knowledge = await readKnowledge(new LearnerFolder(learner), output.print);
  if (knowledge.state.classes.length === 0) {
    throw new InputError(
      `Cannot time answers: ${learner} knows no class yet; teach it with wscl learn ${learner} DIR`,
    );
  }
  const { width, size, maxClasses } = knowledge.state.settings;
  const found = await readAsked(images, {
    size,
    progress: () => {},
    failed: (message) => output.print(message),
  });
  if (found.length === 0) {
    throw new InputError(`Cannot time answers: no image of ${images} can be read; name others`);
  }
  const pixels = Array.from({ length: count }, (_, image) => found[image % found.length].pixels);

  const once = () => firstAnswer(learner, found[0].from ?? images, cacheDir);
  output.live("first answer");
  await once(); // fills the driver's cache, and tries the kernels if they have not been tried yet
  const first: number[] = [];
  for (let round = 0; round < rounds; round++) first.push(await once());

  const gpu = await openGpu();
  const predictor = new Predictor(gpu, knowledge, count);
  const evaluation = prepareEvaluation(gpu, knowledge, pixels);
  const timed = async (act: () => Promise<unknown>) => {
    const began = performance.now();
    await act();
    return performance.now() - began;
  };
  const times = { predict: [] as number[], evaluate: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    output.live(`${count} images, ${round}/${rounds}`);
    const took = {
      predict: await timed(() => predictor.predict(pixels)),
      evaluate: await timed(evaluation.run),
    };
    if (round === 0) continue; // compiles
    times.predict.push(took.predict);
    times.evaluate.push(took.evaluate);
  }
  output.live("");
  const result: AnswersResult = {
    bench: "answers",
    ...{ width, size, heads: maxClasses, images: count },
    first: summarise(first),
    predict: summarise(times.predict),
    evaluate: summarise(times.evaluate),
  };
  const setting = settingOf(gpu);
  predictor.destroy();
  evaluation.destroy();
  gpu.destroy();
  const row = (name: string, summary: Summary, per: number) => [
    name,
    ...[summary.median, summary.low, summary.high, summary.least].map(figures),
    per > 1 ? figures(1000 * per / summary.median) : "",
  ];
  output.print(`width ${width}, ${size} pixels, ${maxClasses} heads`);
  output.print(table([
    ["", "ms", "low", "high", "least", "images/s"],
    row("process start to first answer", result.first, 1),
    row(`predict ${count} images`, result.predict, count),
    row(`evaluate ${count} images`, result.evaluate, count),
  ]));
  const ratio = summarise(times.predict.map((time, i) => time / times.evaluate[i])).median;
  output.print(`\npredict takes ${figures(ratio)} times as long as an evaluation, round by round`);
  output.print(`written: ${writeResults(options.out, "answers", [result], setting)}`);
}

/** Milliseconds that a process takes to answer one image, as the launcher starts it. */
async function firstAnswer(learner: string, image: string, cacheDir: string): Promise<number> {
  const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
  const began = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-read", `--allow-write=${cacheDir}`],
      ...["--allow-env=WSCL_CACHE_DIR", main, "predict", learner, image],
    ],
    env: { WSCL_CACHE_DIR: cacheDir },
  }).output();
  const took = performance.now() - began;
  if (success) return took;
  throw new Error(`Cannot time a first answer: ${new TextDecoder().decode(stderr).trim()}`);
}

/** What an experiment does when it evaluates a task: images on the GPU, answers counted there. */
function prepareEvaluation(
  gpu: Gpu,
  { state: { settings } }: Knowledge,
  pixels: readonly Uint8Array<ArrayBuffer>[],
) {
  const { size, width, stem, maxClasses: heads } = settings;
  const config = nightConfig(settings, 1);
  const { precision, evaluation: { batchSize: maxRows } } = config;
  const image = { height: size, width: size };
  const network = new Network(gpu, {
    ...{ width, stem, heads, maxRows, precision, height: size, imageWidth: size },
  });
  const learner = createLearner(network, config, {
    augmentRandom: Random.stream(0, "augment"),
    onLosses: () => {},
  });
  const arena = new Arena(gpu, "images", { state: false });
  const store = createImageStore(arena, {
    ...{ ...image, maxRows, label: "test", source: 0, capacity: pixels.length },
  });
  const images = imageSetOf("test", pixels.map((bytes) => ({ pixels: bytes })), size);
  const places = [...pixels.keys()];
  const samples = places.map((place) => ({ from: store, image: place, label: 0 }));
  const all = new Set(Array(heads).keys());
  return {
    run: async () => {
      store.load(images, places);
      await learner.predictions(samples, [all, all], false);
    },
    destroy: () => {
      learner.destroy();
      network.destroy();
      arena.destroy();
    },
  };
}
