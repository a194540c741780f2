import {
  choice,
  command,
  type CommandGroup,
  flag,
  type Needs,
  parsed,
  text,
  texts,
} from "../command.ts";
import type { Stem } from "../../net/resnet18.ts";
import { factor, number, numbers, precision, precisions, seeds, words } from "../values.ts";
import { provider } from "./shared_options.ts";

// Each command measures one thing, prints a table and leaves JSON lines. The benches themselves are in `bench/`.

const needs: Needs = { gpu: true, commit: true };
const out = text("<folder>", "folder for the results", { path: "write", default: "runs/bench" });
const whole = (help: string, usual: number) => parsed("<number>", help, number, usual);
const several = (help: string, usual: number[]) => parsed("<numbers>", help, numbers, usual);

const stem = choice<Stem>("<name>", "how the network begins", ["cifar", "imagenet"], {
  default: "cifar",
});

const kernel = texts("<file>", "with this WGSL kernel of your own as well; repeatable", {
  path: "read",
});

const explained = (summary: string) => ({
  summary,
  description: `${summary[0].toUpperCase()}${summary.slice(1)}; see bench/README.md.`,
});

const kernels = command({
  name: "kernels",
  ...explained("check and time every kernel at the shapes of ResNet-18"),
  options: {
    filter: text("<text>", "only kernels, or layers, whose name holds this", { default: "" }),
    width: several("widths of the network, such as 16,64", [16]),
    size: several("image sizes in pixels", [32]),
    batch: several("images in a batch", [32]),
    stem,
    variants: flag("all ways to compute a convolution, not only the one that is used"),
    rounds: whole("timings of each kernel", 9),
    out,
    provider,
  },
  needs,
  async run({ width, size, batch, ...given }, { terminal, cacheDir }) {
    const { benchKernels } = await import("../../../bench/kernels.ts");
    const sizes = { widths: width, sizes: size, batches: batch };
    return await benchKernels({ ...given, ...sizes, cacheDir }, terminal) ? 0 : 1;
  },
});

const step = command({
  name: "step",
  ...explained("time training steps, kernel by kernel"),
  options: {
    width: several("widths of the network", [8, 16]),
    size: whole("image size in pixels", 32),
    batch: several("images of each segment: stream, replay", [32, 32]),
    precision: parsed("<names>", "full, mixed or both, in turn: full,mixed", precisions, ["full"]),
    kernel,
    rounds: whole("timings", 9),
    out,
    provider,
  },
  needs,
  async run({ width, size, batch, precision, kernel: kernels, ...given }, { terminal, cacheDir }) {
    const { benchStep } = await import("../../../bench/step.ts");
    const sizes = { widths: width, size, segments: batch, precisions: precision, kernels };
    await benchStep({ ...given, ...sizes, cacheDir }, terminal);
  },
});

const run = command({
  name: "run",
  ...explained("time a small experiment from end to end"),
  options: {
    width: whole("width of the network", 8),
    tasks: whole("tasks of two classes, 1 to 5", 2),
    precision: parsed("<name>", "full or mixed", precision, "full"),
    out,
    provider,
  },
  needs: { ...needs, writesCache: true },
  async run(given, { terminal, cacheDir }) {
    const { benchRun } = await import("../../../bench/run.ts");
    await benchRun({ ...given, cacheDir }, terminal);
  },
});

const days = command({
  name: "days",
  ...explained("a kept learner over four days, beside ER-ACE, fine-tuning and all images at once"),
  options: {
    data: text("<dir>", "folder of photographs: train/CLASS and test/CLASS, ten classes or more", {
      path: "read",
      mandatory: true,
    }),
    seeds: parsed("<list>", "seeds, such as 0-4 or 0,2,7", seeds, [0, 1, 2, 3, 4]),
    rows: parsed("<names>", "rows, separated by commas (default: all)", words, []),
    start: text("<file>", "weights to begin with, or none", { path: "read", default: "none" }),
    size: whole("image size in pixels", 32),
    width: whole("width of the network, without a start", 16),
    images: whole("images of each class", 100),
    out,
  },
  needs: { ...needs, writesCache: true },
  async run(given, { terminal, cacheDir }) {
    const { benchDays } = await import("../../../bench/days.ts");
    await benchDays({ ...given, cacheDir }, terminal);
  },
});

const answers = command({
  name: "answers",
  ...explained("time a learner's answers: the first of a process, and many in one call"),
  arguments: {
    learner: text("<learner>", "folder of the learner", { path: "read", mandatory: true }),
    images: text("<images>", "an image, or a folder of some", { path: "read", mandatory: true }),
  },
  options: {
    count: whole("images of one call", 1000),
    rounds: whole("timings", 5),
    out,
  },
  needs: { ...needs, writesCache: true, startsDeno: true },
  async run(given, { terminal, cacheDir }) {
    const { benchAnswers } = await import("../../../bench/answers.ts");
    await benchAnswers({ ...given, cacheDir }, terminal);
  },
});

