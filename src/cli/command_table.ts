import { choice, command, type CommandGroup } from "./command.ts";
import { benchCommands } from "./commands/bench.ts";
import { dataCommands } from "./commands/data.ts";
import { doctor, kernelCommands, test, tune } from "./commands/kernels.ts";
import { learnerCommands } from "./commands/learner.ts";
import { page } from "./commands/page.ts";
import { evaluate, exportWeights, report } from "./commands/results.ts";
import { serve } from "./commands/serve.ts";
import { sweepCommands } from "./commands/sweep.ts";
import { compare, demo, train } from "./commands/train.ts";
import { completions, shells } from "./completions.ts";

/**
 * All commands. From here come what the command line takes and helps with (`commander.ts`), what the launcher permits a
 * command (`permissions.ts`), and what a shell completes (`completions.ts`).
 */
export const wscl: CommandGroup = {
  name: "wscl",
  summary: "",
  description: "Trains Wake-Sleep Consolidated Learning on WebGPU.",
  commands: [
    demo,
    train,
    ...learnerCommands,
    serve,
    compare,
    ...sweepCommands,
    evaluate,
    dataCommands,
    report,
    exportWeights,
    page,
    doctor,
    tune,
    kernelCommands,
    benchCommands,
    test,
    command({
      name: "completions",
      summary: "print what completes commands and options in a shell",
      description:
        "Prints a script that completes commands, options and their values: source <(./wscl completions bash)",
      arguments: { shell: choice("<shell>", "whose script", shells) },
      run: ({ shell }, { terminal }) => Promise.resolve(terminal.print(completions(wscl, shell))),
    }),
  ],
};

/** Below the help. */
export const examples = `
Examples:
  ./wscl demo
  ./wscl train --images DIR
  ./wscl new LEARNER
  ./wscl learn LEARNER DIR
  ./wscl predict LEARNER IMAGE
  ./wscl train --config configs/fashion_mnist.json --data DIR --seed 1
  ./wscl train --config configs/fashion_mnist.json --data DIR --set wscl.schedule=merged
  ./wscl train --resume runs/NAME-SEED --max-time 9m
  ./wscl data download fashion-mnist --data DIR
  ./wscl data check DIR
  ./wscl compare --config configs/demo.json --seeds 0-2
  ./wscl report runs`;
