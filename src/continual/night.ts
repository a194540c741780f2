import denoConfig from "../../deno.json" with { type: "json" };
import { sha256 } from "../digest.ts";
import { InputError } from "../errors.ts";
import { freezingCopies } from "../experiment/build.ts";
import type { Checkpoint, CheckpointEvery, RunPosition } from "../experiment/checkpoint.ts";
import { Checkpointer } from "../experiment/checkpointer.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Phase, RunEvent } from "../experiment/events.ts";
import { allocate } from "../experiment/memory_budget.ts";
import type { RunHost } from "../experiment/run_host.ts";
import { digestOfImageSet, digestOfKernels, fingerprintOf } from "../experiment/run_identity.ts";
import { type EarlyEnd, Interrupted, reasonToEnd } from "../experiment/run_limits.ts";
import { tellPlan } from "../experiment/run_plan.ts";
import { StepReporter } from "../experiment/step_reporter.ts";
import { Teller } from "../experiment/teller.ts";
import { adapterName, type Gpu } from "../gpu/device.ts";
import { Recording, ReplayDiverged } from "../gpu/recording.ts";
import type { ImageSet } from "../images/image_set.ts";
import { placeOf, type Sample, type Segment } from "../learner/batch.ts";
import type { StepLoss } from "../learner/options.ts";
import type { FreezingChoice } from "../method/freezing.ts";
import { methodOf, needsOf } from "../method/methods.ts";
import { giveHeads } from "../method/new_classes.ts";
import type { Task } from "../method/session.ts";
import { rest } from "../method/sleep.ts";
import { Random } from "../random.ts";
import { type Sight, sightsOf } from "./answers.ts";
import { divideDay, type Division } from "./division.ts";
import { dawnOf } from "./dawn.ts";
import { dryNight } from "./dry_night.ts";
import type { Generation } from "./generation.ts";
import { NightCheckpoints } from "./night_checkpoints.ts";
import { type NightSession, nightStreams, openSession } from "./night_session.ts";
import type { Picture } from "./pictures.ts";
import type { NightRecord } from "./record.ts";
import { nightConfig, withFewerJudges } from "./settings.ts";
import type { DreamSet } from "./state.ts";
import type { LearnerStore } from "./store.ts";
import { type NightWatch, PictureFinder } from "./watch.ts";

/** What a night is made of; all that it does follows from this. */
export interface NightPlan {
  /** The learner at dusk. */
  readonly base: Generation;
  /** What it was taught in the day; none: a night of rest. */
  readonly day: readonly Picture[];
  /** The last bundle of the day that is in `day`. */
  readonly taken: number;
  /** Nights from the same dusk whose dawn was refused: another one has other draws. */
  readonly attempt: number;
}

/** What a night needs of its surroundings. */
export interface NightHost
  extends
    EarlyEnd,
    Pick<RunHost, "openGpu" | "testKernels" | "chooseKernels" | "tells" | "atPoint"> {
  readonly checkpointEvery: CheckpointEvery;
  /** What to do to go on with a night that was interrupted, such as a command. */
  readonly goOnWith: string;
  /** Told about everything that happens. */
  emit(event: RunEvent): void;
  /** Opens the images to dream of, `size` pixels high and wide. */
  openDreams?(set: DreamSet, size: number): Promise<ImageSet>;
  /** Shown what the night learns from. */
  readonly watch?: NightWatch;
}

/** How a night ended. */
export type NightEnd =
  | { readonly stopped: Interrupted["reason"] }
  | {
    readonly stopped: null;
    readonly generation: Generation;
    readonly record: NightRecord;
    readonly seconds: number;
  };

/**
 * Learns a day in a night: heads for new classes, what the method does of wake and sleep, the exam at dawn. It changes
 * nothing of the learner: what it would be is returned. Asked to stop it ends between two steps, saved on the shelf of
 * checkpoints; the same plan goes on from there, and comes to the same bits as if it had never been interrupted.
 *
 * @throws {InputError} for a day that cannot be learned, before anything is.
 */
