/** A service without HTTP, in this process; its workers are real. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { pack } from "../../src/cli/learner/pack.ts";
import { show } from "../../src/cli/learner/show.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { recordingTerminal } from "../cli/recording_terminal.ts";
import { pictureOf } from "../../src/continual/pictures.ts";
import { unpackLearner } from "../../src/continual/learner_file.ts";
import { InputError } from "../../src/errors.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/net/safetensors.ts";
import { Backlog, BacklogError } from "../../src/serve/backlog.ts";
import { FolderObject } from "../../src/serve/object_store.ts";
import { Predictions } from "../../src/serve/predictions.ts";
import type { Problem } from "../../src/serve/problem.ts";
import { BACKLOG, waitingAtService } from "../../src/host/served_backlog.ts";
import type { Service } from "../../src/serve/service.ts";
import { encode, isRestoring, packSnapshot, stageSnapshot } from "../../src/serve/snapshot.ts";
import { figures as given, testHost } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";
import { FAULTS, type NightFault } from "./faulty_night_worker.ts";
import {
  happens,
  onGpu,
  opened,
  refused,
  replaced,
  safetyIn,
  sent,
  teachAll,
} from "./in_process.ts";
import { bear, figures, lastFiles } from "./served.ts";

const nightWorker = new URL("./faulty_night_worker.ts", import.meta.url);

/** Makes a learner whose nights meet these faults, one each. */
async function bearFaulty(folder: string, faults: readonly NightFault[]): Promise<void> {
  Deno.writeTextFileSync(join(folder, FAULTS), JSON.stringify(faults));
  await bear(join(folder, "learner"), { width: 2 });
}

onGpu(
  "what is sent while a night runs is in the next one, and predictions go on",
  async (folder) => {
    await bear(join(folder, "learner"));
    await using service = await opened(folder);
    await assert.rejects(service.sleep(), refused(409, /nothing to learn/));
    const first = await teachAll(service, [...figures(0, 8), ...figures(1, 8), ...figures(2, 3)]);
    // Who asks while the episodes go from the backlog to the learner finds each of them.
    let asked = 0;
    const watch = setInterval(() => {
      asked++;
      for (const digest of first) assert.notEqual(service.episode(digest), null, digest);
    }, 0);
    const night = await service.sleep();
    assert.deepEqual(night, { night: 1, status: "asleep", images: 16, held: { ring: 3 } });
    await happens(service, "night");
    await new Promise((resolve) => setTimeout(resolve, 5));
    clearInterval(watch);
    assert(asked > 0);
    await assert.rejects(service.sleep({ accept: true }), refused(409, /it goes on; wait for its/));
    const during = await teachAll(service, figures(2, 5, 3));
    const figure = [{ bytes: figures(3, 1)[0].bytes, name: "x" }];
    assert.equal((await service.predict(figure)).generation, 0);
    assert.equal(service.episode(first[0])!.status, "night");
    assert.equal(service.episode(during[0])!.status, "waiting");
    const next = await service.sleep();
    assert.equal(next.images, 8);
    assert.equal(next.status, "queued");
    await service.awake();
    const { nights } = service.nights(10);
    assert.deepEqual(
      nights.map(({ classes }) =>
        classes.map(({ name, learned, apart }) => [name, learned + apart])
      ),
      [[["disc", 8], ["cross", 8]], [["disc", 0], ["cross", 0], ["ring", 8]]],
    );
    const answer = await service.predict([{ bytes: figures(3, 1)[0].bytes, name: "x" }]);
    assert.equal(answer.generation, 2);
    assert.equal(answer.predictions[0].answers.length, 3);
    const { images, generation } = await service.exam();
    assert.deepEqual([images, generation], [9, 2]);
    // A night of rest.
    assert.equal((await service.sleep()).images, 0);
    await service.awake();
    assert.equal(service.generation, 3);
  },
);

