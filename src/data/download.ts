import { createHash } from "node:crypto";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { Interrupted, NoRanges, startOf } from "./download_answer.ts";
import { PartFile, refuseWriting } from "./download_part.ts";
import { Moved, request } from "./download_request.ts";
import type { Downloadable } from "./downloads.ts";

/** What a download tells while it runs. */
export interface DownloadOptions {
  /** Called with the number of bytes there, of all. */
  readonly progress: (done: number, total: number) => void;
  /** Called with what happened: an interruption, a resumption. */
  readonly say: (message: string) => void;
  /**
   * Attempts in turn that together bring less than a {@linkcode CRUMBS}th of the file beyond the most there ever was,
   * before it gives up; 5 unless told.
   */
  readonly attempts?: number;
  /** Milliseconds before the next attempt, doubled for each further fruitless one; 1000 unless told. */
  readonly pause?: number;
  /** Milliseconds without a byte that count as an interruption; 60,000 unless told. */
  readonly patience?: number;
}

/** A server that sends fewer bytes for each request than a file has in so many parts would take days for all. */
const CRUMBS = 10_000;

/**
 * Fetches a file into `folder`. What arrives goes to `FILE.part`, which an interruption leaves there: this
 * call, or a later one, goes on behind it if the server can, and has the whole sent again otherwise. The
 * file gets its name when its checksum matches.
 *
 * @returns Its path, and whether it had to be fetched.
 * @throws {InputError} If the server refuses, attempts bring nothing new, the content is another, or the
 * folder cannot be written.
 */
export async function download(
  source: Downloadable,
  folder: string,
  options: DownloadOptions,
): Promise<{ path: string; fetched: boolean }> {
  const path = join(folder, source.file);
  if (exists(path)) {
    if (await isPublished(path, source)) return { path, fetched: false };
    throw new InputError(
      `Cannot download ${source.file}: ${path} is there and is not the official file, by its checksum; ` +
        `move it away`,
    );
  }
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    refuseWriting(path, error as Error);
  }
  try {
    await collect(source, `${path}.part`, options);
  } catch (error) {
    if (error instanceof Moved) throw moved(error, source, path);
    throw error;
  }
  Deno.renameSync(`${path}.part`, path);
  return { path, fetched: true };
}

/** Fills the part, until its checksum matches. */
async function collect(source: Downloadable, path: string, options: DownloadOptions) {
  using part = new PartFile(path);
  if (part.held > source.size) {
    options.say("What is there is longer than the file: starting again, without it");
    part.clear();
  }
  // Pieces of several answers, of other days, may be of several files; one answer is one file.
  for (let canBeMixed = true;; canBeMixed = false) {
    const pieces = (part.held > 0 ? 1 : 0) + await fetchWhole(source, part, options);
    if (await isPublished(path, source)) return;
    part.clear();
    if (!canBeMixed || pieces === 1) {
      throw new InputError(
        `Cannot download ${source.url}: what came has another checksum than ${source.md5}, it was removed; ` +
          `try again later, from another network, or from another place with --from URL`,
      );
    }
    options.say("The checksum does not match: starting again, without what was there before");
  }
}

/** What is known of the server by its answers. */
interface Server {
  /** Whether it may go on in the middle of the file. */
  ranges: boolean;
  /** The address that answered last. */
  place: string;
}

/** @returns How many answers brought bytes. */
async function fetchWhole(
  source: Downloadable,
  part: PartFile,
  options: DownloadOptions,
): Promise<number> {
  const { attempts = 5, pause = 1000, say } = options;
  const server: Server = { ranges: true, place: source.url };
  let pieces = 0;
  let fruitless = 0;
  // The most that was there after the last attempt that brought something.
  let reached = part.most;
  while (part.held < source.size) {
    const { most } = part;
    try {
      await fetchRest(source, part, server, options);
      pieces++;
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      if (error instanceof NoRanges) server.ranges = false;
      if (part.most > most) pieces++;
      if (part.most - reached >= source.size / CRUMBS) [fruitless, reached] = [0, part.most];
      else fruitless++;
      if (fruitless >= attempts) {
        const brought = part.most > reached
          ? `only ${part.most - reached} new bytes`
          : "nothing new";
        const kept = part.held > 0 ? `${part.held} bytes are kept in ${part.path}, ` : "";
        throw new InputError(
          `Cannot download ${source.url}: ${error.message}, and ${attempts} attempts brought ${brought}; ` +
            `${kept}start the command again later, or name another place with --from URL`,
        );
      }
      say(`Interrupted, ${part.held} bytes are there (${error.message}), trying again`);
      await new Promise((ready) => setTimeout(ready, pause * 2 ** Math.max(0, fruitless - 1)));
    }
  }
  return pieces;
}

