import { ContinualLearner } from "../../continual/continual_learner.ts";
import type { Given } from "../../continual/given.ts";
import type { RunEvent } from "../../experiment/events.ts";
import { launchNight } from "../../host/launch_night.ts";
import { LearnerFolder, lockLearner } from "../../host/learner_folder.ts";
import { dreamsIn, learnerHost, type LearnerSafety } from "../../host/learner_host.ts";
import { readTaught } from "../../host/learner_images.ts";
import { nameText } from "../../images/look_alike.ts";
import { InputError } from "../../errors.ts";
import { progressPrinter } from "../progress.ts";
import { stopOnSignals } from "../stop.ts";
import type { Terminal } from "../terminal.ts";
import { TIME_IS_UP } from "../train.ts";
import { nightText } from "./night_report.ts";
import { quotedPath } from "../../text.ts";

/** What `wscl learn` and `wscl sleep` share, in plain values. */
export interface SleepOptions extends Omit<LearnerSafety, "deadline"> {
  readonly learner: string;
  readonly accept: boolean;
  /** A folder of class folders, `memory` or `none`: what it dreams of from now on. */
  readonly dreams?: string;
  /** Seconds that this program may take, from its start on. */
  readonly maxTime?: number;
  readonly endsProcess?: boolean;
  /** Replaced in tests. */
  readonly worker?: URL;
}

/** `wscl learn`, in plain values. */
export interface LearnOptions extends SleepOptions {
  /** Folder of class folders, or, with a class, of images; without it only what waits is learned. */
  readonly images?: string;
  readonly class?: string;
  /** Lets go of what waits. */
  readonly discard: boolean;
}

/** What a learner dreams of, read. */
type Dreams = Exclude<Parameters<ContinualLearner["dreamOf"]>[0], null>;

/** Exit code of a night whose dawn was refused. */
export const REFUSED_AT_DAWN = 3;

/** Teaches a learner images, and lets it sleep; returns the exit code. */
export async function learn(options: LearnOptions, terminal: Terminal): Promise<number> {
  const { learner: path, images, class: className, discard, accept } = options;
  if (images === undefined && className !== undefined) {
    throw new InputError(
      `Cannot learn ${
        nameText(className)
      }: no folder of images is given; name one behind the learner`,
    );
  }
  using _lock = lockLearner(path);
  const learner = await openLearner(options, terminal);
  // All that is given is read before anything is changed.
  const dreams = await readDreams(learner, options, terminal);
  const given = images === undefined ? null : await readGiven(learner, images, options, terminal);
  if (discard) {
    const { day, night, refused } = await learner.waiting();
    await learner.discard();
    terminal.print(
      day.size > 0 || night || refused
        ? `${path} has let go of what waited; it is as at its last dawn`
        : `Nothing waited in ${path}`,
    );
    if (images === undefined) {
      await changeDreams(learner, dreams, options, terminal);
      return 0;
    }
  }
  const { refused, day, night } = await learner.waiting();
  if (images === undefined && refused) {
    if (accept) return await acceptRefused(learner, dreams, options, terminal);
    throw new InputError(
      `Cannot learn what waits in ${path} again: its night was refused, and would be the same; accept it with ` +
        `./wscl learn ${quotedPath(path)} --accept, try another with ./wscl sleep ${
          quotedPath(path)
        }, or let go with --discard`,
    );
  }
  if (given !== null) {
    const isNew = await teach(learner, given, options, terminal);
    if (!isNew && day.size === 0 && !night) {
      terminal.print(`Nothing new to learn; for another night: ./wscl sleep ${quotedPath(path)}`);
      return 0;
    }
  } else if (day.size === 0 && !night) {
    throw new InputError(
      `Cannot learn: no folder of images is given, and nothing waits in ${path}; name one, or let it rest with ` +
        `./wscl sleep ${quotedPath(path)}`,
    );
  }
  await changeDreams(learner, dreams, options, terminal);
  return await nights(learner, options, terminal);
}

/** Lets a learner sleep: on what waits, or on what it remembers; returns the exit code. */
export async function sleep(options: SleepOptions, terminal: Terminal): Promise<number> {
  using _lock = lockLearner(options.learner);
  const learner = await openLearner(options, terminal);
  const dreams = await readDreams(learner, options, terminal);
  if (options.accept && (await learner.waiting()).refused) {
    return await acceptRefused(learner, dreams, options, terminal);
  }
  await changeDreams(learner, dreams, options, terminal);
  return await nights(learner, options, terminal);
}

/** A learner whose nights are spent elsewhere. */
export async function openLearner(
  { learner, ...safety }: Pick<SleepOptions, "learner" | "cacheDir" | "provider">,
  terminal: Terminal,
): Promise<ContinualLearner> {
  const host = learnerHost(safety, {
    goOnWith: goOnWith(learner),
    emit: (event: RunEvent) => {
      if (event.type === "message") terminal.print(event.text);
    },
    shouldStop: () => false,
  });
  return await ContinualLearner.open(new LearnerFolder(learner), host);
}

