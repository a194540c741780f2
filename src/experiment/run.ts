import { InputError } from "../errors.ts";
import { adapterName, type Gpu } from "../gpu/device.ts";
import { Recording } from "../gpu/recording.ts";
import { isOwnMethod } from "../method/methods.ts";
import { Random } from "../random.ts";
import { assemble, type Assembly, freezingCopies, parametersOf } from "./build.ts";
import type { Checkpoint, RunPosition } from "./checkpoint.ts";
import { Checkpointer } from "./checkpointer.ts";
import { withClassNames } from "./class_names.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { ImageDigests, Phase } from "./events.ts";
import { refuseLoneSegments } from "./foresight/refuse_lone_segments.ts";
import { learnTasks, noResults } from "./learn_tasks.ts";
import type { Materials } from "./materials.ts";
import { memoryEvent } from "./memory_event.ts";
import { allocate, describeMemory } from "./memory_budget.ts";
import type { KernelHooks, RunHost } from "./run_host.ts";
import { checkIdentity, digestsOfImages, fingerprintOf, identityOf } from "./run_identity.ts";
import { galleryOf, misleadingImages, rememberedOf } from "./exhibit.ts";
import { encodeGallery, type GalleryPicture } from "./gallery.ts";
import { Interrupted, reasonToEnd } from "./run_limits.ts";
import { planRun, tellPlan } from "./run_plan.ts";
import { classesByHead, summarize } from "./run_summary.ts";
import { startEvent } from "./start_event.ts";
import { negativeVarianceIn } from "./state_values.ts";
import { StepReporter } from "./step_reporter.ts";
import type { Summary } from "./summary.ts";
import { Teller } from "./teller.ts";
import { decodeWeights, type Weights } from "./weights.ts";

/**
 * Runs an experiment from images to summary: for each task choose heads, learn, evaluate. It knows no disk and no
 * process: all that it needs of its surroundings is its host's. Asked to stop, it ends between two steps, saved, and
 * says `completed: false`. Where the host resumes, it goes on from the last checkpoint and ends as if it had never
 * been interrupted, bit by bit.
 *
 * @throws {InputError} for data, configuration or weights that do not fit, before any training.
 */
export async function driveRun(config: ExperimentConfig, host: RunHost): Promise<Summary> {
  const run = new Run(config, host);
  try {
    return await run.execute();
  } catch (error) {
    throw run.explain(error);
  } finally {
    run.close();
  }
}

/** One execution of a run, new or resumed. */
class Run {
  /** As given until the data is open, then with the names of its classes. */
  #config: ExperimentConfig;
  readonly #host: RunHost;
  readonly #teller: Teller;
  readonly #started: number;
  readonly #reporter: StepReporter;
  readonly #results = noResults();
  /** Seconds that the run had taken when its checkpoint was written. */
  #secondsBefore = 0;
  #dataset = "";
  #gpu: Gpu | null = null;
  #assembly: Assembly | null = null;
  #checkpointer: Checkpointer | null = null;
  #misleading: readonly GalleryPicture[] = [];
  #ownKernels: Summary["kernels"];

  constructor(config: ExperimentConfig, host: RunHost) {
    this.#config = config;
    this.#host = host;
    this.#teller = new Teller((event) => host.emit(event), (event) => host.store.log(event));
    this.#started = host.now();
    this.#reporter = new StepReporter((event) => this.#teller.emit(event), () => host.now());
  }

  async execute(): Promise<Summary> {
    const from = this.#host.resume ? await this.#lastCheckpoint() : null;
    try {
      return await this.#train(from);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      return await this.#endBeforeTraining(error, from);
    }
  }