/** One request: behind what is held, or from the start, to the end. */
async function fetchRest(
  source: Downloadable,
  part: PartFile,
  server: Server,
  { progress, say, patience = 60_000 }: DownloadOptions,
): Promise<void> {
  const from = server.ranges ? part.held : 0;
  const watch = new AbortController();
  let timer = setTimeout(() => watch.abort(), patience);
  const interruption = (error: Error) =>
    watch.signal.aborted ? new Interrupted(`nothing came for ${patience / 1000} s`) : error;
  try {
    const { response, url } = await request(source, from, watch.signal)
      .catch((error) => Promise.reject(interruption(error)));
    if (url.href !== server.place) say(`The server sends on to ${url.href}`);
    server.place = url.href;
    const start = startOf(response, source, from);
    if (start > 0) say(`Going on after ${start} bytes`);
    else if (part.held > 0) say("The server cannot go on where it stopped: starting again");
    let done = start;
    progress(done, source.size);
    for await (const bytes of bodyOf(response, interruption)) {
      clearTimeout(timer);
      timer = setTimeout(() => watch.abort(), patience);
      if (done + bytes.length > source.size) {
        throw new InputError(
          `Cannot download ${source.url}: more than the ${source.size} bytes of the official file came; ` +
            "try again later, or from another place with --from URL",
        );
      }
      if (!part.write(done, bytes)) say("What comes is not what was there, which is given up");
      progress(done += bytes.length, source.size);
    }
    if (done < source.size) throw new Interrupted("the connection ended early");
  } finally {
    clearTimeout(timer);
    watch.abort();
  }
}

async function* bodyOf(
  { body }: Response,
  interruption: (error: Error) => Error,
): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  for (;;) {
    const chunk = await reader?.read().catch((error) => {
      const known = interruption(error);
      if (known instanceof Interrupted) throw known;
      throw new Interrupted(`the connection ended early: ${known.message}`);
    });
    if (chunk === undefined || chunk.done) return;
    yield chunk.value;
  }
}

function moved({ from, to }: Moved, { file }: Downloadable, path: string): InputError {
  // Ready for a shell, which must not find anything to do in what a server wrote.
  const place = `'${to.href.replaceAll("'", "%27")}'`;
  return new InputError(
    `Cannot download ${file}: it has moved from ${from.host} to ${to.host}, which this program does not ` +
      `know (some networks send to their page for signing in); if you trust it, add --from ${place}, or ` +
      `download it by hand from there and put it at ${path}`,
  );
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}

/** Whether a file has the content of `source`, by its checksum as it is, or unpacked. */
async function isPublished(path: string, { md5, unpackedSha256 }: Downloadable): Promise<boolean> {
  if (await md5Of(path) === md5) return true;
  return unpackedSha256 !== undefined && await unpackedSha256Of(path) === unpackedSha256;
}

/** SHA-256 of what gzip has packed, hexadecimal; null for a file that is not packed, or damaged. */
async function unpackedSha256Of(path: string): Promise<string | null> {
  const hash = createHash("sha256");
  const unpacking = (await Deno.open(path)).readable.pipeThrough(new DecompressionStream("gzip"));
  try {
    for await (const chunk of unpacking) hash.update(chunk);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
  return hash.digest("hex");
}

/** MD5 of a file, hexadecimal. */
export async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of (await Deno.open(path)).readable) hash.update(chunk);
  return hash.digest("hex");
}
