import { InputError } from "../../errors.ts";
import type { BullMq, Connection } from "./packages.ts";
import type { RedisAddress } from "./redis_address.ts";

/** The longest wait, in milliseconds, between two attempts to reach a Redis that went away. */
const LONGEST_WAIT = 2000;

/**
 * Reaches Redis once, so that what cannot work is said before anything is begun; what goes on after that waits for it
 * where it goes away.
 *
 * @throws {InputError} for an address where nothing answers, a wrong password, and a version that is too old.
 */
export async function reachRedis(
  { Redis }: BullMq,
  { shown, connection }: RedisAddress,
): Promise<Connection> {
  const client = new Redis({ ...connection, lazyConnect: true, retryStrategy: () => null });
  let problem: Error | null = null;
  // What ends a connection says less than what came before it.
  client.on("error", (error) => problem ??= error);
  try {
    await client.connect();
    refuseOld(shown, await client.info("server"));
    // A database that is not there is told like this, and the first one used instead.
    if (problem !== null) throw problem;
  } catch (error) {
    throw error instanceof InputError ? error : explain(shown, problem ?? error as Error);
  } finally {
    client.disconnect();
  }
  return { ...connection, retryStrategy: (times) => Math.min(100 * times, LONGEST_WAIT) };
}

/** The oldest Redis that BullMQ's scripts run on; Valkey calls itself 7.2 there. */
const OLDEST = [6, 2];

function refuseOld(shown: string, info: string): void {
  const [, major, minor] = /redis_version:(\d+)\.(\d+)/.exec(info)?.map(Number) ?? [];
  if (major === undefined || major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
    return;
  }
  throw new InputError(
    `Cannot use the queue ${shown}: it is Redis ${major}.${minor}; use ${
      OLDEST.join(".")
    } or a later one, or Valkey`,
  );
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
