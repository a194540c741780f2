/** What was acknowledged is known from then on, whatever is read anew, refused or cut meanwhile. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { type Picture, pictureOf } from "../../src/continual/pictures.ts";
import { InputError } from "../../src/errors.ts";
import { BACKLOG } from "../../src/host/served_backlog.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { Backlog, BacklogError } from "../../src/serve/backlog.ts";
import { Episodes } from "../../src/serve/episodes.ts";
import { ServedLearner } from "../../src/serve/served_learner.ts";
import { figures as drawnFigures, testHost } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";
import { onGpu, opened, refused, replaced, safetyIn, teachAll } from "./in_process.ts";
import { bear, figures } from "./served.ts";

/** A picture of one grey. */
function grey(value: number, label: string): Promise<Picture> {
  return pictureOf(new Uint8Array(16 * 16 * 3).fill(value), label, "");
}

/** Episodes of a learner with room for two classes, without a device. */
function withEpisodes(
  use: (parts: {
    readonly folder: string;
    readonly backlog: Backlog;
    readonly served: ServedLearner;
    readonly episodes: Episodes;
  }) => Promise<void>,
) {
  return () =>
    withFolder(async (folder) => {
      const learner = join(folder, "learner");
      await bear(learner, { width: 2, maxClasses: 2 });
      const backlog = new Backlog(join(learner, BACKLOG));
      const served = await ServedLearner.open({ learner, safety: safetyIn(folder) }, backlog);
      const episodes = new Episodes(served, backlog, { mostWaiting: 300, isAsleep: () => false });
      await use({ folder, backlog, served, episodes });
      served.learner.close();
      backlog.close();
    });
}

Deno.test(
  "what is on its way to the disk is known when all is read anew",
  withEpisodes(async ({ backlog, served, episodes }) => {
    await episodes.teach(await grey(1, "cat"), null);
    const gate = Promise.withResolvers<void>();
    using _ = replaced(backlog, "add", (add) => async (...given) => {
      await gate.promise;
      return await add.apply(backlog, given);
    });
    const dog = await grey(2, "dog");
    const taught = episodes.teach(dog, "key");
    await served.refresh();
    assert.equal(served.known.labelOf(dog.digest), "dog");
    const otherwise = episodes.teach({ ...dog, label: "cat" }, null);
    const third = episodes.teach(await grey(3, "fox"), null);
    await assert.rejects(third, refused(422, /would be the 3rd class/));
    const { digest } = await grey(1, "cat");
    await assert.rejects(episodes.change(digest, "fox"), refused(422, /would be the 3rd class/));
    gate.resolve();
    assert.equal((await taught).isNew, true);
    await assert.rejects(otherwise, refused(409, /known as dog/));
    assert.equal(backlog.find(dog.digest)?.label, "dog");
  }),
);

Deno.test(
  "who sends what another could not keep has it kept, and no name of it takes room",
  withEpisodes(async ({ backlog, served, episodes }) => {
    await episodes.teach(await grey(1, "cat"), null);
    const fox = await grey(2, "fox");
    let calls = 0;
    using _ = replaced(backlog, "add", (add) => async (...given) => {
      if (++calls <= 2) throw new Error("no space left");
      return await add.apply(backlog, given);
    });
    const sent = await Promise.allSettled([1, 2, 3, 4].map(() => episodes.teach(fox, null)));
    assert.deepEqual(
      sent.map((one) => one.status === "fulfilled" ? one.value.isNew : "failed"),
      ["failed", "failed", true, false],
    );
    assert.deepEqual(await episodes.change(fox.digest, null), { episode: null });
    calls = 0;
    await assert.rejects(episodes.teach(await grey(3, "owl"), null), /no space left/);
    assert.equal(served.known.labelOf((await grey(3, "owl")).digest), undefined);
    calls = 2;
    assert.equal((await episodes.teach(fox, null)).isNew, true);
  }),
);

Deno.test(
  "what somebody else has put into the backlog is not new, and has the name that it has there",
  withEpisodes(async ({ folder, backlog, episodes }) => {
    const cat = await grey(1, "cat");
    using database = new DatabaseSync(join(folder, "learner", BACKLOG));
    database.prepare("INSERT INTO episodes (digest, label, origin, pixels) VALUES (?, ?, '', ?)")
      .run(cat.digest, "cat", cat.pixels);
    const otherwise = episodes.teach({ ...cat, label: "dog" }, "key");
    await assert.rejects(otherwise, refused(409, /known as cat/));
    assert.equal(backlog.answerTo("key"), null);
    const { isNew, episode } = await episodes.teach(cat, "key");
    assert.deepEqual([isNew, episode.label], [false, "cat"]);
  }),
);

