import { InputError } from "../../errors.ts";
import { isOwnMethod } from "../../method/methods.ts";
import type { ExperimentConfig } from "../config_types.ts";
import { type Override, overrideText, parseOverrideOf } from "../overrides.ts";
import { expandPresets } from "../presets.ts";
import { type Row, ROW_GROUPS } from "./rows.ts";

/** A row of the user's own: the compared method, or another, with some keys changed. */
export interface Variation {
  readonly name: string;
  readonly overrides: readonly Override[];
}

/** Where one `key=value` ends and the next begins; a comma within a list or a text has no key behind it. */
const BETWEEN_KEYS = /,\s*(?=[A-Za-z][\w.]*=)/;

/** What all rows of a comparison have alike. */
const SHARED = /^(name|seed|data)(\.|$)/;

/**
 * Reads `NAME: key=value, key=value`, keys and values as `--set` has them.
 *
 * @throws {InputError}
 */
export function parseVariation(text: string): Variation {
  const parts = /^\s*([A-Za-z0-9][\w.-]*)\s*:\s*(\S[^]*?)\s*$/.exec(text);
  if (!parts) {
    throw new InputError(
      `Cannot use --vary ${text}: expected NAME: key=value, key=value, as in ` +
        "--vary \"even: memory.selection=balanced\"; a name has letters, digits, '-', '_' and '.' " +
        "only, because it names run folders",
    );
  }
  const [, name, keys] = parts;
  const overrides = keys.split(BETWEEN_KEYS).map((pair) => parseOverrideOf("--vary", pair));
  const problem = problemOf(overrides);
  if (problem) throw new InputError(`Cannot use --vary ${text}: ${problem}`);
  return { name, overrides };
}

/** What of the keys cannot be varied, and the fix. */
function problemOf(overrides: readonly Override[]): string | undefined {
  const paths = overrides.map(({ path }) => path);
  const twice = paths.find((path, i) => paths.indexOf(path) < i);
  if (twice) return `${twice} is given twice; remove one of them`;
  const shared = paths.find((path) => SHARED.test(path));
  if (shared) return `all rows share ${shared}; change it with --set or --seeds, for all of them`;
  const length = paths.find((path) => path === "epochs" || path === "wscl.sleepEpochs");
  if (length) {
    return `${length} is chosen so that the row trains on as many images as the first; leave it out`;
  }
  const method = overrides.find(({ path }) => path === "method")?.value;
  return typeof method === "string" && isOwnMethod(method)
    ? `method ${method} names a module; compare it with --config or --set, as the first row`
    : undefined;
}

/**
 * Variations as rows. Each is as long as it takes to train on at least as many images as the first row: passes of its
 * sleep where its method sleeps, else epochs.
 *
 * @throws {InputError} for a name that another row has.
 */
export function variedRows(
  variations: readonly Variation[],
  config: ExperimentConfig,
  others: readonly Row[],
): Row[] {
  const own = isOwnMethod(config.method);
  const taken = new Set<string>([...ROW_GROUPS, ...others.map(({ name }) => name)]);
  return variations.map(({ name, overrides }): Row => {
    if (taken.has(name)) {
      throw new InputError(
        `Cannot vary ${name}: another row or group of rows has this name; choose another one`,
      );
    }
    taken.add(name);
    // What is written beside a preset wins, wherever it stands.
    const isPreset = ({ path }: Override) => path === "wscl.preset";
    const given = expandPresets([
      ...overrides.filter(isPreset),
      ...overrides.filter((one) => !isPreset(one)),
    ]);
    const method = given.find(({ path }) => path === "method")?.value;
    const changes = overrides.filter(({ path }) => path !== "method")
      .map(overrideText);
    const what = typeof method === "string" ? method : own ? others[0].name : "WSCL";
    const changed = changes.length > 0 ? ` with ${changes.join(" ")}` : "";
    return {
      name,
      about: `${what}${changed}, as many images through training steps`,
      overrides: [...(own ? [] : [{ path: "method", value: "wscl" }]), ...given].filter(
        ({ path }, i, all) => all.findLastIndex((other) => other.path === path) === i,
      ),
      matches: "images",
    };
  });
}
