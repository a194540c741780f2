import { type Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { providerOption } from "./provider_option.ts";
import type { Terminal } from "./terminal.ts";

/** What the bench commands need of the command line. */
export interface BenchCommandOptions {
  readonly terminal: Terminal;
  readonly cacheDir: string;
  readonly setExitCode: (code: number) => void;
}

/**
 * `wscl bench ...`: each command measures one thing, prints a table and leaves JSON lines. The benches themselves are
 * in `bench/` and are loaded when they are asked for.
 */
export function addBenchCommands(program: Command, options: BenchCommandOptions): void {
  const { terminal, cacheDir, setExitCode } = options;
  const output = {
    print: (text: string) => terminal.print(text),
    live: (text: string) => terminal.live(text),
  };
  const bench = program.command("bench")
    .summary("measure speed")
    .description("Measures kernels, training steps and whole runs, and compares with others.");
  const command = (name: string, summary: string) =>
    bench.command(name)
      .summary(summary)
      .description(`${summary[0].toUpperCase()}${summary.slice(1)}; see bench/README.md.`)
      .option("--out <folder>", "folder for the results", "runs/bench");

  command("kernels", "check and time every kernel at the shapes of ResNet-18")
    .option("--filter <text>", "only kernels, or layers, whose name holds this", "")
    .option("--width <numbers>", "widths of the network, such as 16,64", numbers, [16])
    .option("--size <numbers>", "image sizes in pixels", numbers, [32])
    .option("--batch <numbers>", "images in a batch", numbers, [32])
    .option("--variants", "all ways to compute a convolution, not only the one that is used")
    .option("--rounds <number>", "timings of each kernel", number, 9)
    .addOption(providerOption())
    .action(async ({ filter, width, size, batch, variants = false, rounds, out, provider }) => {
      const { benchKernels } = await import("../../bench/kernels.ts");
      const sizes = { widths: width, sizes: size, batches: batch };
      const asked = { filter, ...sizes, variants, rounds, out, cacheDir, provider };
      setExitCode(await benchKernels(asked, output) ? 0 : 1);
    });

  command("step", "time training steps, kernel by kernel")
    .option("--width <numbers>", "widths of the network", numbers, [8, 16])
    .option("--size <number>", "image size in pixels", number, 32)
    .option("--batch <numbers>", "images of each segment: stream, replay", numbers, [32, 32])
    .option("--precision <names>", "full, mixed or both, in turn: full,mixed", precisions, [
      "full" as const,
    ])
    .option("--rounds <number>", "timings", number, 9)
    .addOption(providerOption())
    .action(async ({ width, size, batch, precision, rounds, out, provider }) => {
      const { benchStep } = await import("../../bench/step.ts");
      const sizes = { widths: width, size, segments: batch, precisions: precision };
      await benchStep({ ...sizes, rounds, out, cacheDir, provider }, output);
    });

  command("run", "time a small experiment from end to end")
    .option("--width <number>", "width of the network", number, 8)
    .option("--tasks <number>", "tasks of two classes, 1 to 5", number, 2)
    .option("--precision <name>", "full or mixed", precision, "full")
    .addOption(providerOption())
    .action(async ({ width, tasks, precision, out, provider }) => {
      const { benchRun } = await import("../../bench/run.ts");
      await benchRun({ width, tasks, precision, cacheDir, out, provider }, output);
    });

  command("start", "time the start of a process up to its first training step")
    .option("--width <number>", "width of the network", number, 16)
    .option("--size <number>", "image size in pixels", number, 32)
    .option("--batch <number>", "images in the batch", number, 32)
    .option("--rounds <number>", "starts with a warm cache", number, 5)
    .addOption(providerOption())
    .action(async (given) => {
      const { benchStart } = await import("../../bench/start.ts");
      await benchStart(given, output);
    });

  command("peers", "train the same network with other libraries, in turn")
    .option("--width <numbers>", "widths of the network", numbers, [8, 16])
    .option("--size <number>", "image size in pixels", number, 32)
    .option("--batch <number>", "images in the batch", number, 32)
    .option("--rounds <number>", "timings of each library", number, 5)
    .option("--peer <names>", "which of jax, tfjs, torch", "jax,tfjs,torch")
    .action(async (given) => {
      const { benchPeers } = await import("../../bench/peers.ts");
      setExitCode(await benchPeers(given));
    });

  command("custom", "check and time a kernel of your own beside ours")
    .argument("<kernel>", "WGSL file")
    .requiredOption("--op <name>", "operation that it replaces, such as conv2d_forward")
    .option("--shape <sizes>", "such as batch=32,size=32,in=16,out=16,kernel=3,stride=1", "")
    .option("--watch", "run again when the file is saved")
    .option("--rounds <number>", "timings", number, 15)
    .addOption(providerOption())
    .action(async (path, { op, shape, watch = false, rounds, out, provider }) => {
      const { benchCustom } = await import("../../bench/custom.ts");
      const asked = { path, op, shape, watch, rounds, out, provider };
      setExitCode(await benchCustom(asked, output) ? 0 : 1);
    });

  bench.command("compare")
    .summary("compare two result files")
    .description("Prints how the times of the second file compare with those of the first.")
    .argument("<before>", "JSON lines of an earlier bench")
    .argument("<after>", "JSON lines of a later one")
    .option("--fail-above <factor>", "end with code 1 if something got slower by more", factor)
    .action(async (before, after, { failAbove = null }) => {
      const { compareResults } = await import("../../bench/compare.ts");
      setExitCode(compareResults([before, after], failAbove, output) ? 0 : 1);
    });
}

function number(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new InvalidArgumentError("Expected a whole number from 1 to 999999.");
  }
  return Number(text);
}

function numbers(text: string): number[] {
  return text.split(",").map(number);
}

function precision(text: string): "full" | "mixed" {
  if (text !== "full" && text !== "mixed") {
    throw new InvalidArgumentError("Expected full or mixed.");
  }
  return text;
}

function precisions(text: string): ("full" | "mixed")[] {
  return text.split(",").map(precision);
}

function factor(text: string): number {
  if (!(Number(text) > 0)) throw new InvalidArgumentError("Expected a factor such as 1.1.");
  return Number(text);
}
