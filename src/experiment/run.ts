import { type Gpu, openGpu } from "../gpu/device.ts";
import { readSafetensors, writeSafetensors } from "../net/safetensors.ts";
import { Random } from "../random.ts";
import { assemble, type Assembly } from "./build.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { RunEvent } from "./events.ts";
import { learnTasks, type Results } from "./learn_tasks.ts";
import { RunLog } from "./log.ts";
import { type Materials, openMaterials } from "./materials.ts";
import { summarizeMatrix } from "./metrics.ts";
import { runFolder, writeJson } from "./run_folder.ts";
import { StepReporter } from "./step_reporter.ts";
import type { AccuracySummary, Summary } from "./summary.ts";
import type { RunOptions } from "./worker_messages.ts";

/** Thrown between two steps once the user has asked to stop. */
class Interrupted extends Error {}

/**
 * Runs an experiment from data to summary: for each task choose heads, learn, evaluate. Leaves `config.json`,
 * `log.jsonl`, `model.safetensors` and `summary.json` in `options.out`, also when it is asked to stop (the summary then
 * says `completed: false`).
 *
 * @throws {InputError} for data, configuration or weights that do not fit, before any training.
 */
export async function runExperiment(
  config: ExperimentConfig,
  options: RunOptions,
): Promise<Summary> {
  const started = performance.now();
  const folder = runFolder(options.out);
  writeJson(folder.config, config);
  const log = new RunLog(folder.log);
  const emit = (event: RunEvent) => {
    log.write(event);
    options.emit(event);
  };
  let gpu: Gpu | null = null;
  let assembly: Assembly | null = null;
  try {
    emit({ type: "phase", task: null, phase: "data" });
    const materials = await openMaterials(config, {
      dataRoot: options.dataRoot,
      cacheDir: options.cacheDir,
      progress: noteProgress(options.emit),
      warn: (text) => emit({ type: "message", text }),
    });
    const init = options.init === null ? null : await readSafetensors(options.init);
    gpu = await openGpu();
    const reporter = new StepReporter(emit);
    assembly = assemble(gpu, config, materials, {
      onLosses: (losses) => reporter.report(losses),
      begin: (phase, steps) => reporter.begin(phase, steps),
      checkpoint: () => {
        if (options.shouldStop()) throw new Interrupted("Stopped on request");
      },
    });
    const { network, session: { learner } } = assembly;
    network.initialize(Random.stream(config.seed, "init"));
    if (init) network.load(init.tensors, options.init!);
    emit(startEvent(gpu, config, materials, network.parameterCount));

    const results: Results = {
      classIl: { matrix: [], beforeTraining: [], baseline: [] },
      taskIl: { matrix: [], beforeTraining: [], baseline: [] },
      freezing: [],
      heads: [],
      trainingSeconds: 0,
    };
    let completed = true;
    try {
      await learnTasks(config, materials, assembly, { emit, reporter, results });
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      completed = false;
      await learner.readLosses();
      emit({ type: "message", text: "Stopped on request; the model as it is now is saved" });
    }
    emit({ type: "phase", task: null, phase: "saving" });
    await writeSafetensors(folder.model, await network.export(), { format: "pt" });
    const summary: Summary = {
      method: config.method,
      schedule: config.method === "wscl" ? config.wscl.schedule : null,
      dataset: materials.dataset.name,
      seed: config.seed,
      tasks: config.data.tasks,
      classIl: accuracySummary(results.classIl, config, completed),
      taskIl: accuracySummary(results.taskIl, config, completed),
      freezing: results.freezing,
      heads: results.heads,
      samplesPerSecond: results.trainingSeconds > 0 ? learner.rows / results.trainingSeconds : 0,
      steps: learner.steps,
      seconds: (performance.now() - started) / 1000,
      adapter: gpu.adapter.description || gpu.adapter.vendor,
      denoVersion: Deno.version.deno,
      completed,
    };
    writeJson(folder.summary, summary);
    emit({ type: "end", summary });
    return summary;
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    emit({ type: "error", name, message });
    throw error;
  } finally {
    assembly?.destroy();
    gpu?.destroy();
    log.close();
  }
}

function startEvent(
  gpu: Gpu,
  config: ExperimentConfig,
  materials: Materials,
  parameters: number,
): RunEvent {
  const { dataset, dreams } = materials;
  const count = (part: "train" | "test") =>
    materials.tasks.reduce((sum, task) => sum + task[part].length, 0);
  return {
    type: "start",
    adapter: gpu.adapter.description || gpu.adapter.vendor,
    denoVersion: Deno.version.deno,
    data: {
      name: dataset.name,
      classes: config.data.tasks * config.data.classesPerTask,
      train: count("train"),
      test: count("test"),
      dreams: dreams?.count ?? 0,
    },
    parameters,
  };
}

function accuracySummary(
  measured: Results["classIl"],
  config: ExperimentConfig,
  completed: boolean,
): AccuracySummary {
  const { matrix } = measured;
  const none = {
    finalAverage: null,
    backwardTransfer: null,
    forwardTransfer: null,
    forgetting: null,
  };
  if (!completed) return { matrix, ...none };
  if (config.method === "joint") {
    const row = matrix[0];
    return { matrix, ...none, finalAverage: row.reduce((a, b) => a + b, 0) / row.length };
  }
  return summarizeMatrix(measured, config.method === "wscl" ? config.wscl.compat : "paper");
}

/** Progress of reading and decoding, as messages at every tenth of the way. */
function noteProgress(emit: (event: RunEvent) => void) {
  let last = "";
  return (done: number, total: number, what: string) => {
    const text = `${what}: ${Math.floor(done / total * 10) * 10} % of ${total}`;
    if (text === last) return;
    last = text;
    emit({ type: "message", text, passing: true });
  };
}