const start = command({
  name: "start",
  ...explained("time the start of a process up to its first training step"),
  options: {
    width: whole("width of the network", 16),
    size: whole("image size in pixels", 32),
    batch: whole("images in the batch", 32),
    rounds: whole("starts with a warm cache", 5),
    out,
    provider,
  },
  needs: { ...needs, temporary: true, startsDeno: true },
  async run(given, { terminal }) {
    const { benchStart } = await import("../../../bench/start.ts");
    await benchStart(given, terminal);
  },
});

const serve = command({
  name: "serve",
  ...explained("time a service: awake, asleep, its start, its memory, and many clients at once"),
  options: {
    width: whole("width of the network", 16),
    size: whole("image size in pixels", 64),
    rounds: whole("starts with a warm cache", 3),
    nights: whole("nights that are slept through", 3),
    images: whole("images of a night", 40),
    load: whole("seconds of mixed load; 600 for the long one", 60),
    clients: whole("clients of it", 32),
    out,
  },
  needs: {
    ...needs,
    temporary: true,
    startsDeno: true,
    lock: () => "serve.lock",
    hosts: () => ["127.0.0.1"],
  },
  async run(given, { terminal }) {
    const { benchServe } = await import("../../../bench/serve.ts");
    await benchServe(given, terminal);
  },
});

const peers = command({
  name: "peers",
  ...explained("train the same network with other libraries, in turn"),
  options: {
    width: several("widths of the network", [8, 16]),
    size: whole("image size in pixels", 32),
    batch: whole("images in the batch", 32),
    rounds: whole("timings of each library", 5),
    peer: text("<names>", "which of jax, tfjs, torch", { default: "jax,tfjs,torch" }),
    out,
  },
  needs: { ...needs, startsDeno: true },
  async run(given) {
    const { benchPeers } = await import("../../../bench/peers.ts");
    return await benchPeers(given);
  },
});

const custom = command({
  name: "custom",
  ...explained("check and time a kernel of your own beside ours"),
  arguments: { path: text("<kernel>", "WGSL file", { path: "read", mandatory: true }) },
  options: {
    op: text("<name>", "operation that it computes (default: by its bindings)"),
    shape: text(
      "<sizes>",
      "one shape in place of a network's; of a convolution any, such as batch=32,size=32,in=16,out=16,kernel=3,stride=1",
      { default: "" },
    ),
    width: several("widths of the network, such as 16,64", [16]),
    size: several("image sizes in pixels", [32]),
    batch: several("images in a batch", [32]),
    stem,
    watch: flag("run again when the file is saved"),
    rounds: whole("timings", 15),
    author: text("<name>", "whose kernel it is, for a board", { default: "" }),
    out,
    provider,
  },
  needs,
  async run({ width, size, batch, ...given }, { terminal }) {
    const { benchCustom } = await import("../../../bench/custom.ts");
    const sizes = { widths: width, sizes: size, batches: batch };
    return await benchCustom({ ...given, ...sizes }, terminal) ? 0 : 1;
  },
});

const profile = command({
  name: "profile",
  ...explained("picture a training step, launch by launch, as a page"),
  options: {
    width: whole("width of the network", 16),
    size: whole("image size in pixels", 32),
    batch: several("images of each segment: stream, replay", [32]),
    kernel,
    rounds: whole("timings", 5),
    out,
    provider,
  },
  needs,
  async run({ batch: segments, kernel: kernels, ...given }, { terminal, cacheDir }) {
    const { benchProfile } = await import("../../../bench/profile.ts");
    return await benchProfile({ ...given, segments, kernels, cacheDir }, terminal) ? 0 : 1;
  },
});

const board = command({
  name: "board",
  ...explained("rank results of any machines and authors, as a page and a CSV file"),
  arguments: {
    folders: {
      ...texts("<folders...>", "folders of results, one for each machine", { path: "read" }),
      mandatory: true,
    },
  },
  options: { out },
  async run({ folders, out }, { terminal }) {
    const { benchBoard } = await import("../../../bench/board.ts");
    return benchBoard(folders, out, terminal) ? 0 : 1;
  },
});

const compare = command({
  name: "compare",
  summary: "compare two result files",
  description: "Prints how the times of the second file compare with those of the first.",
  arguments: {
    before: text("<before>", "JSON lines of an earlier bench", { path: "read", mandatory: true }),
    after: text("<after>", "JSON lines of a later one", { path: "read", mandatory: true }),
  },
  options: {
    failAbove: parsed("<factor>", "end with code 1 if something got slower by more", factor),
  },
  async run({ before, after, failAbove = null }, { terminal }) {
    const { compareResults } = await import("../../../bench/compare.ts");
    return compareResults([before, after], failAbove, terminal) ? 0 : 1;
  },
});

/** `wscl bench ...` */
export const benchCommands: CommandGroup = {
  name: "bench",
  summary: "measure speed",
  description: "Measures kernels, training steps and whole runs, and compares with others.",
  commands: [
    kernels,
    step,
    run,
    days,
    answers,
    start,
    serve,
    peers,
    custom,
    profile,
    board,
    compare,
  ],
};