  async #train(from: Checkpoint | null): Promise<Summary> {
    const host = this.#host;
    const teller = this.#teller;
    const given = this.#config;
    const { method } = given;
    const methodText = isOwnMethod(method) ? await host.loadMethod?.(method) ?? null : null;
    if (!from) await host.store.begin(given);
    const init = await this.#initialWeights();
    const materials = await this.#openMaterials();
    const config = this.#config = withClassNames(given, materials.dataset.train.classNames);
    if (!from) await host.store.writeConfig(config);
    await refuseLoneSegments(config, materials, {
      resumed: host.resume ? host.name : null,
      warn: (text) => teller.note(text),
    });
    const digests = await digestsOfImages(materials);
    const texts = { init: init?.bytes ?? null, method: methodText, own: host.kernels?.texts };
    const identity = await identityOf(config, digests, texts);
    if (from) checkIdentity(host.name, from.info.identity, identity);

    const gpu = this.#gpu = await host.openGpu();
    const choice = await this.#chooseKernels(gpu, materials, from === null);
    const recording = new Recording(gpu, from?.run);
    teller.follow(recording);
    const checkpointer = this.#makeCheckpointer(gpu, recording, from, identity);
    const { assembly, copies } = await allocate(gpu, config.precision, () => {
      const assembly = this.#assembly = assemble(gpu, config, materials, {
        choice,
        replace: host.kernels && ((launch) => host.kernels!.replace(launch)),
        beforeBatch: host.kernels && ((batch) => host.kernels!.tryBatch(gpu, config, batch)),
        onLosses: (losses) => this.#reporter.report(losses),
        begin: (phase, steps) => this.#reporter.begin(phase, steps),
        checkpoint: async () => {
          host.atPoint?.(recording.points, gpu);
          await checkpointer.pass();
        },
      });
      // What comes later is tried now: there is no way out in the middle of a search.
      const searches = config.data.tasks > 1;
      return { assembly, copies: searches ? freezingCopies(config, assembly) : [] };
    });
    const memory = describeMemory(gpu);
    for (const copy of copies) copy.destroy();
    assembly.network.initialize(Random.stream(config.seed, "init"));
    if (init) assembly.network.setState(init.state);
    this.#tellStart(gpu, materials, digests, { resumes: from !== null });
    if (host.tells?.plan) {
      await tellPlan((event) => teller.tell(event), () => planRun(config, materials));
    }
    teller.tell({ type: "message", text: `GPU memory     ${memory}` });
    const stopped = await this.#learn(materials, assembly, recording);
    return await this.#finish(materials, assembly, stopped);
  }

  /** Adds to a failure where it happened and what is left to go on from. */
  explain(thrown: unknown): Error {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (error instanceof InputError) {
      this.#teller.fail(error);
      return error;
    }
    if (error instanceof RangeError && /buffer allocation failed/.test(error.message)) {
      error.message =
        `Cannot go on: this computer has no memory left (${error.message}); end other programs and ` +
        `go on with ${this.#host.goOnWith}, or lower the batch and memory sizes`;
    }
    const steps = this.#assembly?.session.learner.steps;
    if (steps !== undefined) {
      const last = this.#checkpointer?.last;
      error.message +=
        ` (task ${this.#reporter.task + 1}, ${this.#teller.phase}, after ${steps} steps; ` +
        `${last ? `the last good checkpoint is ${last}` : "there is no checkpoint yet"})`;
    }
    this.#teller.fail(error);
    return error;
  }

  close(): void {
    this.#assembly?.destroy();
    this.#gpu?.destroy();
  }

  async #lastCheckpoint(): Promise<Checkpoint | null> {
    const note = (text: string) => this.#teller.tell({ type: "message", text });
    const parameters = parametersOf(this.#config);
    const from = await this.#host.store.readLastCheckpoint(
      note,
      (state) => negativeVarianceIn(state, parameters),
    );
    if (!from) note("There is no checkpoint to go on from: the run starts from its beginning");
    return from;
  }

  async #initialWeights(): Promise<Weights | null> {
    const file = await this.#host.readInitialWeights?.();
    if (!file) return null;
    const weights = decodeWeights(file.bytes, file.name, this.#config);
    if (weights.note) this.#teller.note(weights.note);
    return weights;
  }

  async #openMaterials(): Promise<Materials> {
    this.#teller.emit({ type: "phase", task: null, phase: "data" });
    const materials = await this.#host.openMaterials(this.#config, {
      progress: this.#noteProgress(),
      warn: (text) => this.#teller.note(text),
    });
    this.#dataset = materials.dataset.name;
    return materials;
  }

  async #chooseKernels(gpu: Gpu, materials: Materials, isNew: boolean) {
    const hooks: KernelHooks = {
      emit: (event) => this.#teller.emit(event),
      shouldStop: () => reasonToEnd(this.#host) !== null,
      proceed: () => this.#proceed(),
    };
    await this.#host.testKernels?.(gpu, this.#config, hooks);
    const choice = await this.#host.chooseKernels?.(gpu, this.#config, hooks);
    try {
      this.#ownKernels = await this.#host.kernels?.tryAll(gpu, this.#config, materials, hooks);
    } catch (error) {
      if (isNew && error instanceof InputError) await this.#host.store.abandon?.();
      throw error;
    }
    this.#proceed();
    return choice;
  }

  #makeCheckpointer(
    gpu: Gpu,
    recording: Recording,
    from: Checkpoint | null,
    identity: Record<string, string>,
  ): Checkpointer {
    const adapter = adapterName(gpu.adapter);
    if (from && from.info.adapter !== adapter) {
      this.#teller.tell({
        type: "message",
        text: `The run began on ${from.info.adapter}: on ${adapter} it will not end bit by bit ` +
          "as it would have there",
      });
    }
    const { checkpointEvery: every, store } = this.#host;
    const run = {
      recording,
      where: () => ({ steps: this.#assembly!.session.learner.steps, task: this.#reporter.task }),
      position: () => this.#position(adapter, identity),
      arrived: (at: Checkpoint) => this.#arrive(at),
      note: (text: string, passing: boolean) =>
        passing ? this.#teller.tell({ type: "message", text, passing }) : this.#teller.note(text),
    };
    const { precision } = this.#config;
    const rules = { every, from, precision, ending: this.#host };
    return this.#checkpointer = new Checkpointer(run, store, rules);
  }

  async #position(adapter: string, identity: Record<string, string>): Promise<RunPosition> {
    await this.#repairStore(); // or the checkpoint would be of no use
    const assembly = this.#assembly!;
    return {
      steps: assembly.session.learner.steps,
      task: this.#reporter.task,
      phase: this.#teller.phase,
      seconds: this.#seconds(),
      logBytes: this.#host.store.logBytes,
      adapter,
      identity,
      fingerprint: await fingerprintOf(assembly),
    };
  }

  async #repairStore(): Promise<void> {
    const text = await this.#host.store.repair(this.#config);
    if (text !== null) this.#teller.tell({ type: "message", text });
  }

  /** The run is where its checkpoint was written: everything that is told from now on is new. */
  #arrive(from: Checkpoint): void {
    const { task, phase, steps, point, seconds, logBytes } = from.info;
    this.#secondsBefore = seconds - this.#sinceStart();
    this.#host.store.goOn(from);
    this.#reporter.restart();
    this.#teller.tell({ type: "resume", task, phase: phase as Phase, steps, logBytes });
    this.#teller.tell({
      type: "message",
      text: `Going on from checkpoint ${point}: task ${task + 1}, ${phase}, after ${steps} steps`,
    });
  }

  /** The log of a resumed run has it; whoever listens has not heard it. */
  #tellStart(
    gpu: Gpu,
    materials: Materials,
    digests: ImageDigests,
    { resumes }: { readonly resumes: boolean },
  ): void {
    const { denoVersion } = this.#host.runtime;
    const parameters = this.#assembly!.network.parameterCount;
    const facts = { gpu, denoVersion, digests, parameters };
    const event = startEvent(this.#config, materials, facts);
    if (resumes) this.#teller.tell(event);
    else this.#teller.emit(event);
  }

  /** Learns all tasks; tells what stopped it, if anything did. */
  async #learn(
    materials: Materials,
    assembly: Assembly,
    recording: Recording,
  ): Promise<Interrupted["reason"] | null> {
    try {
      await learnTasks(this.#config, materials, assembly, {
        emit: (event) => this.#teller.emit(event),
        reporter: this.#reporter,
        results: this.#results,
        now: () => recording.observe(() => this.#seconds() * 1000),
        afterTask: async (task) => {
          if (!this.#host.tells?.memory || recording.replaying) return;
          this.#teller.tell(await memoryEvent(task, assembly.session, this.#results.heads));
        },
      });
      this.#misleading = await misleadingImages(
        this.#config,
        materials,
        assembly,
        this.#results,
      );
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
      this.#teller.note(`${error.message}; go on with ${this.#host.goOnWith}`);
      return error.reason;
    }
  }

  /** @throws {Interrupted} if the run is to end before it has a point at which it could be saved. */
  #proceed(): void {
    const reason = reasonToEnd(this.#host);
    if (reason) throw new Interrupted(reason);
  }

  /** Progress of reading and decoding, as messages at every tenth of the way; between them the run can be stopped. */
  #noteProgress() {
    let last = "";
    return (done: number, total: number, what: string) => {
      this.#proceed();
      const text = `${what}: ${Math.floor(done / total * 10) * 10} % of ${total}`;
      if (text === last) return;
      last = text;
      this.#teller.tell({ type: "message", text, passing: true });
    };
  }

  /** Nothing has been learned, by this execution: what an earlier one left is as good as before. */
  async #endBeforeTraining(
    { message, reason }: Interrupted,
    from: Checkpoint | null,
  ): Promise<Summary> {
    this.#teller.note(`${message}; go on with ${this.#host.goOnWith}`);
    const summary = this.#summary(reason);
    if (!from) await this.#host.store.writeSummary(summary);
    this.#teller.emit({ type: "end", summary });
    return summary;
  }

  async #finish(
    materials: Materials,
    assembly: Assembly,
    stopped: Interrupted["reason"] | null,
  ): Promise<Summary> {
    const { store } = this.#host;
    this.#teller.emit({ type: "phase", task: null, phase: "saving" });
    await this.#repairStore();
    await store.writeModel(await assembly.network.export(), {
      format: "pt",
      classes: JSON.stringify(classesByHead(this.#config, this.#results)),
    });
    if (store.writeGallery) {
      const { size } = this.#config.data;
      const gallery = galleryOf(materials, assembly, this.#results, this.#misleading, size);
      await store.writeGallery(encodeGallery(await gallery));
    }
    const summary = this.#summary(stopped, materials);
    await store.writeSummary(summary);
    this.#teller.emit({ type: "end", summary });
    if (summary.completed) await store.removeCheckpoints();
    return summary;
  }

  #summary(stopped: Interrupted["reason"] | null, materials?: Materials): Summary {
    const assembly = this.#assembly;
    const bound = assembly?.session.dreams?.heads.classOfHead;
    const { rows, steps } = assembly?.session.learner ?? { rows: 0, steps: 0 };
    return summarize(this.#config, this.#results, {
      dataset: this.#dataset,
      seconds: this.#seconds(),
      steps,
      rows,
      gpu: this.#gpu,
      runtime: this.#host.runtime,
      kernels: this.#ownKernels,
      remembered: assembly && assembly.session.longTerm.filled > 0
        ? rememberedOf(assembly, this.#results)
        : null,
      dreams: bound && materials?.dreams
        ? bound.map((dreamClass) => materials.dreams!.classNames[dreamClass] ?? null)
        : null,
      stopped,
    });
  }

  #sinceStart(): number {
    return (this.#host.now() - this.#started) / 1000;
  }

  #seconds(): number {
    return this.#secondsBefore + this.#sinceStart();
  }
}