onGpu(
  "episodes are renamed and forgotten: waiting, remembered, and while a night goes on",
  async (folder) => {
    await bear(join(folder, "learner"));
    await using service = await opened(folder);
    const [a, b, c, d] = await teachAll(service, [...figures(0, 12), ...figures(1, 9)]);
    await assert.rejects(
      service.teach({ ...sent(figures(0, 1)[0]), label: "cross" }),
      refused(409, /known as disc; rename it/),
    );
    await assert.rejects(
      service.teach({ ...sent(figures(3, 1)[0]), label: "DISC" }),
      refused(422, /looks like the class disc/),
    );
    assert.deepEqual(await service.change(a, null), { done: true, episode: null });
    const renamed = await service.change(b, "cross");
    assert.deepEqual(renamed.episode, { digest: b, label: "cross", status: "waiting" });
    await assert.rejects(service.change("0".repeat(64), null), refused(404, /no such episode/));
    await service.sleep();
    const later = await service.change(c, null);
    assert.equal(later.done, false);
    await assert.rejects(service.change(c, "cross"), refused(409, /is to be forgotten/));
    assert.equal((await service.change(d, "cross")).done, false);
    await service.awake();
    assert.equal(service.episode(c), null);
    assert.deepEqual(service.episode(d), { digest: d, label: "cross", status: "waiting" });
    const held = service.episode(b)!;
    assert(["remembered", "exam"].includes(held.status), held.status);
    const same = await service.change(b, held.label);
    assert.deepEqual(same, { done: true, episode: held });
    await assert.rejects(service.change(b, "DISC"), refused(422, /looks like the class disc/));
    const gone = await service.change(b, null);
    assert.deepEqual(gone, { done: true, episode: null });
    await service.sleep();
    await service.awake();
    const { classes } = service.classes();
    assert.deepEqual(
      classes.map(({ name, taught }) => [name, taught]),
      [["disc", 10], ["cross", 11]],
    );
  },
);

onGpu("a night that is refused waits: accepted, or let go", async (folder) => {
  await bear(join(folder, "learner"), { margin: -101 });
  await using service = await opened(folder);
  await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
  await service.sleep({ accept: true });
  await service.awake();
  assert.equal(service.generation, 1);
  await teachAll(service, figures(2, 8));
  await service.sleep();
  await service.awake();
  assert.equal(service.generation, 1);
  assert.equal(service.nights(1).refused, true);
  assert.equal((await service.sleep({ discard: true })).status, "discarded");
  assert.deepEqual([service.nights(1).refused, service.classes().classes.length], [false, 2]);
  await teachAll(service, figures(2, 8));
  await service.sleep();
  await service.awake();
  await assert.rejects(service.sleep({ accept: true, discard: true }), refused(400, /one of them/));
  // What waits beside it goes on waiting, and the same request again does nothing more.
  const [beside] = await teachAll(service, figures(2, 1, 8));
  const accepted = await service.sleep({ accept: true, key: "accept" });
  assert.deepEqual([accepted.status, service.generation], ["accepted", 2]);
  assert.equal(service.episode(beside)!.status, "waiting");
  assert.deepEqual(await service.sleep({ accept: true, key: "accept" }), accepted);
  assert.equal(service.generation, 2);
  await assert.rejects(
    service.sleep({ discard: true, key: "accept" }),
    refused(422, /another request to sleep/),
  );
  const { generation, predictions: [{ answers }] } = await service.predict([
    { bytes: figures(2, 1)[0].bytes, name: "x" },
  ]);
  assert.deepEqual([generation, answers.length], [2, 3]);
});

