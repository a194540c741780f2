/** A learner after 300 nights opens as fast as after one, and is as large; its nights are commands, as a user's are. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { testHost } from "../continual/small_learner.ts";
import { folderSize } from "../reliability/folder_size.ts";
import { drawPictures } from "../reliability/learner_kills.ts";
import { TinyProcess } from "../reliability/process.ts";

const NIGHTS = 300;

Deno.test("a learner that is opened after 300 nights", async () => {
  using process = new TinyProcess();
  const { folder } = process;
  await drawPictures(folder);
  const learner = join(folder, "learner");
  const run = async (...args: string[]) => {
    const { code, output } = await process.command(...args);
    assert.equal(code, 0, output);
  };
  await run(
    ...["new", learner, "--start", "none", "--size", "16", "--width", "2", "--max-classes", "6"],
    ...["--memory", "12", "--set", "wscl.sleepEpochs=1", "--set", "calibration=0"],
  );
  const quick = ["--skip-self-test", "--accept"];
  await run("learn", learner, join(folder, "known"), ...quick);
  const found = new Map<number, Opened>();
  for (let night = 1; night <= NIGHTS; night++) {
    if ([4, 100, NIGHTS].includes(night)) {
      found.set(night, await open(learner));
      console.log(`after ${night} nights: ${JSON.stringify(found.get(night))}`);
    }
    if (night < NIGHTS) await run("sleep", learner, ...quick);
  }
  // Behind the fourth all generations that are kept are there.
  const [few, many] = [found.get(4)!, found.get(NIGHTS)!];
  assert(many.bytes <= 1.1 * few.bytes, `${many.bytes} bytes, ${few.bytes} before`);
  assert.equal(many.files, few.files);
});

interface Opened {
  /** Median of opening it. */
  readonly milliseconds: number;
  readonly files: number;
  readonly bytes: number;
}

/** Opens it some times, and looks how large it is, its history left out. */
async function open(learner: string): Promise<Opened> {
  const times: number[] = [];
  for (let i = 0; i < 101; i++) {
    const began = performance.now();
    await ContinualLearner.open(new LearnerFolder(learner), testHost());
    times.push(performance.now() - began);
  }
  return { milliseconds: times.sort((a, b) => a - b)[50], ...folderSize(learner) };
}
