import { dirname, join, normalize, resolve } from "node:path";
import type { GivenTexts } from "./command.ts";

// What a command reads because a file that it is given names it. Where such a file cannot be read, nothing is found
// here, and the command itself says what is wrong.

/**
 * What a run that goes on in `folder` was started with: its data, its first weights and its method.
 *
 * @param data Folder of the data sets, where that is another one now.
 */
export function pathsOfRun(folder: string | undefined, data?: string): string[] {
  if (!folder) return [];
  const { dataRoot, init, kernels } = readKeys(join(folder, "run.json"));
  const root = data || dataRoot;
  const outside = typeof root === "string"
    ? outsideOf(root, readKeys(join(folder, "config.json")))
    : [];
  return [dataRoot, init, ...Array.isArray(kernels) ? kernels : []]
    .filter((path) => typeof path === "string")
    .concat(outside, methodOfRun(folder));
}

/** Data sets of a configuration that do not lie below the folder of the others. */
function outsideOf(dataRoot: string, { data }: Record<string, unknown>): string[] {
  const { train, dreams } = Object(data);
  return [train, dreams].map((source) => Object(source).folder)
    .filter((folder) => typeof folder === "string" && /^\.\.(\/|$)/.test(normalize(folder)))
    .map((folder) => join(dataRoot, folder));
}

/** The folder of a run's method, where that is one's own. */
export function methodOfRun(folder: string | undefined): string[] {
  return folder ? modulesOf(readKeys(join(folder, "config.json")).method, ".") : [];
}

/** The folder of a method of one's own, as `--config` or `--set` names it. */
export function pathsOfConfig({ config, set = [] }: GivenTexts): string[] {
  const path = config?.at(-1);
  const overridden = set.findLast((text) => text.startsWith("method="))?.slice("method=".length);
  if (overridden !== undefined) return modulesOf(overridden, ".");
  return path ? modulesOf(readKeys(path).method, dirname(path)) : [];
}

/** The configurations of a sweep, and their methods. */
export function pathsOfSweep(file: string | undefined): string[] {
  if (!file) return [];
  const { configs } = readKeys(file);
  const paths = (Array.isArray(configs) ? configs : [])
    .filter((path) => typeof path === "string")
    .map((path) => resolve(dirname(file), path));
  return paths.flatMap((path) => [path, ...pathsOfConfig({ config: [path] })]);
}

/** The folder that a learner dreams of, as its last generation has it. */
export function dreamsOfLearner(folder: string | undefined): string[] {
  if (!folder) return [];
  const generations = join(folder, "generations");
  const last = namesIn(generations).filter((name) => /^\d+(-\d+)?$/.test(name)).sort().at(-1);
  if (last === undefined) return [];
  const { dreams } = readKeys(join(generations, last, "learner.json"));
  const { from } = Object(dreams);
  return typeof from === "string" ? [from] : [];
}

/** The folder of the module, which may import others beside it; none where `method` names no module. */
function modulesOf(method: unknown, relativeTo: string): string[] {
  if (typeof method !== "string") return [];
  const path = resolve(relativeTo, method);
  return exists(path) ? [dirname(path)] : [];
}

function readKeys(path: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(Deno.readTextFileSync(path)));
  } catch {
    return {};
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}
