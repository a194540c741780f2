/** A worker of nights whose first ones meet the faults that stand in `faults.json` beside the learner, one each. */

import { join } from "node:path";
import { ContinualLearner, type NightOutcome } from "../../src/continual/continual_learner.ts";
import { InputError } from "../../src/errors.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { learnerHost, type NightRequest } from "../../src/host/learner_host.ts";
import { serveCalls } from "../../src/host/worker_call.ts";

/**
 * What a night meets: its device is taken away at its second step; its dawn finds the disk full, before the generation
 * or behind it, at the line of the history; it fails behind both, where what the night leaves is removed; or
 * it can never be learned.
 */
export type NightFault = "device lost" | "impossible" | keyof typeof FAULTY;

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

class FullHistory extends LearnerFolder {
  override append(): Promise<void> {
    throw new Error(
      `Cannot write ${this.name}: No space left on device (os error 28); free some space`,
    );
  }
}

class StuckFolder extends LearnerFolder {
  #hasDawn = false;

  override append(line: string): Promise<void> {
    this.#hasDawn = true;
    return super.append(line);
  }

  override remove(...[shelf, name]: Parameters<LearnerFolder["remove"]>): Promise<void> {
    if (!this.#hasDawn || shelf !== "night") return super.remove(shelf, name);
    throw new Error(`Cannot remove ${this.name}: Input/output error (os error 5); see to the disk`);
  }
}

const FAULTY = {
  "disk full": FullFolder,
  "history full": FullHistory,
  "stuck behind the dawn": StuckFolder,
};

// Only its type is wanted by the test itself, whose thread is no worker's.
if ("WorkerGlobalScope" in globalThis) {
  serveCalls(async ({ learner: path, accept, goOnWith, ...safety }: NightRequest, hooks) => {
    const file = join(path, "..", FAULTS);
    const [fault, ...others] = JSON.parse(
      Deno.readTextFileSync(file),
    ) as (NightFault | undefined)[];
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
    if (fault === "impossible") throw new InputError("Cannot learn it: it is too odd; leave it");
    const Folder = fault === undefined || fault === "device lost" ? LearnerFolder : FAULTY[fault];
    const store = new Folder(path);
    const learner = await ContinualLearner.open(store, { ...host, openGpu });
    try {
      return await learner.sleep({ accept }) satisfies NightOutcome;
    } finally {
      learner.close();
    }
  });
}
