/** Parts of a service that need neither a device nor a network. */

import assert from "node:assert/strict";
import * as v from "valibot";
import { check } from "../../src/serve/read_body.ts";
import { join } from "node:path";
import { serve } from "../../src/cli/commands/serve.ts";
import { Events } from "../../src/serve/events.ts";
import { Fenced, FolderObject } from "../../src/serve/object_store.ts";
import { PACKAGES } from "../../src/serve/packages.ts";
import { RateLimit } from "../../src/serve/rate_limit.ts";
import { dayOf, isDue } from "../../src/serve/schedule.ts";
import { withFolder } from "../data/fixtures.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

Deno.test("what is wrong with a body is told in words, with its place", () => {
  const found = (value: unknown): string | undefined => {
    try {
      check(v.strictObject({ label: v.string() }), value, "keep the episode");
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(found({}), "Cannot keep the episode: label is missing; send it");
  assert.match(found({ label: 3 })!, /: label is 3, expected a string$/);
  assert.match(found({ label: "a", from: 1 })!, /: from is not known; leave it out$/);
  assert.match(found([])!, /^Cannot keep the episode: /);
  assert.equal(found({ label: "a" }), undefined);
});

Deno.test("packages of the service are in a lock file of their own, beside those of the program", () => {
  const [program, serve] = ["deno.lock", "serve.lock"].map((path) => JSON.parse(read(path)));
  for (const specifier of Object.values(PACKAGES)) {
    const [, name, version] = /^npm:(.+)@(\d+\.\d+\.\d+)$/.exec(specifier)!;
    assert.equal(serve.specifiers[specifier].split("_")[0], version, name);
    assert(!JSON.stringify(program).includes(`"${name}@`), `${name} is in deno.lock`);
  }
  for (const part of ["specifiers", "npm"]) {
    for (const [name, entry] of Object.entries(program[part])) {
      assert.deepEqual(
        serve[part][name],
        entry,
        `${name}: copy deno.lock's packages into serve.lock`,
      );
    }
  }
});

Deno.test("the hour of sleep comes once a day, whoever sets the clock", () => {
  const at = (text: string) => new Date(`${text}:00`);
  const half = 3 * 60 + 30;
  assert.equal(isDue(at("2026-11-26T03:29"), half, "2026-11-25"), false);
  assert.equal(isDue(at("2026-11-26T03:30"), half, "2026-11-25"), true);
  assert.equal(isDue(at("2026-11-26T23:00"), half, null), true);
  assert.equal(isDue(at("2026-11-26T04:00"), half, "2026-11-26"), false);
  // Back by two hours, and past the hour again; back by a day.
  assert.equal(isDue(at("2026-11-26T03:31"), half, "2026-11-26"), false);
  assert.equal(isDue(at("2026-11-25T03:31"), half, "2026-11-26"), false);
  // Ahead: at once. Far ahead, slept, and put right: the day on which it slept was none.
  assert.equal(isDue(at("2027-01-01T12:00"), half, "2026-11-26"), true);
  assert.equal(isDue(at("2026-11-26T04:00"), half, "2031-01-01"), true);
  assert.equal(dayOf(at("2026-01-02T00:00")), "2026-01-02");
});

Deno.test("each client has its own rate, which a wait fills again", () => {
  let now = 0;
  const limit = new RateLimit(2, () => now);
  const takes = (client: string) => Array.from({ length: 6 }, () => limit.take(client));
  assert.deepEqual(takes("a"), [0, 0, 0, 0, 1, 1]);
  assert.deepEqual(takes("b").slice(0, 4), [0, 0, 0, 0]);
  now = 499;
  assert.equal(limit.take("a"), 1);
  now = 501;
  assert.equal(limit.take("a"), 0);
  assert.equal(limit.take("a"), 1);
});

Deno.test("who reads events slowly is let go, who comes again gets what was missed", async () => {
  const events = new Events();
  const slow = events.subscribe(null);
  for (let i = 0; i < 300; i++) events.emit("step", { step: i });
  assert.equal(await slow.next(0), undefined);
  assert.equal(events.count, 0);
  const again = events.subscribe(298);
  assert.deepEqual(await again.next(0), { step: 298, id: 299, type: "step" });
  assert.deepEqual(await again.next(0), { step: 299, id: 300, type: "step" });
  assert.equal(await again.next(1), null);
  const next = again.next(10_000);
  events.emit("dawn");
  assert.equal((await next)?.type, "dawn");
  const own = events.subscribe(null, { isOwn: true });
  assert.equal(events.count, 1);
  own.close();
  again.close();
  assert.equal(await again.next(0), undefined);
});

Deno.test("of two writers of a folder the one that did not see the other's is fenced", () =>
  withFolder(async (folder) => {
    const store = new FolderObject(join(folder, "away"));
    const bytes = (value: number) => new Uint8Array([value]);
    assert.equal(await store.get(), null);
    const first = await store.put(bytes(1), null);
    await assert.rejects(store.put(bytes(2), null), Fenced);
    const second = await store.put(bytes(2), first);
    await assert.rejects(store.put(bytes(3), first), Fenced);
    assert.deepEqual(await store.get(), { bytes: bytes(2), tag: second });
    const tries = await Promise.allSettled([3, 4, 5].map((n) => store.put(bytes(n), second)));
    assert.equal(tries.filter(({ status }) => status === "fulfilled").length, 1);
  }));

Deno.test("the launcher permits no port that is none, which the command then refuses in words", () => {
  const hosts = (port: string) => serve.needs!.hosts!({ port: [port] });
  assert.deepEqual(hosts("65535"), ["127.0.0.1:65535"]);
  for (const port of ["65536", "99999", "x", "-1"]) assert.deepEqual(hosts(port), []);
});
