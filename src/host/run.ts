import { InputError } from "../errors.ts";
import { adapterName, type Gpu, openGpu } from "../gpu/device.ts";
import { isOwnMethod, methodOf } from "../method/methods.ts";
import { Recording } from "../gpu/recording.ts";
import { writeSafetensors } from "./safetensors_files.ts";
import { Random } from "../random.ts";
import { accuracySummary } from "../experiment/accuracy_summary.ts";
import { assemble, type Assembly, freezingCopies, parametersOf } from "../experiment/build.ts";
import { Checkpointer, type CheckpointEvery, Interrupted, SLACK } from "./checkpoint.ts";
import { type Checkpoint, readLastCheckpoint } from "./checkpoint_files.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { diskProblem, isThere, removeIfThere } from "./durable.ts";
import { refuseLoneSegments } from "../experiment/foresight/refuse_lone_segments.ts";
import type { ImageDigests, Phase, RunEvent } from "../experiment/events.ts";
import { learnTasks, type Results } from "../experiment/learn_tasks.ts";
import { RunLog } from "./log.ts";
import { leftOut, type Materials } from "../experiment/materials.ts";
import { openMaterials } from "./open_materials.ts";
import { allocate, describeMemory } from "../experiment/memory_budget.ts";
import {
  readClassesGiven,
  resumeCommand,
  type RunFolder,
  runFolder,
  type RunOrigin,
  writeJson,
} from "./run_folder.ts";
import { classesOf, withClassNames } from "../experiment/class_names.ts";
import { loadOwnMethod } from "./own_method.ts";
import {
  checkIdentity,
  digestsOfImages,
  fingerprintOf,
  identityOf,
} from "../experiment/run_identity.ts";
import { lockRunFolder } from "./run_lock.ts";
import { testKernelsOnce } from "./self_test_once.ts";
import { negativeVarianceIn } from "../experiment/state_values.ts";
import { steadyNow } from "./steady_clock.ts";
import { StepReporter } from "../experiment/step_reporter.ts";
import type { Summary } from "../experiment/summary.ts";
import { chooseKernels } from "./choose_kernels.ts";
import { readWeights } from "./weights.ts";
import type { RunOptions } from "./worker_messages.ts";

/** Five minutes cost little to repeat, and a checkpoint of the largest network a second or two to write. */
const DEFAULT_EVERY: CheckpointEvery = { seconds: 300 };

/**
 * Runs an experiment from data to summary: for each task choose heads, learn, evaluate. Leaves `config.json`,
 * `log.jsonl`, `model.safetensors` and `summary.json` in `options.out`, also when it is asked to stop (the summary then
 * says `completed: false`; if it had not begun to train, there is no model yet), and checkpoints on the way. With
 * `options.resume` it goes on from the last one and ends as if it had never been interrupted, bit by bit.
 *
 * @throws {InputError} for data, configuration or weights that do not fit, before any training; and where another run
 * writes to the folder.
 */
export async function runExperiment(
  config: ExperimentConfig,
  options: RunOptions,
): Promise<Summary> {
  using _lock = lockRunFolder(options.out);
  const run = new Run(config, options);
  try {
    return await run.execute();
  } catch (error) {
    throw run.explain(error);
  } finally {
    run.close();
  }
}

/** Of one's own it is the name that its module gives, once that has been loaded. */
function methodName({ method }: ExperimentConfig): string {
  return isOwnMethod(method) ? methodOf({ method }).name : method;
}

