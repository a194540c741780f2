/**
 * Trains one configuration with several methods and seeds and writes the table: what the README quotes.
 *
 *     deno run -A bench/compare_methods.ts CONFIG DATA_ROOT RESULT.json [SEEDS] [VARIANT...]
 *
 * A variant is a name and settings, `staged_dawn:wscl.schedule=staged,wscl.transfer=dawn`; without any, the method as
 * configured, its baselines and its bounds. Runs go to `runs/compare/NAME-SEED`; finished ones are not run again.
 */
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { availableParallelism, cpus } from "node:os";
import { loadConfig } from "../src/experiment/config.ts";
import { launch } from "../src/experiment/launch.ts";
import { parseOverride } from "../src/experiment/overrides.ts";
import { createRunFolder, readSummary } from "../src/experiment/run_folder.ts";
import type { Summary } from "../src/experiment/summary.ts";

const [configPath, dataRoot, resultPath, seedList = "0,1,2", ...given] = Deno.args;
if (!resultPath) {
  console.error("usage: compare_methods.ts CONFIG DATA_ROOT RESULT.json [SEEDS] [VARIANT...]");
  Deno.exit(2);
}
const variants = (given.length > 0 ? given : [
  "wscl_staged:method=wscl,wscl.schedule=staged",
  "wscl_merged:method=wscl,wscl.schedule=merged",
  "er_ace:method=er_ace",
  "finetune:method=finetune",
  "joint:method=joint",
]).map((text) => {
  const [name, settings] = text.split(":");
  return { name, settings, overrides: settings.split(",").map(parseOverride) };
});

interface Row {
  readonly variant: string;
  readonly settings: string;
  readonly classIl: readonly number[];
  readonly taskIl: readonly number[];
  readonly forgetting: readonly (number | null)[];
  readonly forwardTransfer: readonly (number | null)[];
  readonly seconds: readonly number[];
  readonly frozen: readonly (readonly number[])[];
  readonly finalRows: readonly (readonly (number | null)[])[];
}

const finished = new Map<string, Summary[]>();
for (const seed of seedList.split(",")) {
  for (const { name, overrides } of variants) {
    const config = await loadConfig(configPath, [...overrides, {
      path: "seed",
      value: Number(seed),
    }]);
    const out = `runs/compare/${config.name}-${name}-${seed}`;
    const summary = finishedRun(out) ?? await train(config, out);
    finished.set(name, [...finished.get(name) ?? [], summary]);
    console.log(
      `${name} seed ${seed}: Class-IL ${summary.classIl.finalAverage?.toFixed(2)}, Task-IL ` +
        `${summary.taskIl.finalAverage?.toFixed(2)}, ${summary.seconds.toFixed(0)} s`,
    );
    write();
  }
}

async function train(
  config: Awaited<ReturnType<typeof loadConfig>>,
  out: string,
): Promise<Summary> {
  createRunFolder(out, { overwrite: true });
  return await launch(config, { dataRoot, cacheDir: ".cache", out, init: null });
}

function finishedRun(out: string): Summary | null {
  try {
    const summary = readSummary(out);
    return summary.completed ? summary : null;
  } catch (error) {
    if (error instanceof Error && /has no summary|No such file|not found/i.test(error.message)) {
      return null;
    }
    throw error;
  }
}

function write(): void {
  const rows = variants.filter(({ name }) => finished.has(name)).map(({ name, settings }): Row => {
    const runs = finished.get(name)!;
    return {
      variant: name,
      settings,
      classIl: runs.map(({ classIl }) => classIl.finalAverage!),
      taskIl: runs.map(({ taskIl }) => taskIl.finalAverage!),
      forgetting: runs.map(({ classIl }) => classIl.forgetting),
      forwardTransfer: runs.map(({ classIl }) => classIl.forwardTransfer),
      seconds: runs.map(({ seconds }) => Math.round(seconds)),
      frozen: runs.map(({ freezing }) => freezing.map(({ chosen }) => chosen)),
      finalRows: runs.map(({ classIl }) => classIl.matrix.at(-1)!),
    };
  });
  const git = (...args: string[]) => execFileSync("git", args, { encoding: "utf8" }).trim();
  const [{ adapter }] = [...finished.values()][0];
  const result = {
    config: configPath,
    commit: git("rev-parse", "--short", "HEAD"),
    seeds: seedList.split(",").map(Number),
    adapter,
    processor: `${cpus()[0].model}, ${availableParallelism()} cores`,
    deno: Deno.version.deno,
    rows,
  };
  Deno.mkdirSync(dirname(resultPath), { recursive: true });
  Deno.writeTextFileSync(resultPath, JSON.stringify(result, null, 2) + "\n");
}
