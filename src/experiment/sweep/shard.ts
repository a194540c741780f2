import { InputError } from "../../errors.ts";

/** One of several equal parts of some work. */
export interface Shard {
  /** From 1. */
  readonly index: number;
  readonly count: number;
}

/**
 * The part that this process has: what was asked for, or what the scheduler says that started it: a Slurm array
 * (`SLURM_ARRAY_TASK_ID`, `_MIN`, `_MAX`, `_COUNT`, `_STEP`), or an Indexed Job of Kubernetes
 * (`JOB_COMPLETION_INDEX`, which does not say of how many: `shards` does).
 *
 * @param given `i/n`, from 1
 * @param shards number of parts, where the scheduler only says which one this is
 * @returns null where the work is not divided.
 * @throws {InputError} where it cannot be told which part this is.
 */
export function shardOf(
  { given, shards }: { readonly given?: string; readonly shards?: number },
  variable: (name: string) => string | undefined,
): Shard | null {
  if (given !== undefined) {
    if (shards === undefined) return parseShard(given);
    throw new InputError(
      `Cannot divide the sweep: --shard ${given} says of how many already; leave --shards out`,
    );
  }
  const slurm = slurmShard(variable);
  if (slurm) {
    if (shards === undefined || shards === slurm.count) return slurm;
    throw new InputError(
      `Cannot divide the sweep: the Slurm array has ${slurm.count} tasks and --shards says ${shards}; leave --shards out`,
    );
  }
  const completion = variable("JOB_COMPLETION_INDEX");
  if (completion === undefined) {
    if (shards === undefined) return null;
    throw new InputError(
      `Cannot divide the sweep into ${shards}: nothing says which part this is; ` +
        "use --shard i/n, or start it as an Indexed Job of Kubernetes",
    );
  }
  if (shards === undefined) {
    throw new InputError(
      "Cannot divide the sweep: JOB_COMPLETION_INDEX is set, but not how many there are; " +
        "add --shards with the job's completions, or unset it",
    );
  }
  return checked(Number(completion) + 1, shards, `JOB_COMPLETION_INDEX ${completion}`);
}

function parseShard(text: string): Shard {
  const [, index, count] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? [];
  if (index === undefined) {
    throw new InputError(
      `Cannot use --shard ${text}: expected i/n, as in 1/4 for the first of four`,
    );
  }
  return checked(Number(index), Number(count), `--shard ${text}`);
}

function slurmShard(variable: (name: string) => string | undefined): Shard | null {
  const id = variable("SLURM_ARRAY_TASK_ID");
  if (id === undefined) return null;
  const [at, min, max, count, step] = [
    id,
    ...["MIN", "MAX", "COUNT", "STEP"].map((name) => variable(`SLURM_ARRAY_TASK_${name}`)),
  ].map((text) => text === undefined ? NaN : Number(text));
  const by = Number.isNaN(step) ? 1 : step;
  const index = 1 + (at - min) / by;
  // Of an array such as 1,3,7 a task does not know how many are in front of it.
  if (!Number.isInteger(index) || max - min !== (count - 1) * by) {
    throw new InputError(
      `Cannot divide the sweep: task ${id} of a Slurm array that is no plain range; ` +
        "submit it with --array=1-N, or say --shard i/n",
    );
  }
  return checked(index, count, `task ${id} of the Slurm array`);
}

function checked(index: number, count: number, what: string): Shard {
  if (Number.isInteger(index) && index >= 1 && index <= count) return { index, count };
  throw new InputError(
    `Cannot use ${what}: there are ${count} parts, numbered from 1; give one of them`,
  );
}

/**
 * What of some work is in a shard: every `count`-th, so that all are equally long but for one. Where that would be the
 * same rows for every seed, shards change places from time to time.
 *
 * @param rows how many follow each other before the first one comes again, with the next seed
 */
export function inShard<T>(work: readonly T[], shard: Shard | null, rows: number): T[] {
  if (shard === null) return [...work];
  const { index, count } = shard;
  const round = rows * count / commonDivisor(rows, count);
  const turned = commonDivisor(rows, count) > 1;
  return work.filter((_, i) => (i + (turned ? Math.floor(i / round) : 0)) % count === index - 1);
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
