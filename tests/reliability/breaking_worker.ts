import { runExperiment } from "../../src/host/run.ts";
import { serveRun } from "../../src/host/serve_run.ts";

// A run whose device is lost where its configuration's name says: "lose-7", "lose-7-once", "exhaust-7".
serveRun(async (config, options) => {
  const [, what, at, once] = /^(lose|exhaust)-(\d+)(-once)?$/.exec(config.name) ?? [];
  const mayBreak = what && !(once && options.resume);
  let points = 0;
  return await runExperiment(config, {
    ...options,
    skipSelfTest: true,
    atPoint: (_, gpu) => {
      if (!mayBreak || gpu.recording?.replaying || points++ !== Number(at)) return;
      if (what === "lose") gpu.device.destroy();
      if (what === "exhaust") {
        gpu.device.dispatchEvent(
          new GPUUncapturedErrorEvent("uncapturederror", {
            error: new GPUOutOfMemoryError("nothing left"),
          }),
        );
      }
    },
  });
});
