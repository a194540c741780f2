/** A worker of nights whose first ones meet the faults that stand in `faults.json` beside the learner, one each. */

import { join } from "node:path";
import { ContinualLearner, type NightOutcome } from "../../src/continual/continual_learner.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { learnerHost, type NightRequest } from "../../src/host/learner_host.ts";
import { serveCalls } from "../../src/host/worker_call.ts";

/** What a night meets: its device is taken away at its second step, or its dawn finds the disk full. */
export type NightFault = "device lost" | "disk full";

/** Name of the file, beside the learner's folder. */
export const FAULTS = "faults.json";

class FullFolder extends LearnerFolder {
  override write(...[shelf, name, files]: Parameters<LearnerFolder["write"]>): Promise<void> {
    if (shelf !== "generations") return super.write(shelf, name, files);
    throw new Error(
      `Cannot write ${this.name}: No space left on device (os error 28); free some space`,
    );
  }
}

// Only its type is wanted by the test itself, whose thread is no worker's.
if ("WorkerGlobalScope" in globalThis) {
  serveCalls(async ({ learner: path, accept, goOnWith, ...safety }: NightRequest, hooks) => {
    const file = join(path, "..", FAULTS);
    const [fault, ...others] = JSON.parse(Deno.readTextFileSync(file)) as NightFault[];
    Deno.writeTextFileSync(file, JSON.stringify(others));
    let used: Gpu | null = null;
    let steps = 0;
    const host = learnerHost(safety, {
      ...{ goOnWith, ...hooks },
      emit(event) {
        hooks.emit(event);
        if (event.type === "step" && fault === "device lost" && ++steps === 2) {
          used!.device.destroy();
        }
      },
    });
    const openGpu = async () => used = await host.openGpu();
    const store = fault === "disk full" ? new FullFolder(path) : new LearnerFolder(path);
    const learner = await ContinualLearner.open(store, { ...host, openGpu });
    try {
      return await learner.sleep({ accept }) satisfies NightOutcome;
    } finally {
      learner.close();
    }
  });
}