onGpu("a new class that has become too small waits, and the others are learned", async (folder) => {
  await bear(join(folder, "learner"), { width: 2, margin: -101 });
  await using service = await opened(folder);
  const spend = async (accept: boolean) => {
    const asked = await service.sleep({ accept });
    await service.awake();
    const { phase, message } = service.nights(1).asked[0];
    return { ...asked, phase, message };
  };
  const learned = () =>
    service.nights(1).nights[0].classes.map(({ name, learned, apart }) => [name, learned + apart]);
  await teachAll(service, figures(0, 8));
  await service.sleep({ accept: true });
  // Of the one that is queued one class loses an image.
  const [cross] = await teachAll(service, [
    ...figures(1, 8),
    ...figures(2, 9),
    ...figures(0, 6, 8),
  ]);
  const queued = await service.sleep({ accept: true });
  assert.deepEqual([queued.status, queued.images, queued.held], ["queued", 23, {}]);
  assert.equal((await service.change(cross, null)).done, false);
  await service.awake();
  const { phase, message } = service.nights(1).asked[0];
  assert.equal(phase, "kept");
  assert.match(message!, /^not learned, and waiting: Cannot learn cross: it has 7 images, /);
  assert.deepEqual(learned(), [["disc", 6], ["ring", 9]]);
  // They wait with the service, and are told; a night of rest goes by.
  assert.equal(service.classes().classes.find(({ name }) => name === "cross")!.waiting, 7);
  const rest = await spend(true);
  assert.deepEqual([rest.images, rest.held, rest.phase], [0, { cross: 7 }, "kept"]);
  assert.deepEqual(await teachAll(service, figures(1, 1)), [cross]);

  // Of one that was refused.
  assert.equal((await spend(false)).phase, "refused");
  assert.equal((await service.change(cross, null)).done, true);
  await teachAll(service, figures(0, 2, 14));
  const other = await spend(true);
  assert.deepEqual([other.images, other.held, other.phase], [2, { cross: 7 }, "kept"]);
  assert.deepEqual(learned(), [["disc", 2], ["ring", 0]]);
  assert.equal(service.classes().classes.find(({ name }) => name === "cross")!.waiting, 7);

  // Where nothing else is to be learned, there is no night.
  await teachAll(service, figures(1, 1));
  await service.sleep({ accept: true });
  const [alone] = await teachAll(service, figures(3, 8));
  await service.sleep({ accept: true });
  await service.change(alone, null);
  await service.awake();
  const [none] = service.nights(1).asked;
  assert.equal(none.phase, "impossible");
  assert.match(none.message!, /^Cannot learn \S+: it has 7 images/);
});

onGpu("a night whose images are all forgotten before it begins is none of rest", async (folder) => {
  await bear(join(folder, "learner"), { width: 2 });
  await using service = await opened(folder);
  await teachAll(service, figures(0, 8));
  await service.sleep();
  await happens(service, "night");
  const digests = await teachAll(service, figures(1, 8));
  assert.equal((await service.sleep()).images, 8);
  for (const digest of digests) await service.change(digest, null);
  await service.awake();
  const { asked, nights } = service.nights(9);
  assert.deepEqual(asked.map(({ phase }) => phase), ["kept", "impossible"]);
  assert.match(asked[1].message!, /^nothing is left to learn: its images were forgotten/);
  assert.equal(nights.length, 1);
  // One that is asked for as such is spent.
  assert.equal((await service.sleep()).images, 0);
  await service.awake();
  assert.equal(service.nights(1).asked[0].phase, "kept");
});

onGpu(
  "what the learner refuses of a night leaves too few of its class: they wait",
  async (folder) => {
    const learner = join(folder, "learner");
    await bear(learner, { width: 2 });
    const [ring, ...rings] = given("ring", 8);
    const taught = await ContinualLearner.open(new LearnerFolder(learner), testHost());
    await taught.observeAll([{ ...ring, label: "disc" }, ...given("disc", 8)]);
    await taught.sleep();
    taught.close();
    const backlog = new Backlog(join(learner, BACKLOG));
    const digests: string[] = [];
    for (const { pixels, label, from } of [ring, ...rings, ...given("disc", 2, 8)]) {
      const picture = await pictureOf(pixels, label, from ?? "");
      await backlog.add(picture, null, 0);
      digests.push(picture.digest);
    }
    backlog.ask({ accept: true, nightsBefore: 1, why: "request" }, digests, null, () => null, 0);
    backlog.close();
    await using service = await opened(folder);
    await service.awake();
    const { asked: [{ phase, message }], nights } = service.nights(1);
    assert.equal(phase, "kept");
    assert.match(
      message!,
      /^not learned, and waiting: .*known as disc.*; Cannot learn ring: it has 7 images/,
    );
    assert.deepEqual(nights[0].classes.map(({ name, learned }) => [name, learned]), [["disc", 2]]);
    assert.equal(service.status().waiting, 8); // the one that is known as a disc, too
  },
);

onGpu("what is with learner and service at once is forgotten in both", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner, { width: 2 });
  const [ring, disc] = [...given("ring", 1), ...given("disc", 1)];
  const taught = await ContinualLearner.open(new LearnerFolder(learner), testHost());
  const { digests: [gone, renamed] } = await taught.observeAll([ring, disc]);
  const backlog = new Backlog(join(learner, BACKLOG));
  for (const { pixels, label } of [ring, disc]) {
    await backlog.add(await pictureOf(pixels, label, ""), null, 0);
  }
  backlog.close();
  await using service = await opened(folder);
  await service.change(gone, null);
  await service.change(renamed, "cross");
  assert.equal(service.episode(gone), null);
  assert.deepEqual(service.episode(renamed)?.label, "cross");
  assert.equal(service.status().waiting, 1);
});

