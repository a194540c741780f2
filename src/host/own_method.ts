import { dirname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { InputError } from "../errors.ts";
import {
  type Method,
  type MethodNeeds,
  NOTHING_NEEDED,
  type OwnOptions,
  registerMethod,
} from "../method/methods.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";

/**
 * Loads the module of a method of one's own, which exports a {@linkcode Method} as its default, and makes the method
 * known. The module is a program that runs with the permissions of the run.
 *
 * @param path as the configuration has it once it is resolved: absolute.
 * @throws {InputError} where there is no such module, or it exports no method.
 */
export async function loadOwnMethod(path: string): Promise<Method> {
  const refuse = (found: string, fix: string): never => {
    throw new InputError(`Cannot use the method ${path}: ${found}; ${fix}`);
  };
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(path).href);
  } catch (error) {
    return refuse((error as Error).message.trim(), "name a module that can be imported");
  }
  const method = module.default as Partial<Method> | undefined;
  const isMethod = typeof method === "object" && method !== null &&
    typeof method.name === "string" && typeof method.needs === "function" &&
    typeof method.learn === "function";
  if (!isMethod) {
    refuse(
      "its default export is no method",
      "export default { name, needs, learn }, see docs/methods.md",
    );
  }
  const placed = withPlaceOfErrors(method as Method, path);
  registerMethod(path, placed);
  return placed;
}

/** The method, whose own errors say where they are: a bare "x is not a function" would read like one of the program. */
function withPlaceOfErrors(method: Method, path: string): Method {
  const module = `${pathToFileURL(path).href}:`;
  const placed = (error: unknown): unknown => {
    // Only what the module itself threw or ran into: all else says what it is, or is how a run is stopped.
    const [frame] = /^ +at .*$/m.exec(error instanceof Error ? error.stack ?? "" : "") ?? [""];
    const at = frame.indexOf(module);
    if (at < 0 || error instanceof InputError) return error;
    const line = parseInt(frame.slice(at + module.length));
    return new InputError(
      `Cannot use the method ${path}: line ${line} ends with "${(error as Error).message}"; ` +
        "mend the module",
      { cause: error },
    );
  };
  return {
    name: method.name,
    options: method.options,
    needs(config) {
      try {
        return method.needs(config);
      } catch (error) {
        throw placed(error);
      }
    },
    async learn(session, task, context) {
      try {
        return await method.learn(session, task, context);
      } catch (error) {
        throw placed(error);
      }
    },
  };
}

/** The configuration with its module named absolutely and its options complete. */
export async function withOwnMethod(
  config: ExperimentConfig,
  { relativeTo, source }: { readonly relativeTo: string; readonly source: string },
): Promise<ExperimentConfig> {
  const method = isAbsolute(config.method) ? config.method : resolve(relativeTo, config.method);
  const { options = {}, needs } = await loadOwnMethod(method);
  const methodOptions = complete(options, config.methodOptions, source);
  const completed = { ...config, method, methodOptions };
  checkNeeds(needs(completed), method);
  return completed;
}

/** A run asks for each of these, and a missing one would be found as a size that is no number. */
function checkNeeds(needs: MethodNeeds, path: string): void {
  const kind = (value: unknown) => value === null ? "object" : typeof value;
  const known = Object.entries(NOTHING_NEEDED) as [keyof MethodNeeds, unknown][];
  const wrong = known.filter(([key, value]) => kind(needs?.[key]) !== kind(value));
  const unknown = Object.keys(needs ?? {}).filter((key) => !(key in NOTHING_NEEDED));
  if (wrong.length === 0 && unknown.length === 0) return;
  const found = [...wrong.map(([key]) => key), ...unknown].join(", ");
  throw new InputError(
    `Cannot use the method ${path}: what it needs is missing, unknown or of another kind (${found}); ` +
      "change what differs in { ...NOTHING_NEEDED }, see docs/methods.md",
  );
}

function complete(defaults: OwnOptions, given: OwnOptions, source: string): OwnOptions {
  for (const [key, value] of Object.entries(given)) {
    if (!(key in defaults)) {
      const known = Object.keys(defaults).join(", ") || "none";
      throw new InputError(
        `Cannot use ${source}: unknown key methodOptions.${key}; the method has ${known}`,
      );
    }
    if (typeof value !== typeof defaults[key]) {
      throw new InputError(
        `Cannot use ${source}: methodOptions.${key} is ${JSON.stringify(value)}, expected a ` +
          `${typeof defaults[key]} such as ${JSON.stringify(defaults[key])}`,
      );
    }
  }
  return { ...defaults, ...given };
}

/** The folder that a module in a configuration file is relative to. */
export function folderOf(configPath: string): string {
  return dirname(resolve(configPath));
}