Deno.test(
  "an answer is repeated under its key as long as the episode is known, however it was lost",
  withEpisodes(async ({ folder, backlog, served, episodes }) => {
    const cat = await grey(1, "cat");
    const asked = { accept: false, nightsBefore: 0, why: "request" } as const;
    const teach = async () => {
      const { isNew, wasNew, repeated, episode: { status } } = await episodes.teach(cat, "key");
      return { isNew, wasNew, repeated, status };
    };
    const taught = { isNew: true, wasNew: true, repeated: false, status: "waiting" };
    const known = { isNew: false, wasNew: true, repeated: true, status: "waiting" };
    const isHandedOver = async () => {
      const { id } = backlog.ask(asked, [cat.digest], null, () => null, 0);
      await served.learner.observeAll([cat]);
      await served.refresh();
      backlog.handOver(id, [cat.digest], 0);
      assert.deepEqual(await teach(), known);
    };
    assert.deepEqual(await teach(), taught);
    await isHandedOver();
    // As {"discard": true} does.
    await served.learner.discard();
    await served.refresh();
    assert.deepEqual(await teach(), taught);
    await isHandedOver();
    const day = join(folder, "learner", "day");
    for (const { name } of Deno.readDirSync(day)) {
      Deno.truncateSync(join(day, name, "episodes.safetensors"), 9);
    }
    await served.reopen();
    await assert.rejects(
      async () => await episodes.teach(await grey(2, "cat"), "key"),
      refused(422, /was used for another one/),
    );
    assert.deepEqual(await teach(), taught);
  }),
);

Deno.test(
  "a name that an image is to get has its place from when it is asked for",
  withEpisodes(async ({ backlog, episodes }) => {
    const cats = await Promise.all([1, 2].map((value) => grey(value, "cat")));
    for (const cat of cats) await episodes.teach(cat, null);
    const [one, two] = cats.map(({ digest }) => digest);
    const asked = { accept: false, nightsBefore: 0, why: "request" } as const;
    backlog.ask(asked, [one], null, () => null, 0);
    // One that waits, and one that a night has taken: the room is for one of the names.
    const both = await Promise.allSettled([
      episodes.change(two, "dog"),
      episodes.change(one, "owl"),
    ]);
    assert.deepEqual(both.map(({ status }) => status), ["fulfilled", "rejected"]);
    assert.deepEqual(await episodes.change(two, "cat"), {
      episode: { digest: two, label: "cat", status: "waiting" },
    });
    assert.equal(await episodes.change(one, "owl"), null);
    await assert.rejects(
      episodes.teach(await grey(3, "dog"), null),
      refused(422, /would be the 3rd class/),
    );
  }),
);

Deno.test(
  "what is taught beside one who deletes is known once it is acknowledged",
  withEpisodes(async ({ served, episodes }) => {
    const cat = await grey(0, "cat");
    let taught = 0;
    const teach = async (value: number) => {
      const one = await grey(value, "cat");
      assert.equal((await episodes.teach(one, null)).isNew, true);
      taught++;
      assert.equal(served.episode(one.digest)?.status, "waiting");
      const otherwise = episodes.teach({ ...one, label: "dog" }, null);
      await assert.rejects(otherwise, refused(409, /known as cat/));
    };
    const client = async (first: number) => {
      for (let i = 0; i < 25; i++) await teach(1 + first + 8 * i);
    };
    const deletes = async () => {
      while (taught < 200) {
        await episodes.teach(cat, null);
        await episodes.change(cat.digest, null);
        await served.refresh();
      }
    };
    await Promise.all([deletes(), ...[0, 1, 2, 3, 4, 5, 6, 7].map(client)]);
  }),
);

onGpu("what the learner refuses at dusk waits, and makes no night of its own", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner, { width: 2, maxClasses: 2 });
  const pictures = async (drawn: string, label: string) =>
    await Promise.all(
      drawnFigures(drawn, 8).map(({ pixels }) => pictureOf(pixels, label, "")),
    );
  const foxes = await pictures("ring", "fox");
  const backlog = new Backlog(join(learner, BACKLOG));
  for (const fox of foxes) await backlog.add(fox, null, 0);
  const asked = { accept: false, nightsBefore: 0, why: "request" } as const;
  backlog.ask(asked, foxes.map(({ digest }) => digest), null, () => null, 0);
  backlog.close();
  const taught = async (use: (learner: ContinualLearner) => Promise<unknown>) => {
    const opened = await ContinualLearner.open(new LearnerFolder(learner), testHost());
    await use(opened);
    opened.close();
  };
  // Somebody takes the room while the service is away, and one of its images under another name.
  const cats = [...await pictures("disc", "cat"), { ...foxes[0], label: "cat" }];
  await taught(async (it) => await it.observeAll([...cats, ...await pictures("cross", "dog")]));
  {
    await using service = await opened(folder);
    await service.awake();
    assert.equal(service.generation, 1);
    assert.match(service.nights(1).asked[0].message!, /waiting: .*3rd class/);
    for (const { digest } of foxes.slice(1)) {
      assert.deepEqual(service.episode(digest), { digest, label: "fox", status: "waiting" });
    }
    const { images, held } = await service.sleep();
    assert.deepEqual([images, held], [0, { fox: 8 }]);
    await service.awake();
  }
  await taught((it) => it.forget({ classes: ["dog"] }));
  await using service = await opened(folder);
  // The one that is known under two names is a fox as soon as somebody says so; with it there are enough.
  assert.equal((await service.change(foxes[0].digest, "fox")).done, true);
  assert.equal((await service.sleep()).images, 8);
  await service.awake();
  const { classes } = service.classes();
  assert.deepEqual(
    classes.map(({ name, taught, waiting }) => [name, taught, waiting]),
    [["cat", 9, 0], ["fox", 8, 0]],
  );
});

