import { join, relative } from "node:path";
import { failuresOf, offerRuns, type QueuedRun } from "../host/queue/offer.ts";
import { loadBullMq } from "../host/queue/packages.ts";
import { makeQueueOfFolder, queueOfFolder } from "../host/queue/queue_folder.ts";
import { reachRedis, watchRedis } from "../host/queue/redis.ts";
import { parseRedisAddress } from "../host/queue/redis_address.ts";
import { type RunEnd, workOn } from "../host/queue/work.ts";
import { isFinished } from "../host/run_folder.ts";
import { environment } from "./environment.ts";
import type { PlannedComparison } from "./plan_sweep.ts";
import { type JobOptions, runJob, writeComparison } from "./run_jobs.ts";
import { stopOnSignals } from "./stop.ts";
import { writeSweepReport } from "./sweep_report.ts";
import { bySeed, printTables } from "./sweep_tables.ts";
import type { Terminal } from "./terminal.ts";
import { TIME_IS_UP } from "./train.ts";
import { quotedPath } from "../text.ts";

/** The comparisons of a sweep with folders below the sweep's, as a worker on another machine finds them. */
type SharedPlan = readonly PlannedComparison[];

/**
 * Offers the runs of a sweep to workers and waits until they have made the tables.
 *
 * @returns the exit code: 1 where runs failed, 75 where the time was up; what was offered stays offered.
 */
export async function offerSweep(
  comparisons: readonly PlannedComparison[],
  { queue: address, out, maxTime, detach }: {
    readonly queue: string;
    readonly out: string;
    readonly maxTime?: number;
    /** Does not wait. */
    readonly detach: boolean;
  },
  terminal: Terminal,
): Promise<number> {
  const redis = parseRedisAddress(address, environment("WSCL_REDIS_PASSWORD"));
  const bullMq = await loadBullMq();
  const connection = await reachRedis(bullMq, redis);
  const jobs = bySeed(comparisons);
  const open = jobs.filter(({ folder }) => !isFinished(folder));
  if (open.length === 0) {
    printTables(comparisons, out, terminal);
    return 0;
  }
  const queueName = makeQueueOfFolder(out);
  const below = (path: string) => relative(out, path);
  await offerRuns(bullMq, {
    ...{ connection, queueName },
    runs: open.map(({ folder, config, name }) => ({ folder: below(folder), config, name })),
    plan: comparisons.map(({ name, plan, jobs }) => ({
      name,
      plan: { ...plan, out: below(plan.out) },
      jobs: jobs.map(({ row, seed, folder }) => ({ row, seed, folder: below(folder) })),
    })),
  });
  terminal.print(
    `offered: ${open.length} runs at ${redis.shown}; start workers, on any machine that sees the folder: ` +
      `./wscl worker --queue ${redis.shown} --out ${quotedPath(out)}`,
  );
  if (detach) return 0;
  const queue = new bullMq.Queue(queueName, { connection });
  const watch = watchRedis(
    redis.shown,
    (text) => terminal.print(text),
    "workers go on with what they have",
  );
  queue.on("error", watch.failed);
  const stop = stopOnSignals(() => {});
  const deadline = maxTime === undefined ? Infinity : performance.timeOrigin + 1000 * maxTime;
  let asked: Promise<{ left: number; workers: number }> | null = null;
  let told = -1;
  try {
    for (;;) {
      if (stop.code() !== 0) return stop.code();
      if (Date.now() > deadline) return TIME_IS_UP;
      asked ??= leftIn(queue);
      const answer = await Promise.race([asked, pause()]);
      const finished = jobs.filter(({ folder }) => isFinished(folder)).length;
      if (answer !== undefined) {
        asked = null;
        watch.answered();
        terminal.live(`${finished} of ${jobs.length} runs finished, ${answer.workers} workers`);
        if (!terminal.isLive && finished !== told) {
          terminal.print(`${finished} of ${jobs.length} runs finished`);
        }
        told = finished;
        if (answer.left === 0) break;
        await pause();
      }
    }
    terminal.live("");
    const failures = await failuresOf(queue);
    printTables(comparisons, out, terminal);
    for (const failure of failures) terminal.print(`failed: ${failure}`);
    const unfinished = jobs.filter(({ folder }) => !isFinished(folder)).length;
    if (unfinished > failures.length) {
      terminal.print(
        `${unfinished - failures.length} runs were in the queue and are in it no more: ` +
          "Redis has lost its data, or a worker has another folder; the same command offers them again",
      );
    }
    return jobs.every(({ folder }) => isFinished(folder)) ? 0 : 1;
  } finally {
    terminal.live("");
    stop.release();
    await Promise.race([queue.close(), pause()]);
  }
}

