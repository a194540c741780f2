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

/**
 * Overrides with the keys of a preset in the place of its name, also where it stands in a section that is given whole,
 * whose own keys win. What comes behind it changes the keys again; of several presets the last one counts.
 */
export function expandPresets(overrides: readonly Override[]): Override[] {
  const last = overrides.findLastIndex((override) => presetIn(override) !== null);
  return overrides.flatMap((override, i): Override[] => {
    const name = presetIn(override);
    if (name === null) return [override];
    const { path, value } = override;
    const { preset: _, ...section } = path === "wscl" ? value as Record<string, unknown> : {};
    const keys = i === last ? presetOverrides(name) : [];
    return [
      ...path === "wscl" ? [{ path, value: section }] : [],
      ...keys.filter(({ path }) => !Object.hasOwn(section, path.replace(/^wscl\./, ""))),
    ];
  });
}

/** Whether overrides leave nothing of a preset that was given before them: they name one, or give its section whole. */
export function replacePreset(overrides: readonly Override[]): boolean {
  return overrides.some((override) => override.path === "wscl" || presetIn(override) !== null);
}

/** The preset that an override names, by its key or in its section. */
function presetIn({ path, value }: Override): PresetName | null {
  const name = path === "wscl.preset"
    ? value
    : path === "wscl"
    ? (value as { preset?: unknown } | null)?.preset
    : undefined;
  return isPreset(name) ? name : null;
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
