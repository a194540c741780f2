/**
 * The queue is BullMQ's, over Redis or Valkey: pinned here and, with checksums, in queue.lock, which also has what
 * report.lock has, for the report behind the runs. Not in deno.json and
 * deno.lock: what is there is fetched at every first start, and only queues need it.
 */
const BULLMQ = "npm:bullmq@5.81.5";

/** The client that BullMQ uses, of the same version: it tells why an address cannot be used, BullMQ only that. */
const CLIENT = "npm:ioredis@5.11.1";

/** A connection to Redis. */
export interface RedisClient {
  connect(): Promise<void>;
  info(section: string): Promise<string>;
  disconnect(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** A job as it is offered. */
export interface Offered {
  readonly name: string;
  readonly queueName: string;
  readonly data: unknown;
  readonly opts: JobOptions;
  readonly children?: readonly Offered[];
}

/** What BullMQ is told of a job. */
export interface JobOptions {
  readonly jobId: string;
  readonly attempts?: number;
  readonly backoff?: { readonly type: "fixed"; readonly delay: number };
  readonly ignoreDependencyOnFailure?: boolean;
}

/** A job as it is taken. */
export interface TakenJob {
  readonly id?: string;
  readonly name: string;
  readonly data: unknown;
  readonly failedReason?: string;
  getState(): Promise<string>;
  moveToDelayed(time: number, token?: string): Promise<void>;
  remove(options?: { readonly removeChildren?: boolean }): Promise<void>;
}

/** How Redis is reached. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: Record<never, never>;
  readonly maxRetriesPerRequest: null;
  readonly connectTimeout: number;
  readonly retryStrategy: (times: number) => number | null;
}

interface Listening {
  on(event: "error", listener: (error: Error) => void): unknown;
  close(force?: boolean): Promise<void>;
}

/** Jobs by their state. */
export interface TaskQueue extends Listening {
  getJob(id: string): Promise<TakenJob | undefined>;
  getFailed(start: number, end: number): Promise<readonly TakenJob[]>;
  getJobCounts(): Promise<Record<string, number>>;
  getWorkersCount(): Promise<number>;
}

/** BullMQ. */
export interface BullMq {
  readonly Queue: new (name: string, options: { connection: Connection }) => TaskQueue;
  readonly FlowProducer: new (options: { connection: Connection }) => Listening & {
    add(flow: Offered): Promise<unknown>;
  };
  readonly Worker: new (
    name: string,
    process: (job: TakenJob, token?: string) => Promise<unknown>,
    options: {
      readonly connection: Connection;
      readonly concurrency: number;
      readonly lockDuration: number;
      readonly stalledInterval: number;
      readonly maxStalledCount: number;
    },
  ) => Listening;
  readonly DelayedError: new () => Error;
  readonly Redis: new (
    options: Connection & { readonly lazyConnect: true },
  ) => RedisClient;
}

/** Loads BullMQ, which Deno fetches at the first call. */
export async function loadBullMq(): Promise<BullMq> {
  try {
    // Not as literals, which Deno would look up, and fetch, before any command starts.
    const [bullMq, { Redis }] = await Promise.all([import(`${BULLMQ}`), import(`${CLIENT}`)]);
    return { ...bullMq, Redis };
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new Error(
      `Cannot use a queue: ${BULLMQ} could not be had (${reason}); see to the network for the first start`,
    );
  }
}