onGpu("a full backlog, a key used twice, a broken image, a second service", async (folder) => {
  await bear(join(folder, "learner"));
  await using service = await opened(folder, { mostWaiting: 4 });
  const [one, two, three, four, five] = figures(0, 5);
  const first = await service.teach(sent(one, "key"));
  assert.deepEqual([first.isNew, first.repeated], [true, false]);
  const again = await service.teach(sent(one, "key"));
  assert.deepEqual([again.isNew, again.repeated, again.episode], [false, true, first.episode]);
  const known = await service.teach(sent(one));
  assert.deepEqual([known.isNew, known.repeated], [false, false]);
  await assert.rejects(service.teach(sent(two, "key")), refused(422, /was used for another one/));
  const broken = { bytes: one.bytes.slice(0, 40), name: "the image" };
  await assert.rejects(service.teach({ ...sent(two), image: broken }), /Cannot decode the image/);
  // What was known when it was first sent under a key is when it is sent again.
  for (const repeated of [false, true]) {
    const other = await service.teach(sent(one, "other"));
    assert.deepEqual([other.wasNew, other.repeated], [false, repeated]);
  }
  // A key is one episode's, however many are sent at once; there is room for all that arrive.
  const raced = await Promise.allSettled(
    [two, three, four].map((figure) => service.teach(sent(figure, "raced"))),
  );
  const kept = raced.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
  assert.equal(kept.length, 1);
  for (const lost of raced) {
    if (lost.status === "rejected") refused(422, /was used for another one/)(lost.reason);
  }
  // What was forgotten is new again, under the same key.
  await service.change(kept[0].episode.digest, null);
  await service.change(first.episode.digest, null);
  assert.equal((await service.teach(sent(one, "key"))).isNew, true);
  // The same image twice at once is one episode.
  const both = await Promise.all([service.teach(sent(two)), service.teach(sent(two))]);
  assert.deepEqual(both.map(({ isNew }) => isNew).sort(), [false, true]);
  await service.teach(sent(three));
  await service.teach(sent(four));
  await assert.rejects(
    service.teach(sent(five)),
    (error) =>
      refused(429, /4 wait already; let it sleep/)(error) && (error as Problem).retryAfter === 60,
  );
  await assert.rejects(opened(folder), /another run is writing to it \(process \d+\)/);
});

onGpu("it sleeps when nobody asks; a night whose time is up goes on by itself", async (folder) => {
  await bear(join(folder, "learner"));
  {
    const sleepTimes = { idle: 0.01, daily: null };
    await using service = await opened(folder, { sleepTimes, maxNight: 0.001 });
    await teachAll(service, figures(0, 7));
    await teachAll(service, figures(1, 8));
    await happens(service, "night");
    await service.awake();
    const { generation, asked } = service.nights(10);
    assert.equal(generation, 0);
    assert.deepEqual(asked.map(({ phase, why }) => [phase, why]), [["day", "idle"]]);
    await service.teach(sent(figures(0, 8)[7]));
  }
  await using service = await opened(folder);
  await service.awake();
  const { generation, nights } = service.nights(10);
  assert.deepEqual([generation, nights.length], [1, 1]);
  assert.deepEqual(
    service.classes().classes.map(({ name, taught, waiting }) => [name, taught, waiting]),
    [["cross", 8, 0], ["disc", 0, 8]],
  );
});

/** How many things of this type have happened so far. */
async function countOf(service: Service, type: string): Promise<number> {
  const subscription = service.events.subscribe(0);
  let count = 0;
  for (let event; (event = await subscription.next(0));) if (event.type === type) count++;
  subscription.close();
  return count;
}

