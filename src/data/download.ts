import { createHash } from "node:crypto";
import { join } from "node:path";
import { InputError } from "../errors.ts";

/** A file that can be fetched. */
export interface Downloadable {
  /** Its name on disk. */
  readonly file: string;
  readonly url: string;
  /** MD5 as published, hexadecimal. */
  readonly md5: string;
  /** Bytes as published. */
  readonly size: number;
}

/** The data sets that anyone may fetch without an account, at their official places. */
export const DOWNLOADS = {
  "cifar10": {
    file: "cifar-10-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
    size: 170_052_171,
  },
  "cifar100": {
    file: "cifar-100-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    md5: "03b5dce01913d631647c71ecec9e9cb8",
    size: 168_513_733,
  },
  "tiny-imagenet": {
    file: "tiny-imagenet-200.zip",
    url: "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
    md5: "90528d7ca1a48142e341f4ef8d21d0de",
    size: 248_100_043,
  },
} as const satisfies Record<string, Downloadable>;

/** What a download tells while it runs. */
export interface DownloadOptions {
  /** Called with the number of bytes there, of all. */
  readonly progress: (done: number, total: number) => void;
  /** Called with what happened: an interruption, a resumption. */
  readonly say: (message: string) => void;
  /** Attempts without a single new byte before it gives up; 5 unless told. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt, doubled for each further one; 1000 unless told. */
  readonly pause?: number;
  /** Milliseconds without a byte that count as an interruption; 60,000 unless told. */
  readonly patience?: number;
}

/** An interruption: worth another attempt. */
class Interrupted extends Error {}

/**
 * Fetches a file into `folder`. What arrives goes to `FILE.part`, which an interruption leaves there: this
 * call, or a later one, goes on behind it if the server can, and starts again otherwise. The file gets its
 * name when its checksum matches.
 *
 * @returns Its path, and whether it had been there before.
 * @throws {InputError} If the server refuses, the connection breaks for good, the content is another, or
 * the folder cannot be written.
 */
export async function download(
  source: Downloadable,
  folder: string,
  options: DownloadOptions,
): Promise<{ path: string; fetched: boolean }> {
  const path = join(folder, source.file);
  if (sizeOf(path) !== null) {
    if (await md5Of(path) === source.md5) return { path, fetched: false };
    throw new InputError(
      `Cannot download ${source.file}: ${path} is there and is not the official file, by its checksum; ` +
        `move it away`,
    );
  }
  const part = `${path}.part`;
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    refuseWriting(part, error as Error);
  }
  const resumed = (sizeOf(part) ?? 0) > 0;
  await fetchWhole(source, part, options);
  if (await md5Of(part) !== source.md5) {
    Deno.removeSync(part);
    if (resumed) {
      options.say("The checksum does not match: starting again, without what was there before");
      return await download(source, folder, options);
    }
    throw new InputError(
      `Cannot download ${source.url}: what came has another checksum than ${source.md5}, it was removed; ` +
        `try again later or from another network`,
    );
  }
  Deno.renameSync(part, path);
  return { path, fetched: true };
}

async function fetchWhole(
  source: Downloadable,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  const { attempts = 5, pause = 1000, say } = options;
  for (let failures = 0;;) {
    const before = sizeOf(part) ?? 0;
    try {
      return await fetchRest(source, part, before, options);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      const there = sizeOf(part) ?? 0;
      failures = there > before ? 1 : failures + 1;
      if (failures >= attempts) {
        const kept = there > 0 ? `${there} bytes are kept in ${part}, ` : "";
        throw new InputError(
          `Cannot download ${source.url}: ${error.message}; ${kept}start the command again later`,
        );
      }
      say(`Interrupted after ${there} bytes (${error.message}), trying again`);
      await new Promise((resolve) => setTimeout(resolve, pause * 2 ** (failures - 1)));
    }
  }
}

/** One request: from `from` on to the end. */
async function fetchRest(
  source: Downloadable,
  part: string,
  from: number,
  { progress, say, patience = 60_000 }: DownloadOptions,
): Promise<void> {
  const watch = new AbortController();
  let timer = setTimeout(() => watch.abort(), patience);
  const silence = () => new Interrupted(`nothing came for ${patience / 1000} s`);
  try {
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${from}-` } : {};
    let response: Response;
    try {
      response = await fetch(source.url, { headers, signal: watch.signal });
    } catch (error) {
      if (watch.signal.aborted) throw silence();
      if (error instanceof Deno.errors.NotCapable) throw error;
      const { message, cause } = error as Error;
      throw new Interrupted(cause instanceof Error ? `${message}: ${cause.message}` : message);
    }
    const { start, total } = await begin(response, source, part, from);
    if (start > 0) say(`Going on after ${start} bytes`);
    else if (from > 0) say("The server cannot go on where it stopped: starting again");
    using file = openAt(part, start);
    let done = start;
    progress(done, total);
    const reader = response.body!.getReader();
    while (done <= total) {
      const { value, done: ended } = await reader.read().catch((error) => {
        throw watch.signal.aborted ? silence() : new Interrupted(error.message);
      });
      if (ended) break;
      clearTimeout(timer);
      timer = setTimeout(() => watch.abort(), patience);
      writeAll(file, value, part);
      progress(done += value.length, total);
    }
    if (done > total) {
      await reader.cancel();
      throw new InputError(
        `Cannot download ${source.url}: more than the ${total} bytes announced came, try again later`,
      );
    }
    if (done < total) throw new Interrupted("the connection ended early");
  } finally {
    clearTimeout(timer);
    watch.abort();
  }
}

/** Where the bytes of a response belong, and how many there are with those before. */
async function begin(
  response: Response,
  { url, size }: Downloadable,
  part: string,
  from: number,
): Promise<{ start: number; total: number }> {
  const length = Number(response.headers.get("content-length") ?? NaN);
  if (response.status === 200) return { start: 0, total: Number.isNaN(length) ? size : length };
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (response.status === 206 && range !== null && Number(range[1]) === from) {
    return { start: from, total: Number(range[2]) };
  }
  await response.body?.cancel();
  if (response.status === 416 || response.status === 206) {
    // The part is as long as the file, or longer, or the server answers another question.
    if (from === size) return { start: from, total: from };
    Deno.removeSync(part);
    throw new Interrupted(`the server has no bytes behind ${from}`);
  }
  const said = `the server answered ${response.status} ${response.statusText}`.trim();
  if (response.status >= 500 || response.status === 429) throw new Interrupted(said);
  throw new InputError(`Cannot download ${url}: ${said}, look whether the data set has moved`);
}

function openAt(path: string, start: number): Deno.FsFile {
  try {
    const file = Deno.openSync(path, { write: true, create: true });
    file.truncateSync(start);
    file.seekSync(start, Deno.SeekMode.Start);
    return file;
  } catch (error) {
    refuseWriting(path, error as Error);
  }
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array, path: string): void {
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch (error) {
    refuseWriting(path, error as Error);
  }
}

function refuseWriting(path: string, error: Error): never {
  throw new InputError(
    `Cannot write ${path}: ${error.message}; free some space or name another folder with --data`,
  );
}

function sizeOf(path: string): number | null {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}

/** MD5 of a file, hexadecimal. */
export async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  for await (const chunk of (await Deno.open(path)).readable) hash.update(chunk);
  return hash.digest("hex");
}
