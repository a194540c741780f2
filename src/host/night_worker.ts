import { ContinualLearner, type NightOutcome } from "../continual/continual_learner.ts";
import { LearnerFolder } from "./learner_folder.ts";
import { learnerHost, type NightRequest } from "./learner_host.ts";
import { serveCalls } from "./worker_call.ts";

// Waiting for the GPU blocks a thread: this one, so that the terminal's stays responsive.
serveCalls(async ({ learner: path, accept, goOnWith, ...safety }: NightRequest, hooks) => {
  const host = learnerHost(safety, { goOnWith, ...hooks });
  const learner = await ContinualLearner.open(new LearnerFolder(path), host);
  try {
    return await learner.sleep({ accept }) satisfies NightOutcome;
  } finally {
    learner.close();
  }
});