onGpu("a night whose time is up waits for the next idle time, request or hour", async (folder) => {
  await bear(join(folder, "learner"), { width: 2 });
  const sleepTimes = { idle: 0.01, daily: null };
  await using service = await opened(folder, { sleepTimes, maxNight: 0.001 });
  const [disc] = await teachAll(service, figures(0, 8));
  await happens(service, "night");
  await service.awake();
  // Some looks at the clock later it is still the same idle time.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  assert.equal(await countOf(service, "night"), 1);
  // What is changed meanwhile asks for no night; it ends the idle time.
  const [digest] = await teachAll(service, figures(1, 1));
  while (await countOf(service, "night") < 2) await new Promise((next) => setTimeout(next, 50));
  await service.awake();
  await service.change(digest, null);
  await service.sleep();
  await service.awake();
  assert(await countOf(service, "night") >= 3);
  // Of what it was to learn too little is left: it waits for more, with the service.
  await service.change(disc, null);
  await service.sleep();
  await service.awake();
  assert.deepEqual(service.nights(1).asked.map(({ phase }) => phase), ["impossible"]);
  assert.equal(service.status().waiting, 7);
});

onGpu("what waits with the learner itself is slept on unasked", async (folder) => {
  const observe = async (learner: string) => {
    await bear(learner, { width: 2 });
    const opened = await ContinualLearner.open(new LearnerFolder(learner), testHost());
    await opened.observeAll([...given("disc", 8), ...given("cross", 8)]);
  };
  await observe(join(folder, "idle"));
  {
    const sleepTimes = { idle: 0.01, daily: null };
    await using service = await opened(folder, { sleepTimes }, "idle");
    await happens(service, "dawn");
    assert.equal(service.generation, 1);
  }
  const daily = join(folder, "daily");
  await observe(daily);
  const backlog = new Backlog(join(daily, BACKLOG));
  backlog.setFact("slept on", "2000-01-01");
  backlog.close();
  {
    await using service = await opened(folder, { sleepTimes: { idle: null, daily: 0 } }, "daily");
    await happens(service, "dawn");
    assert.deepEqual(service.nights(1).asked.map(({ why }) => why), ["schedule"]);
  }
  await observe(join(folder, "asked"));
  await using service = await opened(folder, {}, "asked");
  assert.equal((await service.sleep()).images, 16);
});

onGpu("behind a failed night that was let go it sleeps unasked as before", async (folder) => {
  await bearFaulty(folder, ["disk full"]);
  const sleepTimes = { idle: 0.01, daily: null };
  await using service = await opened(folder, { nightWorker, sleepTimes });
  await teachAll(service, figures(0, 8));
  await happens(service, "message");
  await service.awake();
  assert.equal(service.generation, 0);
  await service.sleep({ discard: true });
  await teachAll(service, figures(1, 8));
  await happens(service, "dawn");
  assert.equal(service.generation, 1);
});

/** Lets a method of the backlog find the disk full as often as this is true. */
const filling = (isFull: () => boolean) => <G extends unknown[]>(write: (...given: G) => void) =>
  function (this: Backlog, ...given: G) {
    if (isFull()) throw new BacklogError("Cannot write the backlog: no space left on device");
    write.apply(this, given);
  };

onGpu("an hour of sleep that finds the disk full is said once, and comes again", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner, { width: 2 });
  const backlog = new Backlog(join(learner, BACKLOG));
  backlog.setFact("slept on", "2000-01-01");
  backlog.close();
  let found = 0;
  using _ = replaced(Backlog.prototype, "setFact", filling(() => ++found <= 3));
  await using service = await opened(folder, { sleepTimes: { idle: null, daily: 0 } });
  await teachAll(service, figures(0, 8));
  await happens(service, "dawn");
  assert(found > 3);
  assert.equal(await countOf(service, "message"), 1);
  assert.equal(service.nights(1).asked[0].why, "schedule");
});

onGpu(
  "a night that can never be learned keeps nobody waiting, also on a full disk",
  async (folder) => {
    await bearFaulty(folder, Array(5).fill("impossible"));
    let isFull = true;
    using _ = replaced(Backlog.prototype, "settle", filling(() => isFull));
    await using service = await opened(folder, { nightWorker });
    await teachAll(service, figures(0, 8));
    await service.sleep();
    await happens(service, "night");
    await teachAll(service, figures(1, 8));
    await service.sleep();
    await service.awake();
    // It could not be written down, is said, and tried again by itself later, or at once for who asks.
    assert(await countOf(service, "message") >= 2);
    assert.deepEqual(service.nights(2).asked.map(({ phase }) => phase), ["day", "asked"]);
    isFull = false;
    Deno.writeTextFileSync(join(folder, FAULTS), JSON.stringify(["impossible"]));
    await service.sleep();
    await service.awake();
    assert.deepEqual(service.nights(2).asked.map(({ phase }) => phase), ["impossible", "kept"]);
    assert.equal(service.generation, 1);
  },
);

