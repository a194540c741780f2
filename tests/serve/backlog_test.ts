/** The backlog, in this process: what is acknowledged is there, whatever comes. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type Picture, pictureOf } from "../../src/continual/pictures.ts";
import { Backlog, BacklogError } from "../../src/serve/backlog.ts";
import { withFolder } from "../data/fixtures.ts";

function picture(value: number, label = "cat", size = 48): Promise<Picture> {
  return pictureOf(new Uint8Array(size).fill(value), label, "");
}

const withBacklog = (use: (path: string) => Promise<void>) => () =>
  withFolder((folder) => use(join(folder, "backlog.sqlite")));

const digestsOf = (backlog: Backlog) => backlog.waiting().map(({ digest }) => digest);

Deno.test(
  "episodes come back in their order, each once",
  withBacklog(async (path) => {
    const backlog = new Backlog(path);
    const pictures = await Promise.all([1, 2, 3].map((value) => picture(value)));
    const added = await Promise.all(pictures.map((one) => backlog.add(one, null, 0)));
    assert.deepEqual(added, ["added", "added", "added"]);
    assert.equal(await backlog.add(pictures[1], null, 0), "known");
    backlog.close();
    const again = new Backlog(path);
    assert.equal(again.count, 3);
    assert.deepEqual(digestsOf(again), pictures.map(({ digest }) => digest));
    const night = again.ask(
      { accept: false, nightsBefore: 0, why: "request" },
      [pictures[2].digest, pictures[0].digest],
      null,
      () => null,
      0,
    );
    assert.deepEqual(again.episodesOf(night.id).map(({ pixels }) => pixels[0]), [1, 3]);
    // What a night has taken is changed by nobody else.
    assert.equal(await again.remove(pictures[0].digest), false);
    assert.equal(await again.relabel(pictures[1].digest, "dog"), true);
    again.handOver(night.id, [pictures[0].digest, pictures[2].digest], 4);
    assert.deepEqual(
      again.waiting().map(({ label, night }) => [label, night]),
      [["dog", null]],
    );
    assert.deepEqual(again.nights(["day"]).map(({ nightsBefore }) => nightsBefore), [4]);
    again.close();
  }),
);

Deno.test(
  "a night is taken however its exam goes, once one of those who ask for it says so",
  withBacklog((path) => {
    const backlog = new Backlog(path);
    const ask = (accept: boolean, begun: number | null = null) => {
      const asked = { accept, nightsBefore: 0, why: "request" } as const;
      const { id, accept: isAccepted } = backlog.ask(asked, [], begun, () => null, 0);
      return [id, isAccepted];
    };
    const asked = [ask(false), ask(true), ask(false)];
    assert.deepEqual(asked, [[1, false], [1, true], [1, true]]);
    // The first is being handed over: what is asked for now is another night's.
    assert.deepEqual([ask(false, 1), ask(true, 1)], [[2, false], [2, true]]);
    backlog.close();
    return Promise.resolve();
  }),
);

Deno.test(
  "the answer to who asked for a night is repeated unless that night is let go",
  withBacklog(async (path) => {
    const backlog = new Backlog(path);
    const asked = { accept: false, nightsBefore: 0, why: "request" } as const;
    const ask = (key: string) =>
      backlog.ask(asked, [], null, (night) => {
        return { key, fingerprint: "sleep {}", answer: JSON.stringify({ night }) };
      }, 0).id;
    const [first, same] = [ask("first"), ask("same")];
    backlog.settle(first, "refused");
    const second = ask("second");
    assert.deepEqual([first, same, second], [1, 1, 2]);
    await backlog.add(
      await picture(1),
      { key: "cat", fingerprint: "x cat", answer: '{"status":"waiting"}' },
      0,
    );
    backlog.settle(second, "impossible", "let go");
    const kept = ["first", "same", "second", "cat"].map((key) => backlog.answerTo(key) !== null);
    assert.deepEqual(kept, [true, true, false, true]);
    backlog.close();
  }),
);

Deno.test(
  "an answer under a key is kept with its episode, and for a day, whatever the clock does",
  withBacklog(async (path) => {
    const backlog = new Backlog(path);
    const key = (name: string) => ({ key: name, fingerprint: name, answer: `{"of":"${name}"}` });
    const day = 24 * 3600e3;
    await backlog.add(await picture(1), key("a"), 10 * day);
    assert.equal(backlog.answerTo("a")?.answer, '{"of":"a"}');
    await backlog.add(await picture(2), key("b"), 5 * day); // the clock went back
    assert.notEqual(backlog.answerTo("a"), null);
    await backlog.add(await picture(3), key("c"), 12 * day);
    assert.equal(backlog.answerTo("a"), null);
    assert.notEqual(backlog.answerTo("c"), null);
    backlog.close();
  }),
);

Deno.test(
  "where the disk is full nothing is acknowledged, and all goes on once there is room",
  withBacklog(async (path) => {
    const backlog = new Backlog(path);
    const kept: string[] = [];
    // As full as a disk can be made here: the file may not grow, which SQLite reports in the same way.
    backlog.limitPages(30);
    const fill = async (from: number) => {
      for (let i = from; i < from + 60; i++) {
        const one = await picture(i, "cat", 4000);
        try {
          await backlog.add(one, null, 0);
          kept.push(one.digest);
        } catch (error) {
          assert(error instanceof BacklogError, String(error));
          assert.match(error.message, /Cannot write .*backlog\.sqlite: .*free some space/);
          return;
        }
      }
      assert.fail("it was never full");
    };
    await fill(0);
    assert(kept.length > 5);
    assert.deepEqual(digestsOf(backlog), kept);
    await fill(100); // still
    assert.deepEqual(digestsOf(backlog), kept);
    backlog.limitPages(10_000);
    await backlog.add(await picture(200, "cat", 4000), null, 0);
    assert.equal(backlog.count, kept.length + 1);
    backlog.close();
  }),
);

Deno.test(
  "every transaction is brought to the disk before it is acknowledged",
  withBacklog(async (path) => {
    const backlog = new Backlog(path);
    await backlog.add(await picture(1), null, 0);
    // Another connection sees what a crash would leave: the log is not merged, and holds it.
    const other = new DatabaseSync(path, { readOnly: true });
    assert.equal(other.prepare("SELECT count(*) AS n FROM episodes").get()!.n, 1);
    assert.deepEqual(backlog.durability(), { journal: "wal", synchronous: 2 });
    other.close();
    backlog.close();
  }),
);

Deno.test(
  "a change that was asked for while another is made outlives it, and a renamed picture waits once",
  withBacklog(async (path) => {
    const backlog = new Backlog(path);
    const one = await picture(1);
    const { digest } = one;
    await backlog.intend({ digest, label: "dog", picture: one });
    assert.deepEqual(backlog.changes().map(({ picture }) => picture?.pixels), [one.pixels]);
    backlog.exchange([{ ...one, label: "dog" }]);
    assert.deepEqual(backlog.change(digest), { label: "dog", exchanged: true });
    await backlog.intend({ digest, label: null, picture: null });
    backlog.endChanges([{ digest, label: "dog", exchanged: true }]);
    assert.deepEqual(backlog.change(digest), { label: null, exchanged: false });
    backlog.endChanges([{ digest, label: null, exchanged: false }]);
    assert.deepEqual([backlog.changes(), backlog.count], [[], 1]);
    // Asked for between the look at the changes and the making of them.
    await backlog.intend({ digest, label: "owl", picture: one });
    backlog.exchange([{ ...one, label: "fox" }]);
    assert.deepEqual(backlog.change(digest), { label: "owl", exchanged: false });
    assert.equal(backlog.find(digest)?.label, "fox");
    backlog.close();
  }),
);

Deno.test(
  "changes of a backlog of an earlier version are made",
  withBacklog((path) => {
    using database = new DatabaseSync(path);
    database.exec("CREATE TABLE changes (digest TEXT PRIMARY KEY, label TEXT) STRICT");
    database.exec("INSERT INTO changes VALUES ('a', 'dog')");
    const backlog = new Backlog(path);
    assert.deepEqual(backlog.changes(), [
      { digest: "a", label: "dog", exchanged: false, picture: null },
    ]);
    backlog.close();
    return Promise.resolve();
  }),
);
