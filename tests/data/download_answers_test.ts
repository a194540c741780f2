import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { download } from "../../src/data/download.ts";
import { InputError } from "../../src/errors.ts";
import { withFolder } from "./fixtures.ts";
import { type Asked, type RawAnswer, withRawServer } from "./raw_server.ts";

const SIZE = 100_000;
const CONTENT = Uint8Array.from({ length: SIZE }, (_, i) => i * i >> 3);
const OTHER = CONTENT.map((byte) => byte ^ 1);

/** An answer with `body`, which says that it has `length` bytes. */
const whole = (body: Uint8Array, length: number | null = SIZE, ...head: string[]): RawAnswer => ({
  head: ["HTTP/1.1 200 OK", ...(length === null ? [] : [`content-length: ${length}`]), ...head],
  body,
});

/** An answer to a range. */
const range = (says: string, body: Uint8Array): RawAnswer => ({
  head: [
    "HTTP/1.1 206 Partial Content",
    `content-range: ${says}`,
    `content-length: ${body.length}`,
  ],
  body,
});

const status = (line: string, ...head: string[]): RawAnswer => ({
  head: [`HTTP/1.1 ${line}`, "content-length: 0", ...head],
});

/** The first bytes of the file, after which the connection ends; the answer to a range is another. */
const early = (bytes: number, answer: (start: number) => RawAnswer) => ({ start }: Asked) =>
  start === null ? whole(CONTENT.subarray(0, bytes)) : answer(start);

interface Case {
  readonly server: string;
  readonly answer: (asked: Asked) => RawAnswer | null;
  /** How often it is asked. */
  readonly requests: number;
  /** What the error says; without it, the download ends well. */
  readonly error?: RegExp;
  /** Bytes that are kept when it does not. */
  readonly kept?: number;
  /** What is said on the way. */
  readonly said?: RegExp;
}

const FRUITLESS = /and 5 attempts brought nothing new; 1000 bytes are kept in .*--from URL$/;

