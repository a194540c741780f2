/** Snapshots of a service: what is acknowledged is in them, and neither damage nor a full disk ends them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { FolderObject } from "../../src/serve/object_store.ts";
import { happens, onGpu, opened, teachAll } from "./in_process.ts";
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