onGpu("an exam into which a dawn comes is held again", async (folder) => {
  await bear(join(folder, "learner"), { width: 2 });
  await using service = await opened(folder);
  await teachAll(service, figures(0, 8));
  await service.sleep();
  await service.awake();
  const { ask } = Predictions.prototype;
  let behind = 2;
  Predictions.prototype.ask = async function (...args) {
    const answer = await ask.apply(this, args);
    return { ...answer, generation: answer.generation - (behind-- > 0 ? 1 : 0) };
  };
  try {
    assert.deepEqual([(await service.exam()).generation, behind], [1, -1]);
    assert.equal((await service.exam()).images, 3);
    assert.equal(behind, -1); // asked once
  } finally {
    Predictions.prototype.ask = ask;
  }
});

onGpu("a device that is lost is replaced when somebody asks", async (folder) => {
  await bear(join(folder, "learner"));
  const predictions = new Predictions(join(folder, "learner"), safetyIn(folder));
  try {
    const pixels = [new Uint8Array(16 * 16 * 3)];
    const before = await predictions.ask(pixels);
    await predictions.loseDevice();
    const after = await Promise.all([1, 2, 3].map(() => predictions.ask(pixels)));
    for (const answer of after) assert.deepEqual(answer, before);
    assert.equal(predictions.losses, 1);
    assert.equal(predictions.problem, null);
  } finally {
    predictions.close();
  }
});

onGpu("a lost device and a full disk in a night cost nothing but time", async (folder) => {
  const night = async (name: string, faults: readonly NightFault[]) => {
    const learner = join(folder, name, "learner");
    Deno.mkdirSync(join(folder, name));
    Deno.writeTextFileSync(join(folder, name, FAULTS), JSON.stringify(faults));
    await bear(learner);
    await using service = await opened(folder, { nightWorker }, join(name, "learner"));
    const messages: string[] = [];
    const subscription = service.events.subscribe(0);
    const [digest] = await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
    await service.sleep();
    await service.awake();
    const before = service.nights(10);
    if (before.generation === 0) {
      // Answers and episodes go on; the night is tried again by itself later, or at once for who asks.
      assert.deepEqual(before.asked.map(({ phase }) => phase), ["day"]);
      assert.equal(service.episode(digest)!.status, "night");
      const figure = [{ bytes: figures(3, 1)[0].bytes, name: "x" }];
      assert.equal((await service.predict(figure)).generation, 0);
      assert.equal((await service.sleep()).night, 1);
      await service.awake();
    }
    assert.equal(service.generation, 1);
    for (let event; (event = await subscription.next(0));) {
      if (event.type === "message") messages.push(String((event as { text?: unknown }).text));
    }
    subscription.close();
    return { files: lastFiles(learner), messages };
  };
  const { files, messages } = await night("undisturbed", []);
  assert.deepEqual(messages, []);
  const lost = await night("lost", ["device lost", "device lost"]);
  assert.equal(lost.messages.length, 2);
  assert.match(lost.messages[1], /device.*lost.*; starting again from there \(2 of 3\)/);
  const full = await night("full", ["disk full"]);
  assert.match(full.messages.join(), /No space left on device .*; free some space/);
  const never = await night("four times", Array(4).fill("device lost"));
  assert.match(never.messages[3], /given up for the 4th time, go on later with POST .v1.sleep/);
  for (const { files: after } of [lost, full, never]) assert.deepEqual(after, files);
});

