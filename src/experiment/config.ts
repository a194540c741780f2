import * as v from "valibot";
import { InputError } from "../errors.ts";
import { kindText } from "../text.ts";
import {
  experimentSchema,
  knownPaths,
  type ParsedExperiment,
  sectionPaths,
} from "./config_schema.ts";
import type { ExperimentConfig } from "./config_types.ts";
import { isOwnMethod, needsOf } from "../method/methods.ts";
import { applyOverrides, type Override, overrideText, suggestion } from "./overrides.ts";
import { retirementOf, withoutRetired } from "./retired_keys.ts";
import { expandPresets, presetOverrides, replacePreset, takePreset } from "./presets.ts";
import { valueAt } from "./value_at.ts";

/**
 * What the user wrote, checked and completed: unknown keys, wrong types, values out of range and
 * combinations that cannot work are an `InputError`. Whether classes suffice for the tasks is seen
 * when the data is there.
 *
 * @param source where the options come from, for messages
 */
export function resolveConfig(
  options: unknown,
  overrides: readonly Override[] = [],
  source = "the experiment",
): ExperimentConfig {
  refuseLists(options, source);
  const written = withoutRetired(withoutPresets(withoutSizes(options, overrides), overrides));
  refuseLists(written, source, overrides);
  const parsed = v.safeParse(experimentSchema, written);
  if (!parsed.success) {
    const { path, found } = describeIssue(parsed.issues);
    throw new InputError(`Cannot use ${source}${changedBy(path, overrides)}: ${found}`);
  }
  const problem = impossible(parsed.output);
  if (problem) throw new InputError(`Cannot use ${source}: ${problem}`);
  return freezeDeep(complete(parsed.output));
}

/**
 * The options without sizes of their sources where an override sets that of all: a resolved configuration has them
 * written out, and an override removes no key.
 */
function withoutSizes(options: unknown, overrides: readonly Override[]): unknown {
  if (!overrides.some(({ path }) => path === "data.size")) return options;
  const copy = structuredClone(options);
  for (const source of ["data.train", "data.dreams"]) {
    const found = valueAt(copy, source);
    if (typeof found === "object" && found !== null) delete (found as { size?: unknown }).size;
  }
  return copy;
}

/** The options with overrides put in and presets written out: under what the options themselves say. */
function withoutPresets(options: unknown, overrides: readonly Override[]): unknown {
  const { options: own, preset } = takePreset(options);
  const changes = expandPresets(overrides);
  const changed = applyOverrides(own, changes);
  if (preset === null || replacePreset(overrides)) return changed;
  const given = pathsOf(own);
  const isLeft = (path: string) =>
    !given.has(path) && !changes.some((change) => `${path}.`.startsWith(`${change.path}.`));
  return applyOverrides(changed, presetOverrides(preset).filter(({ path }) => isLeft(path)));
}

/** Paths of all values, dot-separated. */
function pathsOf(value: unknown, prefix = ""): Set<string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return new Set([prefix.slice(0, -1)]);
  }
  return new Set(
    Object.entries(value).flatMap(([key, child]) => [...pathsOf(child, `${prefix}${key}.`)]),
  );
}

/**
 * Whom a run follows where paper and official program differ. It holds for a run as a whole, whatever its method: loss
 * masks, the division of images, the choice of heads, freezing and metrics. So the baselines of a comparison are
 * trained and measured by the rules of the method that they are compared with.
 */
export function compatOf({ wscl }: ExperimentConfig): "paper" | "official" {
  return wscl.compat;
}

/** `data.mean[1]` */
function pathText(issue: v.BaseIssue<unknown>): string {
  return (issue.path ?? [])
    .map(({ key }) => typeof key === "number" || /^\d+$/.test(String(key)) ? `[${key}]` : `.${key}`)
    .join("").replace(/^\./, "");
}

