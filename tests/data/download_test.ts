import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { download } from "../../src/data/download.ts";
import type { Downloadable } from "../../src/data/downloads.ts";
import { InputError } from "../../src/errors.ts";
import { withFolder, write } from "./fixtures.ts";

const CONTENT = Uint8Array.from({ length: 100_000 }, (_, i) => i * i >> 3);

/** How the server answers one request. */
type Answer = (request: Request) => Response;

const header = (start: number) => ({
  "content-length": String(CONTENT.length - start),
  ...(start > 0
    ? { "content-range": `bytes ${start}-${CONTENT.length - 1}/${CONTENT.length}` }
    : {}),
});

/** The whole file, or what is asked for of it. */
const rest: Answer = (request) => {
  const start = Number(/bytes=(\d+)-/.exec(request.headers.get("range") ?? "")?.[1] ?? 0);
  if (start >= CONTENT.length) return new Response(null, { status: 416 });
  const status = start > 0 ? 206 : 200;
  return new Response(CONTENT.slice(start), { status, headers: header(start) });
};

/** The whole file, whatever is asked for. */
const always: Answer = () => new Response(CONTENT.slice(), { headers: header(0) });

/** What `answer` says, but the connection breaks after so many bytes. */
const breaking = (after: number, answer: Answer): Answer => (request) => {
  const { status, headers, body } = answer(request);
  let left = after;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk.subarray(0, left));
      left -= Math.min(left, chunk.length);
      if (left === 0) controller.error(new Error("broken"));
    },
  });
  return new Response(body!.pipeThrough(cut), { status, headers });
};

const failing = (status: number): Answer => () => new Response("no", { status });

/** Downloads from a server that gives these answers, one after the other; the last one again and again. */
function from(
  answers: readonly Answer[],
  use: (given: {
    folder: string;
    part: string;
    said: string[];
    ranges: (string | null)[];
    start: (changes?: Partial<Downloadable>) => ReturnType<typeof download>;
  }) => Promise<void>,
) {
  return () =>
    withFolder(async (folder) => {
      const ranges: (string | null)[] = [];
      const server = Deno.serve({
        hostname: "127.0.0.1",
        port: 0,
        onListen() {},
        onError: () => new Response(null, { status: 500 }),
      }, (request) => {
        ranges.push(request.headers.get("range"));
        return answers[Math.min(ranges.length, answers.length) - 1](request);
      });
      const said: string[] = [];
      const source: Downloadable = {
        file: "set.zip",
        url: `http://127.0.0.1:${server.addr.port}/set.zip`,
        hosts: ["127.0.0.1"],
        md5: createHash("md5").update(CONTENT).digest("hex"),
        size: CONTENT.length,
      };
      const options = {
        progress: (done: number, total: number) => assert(done <= total && total === 100_000),
        say: (message: string) => void said.push(message),
        attempts: 3,
        pause: 1,
        patience: 200,
      };
      const start = (changes = {}) => download({ ...source, ...changes }, folder, options);
      try {
        await use({ folder, part: join(folder, "set.zip.part"), said, ranges, start });
      } finally {
        await server.shutdown();
      }
    });
}

const refused = (message: RegExp) => (error: unknown) => {
  assert(error instanceof InputError, String(error));
  assert.match(error.message, message);
  return true;
};

Deno.test(
  "a file is fetched once, checked, and not fetched again",
  from([always], async ({ start, folder, ranges }) => {
    const path = join(folder, "set.zip");
    assert.deepEqual(await start(), { path, fetched: true });
    assert.deepEqual(Deno.readFileSync(path), CONTENT);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["set.zip"]);
    assert.deepEqual(await start(), { path, fetched: false });
    assert.deepEqual(ranges, [null]);
  }),
);

Deno.test(
  "interruptions are gone on from, byte by byte",
  from(
    [breaking(30_000, rest), breaking(25_000, rest), failing(503), rest],
    async ({ start, folder, ranges, said }) => {
      await start();
      assert.deepEqual(Deno.readFileSync(join(folder, "set.zip")), CONTENT);
      // How much of a broken answer arrives is not ours to say, but the requests go on where it ended.
      const starts = ranges.slice(1).map((range) => Number(/bytes=(\d+)-/.exec(range!)![1]));
      assert(starts[0] > 0 && starts[0] <= 30_000 && starts[1] > starts[0], String(starts));
      assert.equal(starts[2], starts[1]);
      assert.equal(said.filter((message) => message.startsWith("Interrupted")).length, 3);
    },
  ),
);

