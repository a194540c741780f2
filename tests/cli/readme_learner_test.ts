/** The commands of the README's section "A model that keeps learning", as they stand there. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { Random } from "../../src/random.ts";
import { withFolder, write } from "../data/fixtures.ts";
import { jpegFile } from "../data/jpeg_files.ts";
import { pngFile } from "../data/png_files.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));

/** The section's commands, as words. */
const commands = /## A model that keeps learning[^]*?```sh\n([^]*?)```/.exec(readme)![1]
  .trim().split("\n")
  .map((line) => line.replace(/#.*$/, "").trim().split(/\s+/));

/** Places that the README names. */
const PLACES = ["pets", "photographs", "more/rabbits", "picture.jpg"];

/** How the network is made small enough for a test. */
const SMALL = ["--start", "none", "--size", "16", "--width", "4", "--set", "wscl.sleepEpochs=2"];

/** Runs the section in a folder that has what it names; what is printed, command by command. */
async function runSection(folder: string): Promise<string[]> {
  const printed: string[] = [];
  for (const [program, ...words] of commands) {
    assert.equal(program, "./wscl");
    const args = words.map((word) => PLACES.includes(word) ? join(folder, word) : word);
    const output = recordingTerminal();
    const code = await main(words[0] === "new" ? [...args, ...SMALL] : args, {
      terminal: output.terminal,
      printError: (text) => output.printed.push(text),
      cacheDir: join(folder, "cache"),
    });
    const said = output.printed.join("\n");
    // So small a network may forget; that this is said, and how to go on, is part of the promise.
    assert([0, 3].includes(code), said);
    if (code === 3) await main(["learn", args[1], "--accept"], output);
    printed.push(said);
  }
  return printed;
}

function checkSection(printed: readonly string[], classes: readonly string[]): void {
  const [made, learned, more, asked, shown] = printed;
  assert.match(made, /Teach it: \.\/wscl learn/);
  assert.match(learned, /kept +\d+ new images/);
  assert.match(learned, /learned: generation 1/);
  assert.match(more, /rabbit/);
  for (const name of classes) assert(shown.includes(name), `${name} in ${shown}`);
  assert.match(shown, /rabbit/);
  assert.match(asked, /%/);
}

Deno.test({
  name: "the README's learner learns drawn images",
  ignore: adapter === null,
  fn: () =>
    withFolder(async (folder) => {
      const size = 24;
      const drawn = await drawImages({
        ...{ format: "drawn", size, seed: 0 },
        drawn: { kind: "shapes", classes: 3, trainPerClass: 12, testPerClass: 1 },
      }, "train");
      const places = ["photographs/disc", "photographs/cross", "more/rabbits"];
      drawn.labels.forEach((label, image) => {
        const samples = imagePixels(drawn, image).slice();
        const file = pngFile({ width: size, height: size, colorType: 2, depth: 8, samples });
        write(join(folder, places[label], `${image}.png`), file);
        if (image === 0) write(join(folder, "picture.jpg"), file);
      });
      checkSection(await runSection(folder), ["disc", "cross"]);
    }),
});

Deno.test({
  name: "the README's learner learns photographs of mixed sizes and shapes",
  ignore: adapter === null,
  fn: () =>
    withFolder(async (folder) => {
      const random = Random.stream(0, "photographs");
      const photograph = async (path: string, hue: number, number: number) => {
        const [width, height] = [40 + 37 * (number % 5), 60 + 53 * (number % 3)];
        const noise = Array.from({ length: 64 }, () => random.range(-40, 40));
        const colorAt = (x: number, y: number) => {
          const grain = noise[(7 * x + 13 * y) & 63];
          const light = 128 + 90 * Math.sin((x + 2 * y) / (9 + hue)) + grain;
          return [light + 40 * (hue - 1), light, light - 30 * hue]
            .map((value) => Math.max(0, Math.min(255, Math.round(value))));
        };
        write(
          join(folder, path),
          number % 2 === 0
            ? await jpegFile(width, height, (x, y) => [...colorAt(x, y), 255])
            : pngFile({
              ...{ width, height, colorType: 2, depth: 8 },
              samples: Array.from(
                { length: width * height },
                (_, i) => colorAt(i % width, Math.floor(i / width)),
              ).flat(),
            }),
        );
      };
      const places = ["photographs/cat", "photographs/dog", "more/rabbits"];
      for (const [hue, place] of places.entries()) {
        // Endings do not matter.
        for (let i = 0; i < 10; i++) await photograph(`${place}/${i}.jpg`, hue, i);
      }
      await photograph("picture.jpg", 0, 20);
      checkSection(await runSection(folder), ["cat", "dog"]);
    }),
});
