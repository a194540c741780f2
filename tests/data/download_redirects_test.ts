import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { download } from "../../src/data/download.ts";
import { isAmong } from "../../src/data/download_request.ts";
import { DOWNLOADS } from "../../src/data/downloads.ts";
import { InputError } from "../../src/errors.ts";
import { withFolder } from "./fixtures.ts";
import { type Asked, type RawAnswer, withRawServer } from "./raw_server.ts";

const CONTENT = Uint8Array.from({ length: 10_000 }, (_, i) => i * i >> 3);

const file = (start: number | null, most = CONTENT.length): RawAnswer => {
  const from = start ?? 0;
  const says = `content-range: bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`;
  return {
    head: [
      start === null ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
      ...(start === null ? [] : [says]),
      `content-length: ${CONTENT.length - from}`,
    ],
    body: CONTENT.subarray(from, from + most),
  };
};

const sendOn = (to: string | null, status = 302): RawAnswer => ({
  head: [
    `HTTP/1.1 ${status} Elsewhere`,
    "content-length: 0",
    ...(to === null ? [] : [`location: ${to}`]),
  ],
});

/** Downloads /set.zip from a server; `hosts`: those that are known, of `127.0.0.1` and its port. */
async function fetchSet(
  answer: (asked: Asked, port: number) => RawAnswer,
  check: (given: {
    start: () => Promise<unknown>;
    asked: readonly Asked[];
    said: string[];
    path: string;
    port: number;
  }) => Promise<void>,
  hosts: (port: number) => readonly string[] = () => ["127.0.0.1"],
): Promise<void> {
  let at = 0;
  await withFolder((folder) =>
    withRawServer((asked) => answer(asked, at), async (port, asked) => {
      at = port;
      const said: string[] = [];
      const source = {
        file: "set.zip",
        url: `http://127.0.0.1:${port}/set.zip`,
        hosts: hosts(port),
        md5: createHash("md5").update(CONTENT).digest("hex"),
        size: CONTENT.length,
      };
      const say = (message: string) => void said.push(message);
      const options = { progress: () => {}, say, pause: 1 };
      const path = join(folder, "set.zip");
      await check({ start: () => download(source, folder, options), asked, said, path, port });
    })
  );
}

const refused = (message: RegExp) => (error: unknown) => {
  assert(error instanceof InputError, String(error));
  assert.match(error.message, message);
  return true;
};

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`a redirect (${status}) to a known place is followed, for the rest as well`, () =>
    fetchSet(({ path, nth, start }, port) => {
      if (path === "/set.zip") return sendOn(`http://127.0.0.1:${port}/a/b/moved.zip`, status);
      return path === "/a/b/moved.zip" ? sendOn("../here.zip", status) : file(start, 4000 + nth);
    }, async ({ start, asked, said, path, port }) => {
      await start();
      assert.deepEqual(Deno.readFileSync(path), CONTENT);
      assert.deepEqual(asked.map(({ path, start }) => [path, start]), [
        ...["/set.zip", "/a/b/moved.zip", "/a/here.zip"].map((path) => [path, null]),
        ...["/set.zip", "/a/b/moved.zip", "/a/here.zip"].map((path) => [path, 4002]),
        ...["/set.zip", "/a/b/moved.zip", "/a/here.zip"].map((path) => [path, 8007]),
      ]);
      const place = `The server sends on to http://127.0.0.1:${port}/a/here.zip`;
      assert.deepEqual(said.filter((line) => line.includes("sends on")), [place]);
    }));
}

