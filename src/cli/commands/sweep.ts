import { InputError } from "../../errors.ts";
import { hostOf } from "../../host/queue/redis_address.ts";
import { command, flag, type GivenTexts, type Needs, parsed, text } from "../command.ts";
import { pathsOfConfig, pathsOfSweep } from "../named_paths.ts";
import { outputOf } from "../output.ts";
import { checkpointEvery, number } from "../values.ts";
import { data, installedData, readOverrides, telling, training } from "./shared_options.ts";

const needs: Needs = {
  gpu: true,
  writesCache: true,
  hangup: true,
  commit: true,
  hosts: ({ queue }) => {
    const host = hostOf(queue?.at(-1) ?? "");
    return host === null ? [] : [host];
  },
  lock: ({ queue }) => queue === undefined ? "report.lock" : "queue.lock",
  // A dependency of BullMQ looks through all of them for its own.
  allVariables: ({ queue }) => queue !== undefined,
};

const every = parsed(
  "<interval>",
  "save each run every so often: 90s, 5m, 500steps, task or never (default: 5m)",
  checkpointEvery,
);

const going = "the runs go on";

/** `wscl sweep`. */
const sweep = command({
  name: "sweep",
  summary: "train a grid of configurations and seeds, in shards or on several machines",
  description:
    "Trains a grid or list over configuration keys and seeds, each run in a folder of its own, and prints a table for " +
    "each comparison. Goes on where it was interrupted; several processes may share the folder: docs/sweeps.md.",
  arguments: {
    file: text("<sweep>", "file of a sweep, such as configs/sweeps/demo_methods.json", {
      path: "read",
      mandatory: true,
    }),
  },
  options: {
    ...training,
    data,
    out: text("<dir>", "folder for runs and tables (default: runs/NAME-sweep)", {
      path: "write",
      otherwise: "runs",
    }),
    checkpointEvery: every,
    shard: text("<i/n>", "run the i-th of n parts; under a Slurm array it is found out"),
    shards: parsed("<number>", "parts, under an Indexed Job of Kubernetes", number),
    plan: flag("say what would be run, and run nothing"),
    queue: text("<address>", "offer the runs to workers by the Redis at redis://host:port"),
    detach: flag("with --queue: do not wait for the workers"),
  },
  needs: {
    ...needs,
    reads: (given: GivenTexts) => [
      ...installedData(),
      ...pathsOfSweep(given.file?.at(-1)),
      ...pathsOfConfig({ set: given.set }),
    ],
  },
  async run({ data: dataRoot, set, file, out, ...given }, context) {
    const { basename, join } = await import("node:path");
    const { sweep } = await import("../sweep.ts");
    const { cacheDir, worker } = context;
    const name = basename(file).replace(/\.json$/, "");
    return await sweep(
      {
        ...{ ...given, file, dataRoot, cacheDir, overrides: await readOverrides(set), worker },
        out: out ?? join("runs", `${name}-sweep`),
        endsProcess: false,
      },
      outputOf(context, given, going),
    );
  },
});

/** `wscl worker`. */
const work = command({
  name: "worker",
  summary: "run what a sweep offers in a queue",
  description:
    "Takes runs of a sweep from a queue in Redis or Valkey, one at a time, until none is left. The sweep's folder is " +
    "shared; a worker that dies is replaced by the others, which go on with its run: docs/sweeps.md.",
  options: {
    queue: text("<address>", "Redis that the sweep uses, redis://host:port (required)"),
    out: text("<dir>", "the sweep's folder, shared by all workers (required)", { path: "write" }),
    data,
    checkpointEvery: every,
    lease: parsed(
      "<seconds>",
      "after so long without a word a worker is taken for dead",
      number,
      30,
    ),
    maxTime: training.maxTime,
    skipSelfTest: training.skipSelfTest,
    skipTuning: training.skipTuning,
    provider: training.provider,
    ...telling,
  },
  needs: { ...needs, reads: installedData },
  async run({ queue, out, data: dataRoot, ...given }, context) {
    if (queue === undefined || out === undefined) {
      throw new InputError(
        `Cannot work: ${
          queue === undefined ? "no queue" : "no folder"
        } is given; add --queue redis://host:port and --out with the sweep's folder`,
      );
    }
    const { work } = await import("../sweep_queue.ts");
    const { cacheDir, worker } = context;
    const options = { ...given, queue, out, dataRoot, cacheDir, worker, endsProcess: false };
    return await work(options, outputOf(context, given, going));
  },
});

export const sweepCommands = [sweep, work];
