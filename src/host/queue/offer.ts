import { createHash } from "node:crypto";
import { InputError } from "../../errors.ts";
import type { ExperimentConfig } from "../../experiment/config_types.ts";
import type { BullMq, Connection, Offered, TaskQueue } from "./packages.ts";
import { VERSION } from "./queue_folder.ts";

/** A run as it is queued. */
export interface QueuedRun {
  readonly version: string;
  /** Below the sweep's folder. */
  readonly folder: string;
  readonly config: ExperimentConfig;
  /** As lines name it. */
  readonly name: string;
}

/** The job behind all runs: their tables. */
export interface QueuedTables {
  readonly version: string;
  /** What {@linkcode offerRuns} was given. */
  readonly plan: unknown;
}

/** Runs that are tried again after an error, so many times in all. */
const ATTEMPTS = 3;

/**
 * Puts runs into a queue, and behind them the job that makes their tables. What is there already is left as it is, so
 * that a sweep can be offered again at any time.
 *
 * @param runs that are not finished
 * @param plan what the tables are made of
 * @returns name of the job of the tables.
 * @throws {InputError} where Redis takes no more.
 */
export async function offerRuns(
  { FlowProducer, Queue }: BullMq,
  { connection, queueName, runs, plan }: {
    readonly connection: Connection;
    readonly queueName: string;
    readonly runs: readonly Omit<QueuedRun, "version">[];
    readonly plan: unknown;
  },
): Promise<string> {
  const sweep = digest([VERSION, plan]);
  const tables = `tables-${sweep}`;
  const queue = new Queue(queueName, { connection });
  const producer = new FlowProducer({ connection });
  producer.on("error", () => {}); // the connection is made again, and what waits goes on
  queue.on("error", () => {});
  try {
    const there = await queue.getJob(tables);
    const state = await there?.getState();
    if (there && !["completed", "failed", "unknown"].includes(state!)) return tables;
    await there?.remove({ removeChildren: true });
    await producer.add({
      ...{ name: "tables", queueName, opts: { jobId: tables } },
      data: { version: VERSION, plan } satisfies QueuedTables,
      children: runs.map((run): Offered => ({
        ...{ name: "run", queueName },
        data: { version: VERSION, ...run } satisfies QueuedRun,
        opts: {
          jobId: `run-${digest([sweep, run.folder])}`,
          attempts: ATTEMPTS,
          backoff: { type: "fixed", delay: 2000 },
          // The others go on, and the tables are made of what there is.
          ignoreDependencyOnFailure: true,
        },
      })),
    });
    return tables;
  } catch (error) {
    if (!/OOM|EXECABORT|MISCONF|READONLY/.test(String((error as Error).message))) throw error;
    throw new InputError(
      "Cannot offer the runs: Redis takes no more " +
        `(${(error as Error).message.split("\n")[0]}); see to its memory (maxmemory) and its disk`,
    );
  } finally {
    await Promise.all([queue.close(), producer.close()]);
  }
}

/** Runs of a queue that failed, and why. */
export async function failuresOf(queue: TaskQueue): Promise<string[]> {
  const failed = await queue.getFailed(0, -1);
  return failed.flatMap(({ name, data, failedReason }) =>
    name === "run" ? [`${(data as QueuedRun).name}: ${failedReason}`] : []
  );
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
}