Deno.test("another host is named with what to do, in a form that a shell takes as it is", () =>
  fetchSet(() => sendOn("https://example.org/$(touch x)/it's.zip?a=1&b=2#top"), async (given) => {
    await assert.rejects(given.start(), (error: Error) => {
      assert.equal(
        error.message,
        `Cannot download set.zip: it has moved from 127.0.0.1:${given.port} to example.org, which this ` +
          "program does not know (some networks send to their page for signing in); if you trust it, add --from " +
          "'https://example.org/$(touch%20x)/it%27s.zip?a=1&b=2', or download it by hand from there and " +
          `put it at ${given.path}`,
      );
      return error instanceof InputError;
    });
    assert.equal(given.asked.length, 1);
    assert.throws(() => Deno.statSync(`${given.path}.part`), Deno.errors.NotFound);
  }));

Deno.test("another port of the host is another place where one port is known", () =>
  fetchSet(
    (_, port) => sendOn(`http://127.0.0.1:${port === 1 ? 2 : 1}/`),
    ({ start }) =>
      assert.rejects(start(), refused(/has moved from 127\.0\.0\.1:\d+ to 127\.0\.0\.1:1,/)),
    (port) => [`127.0.0.1:${port}`],
  ));

const ELSEWHERE = "look whether the data set has moved, and name its place with --from URL$";

const NOWHERE: Readonly<Record<string, [(asked: Asked) => RawAnswer, string, number]>> = {
  "to itself": [
    () => sendOn("/set.zip#again"),
    `sent on in a circle, to http:.*/set\\.zip again; ${ELSEWHERE}`,
    1,
  ],
  "in a circle": [
    ({ path }) => sendOn(path === "/a" ? "/b" : "/a"),
    `sent on in a circle, to http:.*/a again; ${ELSEWHERE}`,
    3,
  ],
  "without end": [
    ({ nth }) => sendOn(`?${nth}`),
    `sent on more than 10 times; ${ELSEWHERE}`,
    11,
  ],
  "nowhere": [() => sendOn(null), `answered 302 without saying where to; ${ELSEWHERE}`, 1],
  "to an address of another kind": [
    () => sendOn("ftp://127.0.0.1/set.zip"),
    `sends on to ftp://127\\.0\\.0\\.1/set\\.zip, which is no http: or https: address; ${ELSEWHERE}`,
    1,
  ],
  "to no address": [
    () => sendOn("http://[/"),
    `sends on to "http://\\[/", which is no http: or https: address; ${ELSEWHERE}`,
    1,
  ],
};

for (const [where, [answer, message, requests]] of Object.entries(NOWHERE)) {
  Deno.test(`a redirect that leads ${where} is told at once`, () =>
    fetchSet(answer, async ({ start, asked }) => {
      await assert.rejects(start(), refused(new RegExp(message)));
      assert.equal(asked.length, requests);
    }));
}

Deno.test("hosts are known as Deno permits them", () => {
  const known = (host: string, url: string) => isAmong([host], new URL(url));
  assert(known("a.org", "https://a.org/x"));
  assert(known("a.org", "http://A.org:8080/x"));
  assert(!known("a.org", "https://b.a.org/"));
  assert(!known("a.org", "https://ba.org/"));
  assert(known("*.a.org", "https://a.org/"));
  assert(known("*.a.org", "https://c.b.a.org:1/"));
  assert(!known("*.a.org", "https://ba.org/"));
  assert(!known("*.a.org", "https://a.org.evil.net/"));
  assert(known("a.org:443", "https://a.org/"));
  assert(!known("a.org:443", "http://a.org/"));
  assert(known("a.org:80", "http://a.org/"));
  assert(known("[::1]:8000", "http://[::1]:8000/"));
  assert(!known("[::1]:8000", "http://[::1]:8001/"));
});

Deno.test("the official place of each data set is among its hosts, and so is where CIFAR has moved", () => {
  for (const { files } of Object.values(DOWNLOADS)) {
    for (const { url, hosts } of files) assert(isAmong(hosts, new URL(url)), url);
  }
  for (const name of ["cifar10", "cifar100"] as const) {
    const [{ hosts }] = DOWNLOADS[name].files;
    assert(isAmong(hosts, new URL("https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz")));
  }
});
