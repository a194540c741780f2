import type { NightOutcome } from "../continual/continual_learner.ts";
import type { RunEvent } from "../experiment/events.ts";
import type { NightRequest } from "./learner_host.ts";
import { type CallOptions, callWorker, withRestarts } from "./worker_call.ts";

/**
 * Spends a night of a learner in a worker of its own: see {@linkcode ContinualLearner.sleep}. Where the device is lost,
 * another worker goes on from the last checkpoint, up to three times.
 */
export async function launchNight(
  request: NightRequest,
  { onEvent, signal, endsProcess, worker }: CallOptions & { readonly worker?: URL } = {},
): Promise<NightOutcome> {
  const url = worker ?? new URL("./night_worker.ts", import.meta.url);
  return await withRestarts(
    (_, began) => {
      const watch = (event: RunEvent) => {
        if (event.type === "step") began();
        onEvent?.(event);
      };
      return callWorker<NightRequest, NightOutcome>(url, request, {
        ...{ onEvent: watch, signal, endsProcess },
      });
    },
    { onEvent, signal, goOnWith: request.goOnWith },
  );
}
