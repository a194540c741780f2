import { Argument, Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { fileURLToPath } from "node:url";
import denoConfig from "../../deno.json" with { type: "json" };
import { type DownloadName, DOWNLOADS } from "../data/downloads.ts";
import { readMirror } from "../data/mirror.ts";
import { InputError } from "../errors.ts";
import { type Override, parseOverride } from "../experiment/overrides.ts";
import { ROW_GROUPS } from "../experiment/comparison/rows.ts";
import { addBenchCommands } from "./bench.ts";
import { providerOption } from "./provider_option.ts";
import { checkCommand, downloadCommand } from "./data.ts";
import { checkpointEvery, duration } from "./durations.ts";
import { report } from "./report.ts";
import { dispensable, type Terminal } from "./terminal.ts";
import { resume, type SafetyOptions, train, type TrainOptions } from "./train.ts";

/** What the commands share. */
export interface ProgramOptions {
  readonly terminal: Terminal;
  /** Folder of packed data sets. */
  readonly cacheDir: string;
  /** Whether the process ends when the command does. */
  readonly endsProcess?: boolean;
  /** Replaced in tests. */
  readonly worker?: TrainOptions["worker"];
  /** Gets commander's own messages. */
  readonly printError: (text: string) => void;
  /** Called by a command that ends with a code of its own. */
  readonly setExitCode: (code: number) => void;
}

/** The command line: each command parses its options and calls one function with plain values. */
export function createProgram(options: ProgramOptions) {
  const { terminal, cacheDir, worker, endsProcess, printError, setExitCode } = options;
  const program = new Command("wscl")
    .description("Trains Wake-Sleep Consolidated Learning on WebGPU.")
    .version(denoConfig.version)
    .exitOverride()
    .configureHelp({ sortOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => printError(text.trimEnd()),
    })
    .showHelpAfterError("(--help lists commands and options)")
    .addHelpText("after", EXAMPLES);

  const trainCommand = (name: string) =>
    program.command(name)
      .option("--data <dir>", "folder that holds the data sets' folders (default: data)")
      .option("--out <dir>", "folder for the results (default: runs/NAME-SEED)")
      .option("--seed <number>", "seed of all randomness (default: the configuration's)", seed)
      .option("--set <key=value>", "change one key of the configuration; repeatable", set)
      .option("--init <file>", "start from the weights of this model.safetensors")
      .option("--overwrite", "replace a run in the output folder")
      .option(
        "--checkpoint-every <interval>",
        "save the run every so often: 90s, 5m, 500steps, task or never (default: 5m)",
        checkpointEvery,
      )
      .option(
        "--max-time <time>",
        "stop in time, saved, with exit code 75: 90s, 9m or 1.5h",
        duration,
      )
      .option("--skip-self-test", "trust the kernels on this adapter without trying them")
      .option("--skip-tuning", "do not try which kernels are fastest on this adapter")
      .addOption(providerOption());
  type Given = ReturnType<ReturnType<typeof trainCommand>["opts"]>;
  const safetyOf = (
    { checkpointEvery, maxTime, skipSelfTest, skipTuning, provider }: Given,
  ): SafetyOptions => {
    return { checkpointEvery, maxTime, skipSelfTest, skipTuning, provider };
  };
  // What is trained or fetched is worth more than what is printed; all that a run says is in its log as well.
  const lasting = (whatGoesOn: string) =>
    dispensable(terminal, ({ message }) => printError(`${message}; ${whatGoesOn}`));
  const runTerminal = lasting("the run goes on, and writes its log.jsonl");
  const run = async (config: string, given: Given) => {
    const { data: dataRoot = "data", out, init, overwrite = false } = given;
    const overrides = [...given.set ?? []];
    if (given.seed !== undefined) overrides.push({ path: "seed", value: given.seed });
    const files = { config, dataRoot, cacheDir, out, init, ...safetyOf(given) };
    const how = { overrides, overwrite, worker, endsProcess };
    setExitCode(await train({ ...files, ...how }, runTerminal));
  };

  trainCommand("demo")
    .summary("train on drawn images: no data set, no network")
    .description("Trains configs/demo.json, whose images this program draws itself.")
    .action((given) => run(fileURLToPath(import.meta.resolve("../../configs/demo.json")), given));

  trainCommand("train")
    .summary("train a configuration")
    .description("Trains the experiment that a configuration file describes.")
    .option("--config <file>", "configuration to train, such as configs/demo.json (required)")
    .option("--resume <dir>", "go on with the run in this folder, from its last checkpoint")
    .action(async (given) => {
      if (given.resume !== undefined) {
        const settled = (["config", "out", "seed", "set", "init", "overwrite"] as const)
          .find((name) => given[name] !== undefined);
        if (settled) {
          throw new InputError(
            `Cannot use --${settled} with --resume: a run goes on as it began; leave it out, or start ` +
              "another run without --resume",
          );
        }
        const files = { out: given.resume, dataRoot: given.data, cacheDir, ...safetyOf(given) };
        return setExitCode(await resume({ ...files, worker, endsProcess }, runTerminal));
      }
      // Not commander's requiredOption, which would hide the near miss in --confg.
      if (given.config !== undefined) return await run(given.config, given);
      throw new InputError(
        "Cannot train: no configuration given; add --config FILE, such as configs/demo.json",
      );
    });

  program.command("compare")
    .summary("train WSCL and its controls over several seeds, and print the table")
    .description(
      "Trains a configuration of wscl, its controls and ablations with several seeds, each run in a folder of its " +
        "own, and prints means, deviations and paired differences. Goes on where it was interrupted; several " +
        "processes with the same --out share the work.",
    )
    .option("--config <file>", "configuration to compare, such as configs/demo.json (required)")
    .option("--data <dir>", "folder that holds the data sets' folders", "data")
    .option("--seeds <list>", "seeds, such as 0-4 or 0,2,7", seeds, [0, 1, 2, 3, 4])
    .option(
      "--rows <names>",
      `rows, separated by commas: ${ROW_GROUPS.join(", ")} or their names`,
      (text: string) => text.split(","),
      ["main"],
    )
    .option("--out <dir>", "folder for runs and table (default: runs/NAME-compare)")
    .option("--set <key=value>", "change one key of the configuration; repeatable", set)
    .option("--plan", "say what would be run and how long it takes, and run nothing")
    .option(
      "--max-time <time>",
      "stop in time, saved, with exit code 75: 90s, 9m or 1.5h",
      duration,
    )
    .option("--skip-self-test", "trust the kernels on this adapter without trying them")
    .option("--skip-tuning", "do not try which kernels are fastest on this adapter")
    .addOption(providerOption())
    .action(async ({ config, data: dataRoot, set: overrides = [], plan = false, ...given }) => {
      if (config === undefined) {
        throw new InputError(
          "Cannot compare: no configuration given; add --config FILE, such as configs/demo.json",
        );
      }
      const { compare } = await import("./compare.ts");
      const what = { config, dataRoot, cacheDir, overrides, plan, ...given };
      setExitCode(await compare({ ...what, worker, endsProcess: false }, runTerminal));
    });

  program.command("evaluate")
    .summary("test a run's saved model again")
    .description("Tests the saved model of a run again and compares with what the run measured.")
    .argument("<run>", "folder of the run")
    .option("--data <dir>", "folder that holds the data sets' folders", "data")
    .addOption(providerOption())
    .action(async (path, { data: dataRoot, provider }) => {
      const { evaluate } = await import("./evaluate.ts");
      await evaluate(path, { dataRoot, cacheDir, provider }, terminal);
    });

  const data = program.command("data")
    .summary("check or download data sets")
    .description("Checks data sets, or downloads those that anyone may.");
  data.command("check")
    .summary("say what a folder holds and what is broken")
    .description(
      "Says what each data set in a folder is, counts its images, reads every file and names those " +
        "that are missing or broken. Ends with code 1 if there are any.",
    )
    .argument("<dir>", "a data set's folder or archive, or a folder that holds such")
    .option(
      "--list <number>",
      "list which images trainPerClass and testPerClass of this number take",
      perClass,
    )
    .option(
      "--subset-seed <number>",
      "with --list: the subsetSeed to draw by (default: 0)",
      seed,
    )
    .action(async (path, { list, subsetSeed }) => {
      if (list === undefined && subsetSeed !== undefined) {
        throw new InputError(
          "Cannot use --subset-seed alone: it says which images are listed; add --list NUMBER",
        );
      }
      const subset = list ? { perClass: list, subsetSeed: subsetSeed ?? 0 } : undefined;
      setExitCode(await checkCommand(path, terminal, subset));
    });
  data.command("download")
    .summary("fetch a data set from its official place")
    .description(
      "Fetches the official archive, going on where an earlier attempt stopped, and compares its " +
        "checksum. It is read as it is, without unpacking.",
    )
    .addArgument(new Argument("<name>", "data set").choices(downloadNames))
    .option("--data <dir>", "folder to put it into", "data")
    .option("--from <url>", "another place that has the same file, or, ending in /, its folder")
    .action(async (name, { data: folder, from }) => {
      const mirror = from === undefined ? null : readMirror(from);
      await downloadCommand(DOWNLOADS[name], folder, mirror, lasting("the download goes on"));
    });

  program.command("report")
    .summary("print a table over runs")
    .description("Prints a table: methods, with mean and standard deviation over their runs.")
    .argument("<runs...>", "folders of runs, or folders that hold such folders")
    .action((paths) => report(paths, terminal));

  program.command("doctor")
    .summary("check the GPU and every kernel")
    .description("Shows adapter, features and limits, tests every kernel, and says what to fix.")
    .addOption(providerOption())
    .action(async ({ provider }) => {
      const { runDoctor } = await import("../experiment/doctor.ts");
      setExitCode(await runDoctor((line: string) => terminal.print(line), provider) ? 0 : 1);
    });

  program.command("tune")
    .summary("find the fastest kernels for a configuration")
    .description(
      "Tries the ways to compute each convolution of a configuration on this adapter and remembers the " +
        "fastest; none changes a bit of the results. Training on a GPU does this by itself.",
    )
    .option("--config <file>", "configuration, such as configs/demo.json (required)")
    .option("--set <key=value>", "change one key of the configuration; repeatable", set)
    .option("--again", "try those that are remembered, too")
    .addOption(providerOption())
    .action(async ({ config, set: overrides = [], again = false, provider }) => {
      if (config === undefined) {
        throw new InputError(
          "Cannot tune: no configuration given; add --config FILE, such as configs/demo.json",
        );
      }
      const { tuneCommand } = await import("./tune.ts");
      await tuneCommand({ config, overrides, cacheDir, again, provider }, terminal);
    });

  addBenchCommands(program as Command, { terminal, cacheDir, setExitCode });

  // Without --golden done by the launcher itself; here for --help only.
  program.command("test")
    .summary("check format, lint, types and docs, and run the tests")
    .description(
      "Checks format, lint, types and documentation, and runs the tests. With --golden: replays " +
        "recordings of the official program instead, in full precision, and ends with code 1 if any is " +
        "not met.",
    )
    .argument("[paths...]", "files or folders, as for `deno test`")
    .option("--golden <dir>", "folder of recordings (NAME.safetensors, NAME.json)")
    .allowUnknownOption()
    .action(async (_, { golden }) => {
      if (golden !== undefined) {
        const { checkGolden } = await import("../../fidelity/check_golden.ts");
        return setExitCode(await checkGolden(golden, (text) => terminal.print(text)));
      }
      throw new InputError("Cannot run test from here: start it as ./wscl test");
    });
  return program;
}

const downloadNames = Object.keys(DOWNLOADS) as DownloadName[];

const EXAMPLES = `
Examples:
  ./wscl demo
  ./wscl train --config configs/cifar10_small.json --data DIR --seed 1
  ./wscl train --config configs/cifar10_small.json --data DIR --set wscl.schedule=merged
  ./wscl train --resume runs/NAME-SEED --max-time 9m
  ./wscl data download cifar10 --data DIR
  ./wscl data check DIR
  ./wscl compare --config configs/demo.json --seeds 0-2
  ./wscl report runs`;

function seed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32) {
    throw new InvalidArgumentError("Expected a whole number from 0 to 4294967295.");
  }
  return Number(text);
}

function perClass(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new InvalidArgumentError("Expected a whole number of at least 1.");
  }
  return Number(text);
}

/** `0-4`, `0,2,7`, `0-2,9` */
function seeds(text: string): number[] {
  const listed = text.split(",").flatMap((part) => {
    const [, from, to = from] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (!(first <= last && last < 2 ** 32 && last - first < MOST_SEEDS)) {
      throw new InvalidArgumentError("Expected seeds such as 0-4 or 0,2,7.");
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return [...new Set(listed)];
}

const MOST_SEEDS = 1000;

function set(text: string, previous: Override[] = []): Override[] {
  return [...previous, parseOverride(text)];
}
