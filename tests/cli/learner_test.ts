/** The commands of a kept learner, in this process; nights in their worker. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { sha256 } from "../../src/digest.ts";
import { main } from "../../src/cli/main.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { readSafetensors } from "../../src/host/safetensors_files.ts";
import { withFolder, write } from "../data/fixtures.ts";
import { pngFile } from "../data/png_files.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

const SIZE = 16;
const BORN = ["--start", "none", "--size", String(SIZE), "--width", "2", "--max-classes", "6"];
const QUICK = ["--set", "wscl.sleepEpochs=1", "--set", "calibration=4", "--memory", "12"];

/** Runs a command in `folder`. */
function commandsIn(folder: string) {
  return async (...args: string[]) => {
    const { terminal, printed } = recordingTerminal();
    const errors: string[] = [];
    const code = await main(args, {
      terminal,
      printError: (text) => void errors.push(text),
      cacheDir: join(folder, "cache"),
    });
    return { code, output: printed.join("\n"), errors: errors.join("\n") };
  };
}

/** `known/disc`, `known/cross`, `ring` and `few/square`, 8 figures each but 3 of the last. */
async function drawPictures(folder: string): Promise<void> {
  const drawn = await drawImages({
    ...{ format: "drawn", size: SIZE, seed: 0 },
    drawn: { kind: "shapes", classes: 4, trainPerClass: 8, testPerClass: 1 },
  }, "train");
  const places = ["known/disc", "known/cross", "ring", "few/square"];
  const counts = [0, 0, 0, 0];
  drawn.labels.forEach((label, image) => {
    if (label === 3 && counts[label] === 3) return;
    const samples = imagePixels(drawn, image).slice();
    const file = pngFile({ width: SIZE, height: SIZE, colorType: 2, depth: 8, samples });
    write(join(folder, places[label], `${counts[label]++}.png`), file);
  });
}

function onGpu(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore: adapter === null, fn: () => withFolder(fn) });
}

onGpu("a learner from birth to rollback, by its commands", async (folder) => {
  await drawPictures(folder);
  const wscl = commandsIn(folder);
  const at = (...names: string[]) => join(folder, ...names);
  const pets = at("pets");
  const ok = async (...args: string[]) => {
    const { code, output, errors } = await wscl(...args);
    assert.equal(code, 0, `${args.join(" ")}: ${output}${errors}`);
    return output;
  };
  assert.match(await ok("new", pets, ...BORN, ...QUICK), /Teach it/);
  assert.match(
    await ok("learn", pets, at("known")),
    /kept +16 new images[^]*learned: generation 1/,
  );
  assert.match(await ok("learn", pets, at("known")), /8 were known already|16 were known already/);
  const more = await wscl("learn", pets, at("ring"), "--class", "ring", "--accept");
  assert.equal(more.code, 0, more.errors);

  const picture = at("ring", "0.png");
  const text = await ok("predict", pets, picture, "--top", "2");
  assert.match(text, /%/);
  const [json] = JSON.parse(await ok("predict", pets, picture, "--json", "--top", "3"));
  assert.equal(json.answers.length, 3);
  assert.equal(json.image, picture);
  const csv = await ok("predict", pets, at("known"), "--csv", "--top", "1");
  assert.equal(csv.split("\n").length, 1 + 16);
  assert.equal(csv.split("\n")[0], "image,class,class_1,p_1");

  assert.match(await ok("exam", pets), /asked \\ answered/);
  assert.match(
    await ok("exam", pets, at("known")),
    /10 of the 16 images were learned from[^]*\| all +\| +16 \|/,
  );
  const told = JSON.parse(await ok("exam", pets, at("known"), "--json"));
  assert.deepEqual(told.classes.map((one: { images: number }) => one.images), [8, 8]);
  assert.equal(told.images, 16);
  const shown = await ok("show", pets);
  for (const part of ["disc", "cross", "ring", "wscl.sleepEpochs = 1", "night 1: "]) {
    assert(shown.includes(part), `${part} in ${shown}`);
  }
  assert.match(await ok("sleep", pets, "--accept"), /learned: generation \d/);
  assert.match(
    await ok("forget", pets, "--class", "cross", "--accept"),
    /forgotten +\d+ images, and cross[^]*not promised/,
  );
  assert(!(await ok("exam", pets)).includes("cross"));
  const { generation } = JSON.parse(lastState(pets));
  const back = await ok("rollback", pets, String(generation - 1));
  assert.match(back, new RegExp(`Back at generation ${generation - 1}, now ${"generation"}`));
  assert.match(await ok("show", pets), /gen\. \d+ \| +now \|/);
  const there = await wscl("rollback", pets, String(generation + 1));
  assert.match(there.errors, /it is the last one; there are generations/);
  assert.match((await wscl("rollback", pets, "x")).errors, /Expected a whole number/);

  const file = at("pets.safetensors");
  assert.match(await ok("export", pets, "--half", "--out", file), /MB/);
  const { metadata } = await readSafetensors(file);
  assert(JSON.parse(metadata.classes).includes("ring"));
  const again = await wscl("export", pets, "--out", file);
  assert.match(again.errors, /it is there already; choose another/);
  const like = ["--start", file, "--keep-head", "--size", "16", "--max-classes", "6"];
  const kept = await ok("new", at("next"), ...like, ...QUICK);
  assert.match(kept, /knows +.*ring/);
});

