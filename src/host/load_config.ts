import { InputError } from "../errors.ts";
import { freezeDeep, resolveConfig } from "../experiment/config.ts";
import type { ExperimentConfig } from "../experiment/config_types.ts";
import { readJson } from "../experiment/json.ts";
import type { Override } from "../experiment/overrides.ts";
import { withoutRetired } from "../experiment/retired_keys.ts";
import { isOwnMethod } from "../method/methods.ts";
import { folderOf, withOwnMethod } from "./own_method.ts";

/** A configuration with a list of a thousand classes by name is far below. */
const MOST_BYTES = 2 ** 20;

/**
 * Reads a configuration file and resolves it. The module of a method of one's own is loaded, and named by its absolute
 * path: in the file it is relative to the file's folder, in an override to the working folder.
 */
export async function loadConfig(
  path: string,
  overrides: readonly Override[] = [],
): Promise<ExperimentConfig> {
  return await resolveGiven(await readOptions(path), overrides, whereOf(path));
}

/**
 * The configuration of a run that has ended, for those who look at what it came to: with what keys it was trained that
 * are not there any more is past.
 */
export async function loadPastConfig(path: string): Promise<ExperimentConfig> {
  const options = withoutRetired(await readOptions(path), { anyValue: true });
  return await resolveGiven(options, [], whereOf(path));
}

const whereOf = (path: string) => ({ source: path, folder: folderOf(path) });

async function readOptions(path: string): Promise<unknown> {
  let bytes: Uint8Array;
  try {
    bytes = await readBytes(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new InputError(
        `Cannot read configuration ${path}: no such file; the folder configs/ holds examples`,
      );
    }
    throw new InputError(
      `Cannot read configuration ${path}: ${
        (error as Error).message
      }; name a JSON file, such as configs/demo.json`,
    );
  }
  return readJson(bytes, path);
}

/**
 * Resolves options, the module of a method of one's own included: in them it is relative to `folder`, in an override to
 * the working folder.
 *
 * @param where.source Where the options come from, for messages.
 */
export async function resolveGiven(
  options: unknown,
  overrides: readonly Override[],
  { source, folder }: { readonly source: string; readonly folder: string },
): Promise<ExperimentConfig> {
  const config = resolveConfig(options, overrides, source);
  if (!isOwnMethod(config.method)) return config;
  const overridden = overrides.some((override) => override.path === "method");
  const relativeTo = overridden ? Deno.cwd() : folder;
  return freezeDeep(await withOwnMethod(config, { relativeTo, source }));
}

/** Whatever `path` is, also a device without an end, no more is read than a configuration may have. */
async function readBytes(path: string): Promise<Uint8Array> {
  using file = await Deno.open(path);
  const bytes = new Uint8Array(MOST_BYTES + 1);
  let length = 0;
  while (length < bytes.length) {
    const count = await file.read(bytes.subarray(length));
    if (count === null) break;
    length += count;
  }
  if (length > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`);
  return bytes.subarray(0, length);
}
