import { freezableBlocks } from "../net/resnet18.ts";

/** One key and its value, as an override has them. */
interface Override {
  readonly path: string;
  readonly value: unknown;
}

/** Values of `wscl.preset`. */
export const PRESET_NAMES = ["paper", "official", "best"] as const;

/** Name of a set of keys that belong together. */
export type PresetName = typeof PRESET_NAMES[number];

/** Whether dreams, replay and episodes go as in the paper's text, which the two that follow it share. */
const published = {
  "wscl.freezing": true,
  "wscl.nrem": true,
  "wscl.rem": true,
  "wscl.dreamsFrom": "images",
  "wscl.headAssignment": true,
  "wscl.headVotes": "all",
  "wscl.remOpens": "all",
  "wscl.wakeReplay": false,
  "freezing.maxBlocks": freezableBlocks,
  "freezing.margin": 0,
  "calibration": 0,
  "evaluation.logitAdjustment": 0,
  "memory.selection": "reservoir",
};

/**
 * What a preset sets. `paper`: the story as the paper tells it, phase by phase. `official`: what the official program
 * executes. `best`: what was found to be better than the defaults, beyond the paper; `docs/method.md` has the evidence.
 */
export const PRESETS: Readonly<Record<PresetName, Readonly<Record<string, unknown>>>> = {
  paper: {
    ...published,
    "wscl.schedule": "staged",
    "wscl.compat": "paper",
    "wscl.transfer": "dawn",
    "wscl.dreamsPerEpisode": 1,
    "wscl.sleepEpochs": 10,
  },
  official: { ...published, "wscl.schedule": "merged", "wscl.compat": "official" },
  best: { "evaluation.logitAdjustment": 1 },
};

/** A preset as overrides, key by key. */
export function presetOverrides(name: PresetName): Override[] {
  return Object.entries(PRESETS[name]).map(([path, value]) => ({ path, value }));
}

/** Overrides with the keys of a preset in the place of its name: what comes behind it changes them again. */
export function expandPresets(overrides: readonly Override[]): Override[] {
  return overrides.flatMap((override) => {
    const { path, value } = override;
    return path === "wscl.preset" && isPreset(value) ? presetOverrides(value) : [override];
  });
}

/** Takes the preset out of a user's options, and says which it was; options of another kind are left to the schema. */
export function takePreset(
  options: unknown,
): { readonly options: unknown; readonly preset: PresetName | null } {
  const { wscl } = (options ?? {}) as { wscl?: { preset?: unknown } };
  if (!isPreset(wscl?.preset)) return { options, preset: null };
  const { preset, ...rest } = wscl as { preset: PresetName };
  return { options: { ...options as object, wscl: rest }, preset };
}

function isPreset(value: unknown): value is PresetName {
  return PRESET_NAMES.includes(value as PresetName);
}
