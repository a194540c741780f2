import { fileURLToPath } from "node:url";
import { InputError } from "../../errors.ts";
import { ROW_GROUPS } from "../../experiment/comparison/rows.ts";
import {
  command,
  type Context,
  flag,
  type Needs,
  optionName,
  parsed,
  text,
  texts,
  type Values,
} from "../command.ts";
import { pathsOfConfig, pathsOfRun } from "../named_paths.ts";
import { outputOf, type OutputOptions } from "../output.ts";
import { checkpointEvery, number, seed, seeds, words } from "../values.ts";
import { data, installedData, readOverrides, training } from "./shared_options.ts";

/** Of `demo` and `train`. */
const options = {
  ...training,
  data: text("<dir>", "folder that holds the data sets' folders (default: data)", {
    path: "read",
    otherwise: "data",
  }),
  out: text("<dir>", "folder for the results (default: runs/NAME-SEED)", {
    path: "write",
    otherwise: "runs",
  }),
  seed: parsed("<number>", "seed of all randomness (default: the configuration's)", seed),
  init: text("<file>", "start from the weights of this model.safetensors", { path: "read" }),
  keepHead: flag("with --init: keep the classifier of weights of torchvision or timm, if it fits"),
  kernel: texts("<file>", "compute with this WGSL kernel of your own; repeatable", {
    path: "read",
  }),
  overwrite: flag("replace a run in the output folder"),
  tensorboard: flag("write event files for TensorBoard into the run's folder"),
  checkpointEvery: parsed(
    "<interval>",
    "save the run every so often: 90s, 5m, 500steps, task or never (default: 5m)",
    checkpointEvery,
  ),
};

const needs: Needs = {
  gpu: true,
  writesCache: true,
  hangup: true,
  reads: (given) => [
    ...installedData(),
    ...pathsOfConfig(given),
    ...pathsOfRun((given.resume ?? given.out)?.at(-1), given.data?.at(-1)),
  ],
};

const outlasting = (context: Context, given: OutputOptions) =>
  outputOf(context, given, "the run goes on, and writes its log.jsonl");

/** What `--set`, `--seed` and `--keep-head` change. */
async function overridesOf(given: Values<typeof options>) {
  if (given.keepHead && given.init === undefined) {
    throw new InputError(
      "Cannot keep the classifier: no weights are given; name them with --init FILE, or leave --keep-head out",
    );
  }
  const overrides = await readOverrides(given.set);
  if (given.seed !== undefined) overrides.push({ path: "seed", value: given.seed });
  if (given.keepHead) overrides.push({ path: "network.keepHead", value: true });
  return overrides;
}

async function run(config: string, given: Values<typeof options>, context: Context) {
  const { train } = await import("../train.ts");
  const { cacheDir, worker, endsProcess } = context;
  const overrides = await overridesOf(given);
  const files = { config, dataRoot: given.data ?? "data", cacheDir, kernels: given.kernel };
  return await train(
    { ...given, ...files, overrides, worker, endsProcess },
    outlasting(context, given),
  );
}

/** `wscl demo`. */
export const demo = command({
  name: "demo",
  summary: "train on drawn images: no data set, no network",
  description:
    "Trains configs/demo.json, whose images this program draws itself, and sets beside the result what WSCL and its " +
    "controls are known to reach over several seeds.",
  options,
  needs,
  async run(given, context) {
    const local = (path: string) => fileURLToPath(import.meta.resolve(`../../../${path}`));
    const code = await run(local("configs/demo.json"), given, context);
    const changed = given.set.length > 0 || given.init !== undefined;
    if (code !== 0 || changed || given.quiet || given.json) return code;
    const { knownResults, readComparison } = await import("../known_results.ts");
    const source = "bench/results/demo.json";
    const known = readComparison(local(source));
    if (known) context.terminal.print(`\n${knownResults(known, source, given.seed ?? 0)}`);
    return code;
  },
});

/** Of `train --images` alone. */
const own = {
  images: text(
    "<dir>",
    "images to learn, in a folder for each class: all the rest is chosen for them",
    {
      path: "read",
    },
  ),
  dreams: text(
    "<dir>",
    "with --images: folder of class folders to dream of, or memory (what is remembered, turned), or none " +
      "(default: memory)",
    { path: "read" },
  ),
  classesPerTask: parsed("<number>", "with --images: classes that are learned together", number),
  size: parsed("<pixels>", "with --images: height and width that the network sees", number),
  width: parsed("<number>", "with --images: channels of the network's first stage", number),
};

const trainOptions = {
  ...options,
  // Not mandatory, which would hide the near miss in --confg.
  config: text("<file>", "configuration to train, such as configs/demo.json (or --images)", {
    path: "read",
  }),
  ...own,
  resume: text("<dir>", "go on with the run in this folder, from its last checkpoint", {
    path: "write",
  }),
};

