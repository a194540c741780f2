/** A sweep by workers of a queue. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { hostOf, parseRedisAddress } from "../../src/host/queue/redis_address.ts";
import { makeQueueOfFolder, queueOfFolder } from "../../src/host/queue/queue_folder.ts";
import { withFolder } from "../data/fixtures.ts";
import { quick, Redis, redisMissing, Running, sweepWithKills, tinySweep } from "./queued.ts";

const missing = redisMissing();
const withRedis = { ignore: missing !== null };
if (missing) console.log(`ignored: the tests of queues, ${missing}`);

Deno.test({
  name: "a sweep over two workers survives the kill of a worker and of Redis, to the same bits",
  ...withRedis,
  fn: () =>
    withFolder(async (folder) => {
      const { takenOver } = await sweepWithKills(folder, 2);
      assert.match(takenOver, /^method=/);
    }),
});

Deno.test({
  name:
    "a wrong address, password, database and version are told with the fix, before anything is begun",
  ...withRedis,
  fn: () =>
    withFolder(async (folder) => {
      const file = tinySweep(folder, 1);
      const redis = new Redis(folder, "--requirepass secret --databases 1");
      const said = async (address: string, env: Record<string, string> = {}) => {
        const out = join(folder, "out");
        const process = new Running(["sweep", file, "--queue", address, "--out", out], env);
        assert.equal(await process.ended, 2, process.output);
        assert.equal(queueOfFolder(out), null);
        return process.output;
      };
      assert.match(await said(redis.address), /nothing answers there .*; start Redis or Valkey/);
      await redis.start();
      try {
        const { port } = redis;
        assert.match(
          await said(redis.address),
          /does not accept the password .*WSCL_REDIS_PASSWORD/,
        );
        const wrong = await said(`redis://:hunter2@127.0.0.1:${port}`);
        assert.match(wrong, /does not accept the password/);
        assert.doesNotMatch(wrong, /hunter2/);
        const beyond = await said(`redis://127.0.0.1:${port}/7`, { WSCL_REDIS_PASSWORD: "secret" });
        assert.match(beyond, /name a database that it has/);
      } finally {
        await redis.kill();
      }
    }),
});

Deno.test({
  name: "a worker that is stopped hands its run back, and waits for a sweep that is not there yet",
  ...withRedis,
  fn: () =>
    withFolder(async (folder) => {
      const file = tinySweep(folder, 1);
      const env = { WSCL_CACHE_DIR: join(folder, "cache") };
      const redis = new Redis(folder);
      await redis.start();
      try {
        // However the folder is written.
        const share = ["--queue", redis.address, "--out", `${folder}/./out/`];
        const first = new Running(["worker", ...share, "--lease", "30", ...quick], env);
        const offered = new Running(["sweep", file, ...share, "--detach"], env);
        assert.equal(await offered.ended, 0, offered.output);
        assert.match(offered.output, /offered: 2 runs at redis:/);
        while (!/seed 0 \.\.\.\n/.test(first.output)) await new Promise((r) => setTimeout(r, 20));
        first.kill("SIGTERM");
        assert.equal(await first.ended, 143, first.output);
        // Long before the lease would have ended.
        const began = performance.now();
        const second = new Running(["worker", ...share, "--lease", "3600", ...quick], env);
        assert.equal(await second.ended, 0, second.output);
        assert(performance.now() - began < 600_000);
        assert.match(second.output, /done: nothing is left/);
        const summary = join(folder, "out", "tiny", "comparison.json");
        assert.equal(JSON.parse(Deno.readTextFileSync(summary)).rows.length, 2);
      } finally {
        await redis.kill();
      }
    }),
});

Deno.test("addresses are read, and shown without their passwords", () => {
  const { shown, connection } = parseRedisAddress("rediss://ada:pass%40word@host:7000/3");
  assert.equal(shown, "rediss://host:7000/3");
  const { host, port, db, username, password, tls } = connection;
  assert.deepEqual({ host, port, db, username, password, tls }, {
    ...{ host: "host", port: 7000, db: 3, username: "ada", password: "pass@word", tls: {} },
  });
  assert.equal(parseRedisAddress("redis://host", "other").connection.password, "other");
  assert.equal(parseRedisAddress("redis://host").connection.port, 6379);
  assert.equal(hostOf("redis://a:b@host"), "host:6379");
  assert.equal(hostOf("nonsense"), null);
  for (const wrong of ["nonsense", "http://host", "redis://host/first", "redis://"]) {
    assert.throws(() => parseRedisAddress(wrong), InputError);
  }
});

Deno.test("a folder has one queue, whoever makes it", () =>
  withFolder((folder) => {
    assert.equal(queueOfFolder(folder), null);
    const queue = makeQueueOfFolder(folder);
    assert.equal(makeQueueOfFolder(folder), queue);
    assert.equal(queueOfFolder(folder), queue);
    Deno.writeTextFileSync(join(folder, "queue.json"), "{}");
    assert.throws(() => queueOfFolder(folder), InputError);
    return Promise.resolve();
  }));
