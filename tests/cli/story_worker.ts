import { serveRun } from "../../src/host/serve_run.ts";
import { exampleSummary } from "../experiment/example_summary.ts";
import { story } from "./story.ts";

// Tells a story in place of a run on the GPU.
serveRun(async (config, { emit }) => {
  for (const event of story) {
    emit(event);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const summary = exampleSummary({ seed: config.seed });
  emit({ type: "end", summary });
  return summary;
});