/** Refuses options that do not go together. */
function refuseMixture(given: Values<typeof trainOptions>): void {
  const isGiven = (name: keyof typeof trainOptions) => {
    const value = given[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
  };
  const ownNames = Object.keys(own) as (keyof typeof own)[];
  const first = (...names: (keyof typeof trainOptions)[]) => names.find(isGiven);
  if (given.resume !== undefined) {
    const names = ["out", "seed", "init", "keepHead", "overwrite", "set"] as const;
    const settled = first("config", ...ownNames, ...names);
    if (settled === undefined) return;
    throw new InputError(
      `Cannot use ${
        optionName(settled)
      } with --resume: a run goes on as it began; leave it out, or start ` +
        "another run without --resume",
    );
  }
  if (given.images !== undefined) {
    const other = first("config", "data");
    if (other === undefined) return;
    const why = other === "config"
      ? "a configuration names its images itself"
      : "it names the folder itself";
    throw new InputError(
      `Cannot use --images with ${optionName(other)}: ${why}; leave one of them out`,
    );
  }
  const alone = first(...ownNames);
  if (alone !== undefined) {
    throw new InputError(
      `Cannot use ${
        optionName(alone)
      } without --images: a configuration says it; add --images DIR, or change the ` +
        "key of the configuration with --set",
    );
  }
  if (given.config === undefined) {
    throw new InputError(
      "Cannot train: no configuration given; add --config FILE, such as configs/demo.json, or --images DIR with a " +
        "folder for each class",
    );
  }
}

/** `wscl train`. */
export const train = command({
  name: "train",
  summary: "train a configuration, or on a folder of images",
  description:
    "Trains the experiment that a configuration file describes, or one that is chosen for a folder of images, which " +
    "has a folder for each class: DIR/CLASS, or DIR/train/CLASS and DIR/test/CLASS.",
  options: trainOptions,
  needs,
  async run(given, context) {
    refuseMixture(given);
    const { cacheDir, worker, endsProcess } = context;
    if (given.resume !== undefined) {
      const { resume } = await import("../train.ts");
      const { kernel: kernels } = given;
      const files = { out: given.resume, dataRoot: given.data, cacheDir, kernels };
      return await resume({ ...given, ...files, worker, endsProcess }, outlasting(context, given));
    }
    if (given.images === undefined) return await run(given.config!, given, context);
    const { trainOwn } = await import("../train.ts");
    const overrides = await overridesOf(given);
    const how = { images: given.images, overrides, cacheDir, kernels: given.kernel };
    return await trainOwn({ ...given, ...how, worker, endsProcess }, outlasting(context, given));
  },
});

/** `wscl compare`. */
export const compare = command({
  name: "compare",
  summary: "train WSCL and its controls over several seeds, and print the table",
  description:
    "Trains a configuration of wscl, its controls and ablations with several seeds, each run in a folder of its " +
    "own, and prints means, deviations and paired differences. Goes on where it was interrupted; several " +
    "processes with the same --out share the work.",
  options: {
    ...training,
    config: text("<file>", "configuration to compare, such as configs/demo.json (required)", {
      path: "read",
    }),
    data,
    seeds: parsed("<list>", "seeds, such as 0-4 or 0,2,7", seeds, [0, 1, 2, 3, 4]),
    rows: parsed(
      "<names>",
      `rows, separated by commas: ${
        ROW_GROUPS.join(", ")
      } or their names; the first, which all are paired with, is always among them`,
      words,
      ["main"],
    ),
    vary: texts(
      "<row>",
      'a row of your own, "NAME: key=value, key=value": as configured but for these keys, as many images ' +
        "through training steps; with method=er_ace the baseline; repeatable",
    ),
    out: text("<dir>", "folder for runs and table (default: runs/NAME-compare)", {
      path: "write",
      otherwise: "runs",
    }),
    plan: flag("say what would be run and how long it takes, and run nothing"),
  },
  needs: { ...needs, commit: true },
  async run({ config, data: dataRoot, set, vary, ...given }, context) {
    if (config === undefined) {
      throw new InputError(
        "Cannot compare: no configuration given; add --config FILE, such as configs/demo.json",
      );
    }
    const { compare } = await import("../compare.ts");
    const { cacheDir, worker } = context;
    const { parseVariation } = await import("../../experiment/comparison/variations.ts");
    const variations = vary.map(parseVariation);
    const what = { config, dataRoot, cacheDir, overrides: await readOverrides(set), variations };
    const terminal = outlasting(context, given);
    return await compare({ ...what, ...given, worker, endsProcess: false }, terminal);
  },
});