/** One execution of a run, new or resumed. */
class Run {
  /** As given until the data is open, then with the names of its classes. */
  #config: ExperimentConfig;
  readonly #classesGiven: RunOrigin["classes"];
  readonly #options: RunOptions;
  readonly #folder: RunFolder;
  readonly #started = performance.now();
  readonly #reporter = new StepReporter((event) => this.#emit(event));
  readonly #results: Results = {
    classIl: { matrix: [], beforeTraining: [], baseline: [] },
    taskIl: { matrix: [], beforeTraining: [], baseline: [] },
    freezing: [],
    heads: [],
    trainingSeconds: 0,
  };
  /** Seconds that the run had taken when its checkpoint was written. */
  #secondsBefore = 0;
  #phase: Phase = "data";
  #dataset = "";
  #log: RunLog | null = null;
  #gpu: Gpu | null = null;
  #assembly: Assembly | null = null;
  #checkpointer: Checkpointer | null = null;

  constructor(config: ExperimentConfig, options: RunOptions) {
    this.#config = config;
    this.#options = options;
    this.#folder = runFolder(options.out);
    const then = options.resume ? readClassesGiven(options.out) : undefined;
    this.#classesGiven = then === undefined ? classesOf(config) : then;
  }

  async execute(): Promise<Summary> {
    const from = this.#options.resume ? await this.#lastCheckpoint() : null;
    try {
      return await this.#train(from);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      return this.#endBeforeTraining(error, from);
    }
  }

  async #train(from: Checkpoint | null): Promise<Summary> {
    const options = this.#options;
    const folder = this.#folder;
    const { method } = this.#config;
    if (isOwnMethod(method)) await loadOwnMethod(method);
    if (!from) {
      removeIfThere(folder.checkpoints);
      this.#writeOrigin();
      this.#log = new RunLog(folder.log);
    }
    const given = this.#config;
    const init = options.init === null ? null : readWeights(options.init, given, "start from");
    if (init?.note) this.#emit({ type: "message", text: init.note });
    this.#emit({ type: "phase", task: null, phase: "data" });
    const materials = await openMaterials(given, {
      dataRoot: options.dataRoot,
      cacheDir: options.cacheDir,
      progress: this.#noteProgress(),
      warn: (text) => this.#emit({ type: "message", text }),
    });
    this.#dataset = materials.dataset.name;
    const config = this.#config = withClassNames(given, materials.dataset.train.classNames);
    if (!from) writeJson(folder.config, config);
    await refuseLoneSegments(config, materials, {
      resumed: options.resume ? options.out : null,
      warn: (text) => this.#emit({ type: "message", text }),
    });
    const images = await digestsOfImages(materials);
    const identity = await identityOf(config, images, init?.bytes ?? null);
    if (from) checkIdentity(options.out, from.info.identity, identity);

    const gpu = this.#gpu = await openGpu({ provider: options.provider });
    if (!options.skipSelfTest) {
      await testKernelsOnce(gpu, config.precision, options.cacheDir, {
        emit: (event) => this.#emit(event),
        proceed: () => this.#proceed(),
      });
    }
    const choice = await chooseKernels(gpu, config, {
      cacheDir: options.cacheDir,
      mayTune: !options.skipTuning,
      shouldStop: () => this.#reasonToEnd() !== null,
      emit: (event) => this.#emit(event),
    });
    this.#proceed();
    const recording = new Recording(gpu, from?.run);
    const checkpointer = this.#checkpointer = this.#makeCheckpointer(
      gpu,
      recording,
      from,
      identity,
    );
    const { assembly, copies } = await allocate(gpu, config.precision, () => {
      const assembly = this.#assembly = assemble(gpu, config, materials, {
        choice,
        onLosses: (losses) => this.#reporter.report(losses),
        begin: (phase, steps) => this.#reporter.begin(phase, steps),
        checkpoint: async () => {
          options.atPoint?.(recording.points, gpu);
          await checkpointer.pass();
        },
      });
      // What comes later is tried now: there is no way out in the middle of a search.
      return { assembly, copies: freezingCopies(config, assembly.network) };
    });
    const memory = describeMemory(gpu);
    for (const copy of copies) copy.destroy();
    const { network } = assembly;
    network.initialize(Random.stream(config.seed, "init"));
    if (init) network.setState(init.state);
    const start = startEvent(gpu, config, materials, images, network.parameterCount);
    // A resumed run has it in its log; the terminal has not seen it.
    if (from) options.emit(start);
    else this.#emit(start);
    options.emit({ type: "message", text: `GPU memory     ${memory}` });
    const stopped = await this.#learn(materials, assembly, recording);
    return await this.#finish(assembly, stopped);
  }

  /** What a run is gone on with by; written again where somebody has removed the folder of a run that goes on. */
  #writeOrigin(): void {
    const { dataRoot, init } = this.#options;
    writeJson(this.#folder.config, this.#config);
    writeJson(this.#folder.run, { dataRoot, init, classes: this.#classesGiven });
  }

  #restoreFolder(): void {
    if (isThere(this.#folder.run)) return;
    const { out } = this.#options;
    Deno.mkdirSync(out, { recursive: true });
    this.#writeOrigin();
    const text = `Somebody removed ${out}: made again, without the log of what was before`;
    this.#options.emit({ type: "message", text });
  }

  /** Adds to a failure where it happened and what is left to go on from. */
  explain(thrown: unknown): Error {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (error instanceof InputError) {
      this.#fail(error);
      return error;
    }
    if (error instanceof RangeError && /buffer allocation failed/.test(error.message)) {
      error.message =
        `Cannot go on: this computer has no memory left (${error.message}); end other ` +
        `programs and go on with ${
          resumeCommand(this.#options)
        }, or lower the batch and memory sizes`;
    }
    const steps = this.#assembly?.session.learner.steps;
    if (steps !== undefined) {
      const last = this.#checkpointer?.last;
      error.message += ` (task ${this.#reporter.task + 1}, ${this.#phase}, after ${steps} steps; ` +
        `${last ? `the last good checkpoint is ${last}` : "there is no checkpoint yet"})`;
    }
    this.#fail(error);
    return error;
  }

  close(): void {
    this.#assembly?.destroy();
    this.#gpu?.destroy();
    this.#log?.close();
  }

  async #lastCheckpoint(): Promise<Checkpoint | null> {
    const note = (text: string) => this.#options.emit({ type: "message", text });
    const parameters = parametersOf(this.#config);
    const from = await readLastCheckpoint(
      this.#folder.checkpoints,
      note,
      (state) => negativeVarianceIn(state, parameters),
    );
    if (!from) note("There is no checkpoint to go on from: the run starts from its beginning");
    return from;
  }

  #makeCheckpointer(
    gpu: Gpu,
    recording: Recording,
    from: Checkpoint | null,
    identity: Record<string, string>,
  ): Checkpointer {
    const { checkpointEvery = DEFAULT_EVERY, checkpointsKept = 2, deadline = null } = this.#options;
    const adapter = adapterName(gpu.adapter);
    if (from && from.info.adapter !== adapter) {
      this.#options.emit({
        type: "message",
        text:
          `The run began on ${from.info.adapter}: on ${adapter} it will not end bit by bit as it would have there`,
      });
    }
    return new Checkpointer({
      recording,
      from,
      folder: this.#folder.checkpoints,
      every: checkpointEvery,
      keep: checkpointsKept,
      precision: this.#config.precision,
      deadline,
      shouldStop: this.#options.shouldStop,
      where: () => ({ steps: this.#assembly!.session.learner.steps, task: this.#reporter.task }),
      stateBytes: () => [...gpu.state].reduce((sum, { length }) => sum + 4 * length, 0),
      position: async () => {
        this.#restoreFolder(); // or the checkpoint would be of no use
        return {
          steps: this.#assembly!.session.learner.steps,
          task: this.#reporter.task,
          phase: this.#phase,
          seconds: this.#seconds(),
          logBytes: this.#log?.bytes ?? 0,
          adapter,
          identity,
          fingerprint: await fingerprintOf(this.#assembly!),
        };
      },
      arrived: () => this.#arrive(from!),
      note: (text, passing) =>
        passing
          ? this.#options.emit({ type: "message", text, passing })
          : this.#emit({ type: "message", text }),
    });
  }

  /** The run is where its checkpoint was written: everything that is told from now on is new. */
  #arrive({ info }: Checkpoint): void {
    this.#secondsBefore = info.seconds - this.#sinceStart();
    const { logBytes: bytes, seconds } = info;
    this.#log = new RunLog(this.#folder.log, Date.now, { bytes, seconds });
    this.#reporter.restart();
    const { task, phase, steps, point } = info;
    this.#options.emit({
      type: "message",
      text: `Going on from checkpoint ${point}: task ${task + 1}, ${phase}, after ${steps} steps`,
    });
  }

  /** Learns all tasks; tells what stopped it, if anything did. */
  async #learn(
    materials: Materials,
    assembly: Assembly,
    recording: Recording,
  ): Promise<Interrupted["reason"] | null> {
    try {
      await learnTasks(this.#config, materials, assembly, {
        emit: (event) => this.#emit(event),
        reporter: this.#reporter,
        results: this.#results,
        now: () => recording.observe(() => this.#seconds() * 1000),
      });
      if (recording.replaying) {
        throw new Error(
          "Cannot go on where the run was: repeating it came to its end before the checkpoint; the program has " +
            "changed since, start the run anew",
        );
      }
      recording.end();
      return null;
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      recording.end();
      await assembly.session.learner.readLosses();
      this.#emit({
        type: "message",
        text: `${error.message}; go on with ${resumeCommand(this.#options)}`,
      });
      return error.reason;
    }
  }

  /** @throws {Interrupted} if the run is to end before it has a point at which it could be saved. */
  #proceed(): void {
    const reason = this.#reasonToEnd();
    if (reason) throw new Interrupted(reason);
  }

  #reasonToEnd(): Interrupted["reason"] | null {
    const { shouldStop, deadline = null } = this.#options;
    if (shouldStop()) return "request";
    return deadline !== null && steadyNow() + SLACK > deadline ? "time" : null;
  }

  /** Progress of reading and decoding, as messages at every tenth of the way; between them the run can be stopped. */
  #noteProgress() {
    let last = "";
    return (done: number, total: number, what: string) => {
      this.#proceed();
      const text = `${what}: ${Math.floor(done / total * 10) * 10} % of ${total}`;
      if (text === last) return;
      last = text;
      this.#options.emit({ type: "message", text, passing: true });
    };
  }

  /** Nothing has been learned, by this execution: what an earlier one left is as good as before. */
  #endBeforeTraining({ message, reason }: Interrupted, from: Checkpoint | null): Summary {
    const text = `${message}; go on with ${resumeCommand(this.#options)}`;
    this.#emit({ type: "message", text });
    const summary = this.#summary(reason);
    if (!from) writeJson(this.#folder.summary, summary);
    this.#emit({ type: "end", summary });
    return summary;
  }

  async #finish(
    { network }: Assembly,
    stopped: Interrupted["reason"] | null,
  ): Promise<Summary> {
    this.#emit({ type: "phase", task: null, phase: "saving" });
    this.#restoreFolder();
    const weights = await network.export();
    try {
      await writeSafetensors(this.#folder.model, weights, {
        format: "pt",
        classes: JSON.stringify(this.#classesByHead()),
      });
    } catch (error) {
      const problem = diskProblem((error as Error).cause ?? error);
      throw new Error(`Cannot write ${this.#folder.model}: ${problem}`, { cause: error });
    }
    const summary = this.#summary(stopped);
    writeJson(this.#folder.summary, summary);
    this.#emit({ type: "end", summary });
    // They have served; a large network's take hundreds of megabytes.
    if (summary.completed) removeIfThere(this.#folder.checkpoints);
    return summary;
  }

  #summary(stopped: Interrupted["reason"] | null): Summary {
    const config = this.#config;
    const results = this.#results;
    const completed = stopped === null;
    const { rows, steps } = this.#assembly?.session.learner ?? { rows: 0, steps: 0 };
    return {
      method: methodName(config),
      schedule: config.method === "wscl" ? config.wscl.schedule : null,
      precision: config.precision,
      dataset: this.#dataset,
      seed: config.seed,
      tasks: config.data.tasks,
      classIl: accuracySummary(results.classIl, config, completed),
      taskIl: accuracySummary(results.taskIl, config, completed),
      freezing: results.freezing,
      heads: results.heads,
      samplesPerSecond: results.trainingSeconds > 0 ? rows / results.trainingSeconds : 0,
      images: rows,
      steps,
      seconds: this.#seconds(),
      adapter: this.#gpu ? adapterName(this.#gpu.adapter) : "",
      provider: this.#options.provider ?? "deno",
      denoVersion: Deno.version.deno,
      completed,
      ...(stopped ? { stopped } : {}),
    };
  }

  /** Name of the class of each head; null where it has none. */
  #classesByHead(): (string | null)[] {
    const { tasks, classesPerTask } = this.#config.data;
    const names: (string | null)[] = Array(tasks * classesPerTask).fill(null);
    for (const { heads, classes } of this.#results.heads) {
      heads.forEach((head, i) => names[head] = classes[i]);
    }
    return names;
  }

  #emit(event: RunEvent): void {
    if (event.type === "phase") this.#phase = event.phase;
    // What a replay says has been said before.
    if (this.#gpu?.recording?.replaying) return;
    this.#log?.write(event);
    this.#options.emit(event);
  }

  #fail({ name, message }: Error): void {
    const event: RunEvent = { type: "error", name, message };
    try {
      this.#log?.write(event);
    } catch {
      // A log that cannot be written is often the failure itself, which is told in any case.
    }
    this.#options.emit(event);
  }

  #sinceStart(): number {
    return (performance.now() - this.#started) / 1000;
  }

  #seconds(): number {
    return this.#secondsBefore + this.#sinceStart();
  }
}

function startEvent(
  gpu: Gpu,
  config: ExperimentConfig,
  materials: Materials,
  digests: ImageDigests,
  parameters: number,
): RunEvent {
  const { dataset, dreams } = materials;
  const count = (part: "train" | "test") =>
    materials.tasks.reduce((sum, task) => sum + task[part].length, 0);
  return {
    type: "start",
    adapter: adapterName(gpu.adapter),
    denoVersion: Deno.version.deno,
    data: {
      name: dataset.name,
      classes: config.data.tasks * config.data.classesPerTask,
      train: count("train"),
      test: count("test"),
      dreams: dreams?.count ?? 0,
      classNames: dataset.train.classNames.slice(0, config.data.tasks * config.data.classesPerTask),
      leftOut: leftOut(config, dataset),
      dreamClassNames: dreams?.classNames ?? [],
      digests,
    },
    parameters,
  };
}