const CASES: readonly Case[] = [
  {
    server: "has no bytes behind those that came (416)",
    answer: early(
      1000,
      () => status("416 Range Not Satisfiable", `content-range: bytes */${SIZE}`),
    ),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "answers 416 without the file's length",
    answer: early(1000, () => status("416 Range Not Satisfiable")),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "answers 416 with another length",
    answer: early(1000, () => status("416 Range Not Satisfiable", "content-range: bytes */1000")),
    requests: 2,
    error: /the server has 1000 bytes where the official file has 100000/,
    kept: 1000,
  },
  {
    server: "sends pieces and does not know the file's length (206 with *)",
    answer: early(1000, (at) => range(`bytes ${at}-${at + 99}/*`, CONTENT.subarray(at, at + 100))),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "sends the rest and does not know the file's length",
    answer: early(1000, (at) => range(`bytes ${at}-${SIZE - 1}/*`, CONTENT.subarray(at))),
    requests: 2,
  },
  {
    server: "sends another range than was asked for",
    answer: early(1000, () => range(`bytes 0-${SIZE - 1}/${SIZE}`, CONTENT)),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "sends a range that ends behind the file",
    answer: early(1000, (at) => range(`bytes ${at}-${SIZE}/${SIZE}`, CONTENT.subarray(at))),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "does not say which range it sends",
    answer: early(1000, (at) => ({
      head: ["HTTP/1.1 206 Partial Content", "content-type: multipart/byteranges; boundary=x"],
      body: CONTENT.subarray(at),
    })),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "has a range of a shorter file",
    answer: early(1000, (at) => range(`bytes ${at}-89999/90000`, CONTENT.subarray(at, 90_000))),
    requests: 2,
    error: /the server has 90000 bytes where the official file has 100000/,
    kept: 1000,
  },
  {
    server: "sends pieces of the rest",
    answer: early(
      10_000,
      (at) => range(`bytes ${at}-${at + 9999}/${SIZE}`, CONTENT.subarray(at, at + 10_000)),
    ),
    requests: 10,
  },
  {
    server: "sends crumbs",
    answer: early(1000, (at) => range(`bytes ${at}-${at}/${SIZE}`, CONTENT.subarray(at, at + 1))),
    requests: 6,
    error: /5 attempts brought only 5 new bytes; 1005 bytes are kept/,
    kept: 1005,
  },
  {
    server: "sends small pieces",
    answer: early(
      99_900,
      (at) => range(`bytes ${at}-${at + 3}/${SIZE}`, CONTENT.subarray(at, at + 4)),
    ),
    requests: 26,
  },
  {
    server: "sends pieces and then none any more",
    answer: ({ start }) =>
      start === null || start < 3000
        ? range(
          `bytes ${start ?? 0}-${(start ?? 0) + 999}/${SIZE}`,
          CONTENT.subarray(start ?? 0, (start ?? 0) + 1000),
        )
        : range(`bytes ${start}-${start + 999}/${SIZE}`, new Uint8Array(0)),
    requests: 8,
    error: /5 attempts brought nothing new; 3000 bytes are kept/,
    kept: 3000,
  },
  {
    server: "knows no ranges and always ends early",
    answer: () => whole(CONTENT.subarray(0, 1000)),
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
    said: /cannot go on where it stopped: starting again/,
  },
  {
    server: "knows no ranges and ends a little later each time",
    answer: ({ nth }) => whole(CONTENT.subarray(0, 30_000 * (nth + 1))),
    requests: 4,
  },
  {
    server: "knows no ranges and ends earlier each time",
    answer: ({ nth }) => whole(CONTENT.subarray(0, 5000 - 500 * nth)),
    requests: 6,
    error: /5000 bytes are kept/,
    kept: 5000,
  },
  {
    server: "answers a range with a page of another length",
    answer: early(1000, () => whole(new TextEncoder().encode("<html>Sign in"), 13)),
    requests: 2,
    error: /the server has 13 bytes where .* may want you to sign in/,
    kept: 1000,
  },
  {
    server: "answers a range with a web page of no length",
    answer: early(
      1000,
      () => whole(new TextEncoder().encode("<html>"), null, "content-type: text/html; charset=x"),
    ),
    requests: 2,
    error: /sends a web page, not the file; .* may want you to sign in/,
    kept: 1000,
  },
  {
    server: "answers with nothing",
    answer: () => whole(new Uint8Array(0), 0),
    requests: 5,
    error:
      /the server's answer is empty, and 5 attempts brought nothing new; start the command again/,
    kept: 0,
  },
  {
    server: "answers with nothing and no length",
    answer: () => whole(new Uint8Array(0), null),
    requests: 5,
    error: /the connection ended early, and 5 attempts/,
    kept: 0,
  },
  {
    server: "closes the connection without an answer",
    answer: () => null,
    requests: 5,
    error: /and 5 attempts brought nothing new; start the command again later/,
    kept: 0,
  },
  {
    server: "closes the connection without an answer to a range",
    answer: ({ start }) => start === null ? whole(CONTENT.subarray(0, 1000)) : null,
    requests: 6,
    error: FRUITLESS,
    kept: 1000,
  },
  {
    server: "sends the file without its length",
    answer: () => whole(CONTENT, null),
    requests: 1,
  },
  {
    server: "sends more than the file, without a length",
    answer: () => whole(Uint8Array.from([...CONTENT, 0]), null),
    requests: 1,
    error: /more than the 100000 bytes of the official file came/,
  },
  {
    server: "packs the file on the way",
    answer: () => whole(CONTENT.subarray(0, 500), 500, "content-encoding: gzip"),
    requests: 1,
    error:
      /the server, or a proxy on the way, packs it \(gzip\) although asked not to; try from another/,
    kept: 0,
  },
  {
    server: "packs the file on the way and does not say how long it is",
    answer: () => whole(CONTENT.subarray(0, 500), null, "content-encoding: br"),
    requests: 1,
    error: /packs it \(br\) although asked not to; .* another place with --from URL/,
    kept: 0,
  },
  {
    server: "takes the file's own packing for an encoding",
    answer: () => whole(CONTENT, SIZE, "content-encoding: gzip"),
    requests: 1,
  },
  {
    server: "has another file of the same length at first",
    answer: ({ start }) =>
      start === null
        ? whole(OTHER.subarray(0, 40_000), SIZE, 'etag: "a"')
        : range(`bytes ${start}-${SIZE - 1}/${SIZE}`, CONTENT.subarray(start)),
    requests: 4,
    error: /what came has another checksum than .*, it was removed/,
    said: /checksum does not match: starting again/,
    kept: 0,
  },
  {
    server: "changes the file, once",
    answer: ({ start, nth }) =>
      start === null
        ? whole(nth === 0 ? OTHER.subarray(0, 40_000) : CONTENT, SIZE, `etag: "${nth}"`)
        : range(`bytes ${start}-${SIZE - 1}/${SIZE}`, CONTENT.subarray(start)),
    requests: 3,
    said: /checksum does not match: starting again/,
  },
  {
    server: "changes the file and knows no ranges",
    answer: ({ nth }) =>
      nth === 0 ? whole(OTHER.subarray(0, 3000)) : whole(CONTENT.subarray(0, 50_000 * nth)),
    requests: 3,
    said: /What comes is not what was there/,
  },
  {
    server: "sends less of another file each time",
    answer: ({ nth }) => whole((nth % 2 === 0 ? OTHER : CONTENT).subarray(0, 3000 - nth)),
    requests: 6,
    error: /5 attempts brought nothing new; 2995 bytes are kept/,
    kept: 2995,
  },
  {
    server: "sends another file of the right length",
    answer: () => whole(OTHER),
    requests: 1,
    error: /another checksum .* from another place with --from URL/,
    kept: 0,
  },
  {
    server: "is a proxy that wants a password",
    answer: () =>
      status("407 Proxy Authentication Required", 'proxy-authenticate: Basic realm="x"'),
    requests: 1,
    error: /proxy on the way wants a name and a password; put them into http_proxy and https_proxy/,
    kept: 0,
  },
  {
    server: "is a network that wants a sign-in (511)",
    answer: () => status("511 Network Authentication Required"),
    requests: 1,
    error: /answered 511 .* may want you to sign in/,
    kept: 0,
  },
  ...["204 No Content", "300 Multiple Choices", "304 Not Modified", "401 Unauthorized"].map((
    line,
  ) => ({
    server: `answers ${line}`,
    answer: () => status(line),
    requests: 1,
    error: new RegExp(`answered ${line}, look whether the data set has moved, .*--from URL`),
    kept: 0,
  })),
  ...["403 Forbidden", "404 Not Found", "410 Gone", "416 Range Not Satisfiable"].map((line) => ({
    server: `answers ${line} to a question for all`,
    answer: () => status(line),
    requests: 1,
    error: new RegExp(`answered ${line}, look whether the data set has moved, .*--from URL`),
    kept: 0,
  })),
  ...["408 Request Timeout", "429 Too Many Requests", "503 Service Unavailable"].map((line) => ({
    server: `answers ${line}, again and again`,
    answer: () => status(line),
    requests: 5,
    error: new RegExp(`answered ${line}, and 5 attempts brought nothing new`),
    kept: 0,
  })),
];

