import { InputError } from "../../errors.ts";
import { command, flag, type Needs, parsed, text, texts } from "../command.ts";
import { dreamsOfLearner } from "../named_paths.ts";
import { outputOf } from "../output.ts";
import { checkpointEvery, count, number, seed } from "../values.ts";
import { provider, readOverrides, set, telling, training } from "./shared_options.ts";

/** The folder, for commands that change the learner. */
const changed = text("<learner>", "folder of the learner", { path: "write", mandatory: true });

/** The learner, for commands that ask it. */
const asked = text("<learner>", "folder or file of the learner", { path: "read", mandatory: true });

const skipSelfTest = training.skipSelfTest;

/** Of commands that end in a night. */
const nightly = {
  accept: flag("take the night that was refused, or what this one makes, however its exam goes"),
  dreams: text(
    "<dir>",
    "from now on dream of the images in this folder of class folders, or of memory, or none",
    { path: "read" },
  ),
  maxTime: training.maxTime,
  checkpointEvery: parsed(
    "<interval>",
    "save the night every so often: 90s, 5m, 500steps or never (default: 5m)",
    checkpointEvery,
  ),
  skipSelfTest,
  skipTuning: training.skipTuning,
  provider,
  ...telling,
};

const nightlyNeeds: Needs = {
  gpu: true,
  writesCache: true,
  hangup: true,
  reads: ({ learner }) => dreamsOfLearner(learner?.[0]),
};

const asking: Needs = { gpu: true, writesCache: true };

const untilTheEnd = "the night goes on";

/** `wscl new`. */
const make = command({
  name: "new",
  summary: "make a learner that is kept",
  description:
    "Makes a learner that knows nothing yet, in a folder of its own: teach it with learn.",
  arguments: { learner: changed },
  options: {
    start: text(
      "<file>",
      "weights to begin with: model.safetensors of a run, a ResNet-18 of torchvision or timm, or none " +
        "(default: the small start that comes with the program)",
      { path: "read" },
    ),
    keepHead: flag(
      "with --start: keep its classifier, and the names of its classes if it has them",
    ),
    dreams: text(
      "<dir>",
      "folder of class folders to dream of, or memory (what is remembered, turned), or none",
      { path: "read", default: "none" },
    ),
    size: parsed("<pixels>", "height and width that the network sees (default: 64)", number),
    width: parsed("<number>", "channels of the first stage (default: 16, or the start's)", number),
    maxClasses: parsed("<number>", "classes that it can ever know (default: 100)", number),
    memory: parsed("<images>", "images that it remembers (default: 500)", number),
    margin: parsed(
      "<points>",
      "points by which the exam of earlier classes may fall in a night (default: 20)",
      count,
    ),
    seed: parsed("<number>", "seed of all randomness (default: 0)", seed),
    set,
  },
  needs: { writesCache: true },
  async run({ set, ...given }, { terminal, cacheDir }) {
    const { make } = await import("../learner/make.ts");
    await make({ ...given, set: await readOverrides(set), cacheDir }, terminal);
  },
});

/** `wscl learn`. */
const learn = command({
  name: "learn",
  summary: "teach a learner images, and let it sleep",
  description:
    "Teaches a learner the images of a folder, one folder for each class (DIR/CLASS), or of one class with --class. " +
    "New names get heads, known ones more images; a tenth of each is set apart as its exam. Without a folder it goes " +
    "on with what waits. Exit code 3: the exam of earlier classes fell too far, and the learner is as it was.",
  arguments: {
    learner: changed,
    images: text("[dir]", "folder of images", { path: "read" }),
  },
  options: {
    class: text("<name>", "the images lie directly in the folder, and are of this class"),
    discard: flag("let go of what waits first: images not learned yet, a refused night"),
    ...nightly,
  },
  needs: nightlyNeeds,
  async run(given, context) {
    const { learn } = await import("../learner/learn.ts");
    const { cacheDir, endsProcess } = context;
    return await learn({ ...given, cacheDir, endsProcess }, outputOf(context, given, untilTheEnd));
  },
});

/** `wscl sleep`. */
const sleep = command({
  name: "sleep",
  summary: "let a learner sleep again",
  description:
    "Another night: on what waits to be learned, or, where nothing waits, on what is remembered.",
  arguments: { learner: changed },
  options: nightly,
  needs: nightlyNeeds,
  async run(given, context) {
    const { sleep } = await import("../learner/learn.ts");
    const { cacheDir, endsProcess } = context;
    return await sleep({ ...given, cacheDir, endsProcess }, outputOf(context, given, untilTheEnd));
  },
});

