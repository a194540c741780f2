/** `wscl train --images`: a folder of pictures of mixed sizes is learned without a configuration. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { loadConfig } from "../../src/host/load_config.ts";
import { readSummary } from "../../src/host/run_folder.ts";
import { jpegFile } from "../data/jpeg_files.ts";
import { withFolder, write } from "../data/fixtures.ts";
import { pngFile } from "../data/png_files.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const standIn = new URL("../host/stand_in_worker.ts", import.meta.url);

/** Runs the command line in this process, with the cache in `folder`; runs are played unless `real`. */
async function wscl(folder: string, args: readonly string[], { real = false } = {}) {
  const { terminal, printed } = recordingTerminal();
  const errors: string[] = [];
  const printError = (text: string) => void errors.push(text);
  const cacheDir = join(folder, "cache");
  const worker = real ? undefined : standIn;
  const code = await main(args, { terminal, printError, cacheDir, worker });
  return { code, output: printed.join("\n"), errors: errors.join("\n") };
}

/** Pictures of mixed sizes and shapes, a colour for each class; every second one is a JPEG file. */
async function draw(root: string, counts: Readonly<Record<string, number>>): Promise<void> {
  for (const [number, [path, count]] of Object.entries(counts).entries()) {
    for (let n = 0; n < count; n++) {
      const [width, height] = [17 + 5 * (n % 4), 16 + 7 * (n % 3)];
      const colorAt = (x: number, y: number) =>
        [40 + 50 * (number % 4), 5 * x + n, 200 - 3 * y].map((value) => value & 255);
      const samples = Array.from(
        { length: width * height * 3 },
        (_, i) => colorAt(Math.floor(i / 3) % width, Math.floor(i / 3 / width))[i % 3],
      );
      const file = n % 2 === 0
        ? pngFile({ width, height, colorType: 2, depth: 8, samples })
        : await jpegFile(width, height, (x, y) => [...colorAt(x, y), 255]);
      // The ending does not matter.
      write(join(root, path, `${n}.jpg`), file);
    }
  }
}

const pets = { "pets/ant": 9, "pets/bear": 8, "pets/cat": 10, "pets/dog": 8 };
const tiny = ["--width", "2", "--set", "wscl.sleepEpochs=1", "--skip-self-test", "--skip-tuning"];

Deno.test({
  name:
    "a folder of pictures is learned, its configuration is complete, and its run can be resumed",
  ignore: adapter === null,
  fn: () =>
    withFolder(async (folder) => {
      await draw(folder, pets);
      const images = join(folder, "pets");
      const args = (
        out: string,
      ) => ["train", "--images", images, ...tiny, "--out", join(folder, out)];
      const whole = await wscl(folder, args("whole"), { real: true });
      assert.deepEqual([whole.code, whole.errors], [0, ""]);
      for (
        const line of [
          /^images +4 classes, 23 images to learn, 12 set apart to test: 10 % of each class, at least 3$/m,
          /^tasks +2 of 2 classes: ant, bear \| cat, dog \(--classes-per-task\)$/m,
          /^size +16 x 16 pixels, of the centre of each image; the median of the shorter sides is 17 \(--size\)$/m,
          /^network +ResNet-18 of width 2 \(--width\)$/m,
          /^pixels +mean 0\.\d\d\/.*, deviation 0\.\d\d\/.*, measured on the training images$/m,
          /^training +wscl: at most 12 images a task in batches of \d+, 1 pass a night .*; no layer freezes$/m,
          /^memory +40 images/m,
          /^dreams +turned pictures of what is remembered/m,
          /4 classes, 23 training images, 12 test images, 0 dream images/,
        ]
      ) assert.match(whole.output, line);
      const written = JSON.parse(Deno.readTextFileSync(join(folder, "whole/config.json")));
      assert.equal(written.name, "pets");
      assert.deepEqual(written.data.train.classes, ["ant", "bear", "cat", "dog"]);
      // Nothing is left for defaults to fill in.
      assert.deepEqual(
        JSON.parse(JSON.stringify(await loadConfig(join(folder, "whole/config.json")))),
        written,
      );
      assert.equal(readSummary(join(folder, "whole")).completed, true);

      // The time is up before the first step; what is gone on with ends the same, to the bit.
      const cut = await wscl(folder, [...args("cut"), "--max-time", "0.01s"], { real: true });
      assert.equal(cut.code, 75, cut.errors);
      const again = ["train", "--resume", join(folder, "cut"), "--skip-self-test", "--skip-tuning"];
      const resumed = await wscl(folder, again, { real: true });
      assert.deepEqual([resumed.code, resumed.errors], [0, ""]);
      const weights = (run: string) => Deno.readFileSync(join(folder, run, "model.safetensors"));
      assert.deepEqual(weights("cut"), weights("whole"));
    }),
});