for (const { server, answer, requests, error, kept, said } of CASES) {
  Deno.test(`a server that ${server} ${error ? "is given up" : "serves"}`, () =>
    withFolder((folder) =>
      withRawServer(answer, async (port, asked) => {
        const lines: string[] = [];
        const source = {
          file: "set.zip",
          url: `http://127.0.0.1:${port}/set.zip`,
          hosts: ["127.0.0.1"],
          md5: createHash("md5").update(CONTENT).digest("hex"),
          size: SIZE,
        };
        const started = download(source, folder, {
          progress(done, total) {
            assert(Number.isInteger(done) && done >= 0 && done <= total && total === SIZE);
          },
          say: (message) => void lines.push(message),
          pause: 1,
        });
        const path = join(folder, "set.zip");
        if (error === undefined) {
          assert.deepEqual(await started, { path, fetched: true });
          assert.deepEqual(Deno.readFileSync(path), CONTENT);
        } else {
          await assert.rejects(started, (thrown) => {
            assert(thrown instanceof InputError, String(thrown));
            assert.match(thrown.message, error);
            return true;
          });
          const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
          if (kept === 0) assert.deepEqual(names, []);
          else if (kept !== undefined) assert.equal(Deno.statSync(`${path}.part`).size, kept);
        }
        assert.equal(asked.length, requests, JSON.stringify(asked));
        if (said !== undefined) assert.match(lines.join("\n"), said);
      })
    ));
}
