import type { Comparison } from "../experiment/comparison/results.ts";
import { quotedPath } from "../text.ts";
import type { RunRecord } from "./records.ts";

const inFolder = (path: string, file: string) => quotedPath(`${path.replace(/\/$/, "")}/${file}`);

/** The command that trains a run once more, in a folder beside its own. */
export function againOf({ path, origin }: RunRecord): string {
  return [
    `./wscl train --config ${inFolder(path, "config.json")}`,
    ...origin ? [`--data ${quotedPath(origin.dataRoot)}`] : [],
    ...origin?.init ? [`--init ${quotedPath(origin.init)}`] : [],
    ...(origin?.kernels ?? []).map((file) => `--kernel ${quotedPath(file)}`),
    `--out ${quotedPath(`${path.replace(/\/$/, "")}-again`)}`,
  ].join(" ");
}

/**
 * The command that makes a comparison once more, from the configuration of a run of its first row, if that is there.
 *
 * @param path its folder
 */
export function againOfComparison(
  path: string,
  { config, seeds, rows }: Pick<Comparison, "config" | "seeds" | "rows">,
  first: RunRecord | null,
): string {
  const others = rows.slice(1).map(({ row }) => row);
  return [
    `./wscl compare --config ${
      first ? inFolder(first.path, "config.json") : quotedPath(`${config}.json`)
    }`,
    ...first?.origin ? [`--data ${quotedPath(first.origin.dataRoot)}`] : [],
    `--seeds ${seeds.join(",")}`,
    ...others.length > 0 ? [`--rows ${quotedPath(others.join(","))}`] : [],
    ...first ? [`--out ${quotedPath(`${path.replace(/\/$/, "")}-again`)}`] : [],
  ].join(" ");
}