Deno.test(
  "a later call goes on with what an earlier one left",
  from([breaking(40_000, rest), failing(503)], async ({ start, part }) => {
    await assert.rejects(
      start(),
      refused(/answered 503 .*; \d+ bytes are kept in .*set\.zip\.part, start .*--from URL/),
    );
    assert.deepEqual(Deno.readFileSync(part), CONTENT.subarray(0, Deno.statSync(part).size));
    await from([rest], async (second) => {
      write(second.part, Deno.readFileSync(part));
      await second.start();
      assert.match(second.ranges[0]!, /^bytes=[1-9]\d*-$/);
      assert.match(second.said[0], /^Going on after \d+ bytes/);
    })();
  }),
);

Deno.test(
  "a server without ranges makes it start again",
  from([always], async ({ start, part, folder, said }) => {
    write(part, new Uint8Array(5000).fill(1));
    await start();
    assert.match(said[0], /cannot go on .* starting again/);
    assert.deepEqual(Deno.readFileSync(join(folder, "set.zip")), CONTENT);
  }),
);

Deno.test(
  "what was left of another file is thrown away when the checksum tells",
  from([rest], async ({ start, part, folder, said }) => {
    write(part, new Uint8Array(5000).fill(1));
    await start();
    assert.match(said[1], /checksum does not match: starting again/);
    assert.deepEqual(Deno.readFileSync(join(folder, "set.zip")), CONTENT);
  }),
);

Deno.test(
  "a part that is whole already is taken, one that is too long is not",
  from([rest], async ({ start, part, folder }) => {
    write(part, CONTENT);
    await start();
    assert.deepEqual(Deno.readFileSync(join(folder, "set.zip")), CONTENT);
    Deno.removeSync(join(folder, "set.zip"));
    write(part, new Uint8Array(100_001));
    await start();
    assert.deepEqual(Deno.readFileSync(join(folder, "set.zip")), CONTENT);
  }),
);

Deno.test(
  "a wrong checksum is an error and leaves nothing",
  from([always], async ({ start, folder }) => {
    const md5 = "0".repeat(32);
    await assert.rejects(start({ md5 }), refused(/another checksum than 0{32}, it was removed/));
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }),
);

Deno.test(
  "a file that has the published content, packed in another way, is taken",
  from([rest], async ({ start, folder, ranges }) => {
    const unpackedSha256 = createHash("sha256").update(CONTENT).digest("hex");
    const path = join(folder, "set.zip");
    write(path, gzipSync(CONTENT, { level: 1 }));
    assert.deepEqual(await start({ unpackedSha256 }), { path, fetched: false });
    write(path, gzipSync(CONTENT.subarray(1)));
    await assert.rejects(start({ unpackedSha256 }), refused(/is not the official file/));
    write(path, gzipSync(CONTENT).subarray(0, 500));
    await assert.rejects(start({ unpackedSha256 }), refused(/is not the official file/));
    assert.equal(ranges.length, 0);
  }),
);

Deno.test(
  "a file that is there and is another is not overwritten",
  from([always], async ({ start, folder, ranges }) => {
    write(join(folder, "set.zip"), "mine");
    await assert.rejects(start(), refused(/is there and is not the official file/));
    assert.equal(Deno.readTextFileSync(join(folder, "set.zip")), "mine");
    assert.equal(ranges.length, 0);
  }),
);

Deno.test(
  "a file that is not there is told at once, without more attempts",
  from([failing(404)], async ({ start, ranges }) => {
    await assert.rejects(start(), refused(/answered 404 .*look whether the data set has moved/));
    assert.equal(ranges.length, 1);
  }),
);

Deno.test(
  "silence counts as an interruption",
  from(
    [() => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))],
    async ({ start, ranges }) => {
      await assert.rejects(
        start(),
        refused(/nothing came for 0\.2 s, and 3 attempts .*; start the command again/),
      );
      assert.equal(ranges.length, 3);
    },
  ),
);

Deno.test("a server that is not there is told after the attempts", () =>
  withFolder(async (folder) => {
    // Nothing listens at a port that was given back.
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response(),
    );
    const { port } = server.addr;
    await server.shutdown();
    const source = { file: "x", url: `http://127.0.0.1:${port}/x`, hosts: [], md5: "", size: 1 };
    const options = { progress: () => {}, say: () => {}, attempts: 2, pause: 1 };
    await assert.rejects(download(source, folder, options), refused(/start the command again/));
  }));

Deno.test(
  "a folder that cannot be written is told before anything is fetched",
  from([always], async ({ folder, ranges }) => {
    write(join(folder, "file"), "in the way");
    const source = { file: "x", url: "http://127.0.0.1:1/x", hosts: [], md5: "", size: 1 };
    const options = { progress: () => {}, say: () => {} };
    await assert.rejects(
      download(source, join(folder, "file"), options),
      refused(/Cannot (write|read)/),
    );
    assert.equal(ranges.length, 0);
  }),
);