/** Jobs that have not ended, and workers that are there. */
async function leftIn(queue: {
  getJobCounts(): Promise<Record<string, number>>;
  getWorkersCount(): Promise<number>;
}) {
  const { completed: _c, failed: _f, ...open } = await queue.getJobCounts();
  const left = Object.values(open).reduce((sum, count) => sum + count, 0);
  return { left, workers: await queue.getWorkersCount() };
}

/** `wscl worker`, in plain values. */
export interface WorkerOptions extends JobOptions {
  readonly queue: string;
  /** The sweep's folder. */
  readonly out: string;
  /** Seconds after which a worker that is not heard of is taken for dead. */
  readonly lease: number;
}

/**
 * Runs what a sweep offers, until all is done.
 *
 * @returns the exit code: 75 where the time was up, 1 where runs failed here or are missing at the end.
 */
export async function work(options: WorkerOptions, terminal: Terminal): Promise<number> {
  const { queue: address, out, lease, maxTime, ...jobOptions } = options;
  const redis = parseRedisAddress(address, environment("WSCL_REDIS_PASSWORD"));
  const bullMq = await loadBullMq();
  const connection = await reachRedis(bullMq, redis);
  const stop = stopOnSignals((text) => terminal.print(text));
  const deadline = maxTime === undefined ? null : performance.timeOrigin + 1000 * maxTime;
  // A run ends a little before the time is up; what is left would not do for another one.
  let isLate = false;
  /** Names of runs that failed when they were tried last. */
  const failed = new Set<string>();
  let missing = 0;
  const shouldStop = () =>
    stop.code() !== 0 || isLate || (deadline !== null && Date.now() > deadline);
  const run = async ({ folder, config, name }: QueuedRun): Promise<RunEnd> => {
    const path = join(out, folder);
    if (isFinished(path)) return "finished";
    terminal.print(`${name} ...`);
    const job = { folder: path, config };
    const shown = { terminal, title: name, about: { name } };
    const summary = await runJob(job, { ...jobOptions, deadline, signal: stop.signal }, shown);
    if (summary === null) {
      if (isFinished(path)) return "finished";
      terminal.print(`${name}: another process is busy with it`);
      return "elsewhere";
    }
    if (!summary.completed) {
      isLate = summary.stopped === "time";
      terminal.print(`${name}: saved; whoever takes it next goes on`);
      return "stopped";
    }
    terminal.print(
      `${name}: Class-IL ${summary.classIl.finalAverage?.toFixed(1) ?? "-"} %, ` +
        `${summary.seconds.toFixed(0)} s`,
    );
    failed.delete(name);
    return "finished";
  };
  const tables = async (plan: unknown) => {
    for (const { plan: { out: below, ...about }, jobs } of plan as SharedPlan) {
      writeComparison(
        { ...about, out: join(out, below) },
        jobs.map(({ folder, ...job }) => ({ ...job, folder: join(out, folder) })),
      );
      missing += jobs.filter(({ folder }) => !isFinished(join(out, folder))).length;
    }
    if (missing > 0) {
      terminal.print(
        `${missing} runs are not here: they failed, or a worker has another folder than ${out}; ` +
          "offer the sweep again",
      );
    }
    await writeSweepReport(out, terminal);
  };
  const say = (text: string) => terminal.print(text);
  const watch = watchRedis(redis.shown, say, "the run in hand goes on meanwhile");
  try {
    const queueName = await waitForQueue(out, shouldStop, terminal);
    const done = queueName !== null &&
      await workOn(bullMq, {
        ...{ connection, queueName, lease },
        work: {
          ...{ run, tables, shouldStop, watch },
          failed: ({ name }, error) => {
            failed.add(name);
            say(`${name}: failed: ${error.message}`);
          },
          waiting: () => say(`waiting: nothing is in the queue of ${out}`),
        },
      });
    if (done) terminal.print("done: nothing is left in the queue");
    return done ? Number(failed.size + missing > 0) : stop.code() || TIME_IS_UP;
  } finally {
    terminal.live("");
    stop.release();
  }
}

/** A worker may be there before its sweep is. Null where it is to stop. */
async function waitForQueue(
  out: string,
  shouldStop: () => boolean,
  terminal: Terminal,
): Promise<string | null> {
  for (let told = false; !shouldStop(); told = true) {
    const queue = queueOfFolder(out);
    if (queue !== null) return queue;
    if (!told) terminal.print(`waiting for a sweep in ${out}`);
    await pause();
  }
  return null;
}

async function pause(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, 500));
}
