import { InputError } from "../../errors.ts";
import { exportFormats } from "../../exchange/export_formats.ts";
import { choice, command, flag, parsed, text, texts } from "../command.ts";
import { methodOfRun } from "../named_paths.ts";
import { plain } from "../terminal.ts";
import { license } from "../values.ts";
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
    await report({ paths, out, csv }, plain(terminal));
  },
});

const format = choice("<name>", "of the file", exportFormats, { default: "safetensors" });

/** Where weights go unless it is said. */
const usualFile = (format: string) => `model.${format}`;

/** `wscl export`. */
export const exportWeights = command({
  name: "export",
  summary: "write the weights of a run or a learner as one file",
  description:
    "Writes a safetensors file with names of classes, image size and normalisation in its metadata, which --init and " +
    "--start begin with; or an ONNX file that takes images as they are and answers with the classes.",
  arguments: {
    from: text("<folder>", "folder of a run or a learner", { path: "read", mandatory: true }),
  },
  options: {
    format,
    out: text("<file>", "file to write (default: model.safetensors or model.onnx)", {
      path: "write",
    }),
    card: text("<file>", "write a model card as well, such as README.md for the Hugging Face hub", {
      path: "write",
    }),
    license: parsed(
      "<name>",
      "with --card: the licence, as the hub calls it: mit, cc-by-4.0",
      license,
    ),
    half: flag("round values to F16: half the size; safetensors only"),
  },
  needs: {
    reads: ({ from }) => methodOfRun(from?.[0]),
    writes: ({ out, format }) => out ? [] : [usualFile(format?.at(-1) ?? "safetensors")],
  },
  async run({ from, format, card, license, half, out = usualFile(format) }, context) {
    const terminal = plain(context.terminal);
    if (license !== undefined && card === undefined) {
      throw new InputError(
        "Cannot use --license without --card: the card says it; add --card README.md",
      );
    }
    const { exportModel } = await import("../../host/export_model.ts");
    const warn = (text: string) => terminal.print(text);
    const bytes = await exportModel(from, { format, out, card, license, half, warn });
    terminal.print(`${out}: ${(bytes / 1e6).toFixed(1)} MB`);
    if (card !== undefined) terminal.print(`${card}: the model card`);
  },
});
