import { InputError } from "../../errors.ts";
import type { BullMq, Connection } from "./packages.ts";
import type { RedisAddress } from "./redis_address.ts";

/** The longest wait, in milliseconds, between two attempts to reach a Redis that went away. */
const LONGEST_WAIT = 2000;

/** How long, in milliseconds, the first answer may take. */
const FIRST_ANSWER = 10_000;

/**
 * Reaches Redis once, so that what cannot work is said before anything is begun; what goes on after that waits for it
 * where it goes away.
 *
 * @throws {InputError} for an address where nothing answers, a wrong password, and a version that is too old.
 */
export async function reachRedis(
  { Queue }: BullMq,
  { shown, connection }: RedisAddress,
): Promise<Connection> {
  let problem: Error | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const probe = new Queue("wscl", { connection: { ...connection, retryStrategy: () => null } });
  const failed = new Promise<never>((_, reject) => {
    probe.on("error", (error) => {
      problem ??= error;
      // What ends a connection says less than what came before it.
      setTimeout(() => reject(problem!), 100);
    });
    timer = setTimeout(() => reject(new Error("no answer")), FIRST_ANSWER);
  });
  failed.catch(() => {});
  try {
    await Promise.race([probe.getJobCounts(), failed]);
  } catch (error) {
    throw explain(shown, problem ?? error as Error);
  } finally {
    clearTimeout(timer);
    await Promise.race([probe.close(), new Promise((done) => setTimeout(done, 500))])
      .catch(() => {}); // it was never open
  }
  return { ...connection, retryStrategy: (times) => Math.min(100 * times, LONGEST_WAIT) };
}

function explain(shown: string, { message }: Error): InputError {
  const said = (what: string, fix: string) =>
    new InputError(`Cannot use the queue ${shown}: ${what}; ${fix}`);
  if (/WRONGPASS|NOAUTH|invalid password|NOPERM/i.test(message)) {
    return said(
      `it does not accept the password (${message.split("\n")[0]})`,
      "set WSCL_REDIS_PASSWORD, or put user and password into the address",
    );
  }
  if (/version/i.test(message)) {
    return said(message.split("\n")[0], "use Redis 6.2 or Valkey 7.2, or a later one");
  }
  if (/out of range/i.test(message)) return said(message, "name a database that it has");
  return said(
    `nothing answers there (${message.split("\n")[0]})`,
    "start Redis or Valkey, or name another address",
  );
}

/**
 * A listener of errors that says once that Redis went away, and once that it is back.
 *
 * @returns `failed` for each error, `answered` when a command was answered.
 */
export function watchRedis(shown: string, say: (text: string) => void, meanwhile: string) {
  let away = false;
  return {
    failed(error: Error): void {
      if (away || !/ECONN|closed|EPIPE|ETIMEDOUT|refused|reset|LOADING/i.test(error.message)) {
        return;
      }
      away = true;
      say(`${shown} does not answer (${error.message.split("\n")[0]}); ${meanwhile}`);
    },
    answered(): void {
      if (away) say(`${shown} answers again`);
      away = false;
    },
  };
}