export async function spendNight(
  store: LearnerStore,
  plan: NightPlan,
  host: NightHost,
): Promise<NightEnd> {
  for (;;) {
    const night = new Night(store, plan, host);
    try {
      return await night.execute();
    } catch (error) {
      if (error instanceof Interrupted) {
        night.tellOfHaste(error.reason);
        return { stopped: error.reason };
      }
      // Whatever is spent twice comes to the same: without checkpoints there is nothing to differ from.
      if (!(error instanceof ReplayDiverged && await night.letCheckpointsGo())) {
        throw night.explain(error);
      }
    } finally {
      night.close();
    }
  }
}

/** A class and its output column. */
interface NamedHead {
  readonly name: string;
  readonly head: number;
}

class Night {
  readonly #plan: NightPlan;
  readonly #host: NightHost;
  readonly #teller: Teller;
  readonly #checkpoints: NightCheckpoints;
  readonly #reporter: StepReporter;
  readonly #division: Division;
  /** As the settings have it. */
  readonly #asked: ExperimentConfig;
  /** As the images of the night allow it. */
  readonly #config: ExperimentConfig;
  /** Earlier images first, then those of the day. */
  readonly #exam: readonly Picture[];
  readonly #losses = new Map<string, [first: number, last: number]>();
  /** Heads of the images that were dreamt of, by what these images are. */
  readonly #dreamt = new Map<string, number>();
  readonly #started: number;
  #secondsBefore = 0;
  /** Training steps that were made here, not repeated. */
  #stepsMade = 0;
  #gpu: Gpu | null = null;
  #room: NightSession | null = null;
  #finder: PictureFinder | null = null;
  #recording: Recording | null = null;

  constructor(store: LearnerStore, plan: NightPlan, host: NightHost) {
    this.#plan = plan;
    this.#host = host;
    this.#started = host.now();
    this.#teller = new Teller((event) => host.emit(event), () => {});
    this.#checkpoints = new NightCheckpoints(store, (text) => this.#teller.note(text));
    this.#reporter = new StepReporter((event) => this.#teller.emit(event), () => host.now());
    const { base: { state, exam, memory, trained }, day } = plan;
    this.#reporter.task = state.nights;
    const apart = Map.groupBy(exam, ({ label }) => label);
    const counts = new Map(
      state.classes.map(({ name, taught }) => [
        name,
        { taught, apart: apart.get(name)?.length ?? 0 },
      ]),
    );
    const draws = Random.stream(state.settings.seed, `exam of night ${state.nights}`);
    const learned = new Set(trained.map(({ digest }) => digest));
    this.#division = divideDay(day, counts, draws, learned);
    this.#exam = [...exam, ...this.#division.exam];
    const { length } = this.#division.train;
    const config = nightConfig(state.settings, length || memory.length);
    this.#config = length === 0 ? config : withFewerJudges(config, length);
    this.#asked = config;
  }

