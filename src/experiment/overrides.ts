import { InputError } from "../errors.ts";
import { findDuplicateKey } from "../net/json_keys.ts";
import { knownPaths } from "./config_schema.ts";
import { isNeutral, retirementOf } from "./retired_keys.ts";
import { nearestPath } from "./nearest.ts";

/** One `--set path.to.key=value`. */
export interface Override {
  /** Dot-separated path of a known key. */
  readonly path: string;
  /** JSON if the text is JSON, else the text. */
  readonly value: unknown;
}

/** An override as it is written: `path.to.key=value`. */
export function overrideText({ path, value }: Override): string {
  return `${path}=${typeof value === "string" ? value : JSON.stringify(value)}`;
}

/** Reads the `path.to.key=value` of a `--set`; the path must be a known key. */
export function parseOverride(text: string): Override {
  return parseOverrideOf("--set", text);
}

/** The same for another option, which messages name. */
export function parseOverrideOf(option: string, text: string): Override {
  const equals = text.indexOf("=");
  if (equals < 1) {
    throw new InputError(
      `Cannot use ${option} ${text}: expected path.to.key=value, as in optimizer.learningRate=0.1`,
    );
  }
  const path = text.slice(0, equals).trim();
  const given = text.slice(equals + 1);
  const value = jsonOrText(given);
  if (!knownPaths.includes(path) && !isNeutral({ path, value })) {
    const found = retirementOf(path) ?? `unknown key ${path}${suggestion(path)}`;
    throw new InputError(`Cannot use ${option} ${text}: ${found}`);
  }
  const duplicate = value === given ? undefined : findDuplicateKey(given);
  if (duplicate) {
    const at = duplicate.path.startsWith("[") ? duplicate.path : `.${duplicate.path}`;
    throw new InputError(
      `Cannot use ${option} ${text}: ${path}${at} is given twice; remove one of them`,
    );
  }
  return { path, value };
}

/** `, the nearest known key is PATH`, or where all keys are described. */
export function suggestion(path: string): string {
  const nearest = nearestPath(path, knownPaths);
  return nearest
    ? `; the nearest known key is ${nearest}`
    : "; all keys are listed in src/experiment/config_types.ts";
}

/**
 * A copy of the user's options with the overrides put in; missing sections are created. What is no section stays where
 * one belongs, for the schema to refuse.
 */
export function applyOverrides(options: unknown, overrides: readonly Override[]): unknown {
  const copy = structuredClone(options);
  if (!isSection(copy)) return copy; // the schema says so
  for (const { path, value } of overrides) {
    const keys = path.split(".");
    let section: unknown = copy;
    for (const key of keys.slice(0, -1)) {
      if (!isSection(section)) break;
      section = section[key] ??= {};
    }
    if (isSection(section)) section[keys[keys.length - 1]] = value;
  }
  return copy;
}

type Section = Record<string, unknown>;

function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
