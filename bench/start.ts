import { fileURLToPath } from "node:url";
import { openGpu } from "../src/host/open_gpu.ts";
import type { ProviderName } from "../src/gpu/provider.ts";
import { figures, summarise, type Summary, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";

/** One line of `start.jsonl`: from the start of the process to the end of its first training step. */
interface StartResult {
  readonly bench: "start";
  /** Whether the driver had compiled these shaders before. */
  readonly start: "warm" | "empty";
  readonly width: number;
  readonly size: number;
  readonly batch: number;
  readonly milliseconds: Summary;
  /** Milliseconds of the parts: modules, device, pipelines and buffers, first step. */
  readonly parts: Readonly<Record<string, number>>;
}

/** What `wscl bench start` was asked for. */
export interface StartOptions {
  readonly width: number;
  readonly size: number;
  readonly batch: number;
  readonly rounds: number;
  readonly out: string;
  readonly provider: ProviderName;
}

/** Measures cold starts with Mesa's shader cache warm and, once, empty; other drivers have caches of their own. */
export async function benchStart(options: StartOptions, output: Output): Promise<void> {
  const { width, size, batch, rounds, provider } = options;
  const gpu = await openGpu({ provider });
  const setting = settingOf(gpu);
  gpu.destroy();
  const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
  const dawn = provider === "dawn" ? ["--allow-ffi", "--lock", at("../dawn.lock")] : [];
  const cache = Deno.makeTempDirSync();
  try {
    const once = async (): Promise<Record<string, number>> => {
      const began = performance.now();
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-prompt", "--allow-read"],
          ...["--config", at("../deno.json"), ...dawn],
          ...[at("cold_start.ts"), provider, width, size, batch].map(String),
        ],
        env: { MESA_SHADER_CACHE_DIR: cache },
      }).output();
      const total = performance.now() - began;
      if (!success) {
        throw new Error(`Cannot measure a start: ${new TextDecoder().decode(stderr).trim()}`);
      }
      return { total, ...JSON.parse(new TextDecoder().decode(stdout)) };
    };
    output.live("empty cache");
    const empty = await once();
    const warm: Record<string, number>[] = [];
    for (let round = 0; round < rounds; round++) {
      output.live(`warm cache, ${round + 1}/${rounds}`);
      warm.push(await once());
    }
    output.live("");
    const result = (start: "warm" | "empty", runs: Record<string, number>[]): StartResult => {
      const medians = Object.fromEntries(
        Object.keys(runs[0]).map((key) => [key, summarise(runs.map((run) => run[key])).median]),
      );
      const { total: _, ...parts } = medians;
      const milliseconds = summarise(runs.map(({ total }) => total));
      return { bench: "start", start, width, size, batch, milliseconds, parts };
    };
    const results = [result("empty", [empty]), result("warm", warm)];
    output.print(`process start to first finished step, width ${width}, batch ${batch}`);
    output.print(table([
      ["driver's cache", "ms", "least", "modules", "device", "pipelines", "step"],
      ...results.map(({ start, milliseconds, parts }) => [
        start,
        figures(milliseconds.median),
        figures(milliseconds.least),
        ...["load", "open", "build", "step"].map((part) => figures(parts[part])),
      ]),
    ]));
    output.print(`\nwritten: ${writeResults(options.out, "start", results, setting)}`);
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
}
