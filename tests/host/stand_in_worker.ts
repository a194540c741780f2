import { InputError } from "../../src/errors.ts";
import { runFolder, writeJson } from "../../src/host/run_folder.ts";
import { serveRun } from "../../src/host/serve_run.ts";
import { exampleSummary } from "../experiment/example_summary.ts";

// Behaves as its configuration's name says, in place of a run on the GPU.
serveRun(async (config, { emit, shouldStop, out }) => {
  emit({ type: "message", text: `writes to ${out}` });
  if (config.name === "input-error") throw new InputError("Cannot read data: none, give --data");
  if (config.name === "type-error") throw new TypeError("shapes differ");
  if (config.name === "crash") setTimeout(() => nowhere(), 0);
  if (config.name === "until-stopped" || config.name === "crash") {
    while (!shouldStop()) await new Promise((resolve) => setTimeout(resolve, 5));
    return exampleSummary({ completed: false });
  }
  if (config.name === "deaf") await new Promise(() => {});
  const summary = exampleSummary({ seed: config.seed });
  if (config.name === "leaves-files") {
    writeJson(runFolder(out).config, config);
    writeJson(runFolder(out).summary, summary);
  }
  return summary;
});

function nowhere(): never {
  throw new Error("thrown outside of the run");
}