onGpu("a refused night waits: shown, not repeated, accepted or let go", async (folder) => {
  await drawPictures(folder);
  const wscl = commandsIn(folder);
  const at = (...names: string[]) => join(folder, ...names);
  for (const way of ["--accept", "--discard"]) {
    const pets = at(`pets${way}`);
    await wscl("new", pets, ...BORN, ...QUICK, "--margin", "0");
    assert.equal((await wscl("learn", pets, at("known"))).code, 0);
    // What no learner can live up to; it is not for the command line to ask for it.
    const path = statePath(pets);
    const state = Deno.readTextFileSync(path).replace('"margin": 0', '"margin": -101');
    await rewrite(pets, state);
    const { code, output } = await wscl("learn", pets, at("ring"), "--class", "ring");
    assert.equal(code, 3, output);
    assert.match(output, /refused at dawn[^]*--accept[^]*wscl sleep[^]*--discard/);
    assert.match((await wscl("show", pets)).output, /waiting +8 images: ring 8; a night that was/);
    const again = await wscl("learn", pets);
    assert.equal(again.code, 2);
    assert.match(again.errors, /its night was refused, and would be the same; accept it/);
    const ended = await wscl("learn", pets, way, "--dreams", "memory");
    assert.equal(ended.code, 0, ended.errors);
    const { output: shown } = await wscl("show", pets);
    assert.match(shown, /dreams +memory/);
    assert.equal(shown.includes("| ring"), way === "--accept");
    assert.equal(/night 2: accepted; generation 2/.test(shown), way === "--accept");
    assert(!shown.includes("waiting"));
  }
});

onGpu("bad input stops a command before anything is taken", async (folder) => {
  await drawPictures(folder);
  const wscl = commandsIn(folder);
  const at = (...names: string[]) => join(folder, ...names);
  const pets = at("pets");
  assert.equal((await wscl("new", pets, ...BORN, ...QUICK)).code, 0);
  Deno.mkdirSync(at("empty"));
  for (let copy = 0; copy < 9; copy++) {
    write(at("copies", `${copy}.png`), Deno.readFileSync(at("ring", "0.png")));
  }
  write(at("broken", "cat", "0.png"), new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]));
  const cases: [args: string[], message: RegExp][] = [
    [["new", pets], /something is there already/],
    [["new", at("b"), "--start", at("nowhere")], /Cannot start from .*nowhere/],
    [["new", at("b"), "--start", at("ring", "0.png")], /not a safetensors file|not a sound/],
    [["new", at("b"), "--start", "none", "--size", "8"], /too small for the cifar stem/],
    [["new", at("b"), "--set", "network.width=8"], /cannot be set: give --width/],
    [["new", at("b"), "--start", "none", "--keep-head"], /there is none; give --start FILE/],
    [["new", at("b"), "--dreams", at("nowhere")], /there is no such folder; restore it, or give/],
    [
      ["learn", pets, at("known"), "--dreams", at("nowhere")],
      /there is no such folder; restore it/,
    ],
    [["learn", pets, at("ring"), "--class", "\u200b"], /"\\u\{200B\}": nothing of it can be seen/],
    [["learn", pets, at("copies"), "--class", "rat"], /rat: it has 1 different image \(among 9\)/],
    [["learn", at("nobody"), at("known")], /there is no such folder; make one with/],
    [["learn", at("empty"), at("known")], /no learner is in this folder/],
    [["learn", pets], /nothing waits/],
    [["learn", pets, at("nowhere")], /there is no such file or folder/],
    [
      ["learn", pets, at("ring")],
      /they lie in no class folder; say what they are with --class ring/,
    ],
    [["learn", pets, at("known"), "--class", "x"], /2 folders; leave --class out/],
    [["learn", pets, at("empty")], /no class folders/],
    [["learn", pets, at("few")], /square: it has 3 images, and a new class needs at least 8/],
    [["learn", pets, at("broken")], /0\.png/],
    [["predict", pets, at("ring", "0.png")], /it has learned nothing yet/],
    [["exam", pets], /it has learned nothing yet/],
    [["sleep", pets], /nothing waits to be learned, and nothing is remembered/],
    [["forget", pets], /nothing is named/],
    [["forget", pets, "--class", "dog"], /it is no class of/],
    [["export", at("empty"), "--out", at("b.safetensors")], /it holds no weights/],
    [["predict", pets, "x", "--json", "--csv"], /both --json and --csv/],
  ];
  for (const [args, message] of cases) {
    const { code, errors } = await wscl(...args);
    assert.equal(code, 2, `${args.join(" ")}: ${errors}`);
    assert.match(errors, message);
  }
  assert.equal(JSON.parse(lastState(pets)).generation, 0);
  assert(!(await wscl("show", pets)).output.includes("waiting"));
  assert.throws(() => Deno.statSync(at("b")));
  // Of a folder the others are answered all the same.
  assert.equal((await wscl("learn", pets, at("known"))).code, 0);
  write(at("ring", "bad.png"), new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]));
  const { code, output, errors } = await wscl("predict", pets, at("ring"));
  assert.equal(code, 1);
  assert.equal(output.split("\n").length, 8);
  assert.match(errors, /bad\.png/);
});

