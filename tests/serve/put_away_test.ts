/** Snapshots of a service: what is acknowledged is in them, and neither damage nor a full disk ends them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { BACKLOG } from "../../src/host/served_backlog.ts";
import { Backlog, BacklogError } from "../../src/serve/backlog.ts";
import { Events } from "../../src/serve/events.ts";
import { FolderObject } from "../../src/serve/object_store.ts";
import { ServedLearner } from "../../src/serve/served_learner.ts";
import { Snapshots } from "../../src/serve/snapshots.ts";
import { figures as drawnFigures, testHost } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";
import { happens, onGpu, opened, refused, replaced, safetyIn, teachAll } from "./in_process.ts";
import { bear, figures } from "./served.ts";

onGpu("what was forgotten or renamed during a night is so where it is restored", async (folder) => {
  const snapshots = new FolderObject(join(folder, "away"));
  await bear(join(folder, "learner"), { width: 2 });
  await bear(join(folder, "other"), { width: 2 });
  await using service = await opened(folder, { snapshots });
  const [forgotten, renamed] = await teachAll(service, [...figures(0, 12), ...figures(1, 8)]);
  await service.sleep();
  await happens(service, "night");
  assert.equal((await service.change(forgotten, null)).done, false);
  assert.equal((await service.change(renamed, "cross")).done, false);
  await service.snapshot();
  assert.notEqual(service.nights(1).asleep, null);

  await using other = await opened(folder, { snapshots }, "other");
  await other.restore();
  assert.equal(other.episode(forgotten), null);
  assert.deepEqual(
    other.episode(renamed),
    { digest: renamed, label: "cross", status: "waiting" },
  );
  await other.sleep();
  await other.awake();
  assert.deepEqual(
    other.classes().classes.map(({ name, taught, waiting }) => [name, taught, waiting]),
    [["disc", 10, 0], ["cross", 9, 0]],
  );
  await service.awake();
  assert.equal(service.episode(forgotten), null);
});

Deno.test("a service knows what it has put itself, though it could not keep its tag", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    await bear(learner, { width: 2 });
    const backlog = new Backlog(join(learner, BACKLOG));
    const served = await ServedLearner.open({ learner, safety: safetyIn(folder) }, backlog);
    const away = new FolderObject(join(folder, "away"));
    const putNext = async () => {
      // Each is another one.
      await served.store.append("{}");
      return await new Snapshots(away, served, backlog, new Events()).put(false);
    };
    const full = () => {
      throw new BacklogError("Cannot write it: no space left on device; free some space");
    };
    await putNext();
    for (let i = 0; i < 2; i++) {
      using _ = replaced(backlog, "setFacts", (setFacts) => (facts) => {
        if (Object.keys(facts).length > 1) full();
        setFacts.call(backlog, facts);
      });
      const { tag } = (await away.get())!;
      await assert.rejects(putNext(), BacklogError);
      assert.notEqual((await away.get())!.tag, tag);
    }
    const { tag } = await putNext();
    assert.equal((await away.get())!.tag, tag);
    // Where not even that can be kept, nothing is put.
    {
      using _ = replaced(backlog, "setFacts", () => full);
      await assert.rejects(putNext(), BacklogError);
    }
    assert.equal((await away.get())!.tag, tag);
    await putNext();
    // Another service's is not taken for its own, also where it was put before this one's tag could be kept.
    await away.put(new Uint8Array(9), await away.tag());
    await assert.rejects(putNext(), refused(409, /another service has put one there/));
    await assert.rejects(putNext(), refused(409, /another service has put one there/));
    assert.equal((await away.get())!.bytes.length, 9);
    served.learner.close();
    backlog.close();
  }));

onGpu("of a snapshot that generation is told that it holds", async (folder) => {
  const learner = join(folder, "learner");
  await bear(learner, { width: 2 });
  const snapshots = new FolderObject(join(folder, "away"));
  await using service = await opened(folder, { snapshots });
  // As between a night's last write and the moment in which the service has read it.
  const beside = await ContinualLearner.open(new LearnerFolder(learner), testHost());
  await beside.observeAll([...drawnFigures("disc", 8), ...drawnFigures("cross", 8)]);
  await beside.sleep();
  beside.close();
  assert.equal(service.generation, 0);
  assert.equal((await service.snapshot()).generation, 1);
});

onGpu("what is damaged is left out of a snapshot, but not what answers", async (folder) => {
  const snapshots = new FolderObject(join(folder, "away"));
  const learner = join(folder, "learner");
  await bear(learner, { width: 2 });
  await bear(join(folder, "other"), { width: 2 });
  await using service = await opened(folder, { snapshots });
  await teachAll(service, [...figures(0, 8), ...figures(1, 8)]);
  await service.sleep();
  await service.awake();
  const generations = join(learner, "generations");
  const [first, last] = [...Deno.readDirSync(generations)].map(({ name }) => name).sort();
  const older = join(generations, first, "model.safetensors");
  const whole = Deno.readFileSync(older);
  Deno.truncateSync(older, 9);
  const subscription = service.events.subscribe(null);
  await service.snapshot();
  const told = await subscription.next(0);
  assert.match(
    String(Object(told).text),
    /model.safetensors has 9 bytes, \d+ were written; the snapshot is without it/,
  );
  subscription.close();
  {
    await using other = await opened(folder, { snapshots }, "other");
    assert.deepEqual(await other.restore(), { generation: 1 });
    assert.equal(other.classes().classes.length, 2);
  }
  // What is whole is an older learner, and takes nothing's place.
  const { tag } = (await snapshots.get())!;
  Deno.writeFileSync(older, whole);
  Deno.truncateSync(join(generations, last, "exam.safetensors"), 9);
  await assert.rejects(
    service.snapshot(),
    refused(409, /exam.safetensors has 9 bytes.*; what was put away before stays/),
  );
  assert.equal((await snapshots.get())!.tag, tag);
});
