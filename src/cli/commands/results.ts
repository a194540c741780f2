import { command, text, texts } from "../command.ts";
import { methodOfRun } from "../named_paths.ts";
import { data, installedData, provider } from "./shared_options.ts";

/** `wscl evaluate`. */
export const evaluate = command({
  name: "evaluate",
  summary: "test a run's saved model again",
  description: "Tests the saved model of a run again and compares with what the run measured.",
  arguments: { run: text("<run>", "folder of the run", { path: "read", mandatory: true }) },
  options: { data, provider },
  needs: {
    gpu: true,
    writesCache: true,
    reads: ({ run }) => [...installedData(), ...methodOfRun(run?.[0])],
  },
  async run({ run, data: dataRoot, provider }, { terminal, cacheDir }) {
    const { evaluate } = await import("../evaluate.ts");
    await evaluate(run, { dataRoot, cacheDir, provider }, terminal);
  },
});

/** `wscl report`. */
export const report = command({
  name: "report",
  summary: "print a table over runs",
  description: "Prints a table: methods, with mean and standard deviation over their runs.",
  arguments: {
    runs: texts("<runs...>", "folders of runs, or folders that hold such folders", {
      path: "read",
    }),
  },
  async run({ runs }, { terminal }) {
    const { report } = await import("../report.ts");
    report(runs, terminal);
  },
});
