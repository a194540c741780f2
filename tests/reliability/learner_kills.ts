/** A kept learner whose commands are killed at random moments. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { Random } from "../../src/random.ts";
import { copyFolder, lastFiles } from "../continual/learner_folders.ts";
import { testHost } from "../continual/small_learner.ts";
import { write } from "../data/fixtures.ts";
import { pngFile } from "../data/png_files.ts";
import { TinyProcess } from "./process.ts";

const SIZE = 16;
const GONE = "cross";

/** How often each moment was hit, for whoever reads along. */
export interface KillReport {
  /** Kills before anything was kept, with images waiting, and behind the end of the night. */
  readonly moments: Readonly<Record<"before" | "waiting" | "behind", number>>;
  readonly forgetting: number;
}

/**
 * Kills `learn` so many times, and `forget` as often, each on a fresh copy of one learner, goes on as a user would, and
 * compares the last generation byte by byte with that of a learner that was left in peace.
 */
export async function killLearner(kills: number, seed: number): Promise<KillReport> {
  using process = new TinyProcess();
  const { folder } = process;
  const at = (name: string) => join(folder, name);
  await drawPictures(folder);
  const quick = ["--skip-self-test", "--checkpoint-every", "3steps", "--accept"];
  const first = at("first");
  const made = await process.command(
    ...["new", first, "--start", "none", "--size", String(SIZE), "--width", "4"],
    ...["--max-classes", "6", "--memory", "12", "--dreams", "memory"],
    ...["--set", "wscl.sleepEpochs=2", "--set", "calibration=6"],
  );
  assert.equal(made.code, 0, made.output);
  const taught = await process.command("learn", first, at("known"), ...quick);
  assert.equal(taught.code, 0, taught.output);

  const peace = copyFolder(first, at("peace"));
  const began = performance.now();
  const learned = await process.command("learn", peace, at("next"), ...quick);
  const lasts = performance.now() - began;
  assert.equal(learned.code, 0, learned.output);
  const expected = lastFiles(peace);
  const forgotten = copyFolder(peace, at("forgotten"));
  const forgot = await process.command("forget", forgotten, "--class", GONE, ...quick);
  assert.equal(forgot.code, 0, forgot.output);
  const expectedWithout = lastFiles(forgotten);

  const random = Random.stream(seed, "kills");
  const moments = { before: 0, waiting: 0, behind: 0 };
  let forgetting = 0;
  for (let kill = 0; kill < kills; kill++) {
    const learner = copyFolder(first, at(`learn-${kill}`));
    const { output } = await process.killed(
      random.range(0.1, 1) * lasts,
      ...["learn", learner, at("next"), ...quick],
    );
    const found = await look(learner);
    if (output.includes("kept ")) {
      assert(found.generation > 1 || found.waiting === 8, `lost what was kept: ${output}`);
    }
    const moment = found.generation > 1 ? "behind" : found.waiting > 0 ? "waiting" : "before";
    moments[moment]++;
    if (moment !== "behind") {
      const again = moment === "waiting" ? [learner] : [learner, at("next")];
      // What was cut while it went on is cut once more.
      await process.killed(random.range(0.3, 1) * lasts, "learn", ...again, ...quick);
      const { generation, waiting } = await look(learner);
      if (generation === 1) {
        const rest = waiting > 0 ? [learner] : [learner, at("next")];
        const ended = await process.command("learn", ...rest, ...quick);
        assert.equal(ended.code, 0, ended.output);
      }
    }
    assert.deepEqual(lastFiles(learner), expected, `kill ${kill} of learn, ${moment}`);
    Deno.removeSync(learner, { recursive: true });

    const without = copyFolder(peace, at(`forget-${kill}`));
    await process.killed(
      random.range(0.1, 1) * lasts,
      ...["forget", without, "--class", GONE, ...quick],
    );
    const state = await look(without);
    if (state.generation === 2) {
      const rest = state.classes.includes(GONE)
        ? ["forget", without, "--class", GONE]
        : ["sleep", without];
      if (!state.classes.includes(GONE)) forgetting++;
      const ended = await process.command(...rest, ...quick);
      assert.equal(ended.code, 0, ended.output);
    }
    assert.deepEqual(lastFiles(without), expectedWithout, `kill ${kill} of forget`);
    Deno.removeSync(without, { recursive: true });
  }
  return { moments, forgetting };
}

/** What a process that opens the learner afterwards finds. */
async function look(path: string) {
  const learner = await ContinualLearner.open(new LearnerFolder(path), testHost());
  const { day } = await learner.waiting();
  const { generation, classes } = learner.state;
  return {
    generation,
    classes: classes.map(({ name }) => name),
    waiting: [...day.values()].reduce((sum, count) => sum + count, 0),
  };
}

export async function drawPictures(folder: string): Promise<void> {
  const drawn = await drawImages({
    ...{ format: "drawn", size: SIZE, seed: 0 },
    drawn: { kind: "shapes", classes: 3, trainPerClass: 8, testPerClass: 1 },
  }, "train");
  drawn.labels.forEach((label, image) => {
    const samples = imagePixels(drawn, image).slice();
    const file = pngFile({ width: SIZE, height: SIZE, colorType: 2, depth: 8, samples });
    const place = label < 2 ? "known" : "next";
    write(join(folder, place, drawn.classNames[label], `${image}.png`), file);
  });
}
