/** A service without HTTP, in the process of its test; its workers are real. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Problem } from "../../src/serve/problem.ts";
import { Service, type ServiceOptions } from "../../src/serve/service.ts";
import { withFolder } from "../data/fixtures.ts";
import { type Figure, figures } from "./served.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

/** A test of what needs a device, in a folder of its own. */
export function onGpu(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore: adapter === null, fn: () => withFolder(fn) });
}

/** Kernels are tried elsewhere. */
export const safetyIn = (folder: string) => ({
  ...{ cacheDir: join(folder, "cache"), skipSelfTest: true, skipTuning: true },
});

/** A service whose network is loaded. */
export async function opened(
  folder: string,
  given: Partial<ServiceOptions> = {},
  name = "learner",
): Promise<Service & AsyncDisposable> {
  const service = await Service.open({
    learner: join(folder, name),
    safety: safetyIn(folder),
    mostWaiting: 100,
    sleepTimes: { idle: null, daily: null },
    maxNight: null,
    snapshots: null,
    ...given,
  });
  await service.predict([{ bytes: figures(3, 1)[0].bytes, name: "x" }]); // the network is loaded
  return Object.assign(service, { [Symbol.asyncDispose]: () => service.close() });
}

/** An episode to send. */
export const sent = ({ label, bytes }: Figure, key: string | null = null) => ({
  ...{ label, key, from: "", image: { bytes: bytes.slice(), name: "the image" } },
});

/** Teaches one after the other; their digests. */
export async function teachAll(service: Service, all: readonly Figure[]): Promise<string[]> {
  const digests: string[] = [];
  for (const figure of all) digests.push((await service.teach(sent(figure))).episode.digest);
  return digests;
}

/** Whether a request is refused so, for `assert.rejects`. */
export const refused = (status: number, message: RegExp) => (error: unknown) => {
  assert.match((error as Problem).message, message);
  assert.equal((error as Problem).status, status);
  return true;
};

/** Resolves when something of this type has happened. */
export async function happens(service: Service, type: string) {
  const subscription = service.events.subscribe(0);
  for (;;) {
    const event = await subscription.next(60_000);
    assert(event, `${type} did not happen`);
    if (event.type === type) return subscription.close();
  }
}

/** Puts something in front of a method until it is disposed of. */
export function replaced<K extends string, F extends (...given: never[]) => unknown>(
  owner: Record<K, F>,
  name: K,
  by: (method: F) => F,
): Disposable {
  const method = owner[name];
  owner[name] = by(method);
  return { [Symbol.dispose]: () => void (owner[name] = method) };
}
