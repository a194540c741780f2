import { ContinualLearner, type LearnerHost } from "../../src/continual/continual_learner.ts";
import type { Given } from "../../src/continual/given.ts";
import type { LearnerSettings } from "../../src/continual/settings.ts";
import { type LearnerStore, MemoryLearnerStore } from "../../src/continual/store.ts";
import { steadyNow } from "../../src/experiment/steady_clock.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { imagePixels } from "../../src/images/image_set.ts";

/** Sizes at which a night takes a second. */
export const SMALL: Partial<LearnerSettings> = {
  size: 16,
  width: 4,
  maxClasses: 8,
  memory: 24,
  dreams: "memory",
  changed: [{ path: "wscl.sleepEpochs", value: 3 }, {
    path: "optimizer.learningRate",
    value: 0.05,
  }],
};

/** A host that does not try kernels, as the tests of kernels do. */
export function testHost(given: Partial<LearnerHost> = {}): LearnerHost {
  return {
    openGpu: () => openGpu(),
    checkpointEvery: "never",
    goOnWith: "the same call",
    deadline: null,
    now: steadyNow,
    shouldStop: () => false,
    emit: () => {},
    ...given,
  };
}

const drawn = await drawImages(
  {
    format: "drawn",
    drawn: { kind: "shapes", classes: 8, trainPerClass: 40, testPerClass: 1 },
    size: 16,
    seed: 0,
  },
  "train",
  () => {},
);

/** Names of the drawn classes. */
export const names = drawn.classNames;

/** Drawn images of a class, from the first on. */
export function figures(name: string, count: number, first = 0): Given[] {
  const label = names.indexOf(name);
  const places = [...drawn.labels.keys()].filter((image) => drawn.labels[image] === label);
  return places.slice(first, first + count).map((image, i) => ({
    pixels: imagePixels(drawn, image).slice(),
    label: name,
    from: `${name} ${first + i}`,
  }));
}

/** A small learner in memory. */
export async function smallLearner(
  { store = new MemoryLearnerStore(), settings = {}, host = {} }: {
    readonly store?: LearnerStore;
    readonly settings?: Partial<LearnerSettings>;
    readonly host?: Partial<LearnerHost>;
  } = {},
): Promise<ContinualLearner> {
  return await ContinualLearner.create(
    store,
    { settings: { ...SMALL, ...settings } },
    testHost(host),
  );
}