onGpu("what comes while a night is handed over is in the next one", async (folder) => {
  await bear(join(folder, "learner"), { width: 2 });
  await using service = await opened(folder);
  const [one] = await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
  const [late] = await teachAll(service, figures(2, 1));
  assert.equal((await service.change(late, "disc")).done, true);
  assert.equal((await service.change(one, null)).done, true);
  const [observing, observed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  using _ = replaced(
    ContinualLearner.prototype,
    "observeAll",
    (observeAll) =>
      async function (this: ContinualLearner, images) {
        const result = await observeAll.call(this, images);
        observing.resolve();
        await observed.promise;
        return result;
      },
  );
  await service.sleep();
  await observing.promise;
  const during = await teachAll(service, figures(0, 3, 8));
  const next = await service.sleep();
  assert.deepEqual([next.night, next.status, next.images], [2, "queued", 3]);
  observed.resolve();
  await service.awake();
  for (const digest of during) assert.notEqual(service.episode(digest), null, digest);
  assert.deepEqual(
    service.nights(9).nights.map(({ classes }) => classes.map(({ name }) => name).length),
    [2, 2],
  );
});

onGpu("a night that cannot read the learner at dusk keeps its episodes", async (folder) => {
  await bear(join(folder, "learner"), { width: 2 });
  await using service = await opened(folder);
  await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
  {
    using _ = replaced(ContinualLearner.prototype, "pictures", () => () => {
      throw new InputError("Cannot open it: none of its generations is whole");
    });
    await service.sleep();
    await service.awake();
  }
  assert.deepEqual(service.nights(9).asked.map(({ phase }) => phase), ["asked"]);
  // Whoever asks again is given that night, and may say now that it is to be taken.
  const again = await service.sleep({ accept: true });
  assert.deepEqual([again.night, again.status], [1, "asleep"]);
  await service.awake();
  assert.equal(service.generation, 1);
  assert.deepEqual(
    service.classes().classes.map(({ name, taught }) => [name, taught]),
    [["disc", 8], ["cross", 8]],
  );
});

onGpu("what is forgotten or renamed where a hand-over was cut stays so", async (folder) => {
  await bear(join(folder, "learner"), { width: 2 });
  let digests: string[];
  {
    await using service = await opened(folder);
    digests = await teachAll(service, [...figures(0, 12), ...figures(1, 8)]);
    using _ = replaced(Backlog.prototype, "handOver", () => () => {
      throw new BacklogError("Cannot write it: no space left on device; free some space");
    });
    await service.sleep();
    await service.awake();
    assert.deepEqual(service.nights(9).asked.map(({ phase }) => phase), ["asked"]);
    // Each is with the learner and in the backlog, and counts once.
    assert.deepEqual(
      service.classes().classes.map(({ name, waiting }) => [name, waiting]),
      [["disc", 12], ["cross", 8]],
    );
    assert.deepEqual(await service.change(digests[0], null), { done: true, episode: null });
    await service.awake(); // the night is tried again behind it
    const { done, episode } = await service.change(digests[1], "cross");
    assert.deepEqual([done, episode?.label, episode?.status], [true, "cross", "night"]);
    await service.awake();
    // Two more before the process ends, which has no time to do it.
    using _changing = replaced(ContinualLearner.prototype, "forget", () => () => {
      throw new Error("cut");
    });
    await assert.rejects(service.change(digests[2], null), /cut/);
    await assert.rejects(service.change(digests[3], "cross"), /cut/);
  }
  await using service = await opened(folder);
  await service.awake();
  assert.deepEqual(
    service.nights(9).nights.map(({ classes }) =>
      classes.map(({ name, learned, apart }) => [name, learned + apart])
    ),
    [[["disc", 8], ["cross", 10]]],
  );
  for (const digest of [digests[0], digests[2]]) assert.equal(service.episode(digest), null);
  for (const digest of [digests[1], digests[3]]) {
    assert.equal(service.episode(digest)?.label, "cross");
  }
});
