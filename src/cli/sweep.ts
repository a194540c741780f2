import { InputError } from "../errors.ts";
import { isFinished } from "../host/run_folder.ts";
import { inShard, shardOf } from "../experiment/sweep/shard.ts";
import { environment } from "./environment.ts";
import { planSweep, type SweepPlace } from "./plan_sweep.ts";
import { runJobs } from "./run_jobs.ts";
import { stopOnSignals } from "./stop.ts";
import { writeSweepReport } from "./sweep_report.ts";
import { bySeed, describeSweep, printTables } from "./sweep_tables.ts";
import type { Terminal } from "./terminal.ts";
import type { SafetyOptions, TrainOptions } from "./train.ts";

/** `wscl sweep`, in plain values. */
export interface SweepOptions
  extends Omit<SweepPlace, "commit">, SafetyOptions, Pick<TrainOptions, "endsProcess" | "worker"> {
  /** `i/n`: only these of the runs. */
  readonly shard?: string;
  /** Parts, where the scheduler only says which one this is. */
  readonly shards?: number;
  /** Say what would be run, and run nothing. */
  readonly plan: boolean;
  /** Address of a Redis whose workers run it, instead of this process. */
  readonly queue?: string;
  /** Do not wait for the workers. */
  readonly detach: boolean;
  /** Leaves the report at the end. Replaced in tests. */
  readonly report?: typeof writeSweepReport;
}

/**
 * Trains all runs of a sweep, or a shard of them, each in a folder of its own, and prints a table for each comparison.
 * Finished runs are not run again, interrupted ones are gone on with, and several processes may share the folder.
 *
 * @returns the exit code: 75 where the time was up.
 */
export async function sweep(options: SweepOptions, terminal: Terminal): Promise<number> {
  const { queue, detach, report = writeSweepReport } = options;
  if (queue === undefined && detach) {
    throw new InputError("Cannot detach: no queue is given; add --queue, or leave --detach out");
  }
  if (queue !== undefined && (options.shard ?? options.shards) !== undefined) {
    throw new InputError(
      "Cannot divide the sweep: the workers of a queue divide it; leave --shard and --shards, or --queue, out",
    );
  }
  const shard = queue === undefined
    ? shardOf({ given: options.shard, shards: options.shards }, environment)
    : null;
  const commit = environment("WSCL_COMMIT") || null;
  const comparisons = await planSweep({ ...options, commit }, terminal);
  const all = bySeed(comparisons);
  const jobs = inShard(all, shard, all.filter(({ seed }) => seed === all[0].seed).length);
  const here = shard ? `; shard ${shard.index}/${shard.count} has ${jobs.length} of the runs` : "";
  terminal.print(`${describeSweep(comparisons, options.out)}${here}`);
  if (options.plan) {
    for (const { name } of jobs) terminal.print(`  ${name}`);
    return 0;
  }
  if (queue !== undefined) {
    const { offerSweep } = await import("./sweep_queue.ts");
    return await offerSweep(comparisons, { ...options, queue }, terminal);
  }
  const stop = stopOnSignals((text) => terminal.print(text));
  try {
    const code = await runJobs(jobs, {
      ...{ ...options, speed: null, stop, terminal },
      done: () => {},
    });
    printTables(comparisons, options.out, terminal);
    if (all.every(({ folder }) => isFinished(folder))) {
      await report(options.out, terminal);
    }
    return code;
  } finally {
    terminal.live("");
    stop.release();
  }
}