Deno.test("training and test folders are taken as they are, dreams from a folder elsewhere", () =>
  withFolder(async (folder) => {
    await draw(folder, {
      ...{ "pets/train/ant": 6, "pets/train/bear": 5, "pets/train/cat": 5 },
      ...{ "pets/val/ant": 2, "pets/val/bear": 2, "pets/val/cat": 2 },
      ...{ "others/elk": 3, "others/fox": 3 },
    });
    const args = ["train", "--images", `${join(folder, "pets")}/`, "--out", join(folder, "run")];
    const { code, output, errors } = await wscl(folder, [
      ...[...args, "--dreams", join(folder, "others"), "--size", "20", "--classes-per-task", "1"],
      ...["--set", "data.mean=[0.5,0.5,0.5]", "--seed", "4"],
    ]);
    assert.deepEqual([code, errors], [0, ""]);
    assert.match(output, /^set +seed = 4$/m);
    assert.match(output, /^images +3 classes, 16 images to learn, 6 to test$/m);
    assert.match(output, /^tasks +3 of 1 class: ant \| bear \| cat /m);
    assert.match(output, /^size +20 x 20 pixels/m);
    assert.match(output, /^pixels +mean 0\.50\/0\.50\/0\.50, deviation [\d./]+$/m);
    assert.match(output, /^dreams +6 images of 2 classes in others$/m);
    const none = await wscl(folder, [...args, "--dreams", "none"]);
    assert.match(none.output, /^dreams +none$/m);
    assert.match(
      none.output,
      /^training +wscl: at most 6 images a task in batches of 8, 10 passes a night /m,
    );
    const joint = await wscl(folder, [...args, "--set", "method=joint", "--set", "epochs=1"]);
    assert.match(joint.output, /^training +joint: all 16 images at once in batches of 8, 1 pass /m);
    assert.doesNotMatch(joint.output, /^(dreams|memory) /m);
  }));

Deno.test("what cannot be learned is refused with the fix, before a run's folder is made", () =>
  withFolder(async (folder) => {
    await draw(folder, {
      ...pets,
      ...{ "one/ant": 8, "few/ant": 8, "few/bear": 6, "empty/ant": 8 },
      ...{ "deep/more/ant": 2, "deep/more/bear": 2, "nested/ant": 8, "nested/bear/day1": 8 },
      ...{ "broken/ant": 8, "broken/bear": 9, "cut/ant": 8, "cut/bear": 8, "others/elk": 2 },
      "loose": 3,
    });
    Deno.mkdirSync(join(folder, "empty/bear"));
    write(join(folder, "broken/bear/0.jpg"), "no image");
    write(join(folder, "broken/bear/3.jpg"), "");
    const path = join(folder, "cut/bear/2.jpg");
    Deno.writeFileSync(path, Deno.readFileSync(path).slice(0, -40));
    const inFolder = (name: string) => join(folder, name);
    for (
      const [name, more, message] of [
        [
          "nowhere",
          [],
          /Cannot read images of .*nowhere: there is no such folder; name a folder that/,
        ],
        ["loose/0.jpg", [], /it is a file; name a folder that holds a folder of JPEG or PNG/],
        [
          "loose",
          [],
          /it has no class folders, put the images of each class into a folder of their own/,
        ],
        [
          "one",
          [],
          /it has one class folder \(ant\).*put the images of each class .* 2 classes or more/,
        ],
        [
          "few",
          [],
          /class bear has 6 images, of which 3 are set apart to test, and at least 5 .*; add images/,
        ],
        ["empty", [], /class bear has 0 JPEG or PNG files and at least 1 is needed, add images/],
        [
          "deep",
          [],
          /its folders hold folders and no images; name the folder .* such as .*deep\/more/,
        ],
        [
          "nested",
          [],
          /class bear has 0 .*in folders below it \(day1\); move those below into the class/,
        ],
        [
          "broken",
          [],
          /bear\/0\.jpg: it starts with .* \(and 1 more that cannot be read; \.\/wscl data check .*broken/,
        ],
        [
          "cut",
          [],
          /cut\/bear\/2\.jpg: its \d+ bytes are damaged or cut short .*replace the file or delete it/,
        ],
        [
          "pets",
          ["--classes-per-task", "3"],
          /choose 2 or 4 classes a task, or move the folder of 1 class/,
        ],
        [
          "pets",
          ["--dreams", inFolder("pets")],
          /they are those to learn; name a folder of others/,
        ],
        ["pets", ["--dreams", inFolder("others")], /they have 1 of the 2 classes that are needed/],
        [
          "pets",
          ["--dreams", inFolder("nowhere")],
          /Cannot read dreams of .*there is no such folder/,
        ],
        ["pets", ["--size", "2"], /data\.size is 2, expected a whole number from 4 to 1024/],
        ["pets", ["--set", "wscl.slepEpochs=3"], /unknown key wscl\.slepEpochs/],
        [
          "pets",
          ["--config", "c.json"],
          /Cannot use --images with --config: .*; leave one of them out/,
        ],
        ["pets", ["--data", folder], /Cannot use --images with --data: .*; leave one of them out/],
        ["pets", ["--resume", inFolder("run")], /Cannot use --images with --resume/],
      ] as const
    ) {
      const args = ["train", "--images", inFolder(name), "--out", inFolder("run"), ...more];
      const { code, output, errors } = await wscl(folder, args);
      assert.deepEqual([code, output], [2, ""], `${name} ${more}: ${errors}`);
      assert.match(errors, message);
      assert.throws(() => Deno.statSync(inFolder("run")), Deno.errors.NotFound);
    }
    for (const option of ["--dreams", "--classes-per-task", "--size", "--width"]) {
      const { code, errors } = await wscl(folder, ["train", "--config", "c.json", option, "4"]);
      assert.equal(code, 2);
      assert.match(
        errors,
        new RegExp(`Cannot use ${option} without --images: .*; add --images DIR`),
      );
    }
  }));
