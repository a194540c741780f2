/** A learner's folder after many nights is as large as after a few, its history aside. */

import assert from "node:assert/strict";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { figures, names, SMALL, testHost } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";
import { folderSize } from "./folder_size.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

Deno.test({
  name: "a learner does not grow with its nights",
  ignore: adapter === null,
  fn: () =>
    withFolder(async (folder) => {
      const host = testHost();
      const settings = {
        ...SMALL,
        ...{ width: 2, memory: 8, margin: 1000 },
        changed: [{ path: "wscl.sleepEpochs", value: 1 }, { path: "calibration", value: 0 }],
      };
      const learner = await ContinualLearner.create(new LearnerFolder(folder), { settings }, host);
      const [disc, cross] = names;
      await learner.observeAll([...figures(disc, 8), ...figures(cross, 8)]);
      const sizes: { files: number; bytes: number }[] = [];
      for (let night = 1; night <= 24; night++) {
        await learner.sleep({ accept: true });
        // Memory and exam are full behind the first days.
        const first = 8 + night % 8;
        await learner.observeAll([...figures(disc, 1, first), ...figures(cross, 1, first)]);
        sizes.push(folderSize(folder));
      }
      const [few, many] = [sizes[7], sizes[23]];
      assert(many.files <= few.files, `${many.files} files, ${few.files} before`);
      assert(many.bytes < 1.1 * few.bytes, `${many.bytes} bytes, ${few.bytes} before`);
      assert.deepEqual(await learner.generations(), [22, 23, 24]);
      assert.equal((await learner.nights()).length, 24);
      const again = await ContinualLearner.open(new LearnerFolder(folder), host);
      assert.deepEqual(again.state, learner.state);
    }),
});