/** `wscl predict`. */
const predict = command({
  name: "predict",
  summary: "ask a learner what it sees",
  description:
    "Tells what a learner sees in an image, in all images of a folder, or in one on standard input (-).",
  arguments: {
    learner: asked,
    images: text("<images>", "a file, a folder, or - for an image on standard input", {
      path: "read",
      mandatory: true,
    }),
  },
  options: {
    top: parsed("<number>", "classes that are told of each image", number, 3),
    json: flag("as JSON"),
    csv: flag("as CSV"),
    skipSelfTest,
    provider,
  },
  needs: asking,
  async run({ json, csv, ...given }, { terminal, cacheDir, printError }) {
    if (json && csv) throw new InputError("Cannot print both --json and --csv: choose one of them");
    const { predict } = await import("../learner/ask.ts");
    const format = json ? "json" : csv ? "csv" : "text";
    return await predict({ ...given, format, cacheDir }, terminal, printError);
  },
});

/** `wscl exam`. */
const exam = command({
  name: "exam",
  summary: "examine a learner",
  description:
    "Accuracy by class and what is taken for what: on the images that were set apart, or on a folder of class folders.",
  arguments: { learner: asked, images: text("[dir]", "folder of class folders", { path: "read" }) },
  options: { json: flag("as JSON"), skipSelfTest, provider },
  needs: asking,
  async run(given, { terminal, cacheDir, printError }) {
    const { exam } = await import("../learner/ask.ts");
    await exam({ ...given, cacheDir }, terminal, printError);
  },
});

/** `wscl show`. */
const show = command({
  name: "show",
  summary: "tell what a learner knows",
  description: "Its classes with counts and exam by generation, and its nights.",
  arguments: { learner: asked },
  async run({ learner }, { terminal }) {
    const { show } = await import("../learner/show.ts");
    await show(learner, terminal);
  },
});

/** `wscl rollback`. */
const rollback = command({
  name: "rollback",
  summary: "take a learner back to an earlier generation",
  description: "Makes an earlier generation that is still kept the last one; show lists them.",
  arguments: {
    learner: changed,
    generation: parsed("<generation>", "its number", count),
  },
  async run({ learner, generation }, { terminal, cacheDir }) {
    const { rollback } = await import("../learner/change.ts");
    await rollback({ learner, generation: generation!, cacheDir }, terminal);
  },
});

/** `wscl forget`. */
const forget = command({
  name: "forget",
  summary: "make a learner forget classes or images",
  description:
    "Takes images out of memory, exam and every kept generation, frees the heads of forgotten classes, and lets the " +
    "learner sleep. Weights that have seen the images stay.",
  arguments: { learner: changed },
  options: {
    class: texts("<name>", "a class; repeatable"),
    image: texts("<image>", "an image: its file, or 8 digits or more of its digest; repeatable", {
      path: "read",
    }),
    ...nightly,
  },
  needs: nightlyNeeds,
  async run(given, context) {
    const { forget } = await import("../learner/change.ts");
    const { cacheDir, endsProcess } = context;
    return await forget({ ...given, cacheDir, endsProcess }, outputOf(context, given, untilTheEnd));
  },
});

/** `wscl pack`. */
const pack = command({
  name: "pack",
  summary: "write a learner as one file",
  description:
    "Writes what a learner is, what waits for a night and its history as one file, which predict, exam, show and export " +
    "read as it is, the page opens, and unpack makes a folder of. What waits with its service (serve) is not in it.",
  arguments: {
    learner: asked,
    file: text("<file>", "file to write", { path: "write", mandatory: true }),
  },
  async run({ learner, file }, { terminal }) {
    const { pack } = await import("../learner/pack.ts");
    await pack(learner, file, terminal);
  },
});

/** `wscl unpack`. */
const unpack = command({
  name: "unpack",
  summary: "make a learner of such a file",
  description: "Makes a folder of the learner in a file that pack or the page wrote.",
  arguments: {
    file: text("<file>", "file of a learner", { path: "read", mandatory: true }),
    learner: changed,
  },
  async run({ file, learner }, { terminal }) {
    const { unpack } = await import("../learner/pack.ts");
    await unpack(file, learner, terminal);
  },
});

/** Of a learner that is kept. */
export const learnerCommands = [
  ...[make, learn, predict, exam, show, sleep, forget, rollback],
  ...[pack, unpack],
];