/** Refuses a list where a section belongs: an empty one would pass as a section without keys. */
function refuseLists(
  options: unknown,
  source: string,
  overrides: readonly Override[] = [],
): void {
  const list = sectionPaths.find((path) => Array.isArray(valueAt(options, path)));
  if (list === undefined) return;
  throw new InputError(
    `Cannot use ${source}${changedBy(list, overrides)}: ${
      list || "it"
    } is a list, expected an object`,
  );
}

/** ` with KEY=VALUE`, where that is what gave a key its value; else nothing. */
function changedBy(path: string, overrides: readonly Override[]): string {
  const change = overrides.findLast((one) =>
    path === one.path || /^[.[]/.test(path.slice(one.path.length)) && path.startsWith(one.path)
  );
  return change ? ` with ${overrideText(change)}` : "";
}

/** Where something is wrong, and what. Unknown keys come first: they are often why a known key is missing. */
function describeIssue(
  issues: readonly v.BaseIssue<unknown>[],
): { readonly path: string; readonly found: string } {
  const issue = issues.find(isUnknown) ?? issues[0];
  const path = pathText(issue);
  return { path, found: foundIn(issue, path) };
}

function isUnknown({ type, expected }: v.BaseIssue<unknown>): boolean {
  return type === "strict_object" && expected === "never";
}

function foundIn(issue: v.BaseIssue<unknown>, path: string): string {
  if (isUnknown(issue)) {
    if (!knownPaths.includes(path)) {
      return retirementOf(path) ?? `unknown key ${path}${suggestion(path)}`;
    }
    const { format } = issue.path?.at(-1)?.input as { format?: unknown };
    const drawn = path.replace(/\.(\w+)$/, ".drawn.$1");
    const fix = format === "drawn" && knownPaths.includes(drawn) ? `set ${drawn}` : "leave it out";
    return `${path} does not apply to format ${JSON.stringify(format)}; ${fix}`;
  }
  if (issue.received === "undefined") return `${path} is missing; it has no default, so set it`;
  const expected = issue.kind === "validation" || issue.type === "custom"
    ? issue.message
    : kindText(issue.expected ?? "").replace(/^string$/, "a text")
      .replace(/^(number|boolean)$/, "a $1")
      .replace(/[()]/g, "").replaceAll(" | ", " or ").replace(/^never$/, "3 items");
  const hint = issue.expected === "string" && typeof issue.input === "number"
    ? `, so write "${issue.input}" with its quotes`
    : "";
  return `${path || "it"} is ${valueText(issue)}, expected ${expected}${hint}`;
}

function valueText({ input, received }: v.BaseIssue<unknown>): string {
  if (typeof input === "object") return kindText(received);
  return typeof input === "number" ? String(input) : JSON.stringify(input);
}

/** The first combination of values that cannot work, with its fix. */
function impossible(config: ParsedExperiment): string | undefined {
  const { method, wscl, freezing, memory, data, optimizer } = config;
  if (method === "wscl" && wscl.schedule === "staged" && wscl.base !== "er_ace") {
    return `wscl.base "${wscl.base}" mixes stream and replay in one step, and wscl.schedule "staged" parts them; ` +
      'set wscl.schedule=merged, or wscl.base "er_ace"';
  }
  if (optimizer.nesterov && optimizer.momentum === 0) {
    return "optimizer.nesterov needs momentum, and optimizer.momentum is 0; " +
      "set a momentum or switch nesterov off";
  }
  // What a method of one's own needs is known when its module has been loaded.
  const replays = isOwnMethod(method) || needsOf(config).replays > 0;
  if (replays && memory.longTerm > 0 && config.replayBatchSize > memory.longTerm) {
    return `replayBatchSize ${config.replayBatchSize} exceeds memory.longTerm ${memory.longTerm}; ` +
      "make the memory larger or the replay batch smaller";
  }
  if (replays && method !== "wscl" && memory.longTerm === 0 && !isOwnMethod(method)) {
    return `method ${method} replays, and memory.longTerm is 0; ` +
      "set a capacity or use method finetune";
  }
  for (const key of ["train", "dreams"] as const) {
    const problem = data[key] && impossibleSource(`data.${key}`, data[key], data.size);
    if (problem) return problem;
  }
  if (config.dreamStart > 0 && !data.dreams) {
    return `dreamStart ${config.dreamStart} needs dream images, and data.dreams is missing; ` +
      "give data.dreams or set dreamStart=0";
  }
  if (method !== "wscl") return undefined;
  if (wscl.rem && wscl.dreamsFrom === "images" && !data.dreams) {
    return "wscl.rem needs dream images, and data.dreams is missing; " +
      "give data.dreams, or set wscl.dreamsFrom=memory or wscl.rem=false";
  }
  if (wscl.rem && wscl.dreamsFrom === "memory" && changesWhileDreamtOf(wscl)) {
    const key = wscl.schedule === "merged" ? 'wscl.schedule "merged"' : 'wscl.transfer "nrem"';
    return `wscl.dreamsFrom "memory" dreams of what is remembered at dusk, and ${key} changes that while it is dreamt of; ` +
      "set wscl.dreamsFrom=images with data.dreams, wscl.rem=false, or a staged schedule with wscl.transfer=dusk";
  }
  if (
    wscl.schedule === "staged" && wscl.transfer === "nrem" && (!wscl.nrem || wscl.sleepEpochs === 0)
  ) {
    return 'wscl.transfer "nrem" remembers episodes within NREM, and ' +
      `${wscl.nrem ? "wscl.sleepEpochs is 0" : "wscl.nrem is false"}; set wscl.transfer=dawn`;
  }
  if (wscl.freezing && freezing.mode !== "buffer" && freezing.validation === 0) {
    return `freezing.mode ${freezing.mode} judges on validation images, and freezing.validation ` +
      'is 0; set some apart, use mode "buffer" or set wscl.freezing=false';
  }
  const kept = wscl.schedule === "merged" ? "buffer" : "share";
  if (wscl.freezing && freezing.mode !== "training" && freezing[kept] === 0) {
    return `freezing.mode ${freezing.mode} judges on remembered images, and freezing.${kept} ` +
      'is 0; set some apart, use mode "training" or set wscl.freezing=false';
  }
  const judges = Math.round(freezing.share * memory.longTerm);
  if (wscl.freezing && freezing.mode !== "training" && kept === "share" && judges === 0) {
    return `freezing.share ${freezing.share} of memory.longTerm ${memory.longTerm} is less than one image to ` +
      'judge on; raise one of them, use mode "training" or set wscl.freezing=false';
  }
  return undefined;
}

/** Whether the long-term memory takes images between two dreams. */
function changesWhileDreamtOf({ schedule, transfer }: ParsedExperiment["wscl"]): boolean {
  return schedule === "merged" || transfer === "nrem";
}

type ParsedSource = ParsedExperiment["data"]["train"];

function impossibleSource(key: string, source: ParsedSource, size: number): string | undefined {
  if (source.size !== undefined && source.size !== size) {
    return `${key}.size ${source.size} differs from data.size ${size}; ` +
      `leave ${key}.size out and set data.size`;
  }
  return undefined;
}

/** Fills in what depends on other keys: a source has the network's size. */
function complete(config: ParsedExperiment): ExperimentConfig {
  const source = (given: ParsedSource) => ({ ...given, size: config.data.size });
  const { train, dreams } = config.data;
  return {
    ...config,
    data: { ...config.data, train: source(train), dreams: dreams && source(dreams) },
  };
}

/** The same value, so that nothing in it, at any depth, can be changed. */
export function freezeDeep<T extends object>(value: T): T {
  for (const child of Object.values(value)) {
    if (typeof child === "object" && child !== null) freezeDeep(child);
  }
  return Object.freeze(value);
}