  async execute(): Promise<NightEnd> {
    const { base, attempt, taken } = this.#plan;
    this.#tellOfJudges();
    const dreams = await this.#openDreams();
    const identity = await this.#identity();
    const checkpoints = this.#checkpoints;
    const from = await checkpoints.last(identity);
    this.#proceed();
    const gpu = this.#gpu = await this.#host.openGpu();
    const choice = await this.#chooseKernels(gpu);
    const recording = this.#recording = new Recording(gpu, from?.run);
    this.#teller.follow(recording);
    let checkpointer: Checkpointer | null = null;
    const streams = nightStreams(base.state, attempt);
    const { train } = this.#division;
    if (this.#host.watch?.step) {
      this.#finder = new PictureFinder({ train, memory: base.memory, dreams });
    }
    const parts = { base, config: this.#config, streams, train, exam: this.#exam, dreams, choice };
    const { room, copies } = await allocate(gpu, this.#config.precision, () => {
      const room = this.#room = openSession(gpu, parts, {
        onLosses: (losses) => this.#report(losses),
        begin: (phase, steps) => this.#reporter.begin(phase, steps),
        observer: {
          step: (segments) => {
            if (!recording.replaying) this.#stepsMade++;
            this.#watchDreams(segments);
            this.#show(segments);
          },
        },
        checkpoint: async () => {
          this.#host.atPoint?.(recording.points, gpu);
          await checkpointer!.pass();
        },
      });
      // What comes later is tried now: there is no way out in the middle of a search.
      const searches = base.memory.length > 0 && train.length > 0;
      return { room, copies: searches ? freezingCopies(this.#config, room) : [] };
    });
    for (const copy of copies) copy.destroy();
    checkpointer = this.#makeCheckpointer(recording, room, checkpoints, identity, from);
    room.fill();

    const { network, session } = room;
    const { learner, longTerm } = session;
    const { nights } = base.state;
    if (this.#host.tells?.plan) await this.#tellPlan(dreams);
    const { classes, fresh } = await this.#takeHeads(room);
    if (fresh.length > 0) {
      const [heads, names] = [fresh.map(({ head }) => head), fresh.map(({ name }) => name)];
      this.#teller.emit({ type: "heads", task: nights, heads, classes: names });
    }
    const freezing = await this.#learn(room, classes);
    if (freezing) this.#teller.emit({ type: "freezing", task: nights, ...freezing });
    await learner.readLosses();
    this.#teller.emit({ type: "phase", task: null, phase: "evaluation" });
    const sights = await this.#examine(room, classes);
    recording.end();
    this.#teller.emit({ type: "phase", task: null, phase: "saving" });
    const dawn = await dawnOf({
      ...{ base, taken, classes, sights, longTerm, streams },
      division: this.#division,
      exam: this.#exam,
      weights: await network.export(),
      story: {
        method: methodOf(this.#config).name,
        adapter: adapterName(gpu.adapter),
        voted: this.#votes(),
        freezing,
        dreams: {
          images: this.#dreamt.size,
          heads: new Set(this.#dreamt.values()).size,
        },
        steps: learner.steps,
        images: learner.rows,
        losses: Object.fromEntries(this.#losses),
      },
    });
    return { stopped: null, ...dawn, seconds: this.#seconds() };
  }

  /** Adds to a failure where it happened. */
  explain(thrown: unknown): Error {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (/\blower\b/.test(error.message)) {
      error.message +=
        "; of a learner that is settled when it is made: make another with other --set, --width or --memory";
    }
    if (!(error instanceof InputError) && this.#gpu !== null) {
      error.message += ` (night ${
        this.#plan.base.state.nights + 1
      }, ${this.#teller.phase}; the learner is as it was at the last dawn, go on with ${this.#host.goOnWith})`;
    }
    this.#teller.fail(error);
    return error;
  }

  /** Lets a night begin anew whose checkpoints are of another program; whether there were any. */
  async letCheckpointsGo(): Promise<boolean> {
    const removed = await this.#checkpoints.clear();
    if (removed) {
      const text =
        "The night begins anew from the last dawn: it does not come to where it was, since the program is not what it was";
      this.#teller.tell({ type: "message", text });
    }
    return removed;
  }

  /** Whoever gives it the same time again will wait for ever. */
  tellOfHaste(reason: Interrupted["reason"]): void {
    if (reason !== "time" || this.#stepsMade > 0) return;
    this.#teller.note("The time was up before a step of the night was made: give it more");
  }

  close(): void {
    this.#room?.destroy();
    this.#gpu?.destroy();
  }

  /** The images to dream of, if they are still what they were. */
  async #openDreams(): Promise<ImageSet | null> {
    const { dreams, settings } = this.#plan.base.state;
    if (dreams === null || settings.dreams !== "images" || !this.#config.wscl.rem) return null;
    const { openDreams } = this.#host;
    if (!openDreams) {
      throw new InputError(
        `Cannot dream of the images in ${dreams.from}: nothing here can open them; dream of what is remembered`,
      );
    }
    const images = await openDreams.call(this.#host, dreams, settings.size);
    if (await digestOfImageSet(images) !== dreams.digest) {
      throw new InputError(
        `Cannot dream of the images in ${dreams.from}: they are not those that the learner was given; restore them, ` +
          "or give it others with --dreams",
      );
    }
    return images;
  }

  #tellOfJudges(): void {
    if (this.#config === this.#asked) return;
    const { length } = this.#division.train;
    const { wscl, freezing } = this.#config;
    this.#teller.note(
      wscl.freezing
        ? `Freezing is judged on ${freezing.validation} of the ${length} images, not on ` +
          `${this.#asked.freezing.validation} (freezing.validation): the others are learned`
        : "Nothing is frozen: of one image none can be set apart to judge on",
    );
  }

  /** What decides how the night goes. */
  async #identity(): Promise<Record<string, string>> {
    const { base: { state, model, memory, exam }, day, taken, attempt } = this.#plan;
    const text = (value: unknown) => sha256(new TextEncoder().encode(JSON.stringify(value)));
    const digests = (pictures: readonly Picture[]) => pictures.map(({ digest }) => digest);
    return {
      "the program's version": denoConfig.version,
      "the kernels' text": await digestOfKernels(),
      "the configuration": await text(this.#config),
      "the learner": await text([state, digests(memory), digests(exam), await sha256(model)]),
      "the day": await text([digests(day), taken, attempt]),
    };
  }

  async #chooseKernels(gpu: Gpu) {
    const hooks = {
      emit: (event: RunEvent) => this.#teller.emit(event),
      shouldStop: () => reasonToEnd(this.#host) !== null,
      proceed: () => this.#proceed(),
    };
    await this.#host.testKernels?.(gpu, this.#config, hooks);
    const choice = await this.#host.chooseKernels?.(gpu, this.#config, hooks);
    this.#proceed();
    return choice;
  }

  #makeCheckpointer(
    recording: Recording,
    room: NightSession,
    store: NightCheckpoints,
    identity: Record<string, string>,
    from: Checkpoint | null,
  ): Checkpointer {
    const { learner } = room.session;
    const where = () => ({ steps: learner.steps, task: 0 });
    const run = {
      recording,
      where,
      position: async (): Promise<RunPosition> => ({
        ...where(),
        phase: this.#teller.phase,
        seconds: this.#seconds(),
        logBytes: 0,
        adapter: adapterName(room.network.gpu.adapter),
        identity,
        fingerprint: await fingerprintOf(room),
      }),
      arrived: ({ info: { seconds, phase, steps } }: Checkpoint) => {
        this.#secondsBefore = seconds - this.#sinceStart();
        this.#reporter.restart();
        const task = this.#reporter.task;
        this.#teller.tell({ type: "resume", task, phase: phase as Phase, steps, logBytes: 0 });
        this.#teller.note(`Going on with the night: ${phase}, after ${steps} steps`);
      },
      note: (text: string, passing: boolean) =>
        this.#teller.tell({ type: "message", text, passing }),
    };
    const { checkpointEvery: every } = this.#host;
    return new Checkpointer(run, store, {
      ...{ every, from, ending: this.#host },
      precision: this.#config.precision,
    });
  }

  /** What the night is going to do, found by a dry one. */
  async #tellPlan(dreams: ImageSet | null): Promise<void> {
    await tellPlan((event) => this.#teller.tell(event), async () => {
      const { base, attempt } = this.#plan;
      const room = dryNight({
        ...{ base, dreams, config: this.#config, exam: this.#exam },
        streams: nightStreams(base.state, attempt),
      });
      const { classes } = await this.#takeHeads(room);
      await this.#learn(room, classes);
      return room.planned();
    });
  }

  /** Gives heads to new classes; returns all classes, in the order of their numbers. */
  async #takeHeads(
    { session, stream }: Pick<NightSession, "session" | "stream">,
  ): Promise<{ readonly classes: readonly NamedHead[]; readonly fresh: readonly NamedHead[] }> {
    const { state } = this.#plan.base;
    const { train } = this.#division;
    const known = state.classes.map(({ name, head }): NamedHead => ({ name, head }));
    const names = new Set(known.map(({ name }) => name));
    const fresh = [...new Set(train.map(({ label }) => label))]
      .filter((name) => !names.has(name));
    if (fresh.length === 0) return { classes: known, fresh: [] };
    const numbers = fresh.map((_, i) => known.length + i);
    const voters = train.flatMap(({ label }, image): Sample[] => {
      const place = fresh.indexOf(label);
      return place < 0 ? [] : [{ from: stream, image, label: place }];
    });
    const heads = await giveHeads(session, numbers, this.#votes() ? voters : null);
    const named = fresh.map((name, i): NamedHead => ({ name, head: heads[i] }));
    return { classes: [...known, ...named], fresh: named };
  }

  /** A network that has dreamt has something to say of which head fits. */
  #votes(): boolean {
    return needsOf(this.#config).votes && this.#plan.base.state.nights > 0;
  }

  /** Lets the method learn the day; resolves with what it froze, if it searched for it. */
  async #learn(
    { session, stream }: Pick<NightSession, "session" | "stream">,
    classes: readonly NamedHead[],
  ): Promise<FreezingChoice | null> {
    const { state } = this.#plan.base;
    const headOf = new Map(classes.map(({ name, head }) => [name, head]));
    const samples = this.#division.train.map(({ label }, image): Sample => {
      return { from: stream, image, label: headOf.get(label)! };
    });
    const judged = needsOf(this.#config).freezing ? this.#config.freezing.validation : 0;
    // Images of one class lie side by side: what judges is taken from all of them.
    const judges = new Set(
      Array.from({ length: judged }, (_, i) => Math.floor((i + 0.5) * samples.length / judged)),
    );
    const present = [...new Set(samples.map(({ label }) => label))].sort((a, b) => a - b);
    const task: Task = {
      // A network that has nothing to keep learns as in its first task.
      index: session.longTerm.filled > 0 ? Math.max(1, state.nights) : 0,
      heads: present,
      train: samples.filter((_, i) => !judges.has(i)),
      validation: samples.filter((_, i) => judges.has(i)),
      previousBuffer: [],
    };
    if (samples.length === 0) {
      await rest(session, task);
      return null;
    }
    const seen = new Set(state.classes.map(({ head }) => head));
    const context = { config: this.#config, seen };
    return await methodOf(this.#config).learn(session, task, context) ?? null;
  }

  /** What the network sees in each image of the exam. */
  async #examine(
    { session: { learner }, exam }: NightSession,
    classes: readonly NamedHead[],
  ): Promise<Sight[]> {
    // What is right is known to whoever counts.
    const samples = this.#exam.map((_, image): Sample => ({ from: exam, image, label: 0 }));
    return sightsOf(await learner.logits(samples), learner.heads, classes);
  }

  /** Whoever has a free head is a dream. */
  #watchDreams(segments: readonly Segment[]): void {
    const { free } = this.#room!.session.heads;
    for (const { samples } of segments) {
      for (const sample of samples) {
        const { from: { source }, turns = 0, label } = sample;
        if (free.has(label)) this.#dreamt.set(`${source} ${placeOf(sample)} ${turns}`, label);
      }
    }
  }

  /** Lets whoever watches look at a step; what is executed again was seen before. */
  #show(segments: readonly Segment[]): void {
    const finder = this.#finder;
    if (finder === null) return;
    finder.follow(this.#teller.phase, segments);
    if (this.#recording!.replaying) return;
    const { free } = this.#room!.session.heads;
    this.#host.watch!.step!(() =>
      segments.flatMap(({ samples }) =>
        samples.flatMap((sample) => finder.find(sample, free.has(sample.label)))
      )
    );
  }

  #report(losses: readonly StepLoss[]): void {
    this.#reporter.report(losses);
    if (!this.#recording!.replaying) this.#host.watch?.losses?.(losses);
    for (const phase of new Set(losses.map(({ phase }) => phase))) {
      const own = losses.filter((step) => step.phase === phase);
      const mean = own.reduce((sum, { loss }) => sum + loss, 0) / own.length;
      this.#losses.set(phase, [this.#losses.get(phase)?.[0] ?? mean, mean]);
    }
  }

  /** @throws {Interrupted} if the night is to end before it has anything to save. */
  #proceed(): void {
    const reason = reasonToEnd(this.#host);
    if (reason) throw new Interrupted(reason);
  }

  #sinceStart(): number {
    return (this.#host.now() - this.#started) / 1000;
  }

  #seconds(): number {
    return this.#secondsBefore + this.#sinceStart();
  }
}