onGpu("a night whose dawn fails behind the new generation is not spent again", async (folder) => {
  for (const fault of ["history full", "stuck behind the dawn"] as const) {
    for (const first of ["retry", "forget", "discard"]) {
      const place = join(folder, `${fault}, ${first}`);
      Deno.mkdirSync(place);
      await bearFaulty(place, [fault]);
      const away = new FolderObject(join(place, "away"));
      await using service = await opened(place, { nightWorker, snapshots: away });
      const [digest] = await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
      await service.sleep();
      await service.awake();
      assert.deepEqual(service.nights(10).asked.map(({ phase }) => phase), ["day"]);
      const exam = async () => {
        const { generation, images } = await service.exam();
        return [generation, images];
      };
      assert.deepEqual(await exam(), [0, 0]);
      if (first === "forget") await service.change(digest, null);
      if (first === "discard") await service.sleep({ discard: true });
      if (first === "retry") await service.sleep();
      await service.awake();
      const { nights, asked } = service.nights(10);
      assert.deepEqual(
        nights.map(({ generation, classes, lost }) => [generation, classes[0].learned, lost]),
        [[1, 5, undefined]],
        place,
      );
      assert.deepEqual(asked.map(({ phase }) => phase), ["kept"]);
      assert.equal(service.episode(digest) === null, first === "forget");
      // Its dawn is as any other's: it answers, and is put away.
      const figure = [{ bytes: figures(3, 1)[0].bytes, name: "x" }];
      assert.deepEqual([service.generation, (await service.predict(figure)).generation], [1, 1]);
      assert.notEqual(await away.get(), null);
      assert.deepEqual(await exam(), [1, 6]);
    }
  }
});

onGpu(
  "a learner is put away, and becomes the same elsewhere; who was away is fenced",
  async (folder) => {
    await bear(join(folder, "learner"));
    const away = new FolderObject(join(folder, "away"));
    let digests: string[];
    {
      await using service = await opened(folder, { snapshots: away });
      await assert.rejects(service.restore(), refused(404, /nothing is in/));
      await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
      await service.sleep();
      await service.awake(); // put away at dawn
      digests = await teachAll(service, figures(2, 2));
      // Two at once are put one after the other: neither takes the other for another service's.
      const [one, two] = await Promise.all([service.snapshot(), service.snapshot()]);
      assert.equal(one.tag, two.tag);
      const { bytes } = (await away.get())!;

      await bear(join(folder, "other"), { width: 8 });
      await using other = await opened(folder, { snapshots: away }, "other");
      await assert.rejects(other.snapshot(), refused(409, /another service has put one there/));
      // One that is damaged takes nothing's place, and the service goes on.
      const { tag } = (await away.get())!;
      const flipped = bytes.with(-5, bytes.at(-5)! ^ 1) as Uint8Array<ArrayBuffer>;
      const damagedTag = await away.put(flipped, tag);
      const born = lastFiles(join(folder, "other"));
      await assert.rejects(other.restore(), refused(409, /is damaged.*; the learner is as it was/));
      assert.deepEqual(lastFiles(join(folder, "other")), born);
      assert.equal(other.status().problem, null);
      await away.put(bytes, damagedTag);
      // Of two who ask at the same moment one is told that it goes on already.
      const [restored, again] = await Promise.allSettled([other.restore(), other.restore()]);
      assert.deepEqual(restored, { status: "fulfilled", value: { generation: 1 } });
      assert(again.status === "rejected");
      refused(503, /a snapshot is being restored/)(again.reason);
      assert.deepEqual(lastFiles(join(folder, "other")), lastFiles(join(folder, "learner")));
      assert.equal(other.episode(digests[1])!.status, "waiting");
      const ask = async (service: Service) =>
        await service.predict([{ bytes: figures(3, 1)[0].bytes, name: "x" }]);
      assert.deepEqual(await ask(other), await ask(service));
      await teachAll(other, figures(2, 1, 2));
      await other.snapshot();
      await assert.rejects(service.snapshot(), refused(409, /restore it first, or take over/));
      await service.snapshot({ takeOver: true });
      // Where nothing is, nothing is in the way: removed, or another place.
      Deno.removeSync(join(folder, "away", "learner.safetensors"));
      assert.equal((await service.snapshot()).generation, 1);
      // The same content is the same object.
      assert.deepEqual((await away.get())!.bytes.length, bytes.length);
    }
    // A restoring that was cut is finished by the next start.
    const third = join(folder, "third");
    await bear(third);
    const found = (await away.get())!;
    await stageSnapshot(third, found);
    await using service = await opened(folder, { snapshots: away }, "third");
    assert.equal(service.generation, 1);
    assert.equal(service.episode(digests[0])!.status, "waiting");
  },
);

