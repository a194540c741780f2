import { InputError } from "../../errors.ts";
import type { QueuedRun, QueuedTables } from "./offer.ts";
import type { BullMq, Connection, TakenJob } from "./packages.ts";
import { VERSION } from "./queue_folder.ts";
import type { watchRedis } from "./redis.ts";

/** How a run that was taken ended. */
export type RunEnd =
  | "finished"
  /** Another process is busy with it. */
  | "elsewhere"
  /** Stopped and saved: another worker goes on. */
  | "stopped";

/** What a worker does with jobs. */
export interface Work {
  readonly run: (run: QueuedRun) => Promise<RunEnd>;
  readonly tables: (plan: unknown) => Promise<void>;
  /** Told of a run that failed; it is tried again, some times. */
  readonly failed: (run: QueuedRun, error: Error) => void;
  /** Told once that there is nothing to do, though not all is done. */
  readonly waiting: () => void;
  readonly shouldStop: () => boolean;
  readonly watch: ReturnType<typeof watchRedis>;
}

/** How often, in milliseconds, a run that another process is busy with is looked at again. */
const LOOK_AGAIN = 2000;

/**
 * Takes jobs of a queue, one at a time, until the tables are made or the worker is to stop. A job that is taken is held
 * by a lease, which is renewed while the run goes on; where the worker dies another one takes it over when the lease has
 * ended, and goes on from the run's last checkpoint.
 *
 * @param lease in seconds
 * @returns whether the tables are made.
 * @throws {InputError} where a job is of another version, or cannot be run on this machine; it goes back to the queue.
 */
export async function workOn(
  { Worker, Queue, DelayedError }: BullMq,
  { connection, queueName, lease, work }: {
    readonly connection: Connection;
    readonly queueName: string;
    readonly lease: number;
    readonly work: Work;
  },
): Promise<boolean> {
  let refusal: InputError | null = null;
  /** The last run that was taken, however it ends. */
  let inHand: Promise<unknown> = Promise.resolve();
  const queue = new Queue(queueName, { connection });
  /** The job goes back, for whoever takes it next. */
  const giveBack = async (job: TakenJob, token: string | undefined, after: number) => {
    await job.moveToDelayed(Date.now() + after, token);
    throw new DelayedError();
  };
  const worker = new Worker(queueName, async (job, token) => {
    const { version } = Object(job.data);
    work.watch.answered();
    if (work.shouldStop() || refusal) return await giveBack(job, token, 0);
    if (version !== VERSION) {
      refusal = new InputError(
        `Cannot work on the queue: its runs are of version ${version}, this program is ${VERSION}; use the same one`,
      );
      return await giveBack(job, token, 0);
    }
    if (job.name === "tables") return await work.tables((job.data as QueuedTables).plan);
    let end: RunEnd;
    const running = work.run(job.data as QueuedRun);
    inHand = running.catch(() => {});
    try {
      end = await running;
    } catch (error) {
      if (!(error instanceof InputError)) {
        work.failed(job.data as QueuedRun, error as Error);
        throw error;
      }
      // Another machine may have what this one has not.
      refusal = error;
      return await giveBack(job, token, LOOK_AGAIN);
    }
    if (end !== "finished") await giveBack(job, token, end === "stopped" ? 0 : LOOK_AGAIN);
  }, {
    ...{ connection, concurrency: 1 },
    lockDuration: 1000 * lease,
    stalledInterval: 500 * lease,
    // A run may be taken over as often as workers die.
    maxStalledCount: 1_000_000,
  });
  for (const one of [worker, queue]) one.on("error", work.watch.failed);
  try {
    let asking: ReturnType<typeof stateOf> | null = null;
    let isEmpty = false;
    for (;;) {
      if (refusal) throw refusal;
      if (work.shouldStop()) return false;
      // While Redis is away there is no answer, and stopping must not wait for one.
      asking ??= stateOf(queue);
      const answer = await Promise.race([asking, pause(LOOK)]);
      if (answer === undefined) continue;
      work.watch.answered();
      if (answer === "done") return true;
      if (answer === "empty" && !isEmpty) work.waiting();
      isEmpty = answer === "empty";
      asking = null;
      await pause(LOOK);
    }
  } finally {
    await inHand;
    // Where Redis is away there is nobody to tell.
    await Promise.race([Promise.all([worker.close(), queue.close()]), pause(GRACE)]);
  }
}

/** How often, in milliseconds, it is looked whether there is anything left to do. */
const LOOK = 500;

/** Milliseconds for saying goodbye. */
const GRACE = 5000;

async function pause(milliseconds: number): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Whether all that was offered has ended, or nothing is there: it was never offered, or Redis has lost it. */
async function stateOf(
  queue: { getJobCounts(): Promise<Record<string, number>> },
): Promise<"busy" | "done" | "empty"> {
  const { completed = 0, failed = 0, ...open } = await queue.getJobCounts();
  const waiting = Object.values(open).reduce((sum, count) => sum + count, 0);
  if (waiting > 0) return "busy";
  return completed + failed > 0 ? "done" : "empty";
}
