import { InputError } from "../../errors.ts";
import type { Connection } from "./packages.ts";

/** Where a Redis or Valkey is, and how to name it without its password. */
export interface RedisAddress {
  readonly shown: string;
  readonly connection: Omit<Connection, "retryStrategy">;
}

/** `host:port` of an address, for permissions; null where it is none. */
export function hostOf(address: string): string | null {
  const url = URL.parse(address);
  return url === null || url.hostname === "" ? null : `${url.hostname}:${url.port || "6379"}`;
}

/**
 * Reads `redis://[user[:password]@]host[:port][/database]`, or `rediss://` for TLS.
 *
 * @param password where the address has none: a command line can be read by others
 * @throws {InputError}
 */
export function parseRedisAddress(address: string, password?: string): RedisAddress {
  const url = URL.parse(address);
  const refuse = (problem: string): never => {
    const shown = url === null ? address : withoutPassword(url);
    throw new InputError(
      `Cannot use the queue ${shown}: ${problem}; expected redis://host:port, or rediss:// for TLS`,
    );
  };
  if (url === null) return refuse("it is no address");
  if (!["redis:", "rediss:"].includes(url.protocol)) refuse(`${url.protocol}// is not known`);
  if (url.hostname === "") refuse("it names no host");
  const database = url.pathname.replace(/^\//, "");
  if (!/^\d{0,3}$/.test(database)) refuse(`${database} is no number of a database`);
  const given = decodeURIComponent(url.password) || password;
  return {
    shown: withoutPassword(url),
    connection: {
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: Number(url.port || 6379),
      db: Number(database),
      ...url.username ? { username: decodeURIComponent(url.username) } : {},
      ...given ? { password: given } : {},
      ...url.protocol === "rediss:" ? { tls: {} } : {},
      maxRetriesPerRequest: null,
      connectTimeout: 5000,
    },
  };
}

function withoutPassword({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}