Deno.test("what waits with the service is told by who looks at the learner without it", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    await bear(learner);
    assert.equal(waitingAtService(learner), null);
    const backlog = new Backlog(join(learner, BACKLOG));
    assert.equal(waitingAtService(learner), null);
    for (const value of [1, 2]) {
      const pixels = new Uint8Array(16 * 16 * 3).fill(value);
      await backlog.add(await pictureOf(pixels, "cat", ""), null, 0);
    }
    const told = `2 images wait in ${join(learner, BACKLOG)} of its service`;
    assert.equal(waitingAtService(learner), told); // while it is served
    backlog.close();
    for (
      const say of [
        (terminal: Terminal) => show(learner, terminal),
        (terminal: Terminal) => pack(learner, join(folder, "packed.safetensors"), terminal),
      ]
    ) {
      const { terminal, printed } = recordingTerminal();
      await say(terminal);
      assert(printed.join("\n").includes(told), printed.join("\n"));
    }
    Deno.writeTextFileSync(join(learner, BACKLOG), "something else");
    assert.match(waitingAtService(learner)!, /of its service cannot be read/);
  }));

Deno.test("what is no snapshot takes nothing's place", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    await bear(learner);
    const before = lastFiles(learner);
    const backlog = new Backlog(join(learner, BACKLOG));
    const { bytes } = await packSnapshot(new LearnerFolder(learner), backlog);
    backlog.close();
    const at = new TextDecoder("latin1").decode(bytes).lastIndexOf("generations/");
    const elsewhere = bytes.slice();
    elsewhere.set(new TextEncoder().encode("../rations/x"), at);
    for (
      const [damaged, message] of [
        [elsewhere, /Cannot restore the snapshot: it holds "\.\.\//],
        [bytes.slice(0, 1000), /the snapshot/],
        [new Uint8Array(0), /the snapshot/],
      ] as const
    ) {
      await assert.rejects(stageSnapshot(learner, { bytes: damaged, tag: "x" }), message);
    }
    // Each file, damaged; and damaged with a checksum that says that it is not.
    const { tensors, metadata } = decodeSafetensors(bytes);
    const size = Number(metadata.size);
    const files = new Map(
      [...tensors].map(([path, { data }]) => [path, new Uint8Array(data as Uint8Array)]),
    );
    for (const [path, data] of files) {
      if (data.length === 0) continue;
      const flipped = data.with(3, data[3] ^ 0xff) as Uint8Array<ArrayBuffer>;
      const resealed = await encode(new Map([...files, [path, flipped]]), size);
      const damaged = encodeSafetensors(decodeSafetensors(resealed).tensors, metadata);
      const staged = (bytes: Uint8Array<ArrayBuffer>) =>
        stageSnapshot(learner, { bytes, tag: "x" });
      await assert.rejects(staged(damaged), { message: new RegExp(`${path} is damaged`) });
      if (path.endsWith(".safetensors") || path.endsWith("learner.json")) {
        await assert.rejects(staged(resealed), InputError);
      }
      if (path.startsWith("generations/") && !path.includes("trained")) {
        const without = new Map([...files].filter(([name]) => name !== path));
        await assert.rejects(async () => staged(await encode(without, size)), InputError);
      }
    }
    for (
      const [format, message] of [[tensors, /earlier version/], [
        new Map(),
        /packed learner/,
      ]] as const
    ) {
      const old = encodeSafetensors(format, { format: "wscl learner 1", size: metadata.size });
      await assert.rejects(stageSnapshot(learner, { bytes: old, tag: "x" }), message);
    }
    await assert.rejects(unpackLearner(bytes, "a.safetensors"), /a snapshot of a service/);
    assert.equal(isRestoring(learner), false);
    assert.deepEqual(lastFiles(learner), before);
    const { state } = await ContinualLearner.open(new LearnerFolder(learner), testHost());
    assert.equal(state.generation, 0);
  }));

onGpu(
  "what is renamed while a night crowds it out of memory waits under its new name",
  async (folder) => {
    await bear(join(folder, "learner"), { memory: 6 });
    await using service = await opened(folder);
    const digests = await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
    await service.sleep();
    for (const digest of digests.slice(0, 7)) {
      assert.equal((await service.change(digest, "cross")).done, false);
    }
    await service.awake();
    const crowded = digests.slice(8).filter((one) => service.episode(one)?.status === "learned");
    assert(crowded.length > 0);
    for (const digest of digests.slice(0, 7)) {
      assert.deepEqual(service.episode(digest), { digest, label: "cross", status: "waiting" });
    }
  },
);