onGpu(
  "what waits is let go only if the rest will do, and forgotten without a night",
  async (folder) => {
    await drawPictures(folder);
    const wscl = commandsIn(folder);
    const at = (...names: string[]) => join(folder, ...names);
    const pets = at("pets");
    await wscl("new", pets, ...BORN, ...QUICK);
    assert.equal((await wscl("learn", pets, at("known"))).code, 0);
    const hasty = await wscl("learn", pets, at("ring"), "--class", "ring", "--max-time", "1s");
    assert.equal(hasty.code, 75);
    assert.match(hasty.output, /before a step of the night was made: give it more/);
    for (const other of ["nowhere", "few"]) {
      assert.equal((await wscl("learn", pets, at(other), "--discard")).code, 2);
      assert.match((await wscl("show", pets)).output, /waiting +8 images: ring 8/);
    }
    const stranger = await wscl("forget", pets, "--image", at("few", "square", "0.png"));
    assert.equal(stranger.code, 2);
    assert.match(stranger.errors, /Cannot forget .*0\.png: .* neither holds such an image/);
    const forgotten = await wscl("forget", pets, "--class", "ring");
    assert.equal(forgotten.code, 0, forgotten.errors);
    assert.match(forgotten.output, /forgotten +8 images, and ring[^]*No night is needed/);
    assert(!/not promised|night 2/.test(forgotten.output));

    const flat = await wscl("exam", pets, at("ring"));
    assert.equal(flat.code, 2);
    assert.match(
      flat.errors,
      /Cannot examine with the images of .*ring: they lie in no class folder/,
    );
    // What is said of a generation that is not whole is not among the answers.
    Deno.mkdirSync(join(pets, "generations", "000009"));
    const asked = ["predict", pets, at("ring", "0.png"), "--top", "9999"];
    const json = await wscl(...asked, "--json");
    assert.equal(JSON.parse(json.output)[0].answers.length, 2);
    assert.match(json.errors, /taking the one before/);
    const [header] = (await wscl(...asked, "--csv")).output.split("\n");
    assert.equal(header, "image,class,class_1,p_1,class_2,p_2");
  },
);

function statePath(learner: string): string {
  const generations = join(learner, "generations");
  const last = [...Deno.readDirSync(generations)].map(({ name }) => name).sort().at(-1)!;
  return join(generations, last, "learner.json");
}

function lastState(learner: string): string {
  return Deno.readTextFileSync(statePath(learner));
}

/** Replaces the state of the last generation, and says that it was written so. */
async function rewrite(learner: string, text: string): Promise<void> {
  const path = statePath(learner);
  Deno.writeTextFileSync(path, text);
  const done = join(path, "..", "DONE");
  const bytes = new TextEncoder().encode(text);
  const digests = JSON.parse(Deno.readTextFileSync(done));
  digests["learner.json"] = { bytes: bytes.length, sha256: await sha256(bytes) };
  Deno.writeTextFileSync(done, JSON.stringify(digests));
}