async function acceptRefused(
  learner: ContinualLearner,
  dreams: Dreams | null,
  options: SleepOptions,
  terminal: Terminal,
): Promise<number> {
  const record = await learner.accept();
  terminal.print(`Accepted: generation ${record.generation} of ${options.learner}`);
  await changeDreams(learner, dreams, options, terminal);
  return 0;
}

const goOnWith = (path: string) => `./wscl learn ${quotedPath(path)}`;

/** Reads images that a night could learn, together with what waits if that is not let go. */
async function readGiven(
  learner: ContinualLearner,
  images: string,
  { class: className, discard }: LearnOptions,
  terminal: Terminal,
): Promise<Given[]> {
  const given = await readTaught(images, className, {
    size: learner.state.settings.size,
    progress: (done, total, what) => terminal.live(`${what}: ${done} of ${total}`),
    note: (text) => terminal.print(text),
  });
  terminal.live("");
  await learner.check(given, { discarded: discard });
  return given;
}

/** Keeps images for the night; whether any was new. */
async function teach(
  learner: ContinualLearner,
  given: readonly Given[],
  { learner: path, images }: LearnOptions,
  terminal: Terminal,
): Promise<boolean> {
  const { digests, known } = await learner.observeAll(given);
  const counts = [...countsOf(given)].map(([name, count]) => `${nameText(name)} ${count}`);
  terminal.print(`images         ${given.length} in ${images}: ${counts.join(", ")}`);
  terminal.print(
    `kept           ${digests.length} new image${
      digests.length === 1 ? "" : "s"
    } in ${path}, whatever happens from now on` +
      (known > 0 ? `; ${known} were known already` : ""),
  );
  return digests.length > 0;
}

/** What is to be dreamt of from now on; null: as before. */
async function readDreams(
  learner: ContinualLearner,
  { dreams, cacheDir }: SleepOptions,
  terminal: Terminal,
): Promise<Dreams | null> {
  if (dreams === undefined) return null;
  if (dreams === "memory" || dreams === "none") return dreams;
  const { size } = learner.state.settings;
  const progress = (done: number, total: number, what: string) =>
    terminal.live(`${what}: ${done} of ${total}`);
  const read = await dreamsIn(dreams, size, { cacheDir, progress });
  terminal.live("");
  return read;
}

async function changeDreams(
  learner: ContinualLearner,
  dreams: Dreams | null,
  { dreams: named }: SleepOptions,
  terminal: Terminal,
): Promise<void> {
  if (dreams === null) return;
  await learner.dreamOf(dreams);
  terminal.print(`dreams         ${named === "memory" ? "what is remembered" : named}`);
}

/** One night, and another while something waits; at least one. */
async function nights(
  learner: ContinualLearner,
  options: SleepOptions,
  terminal: Terminal,
): Promise<number> {
  const { learner: path, accept, maxTime, worker, endsProcess, dreams: _, ...safety } = options;
  const stop = stopOnSignals((text) => terminal.print(text));
  const deadline = maxTime === undefined ? null : performance.timeOrigin + maxTime * 1000;
  const tells = { plan: terminal.isLive || terminal.event !== undefined };
  try {
    for (;;) {
      const outcome = await launchNight(
        { ...safety, learner: path, accept, deadline, goOnWith: goOnWith(path), tells },
        {
          onEvent: progressPrinter(terminal, { tasks: null }),
          signal: stop.signal,
          worker,
          endsProcess,
        },
      );
      terminal.live("");
      if (outcome.kind === "stopped") {
        terminal.print(`Stopped and saved; go on with ${goOnWith(path)}`);
        return outcome.reason === "time" ? TIME_IS_UP : stop.code();
      }
      const { kind, record, seconds } = outcome;
      if (terminal.event) terminal.event({ type: "night", outcome: kind, seconds, record });
      else terminal.print(`\n${nightText(record, seconds, learner.state)}`);
      if (kind === "refused") {
        terminal.print(refusedText(path));
        return REFUSED_AT_DAWN;
      }
      const { day } = await (await openLearner(options, terminal)).waiting();
      if (day.size === 0) return 0;
    }
  } finally {
    terminal.live("");
    stop.release();
  }
}

function refusedText(path: string): string {
  return [
    `  take it all the same           ./wscl learn ${quotedPath(path)} --accept`,
    `  try another night instead      ./wscl sleep ${quotedPath(path)}`,
    `  let go of what it was taught   ./wscl learn ${quotedPath(path)} --discard`,
  ].join("\n");
}

function countsOf(given: readonly Given[]): Map<string, number> {
  const groups = Map.groupBy(given, ({ label }) => label);
  return new Map([...groups].map(([name, { length }]) => [name, length]));
}
