import { InputError } from "../../errors.ts";
import { isOwnMethod, methodOf } from "../../method/methods.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { presetOverrides, PRESETS } from "../presets.ts";
import type { Override } from "../overrides.ts";
import { valueAt } from "../value_at.ts";

/** A row of a comparison: the configuration with some keys changed. */
export interface Row {
  readonly name: string;
  /** One line for the table's legend. */
  readonly about: string;
  readonly overrides: readonly Override[];
  /** What of another row's run decides this one's length: filled in once that one's images are counted. */
  readonly matches?: "images" | "dreams";
  /** The row that it matches; default: the first. */
  readonly like?: Row;
}

/** Rows that `--rows` knows by one word. */
export const ROW_GROUPS = ["main", "ablation", "all"] as const;

/**
 * All rows that make sense for a configuration of `wscl` or of a method of one's own, that method first. `passes` is
 * how often it sees each image of the stream.
 */
export function rowsOf(
  config: ExperimentConfig,
  passes: number,
): { readonly main: readonly Row[]; readonly ablation: readonly Row[] } {
  const { wscl, data } = config;
  const { base, schedule } = wscl;
  const own = isOwnMethod(config.method) ? methodOf(config) : null;
  const first = own?.name ?? "WSCL";
  const other = schedule === "staged" ? "merged" : "staged";
  const set = (values: Record<string, unknown>): Override[] =>
    Object.entries(values).map(([path, value]) => ({ path, value }));
  const baseline = set({ method: base, epochs: passes });
  const dreams = data.dreams !== null;
  const main: Row[] = [
    own ? { name: own.name, about: "the method as configured", overrides: [] } : {
      name: "wscl",
      about: `WSCL, ${schedule}, as configured`,
      overrides: set({ method: "wscl" }),
    },
    { name: base, about: `the base method alone, ${passes} passes as well`, overrides: baseline },
    {
      name: `${base}_equal_compute`,
      about: `the base method, as many images through training steps as ${first}`,
      overrides: baseline,
      matches: "images",
    },
    ...(dreams && (own ?? methodOf({ method: "wscl" })).needs(config).dreams
      ? [{
        name: `${base}_dream_start`,
        about: `the base method, ${passes} passes, after as many dreams as ${first} has`,
        overrides: baseline,
        matches: "dreams" as const,
      }]
      : []),
    {
      name: "finetune",
      about: `${passes} passes and nothing against forgetting (lower bound)`,
      overrides: set({ method: "finetune", epochs: passes }),
    },
    {
      name: "joint",
      about: `${passes} passes over all tasks at once`,
      overrides: set({ method: "joint", epochs: passes }),
    },
  ];
  const variant = (name: string, about: string, values: Record<string, unknown>): Row => ({
    name,
    about,
    overrides: set({ method: "wscl", ...values }),
  });
  // Preset best is a row where the configuration does without, and its absence is one where it has it.
  const switched = beyondOf(config);
  const beyond: Row = {
    name: switched.name,
    about: `WSCL ${switched.about}`,
    overrides: [...set({ method: "wscl" }), ...switched.overrides],
  };
  const ablation: Row[] = [
    beyond,
    {
      name: `${base}_${beyond.name}`,
      about: `the base method ${switched.about}, as many images as that`,
      overrides: [...baseline, ...switched.overrides],
      matches: "images",
      like: beyond,
    },
    ...(dreams && base === "er_ace" && !has(config, presetOverrides("paper"))
      ? [{
        name: "paper",
        about: "WSCL as the paper tells it (preset paper), as many images through training steps",
        overrides: [...set({ method: "wscl" }), ...presetOverrides("paper")],
        matches: "images" as const,
      }]
      : []),
    ...(dreams && wscl.rem
      ? [variant("no_rem", "WSCL without dreams", { "wscl.rem": false })]
      : []),
    ...(wscl.rem && wscl.dreamsFrom === "images" && schedule === "staged" &&
        wscl.transfer !== "nrem"
      ? [variant("memory_dreams", "WSCL that dreams of turned pictures from its memories alone", {
        "wscl.dreamsFrom": "memory",
      })]
      : []),
    ...(schedule === "staged" && wscl.nrem
      ? [variant("no_nrem", "WSCL without replay in its nights", { "wscl.nrem": false })]
      : []),
    ...(wscl.headAssignment
      ? [
        variant("no_head_assignment", "WSCL, heads in the order of classes", {
          "wscl.headAssignment": false,
        }),
      ]
      : []),
    wscl.freezing
      ? variant("no_freezing", "WSCL without freezing", { "wscl.freezing": false })
      : variant("freezing", "WSCL with dynamic freezing", { "wscl.freezing": true }),
    ...(other === "merged" && !(wscl.rem && wscl.dreamsFrom === "memory")
      ? [{
        ...variant("merged", "WSCL, merged, as many images through training steps", {
          "wscl.schedule": "merged",
        }),
        matches: "images" as const,
      }]
      : other === "staged" && base === "er_ace"
      ? [variant("staged", "WSCL, staged", { "wscl.schedule": "staged" })]
      : []),
  ];
  return { main, ablation: own ? [] : ablation };
}

/** What switches preset `best` on in a configuration without it, or off in one that has it. */
function beyondOf(config: ExperimentConfig) {
  const best = presetOverrides("best");
  if (!has(config, best)) return { name: "best", about: "with preset best", overrides: best };
  return {
    name: "plain",
    about: "without preset best",
    overrides: best.map(({ path }): Override => ({ path, value: PRESETS.paper[path] })),
  };
}

/** Whether a configuration has these values already. */
function has(config: ExperimentConfig, overrides: readonly Override[]): boolean {
  return overrides.every(({ path, value }) => valueAt(config, path) === value);
}

/**
 * The rows that are asked for, by name or group; the first is always among them, since all others are compared with it.
 *
 * @throws {InputError} for a name that is no row of this configuration.
 */
export function chooseRows(
  { main, ablation }: ReturnType<typeof rowsOf>,
  names: readonly string[],
): Row[] {
  const all = [...main, ...ablation];
  const chosen = new Set<Row>([all[0]]);
  for (const name of names) {
    const group = { main, ablation, all }[name as "main"];
    const rows = group ?? all.filter((row) => row.name === name);
    if (rows.length === 0) {
      throw new InputError(
        `Cannot compare ${name}: it is no row of this configuration; choose of ` +
          `${[...ROW_GROUPS, ...all.map((row) => row.name)].join(", ")}`,
      );
    }
    for (const row of rows) chosen.add(row);
  }
  return all.filter((row) => chosen.has(row));
}
