import type { ExperimentConfig } from "../experiment/config_types.ts";
import type { Materials } from "../experiment/materials.ts";
import { openMaterials } from "../host/open_materials.ts";
import type { Terminal } from "./terminal.ts";

/** Opens images for many rows, of which each opens them once more and would say the same of them: it is said once. */
export function materialsOpener(
  { dataRoot, cacheDir }: { readonly dataRoot: string; readonly cacheDir: string },
  terminal: Terminal,
): (config: ExperimentConfig) => Promise<Materials> {
  const told = new Set<string>();
  return async (config) =>
    await openMaterials(config, {
      ...{ dataRoot, cacheDir },
      progress: (_done, _total, what) => terminal.live(what),
      warn: (text) => {
        if (!told.has(text)) terminal.print(text);
        told.add(text);
      },
    });
}
