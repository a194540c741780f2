import { runExperiment } from "./run.ts";
import { serveRun } from "./serve_run.ts";

// Waiting for the GPU blocks a thread: this one, so that the terminal's stays responsive.
serveRun(runExperiment);
