import { InputError } from "../errors.ts";
import type { Downloadable } from "./downloads.ts";

/** An attempt that brought no end: another may. */
export class Interrupted extends Error {}

/** The server does not go on in the middle of the file, so that it has to be asked for the whole. */
export class NoRanges extends Interrupted {}

/** What to do where a place does not have the file. */
export const ELSEWHERE = "look whether the data set has moved, and name its place with --from URL";

const SIGN_IN = "the network may want you to sign in: look at the address in a browser, or name " +
  "another place with --from URL";

/** Asked again later, these may become an answer. */
const isPassing = (status: number) => [408, 425, 429].includes(status) || status >= 500;

/**
 * Where the bytes of a response belong in the file.
 *
 * Entity tags do not matter: several servers behind one name may have several for one file, and a file that
 * is not the published one is found out by its size or its checksum.
 *
 * @param from The first byte that was asked for; 0 for all, without a range.
 * @returns 0 or `from`.
 * @throws {Interrupted} If another attempt may bring more.
 * @throws {InputError} If it is no answer with the file in it.
 */
export function startOf(response: Response, source: Downloadable, from: number): number {
  switch (response.status) {
    case 200:
      return startOfWhole(response, source);
    case 206:
      return startOfRange(response, source, from);
    case 416:
      if (from > 0) return noRange(response, source, from);
  }
  const said = `the server answered ${response.status} ${response.statusText}`.trim();
  if (response.status === 407) refuse(source, PROXY);
  if (response.status === 511) refuse(source, `${said}: ${SIGN_IN}`);
  if (isPassing(response.status)) throw new Interrupted(said);
  return refuse(source, `${said}, ${ELSEWHERE}`);
}

/** The proxy on the way answered, not the server. */
export const PROXY =
  "the proxy on the way wants a name and a password; put them into http_proxy and " +
  "https_proxy, as http://NAME:PASSWORD@HOST:PORT";

function startOfWhole({ headers }: Response, source: Downloadable): number {
  const length = headers.get("content-length");
  const encoding = headers.get("content-encoding") ?? "identity";
  if (length !== null) {
    if (Number(length) === 0) throw new Interrupted("the server's answer is empty");
    // Some servers take the file's own packing for an encoding: the length tells.
    if (Number(length) === source.size) return 0;
    if (encoding === "identity") return refuseSize(source, `the server has ${length} bytes`);
  }
  if (encoding !== "identity") {
    return refuse(
      source,
      `the server, or a proxy on the way, packs it (${encoding}) although asked not to; try from another ` +
        "network, or name another place with --from URL",
    );
  }
  if (/^text\/html\b/i.test(headers.get("content-type") ?? "")) {
    return refuse(source, `the server sends a web page, not the file; ${SIGN_IN}`);
  }
  return 0;
}

function startOfRange({ headers }: Response, source: Downloadable, from: number): number {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(headers.get("content-range")?.trim() ?? "");
  if (range === null) throw new NoRanges("the server does not say which part of the file it sends");
  const [first, last] = [Number(range[1]), Number(range[2])];
  // A total that is not known is no harm where the range ends with the file.
  const total = range[3] === "*" && last === source.size - 1 ? source.size : Number(range[3]);
  if (Number.isNaN(total)) {
    throw new NoRanges("the server does not say how long the file is that it sends a part of");
  }
  if (total !== source.size) refuseSize(source, `the server has ${total} bytes`);
  if (first !== from || last < first || last >= total) {
    throw new NoRanges(
      `the server sends bytes ${first} to ${last} where those from ${from} on were asked for`,
    );
  }
  return from;
}

function noRange({ headers }: Response, source: Downloadable, from: number): never {
  const total = /^bytes \*\/(\d+)$/i.exec(headers.get("content-range")?.trim() ?? "")?.[1];
  if (total !== undefined && Number(total) !== source.size) {
    refuseSize(source, `the server has ${total} bytes`);
  }
  throw new NoRanges(`the server says that it has no bytes behind ${from}`);
}

function refuseSize(source: Downloadable, found: string): never {
  return refuse(
    source,
    `${found} where the official file has ${source.size}, so it is another; ${SIGN_IN}`,
  );
}

function refuse({ url }: Downloadable, what: string): never {
  throw new InputError(`Cannot download ${url}: ${what}`);
}
