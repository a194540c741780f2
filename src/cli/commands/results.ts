import { command, flag, text, texts } from "../command.ts";
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
  summary: "print a table over runs, or write all that there is to see as a page",
  description:
    "Prints a table: methods, with mean and standard deviation over their runs. With --out it writes one file of HTML " +
    "beside that, which needs nothing else: matrices, curves, confusion, freezing, dreams, memories, settings.",
  arguments: {
    runs: texts(
      "<runs...>",
      "folders of runs, comparisons or learners, folders that hold runs, or a comparison.json",
      {
        path: "read",
      },
    ),
  },
  options: {
    out: text("<file>", "page to write, report.html say", { path: "write" }),
    csv: text("<dir>", "folder to write its tables into, as CSV", { path: "write" }),
  },
  needs: { lock: ({ out }) => out?.at(-1) ? "report.lock" : null },
  async run({ runs: paths, out, csv }, { terminal }) {
    const { report } = await import("../report.ts");
    await report({ paths, out: out || undefined, csv: csv || undefined }, terminal);
  },
});

/** `wscl export`. */
export const exportWeights = command({
  name: "export",
  summary: "write the weights of a run or a learner as one file",
  description:
    "Writes a safetensors file with names of classes, image size and normalisation in its metadata; --init and --start " +
    "begin with it.",
  arguments: {
    from: text("<folder>", "folder of a run or a learner", { path: "read", mandatory: true }),
  },
  options: {
    out: text("<file>", "file to write", { path: "write", default: "model.safetensors" }),
    half: flag("round values to F16: half the size"),
  },
  async run({ from, out, half }, { terminal }) {
    const { exportModel } = await import("../../host/export_model.ts");
    const warn = (text: string) => terminal.print(text);
    const bytes = await exportModel(from, { out, half, warn });
    terminal.print(`${out}: ${(bytes / 1e6).toFixed(1)} MB`);
  },
});
