import { InputError } from "../errors.ts";
import { ELSEWHERE, Interrupted, PROXY } from "./download_answer.ts";
import type { Downloadable } from "./downloads.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 10;

/** The server sends on to a host that the file is not known to be at. */
export class Moved extends Error {
  readonly from: URL;
  readonly to: URL;

  constructor(from: URL, to: URL) {
    super(`${from.host} sends on to ${to.host}`);
    this.from = from;
    this.to = to;
  }
}

/**
 * Asks for a file, from byte `from` on, and follows where the server sends on to, among the file's hosts.
 *
 * @returns The answer that sends on no further, and whose it is.
 * @throws {Interrupted} If no answer came, and another attempt may bring one.
 * @throws {Moved} If the server sends on to a host that is not known.
 * @throws {InputError} If another attempt would bring nothing better.
 */
export async function request(
  source: Downloadable,
  from: number,
  signal: AbortSignal,
): Promise<{ response: Response; url: URL }> {
  // Packed on the way, the bytes would be others than those of the file.
  const headers: Record<string, string> = { "accept-encoding": "identity" };
  if (from > 0) headers.range = `bytes=${from}-`;
  const passed = new Set<string>();
  for (let url = new URL(source.url);;) {
    if (passed.has(url.href)) refuse(source, `it is sent on in a circle, to ${url.href} again`);
    if (passed.size > MOST_REDIRECTS) {
      refuse(source, `it is sent on more than ${MOST_REDIRECTS} times`);
    }
    passed.add(url.href);
    const response = await fetchFrom(url, headers, signal);
    if (!REDIRECTS.has(response.status)) return { response, url };
    await response.body?.cancel();
    url = nextPlace(response, url, source);
  }
}

function nextPlace({ status, headers }: Response, from: URL, source: Downloadable): URL {
  const location = headers.get("location");
  if (location === null) refuse(source, `the server answered ${status} without saying where to`);
  const to = URL.parse(location, from);
  if (to === null || (to.protocol !== "http:" && to.protocol !== "https:")) {
    const place = to?.href ?? JSON.stringify(location);
    refuse(source, `the server sends on to ${place}, which is no http: or https: address`);
  }
  to.hash = to.username = to.password = "";
  if (!isAmong(source.hosts, to)) throw new Moved(from, to);
  return to;
}

/** Whether a place is at one of these hosts, written as Deno's --allow-net has them. */
export function isAmong(hosts: readonly string[], { protocol, hostname, port }: URL): boolean {
  const asked = port || (protocol === "https:" ? "443" : "80");
  return hosts.some((host) => {
    const [, name, only] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(host)!;
    const fits = name.startsWith("*.") ? `.${hostname}`.endsWith(name.slice(1)) : hostname === name;
    return fits && (only === undefined || only === asked);
  });
}

async function fetchFrom(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, { headers, signal, redirect: "manual" });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new InputError(
        `Cannot download ${url.href}: this process may not reach ${url.host}; start it with ./wscl, which ` +
          "permits the hosts of the data set, or that of --from URL",
      );
    }
    const { message, cause } = error as Error;
    const why = (cause instanceof Error ? cause.message : message)
      .replace(/^error sending request for url \(.*?\): (client error \(Connect\): )?/, "");
    if (/proxy authentication required/i.test(why)) {
      throw new InputError(`Cannot download ${url.href}: ${PROXY}`);
    }
    if (/certificate/i.test(why)) {
      throw new InputError(
        `Cannot download ${url.href}: ${why}; look at the computer's clock, name your network's own ` +
          "certificate with DENO_CERT=FILE, or another place with --from URL",
      );
    }
    throw new Interrupted(why);
  }
}

function refuse({ url }: Downloadable, found: string): never {
  throw new InputError(`Cannot download ${url}: ${found}; ${ELSEWHERE}`);
}
