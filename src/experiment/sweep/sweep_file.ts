import * as v from "valibot";
import { InputError } from "../../errors.ts";
import type { Row } from "../comparison/rows.ts";
import { knownPaths } from "../config_schema.ts";
import { type Override, overrideText, suggestion } from "../overrides.ts";
import { retirementOf } from "../retired_keys.ts";
import { kindText } from "../../text.ts";

/** What names folders: letters, digits, '-', '_' and '.'. */
const NAME = /^[A-Za-z0-9][\w.-]{0,79}$/;

const name = v.pipe(
  v.string(),
  v.regex(NAME, "expected 1 to 80 letters, digits, '-', '_' and '.', because it names folders"),
);

const settings = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value), "Invalid: expected an object of keys and values"),
  v.record(v.string(), v.unknown()),
);

const schema = v.strictObject({
  /** Files, relative to this one. */
  configs: v.pipe(v.array(v.string()), v.minLength(1)),
  seeds: v.pipe(
    v.array(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1))),
    v.minLength(1),
  ),
  /** Keys that are the same in all runs. */
  set: v.optional(settings, {}),
  /** Rows that `wscl compare` knows, planned for each configuration. */
  rows: v.optional(v.pipe(v.array(v.string()), v.minLength(1))),
  /** Rows of one's own. */
  points: v.optional(v.pipe(
    v.array(v.strictObject({
      name,
      about: v.optional(v.string()),
      set: v.optional(settings, {}),
    })),
    v.minLength(1),
  )),
  /** Values of keys: all combinations. */
  grid: v.optional(v.record(v.string(), v.pipe(v.array(v.unknown()), v.minLength(1))), {}),
});

/** A grid or list over configuration keys and seeds. */
export interface Sweep {
  readonly configs: readonly string[];
  readonly seeds: readonly number[];
  /** Keys that are the same in all runs. */
  readonly shared: readonly Override[];
  /** Rows that a comparison knows by name; null: `points` are the rows. */
  readonly rows: readonly string[] | null;
  /** Rows of one's own, at least one. */
  readonly points: readonly Row[];
  /**
   * Combinations of the grid that are comparisons of their own: where `rows` are named, for each is planned anew how
   * long its controls train. Else the one without a name, and the grid is in `points`.
   */
  readonly parts: readonly Part[];
}

/** A combination of the grid's values. */
export interface Part {
  /** `memory.longTerm=50,wscl.rem=false`, or empty. */
  readonly name: string;
  readonly overrides: readonly Override[];
}

/** More runs than this are a mistake. */
const MOST_RUNS = 100_000;

/**
 * Checks what a sweep file holds.
 *
 * @param file its name, for messages
 * @throws {InputError}
 */
export function parseSweep(value: unknown, file: string): Sweep {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    throw refusal(file, describe(parsed.issues[0]));
  }
  const { configs, seeds, set, rows, points, grid } = parsed.output;
  const shared = overridesOf(set, "set", file);
  if (rows && points) {
    throw refusal(file, "it has both rows and points; leave one of them out");
  }
  if (new Set(seeds).size < seeds.length) {
    throw refusal(file, "a seed is given twice in seeds; remove one of them");
  }
  const combinations = combine(
    Object.entries(grid).map(([path, values]) => {
      checkKey(path, "grid", file);
      if (new Set(values.map((value) => JSON.stringify(value))).size < values.length) {
        throw refusal(file, `grid.${path} has a value twice; remove one of them`);
      }
      return values.map((value): Override => ({ path, value }));
    }),
  );
  const parts = combinations.map((overrides): Part => ({ name: nameOf(overrides), overrides }));
  const own = points
    ? points.map(({ name, about = name, set }): Row => ({
      ...{ name, about },
      overrides: overridesOf(set, `points ${name}`, file),
    }))
    : [];
  // Some disks do not tell capital letters from small ones.
  const folded = own.map(({ name }) => name.toLowerCase());
  const twice = own.find((_, i) => folded.indexOf(folded[i]) < i);
  if (twice) throw refusal(file, `two points are called ${twice.name}; rename one`);
  const multiplied = rows
    ? []
    : own.length === 0
    ? parts.map(rowOfPart)
    : own.flatMap((row) =>
      parts.map((part): Row => ({
        name: [row.name, part.name].filter((name) => name !== "").join(","),
        about: [row.about, part.name].filter((text) => text !== "").join(", "),
        overrides: merged(row.overrides, part.overrides, row.name, file),
      }))
    );
  const runs = configs.length * seeds.length *
    (rows ? rows.length * parts.length : multiplied.length);
  if (runs > MOST_RUNS) {
    throw refusal(file, `it has ${runs} runs; ${MOST_RUNS} are the most: divide it`);
  }
  return {
    ...{ configs, seeds, shared },
    rows: rows ?? null,
    points: multiplied,
    parts: rows ? parts : [{ name: "", overrides: [] }],
  };
}

function rowOfPart({ name, overrides }: Part): Row {
  return name === ""
    ? { name: "run", about: "the configuration as it is", overrides }
    : { name, about: name, overrides };
}

function merged(
  first: readonly Override[],
  second: readonly Override[],
  name: string,
  file: string,
): Override[] {
  const both = first.find(({ path }) => second.some((other) => other.path === path));
  if (both) throw refusal(file, `the point ${name} and the grid both set ${both.path}; remove one`);
  return [...first, ...second];
}

function overridesOf(
  set: Readonly<Record<string, unknown>>,
  where: string,
  file: string,
): Override[] {
  return Object.entries(set).map(([path, value]) => {
    checkKey(path, where, file);
    return { path, value };
  });
}

function checkKey(path: string, where: string, file: string): void {
  if (path === "seed" || path === "name") {
    const fix = path === "seed" ? "name seeds in seeds" : "runs are named by their rows";
    throw refusal(file, `${where} has ${path}; ${fix}`);
  }
  if (!knownPaths.includes(path)) {
    const found = retirementOf(path) ?? `unknown key ${path}${suggestion(path)}`;
    throw refusal(file, `${where}: ${found}`);
  }
}

/** All combinations of one of each list, the last list fastest. */
function combine(lists: readonly (readonly Override[])[]): Override[][] {
  return lists.reduce<Override[][]>(
    (all, list) => all.flatMap((some) => list.map((one) => [...some, one])),
    [[]],
  );
}

/** `memory.longTerm=50,wscl.rem=false`: a name for folders; values that are not plain are counted by a digest. */
function nameOf(overrides: readonly Override[]): string {
  const text = overrides.map(overrideText).join(",");
  const plain = /^[\w.=,+-]*$/.test(text) && text.length <= 100;
  return plain ? text : `${text.replace(/[^\w.=,+-]+/g, "_").slice(0, 80)}-${checksum(text)}`;
}

/** FNV-1a, 32 bits, hexadecimal: tells long names apart. */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}

function refusal(file: string, problem: string): InputError {
  return new InputError(`Cannot use the sweep ${file}: ${problem}`);
}

/** What is wrong in words of the program. */
function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (issue.kind === "validation") {
    return `${path}: ${issue.message.replace(/^Invalid/, "invalid")}`;
  }
  if (issue.type === "strict_object" && issue.expected === "never") return `unknown key ${path}`;
  if (issue.received === "undefined") return `${path} is missing`;
  const expected = kindText(issue.expected ?? "").replace(/^(string|number)$/, "a $1");
  return `${path ?? "it"} is ${kindText(issue.received)}, expected ${expected}`;
}
