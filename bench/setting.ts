import { dirname } from "node:path";
import { writing } from "../src/host/durable.ts";
import type { AdapterDescription, Gpu } from "../src/gpu/device.ts";

/** Where and at what state of the program something was measured; part of every result. */
export interface Setting {
  readonly adapter: AdapterDescription;
  readonly deno: string;
  /** Of this repository, "+" behind it for changes that are not committed; null where git does not answer. */
  readonly commit: string | null;
  readonly system: string;
  readonly cores: number;
  readonly date: string;
}

/** The setting of measurements on this device, now. The launcher puts the commit into WSCL_COMMIT. */
export function settingOf(gpu: Gpu): Setting {
  return {
    adapter: gpu.adapter,
    deno: Deno.version.deno,
    commit: Deno.env.get("WSCL_COMMIT") || null,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
    date: new Date().toISOString().slice(0, 19) + "Z",
  };
}

/** Writes results, one JSON object a line, into a folder that is made where it is missing. */
export function writeResults(
  folder: string,
  name: string,
  results: readonly object[],
  setting: Setting,
): string {
  const path = `${folder}/${name}.jsonl`;
  const lines = results.map((result) => JSON.stringify({ ...result, ...setting }) + "\n");
  return writeResult(path, lines.join(""));
}

/** Writes a file of results and gives its path; the folder is made where it is missing. */
export function writeResult(path: string, text: string): string {
  writing(path, () => {
    Deno.mkdirSync(dirname(path), { recursive: true });
    Deno.writeTextFileSync(path, text);
  });
  return path;
}

/** What a bench prints with: lines that stay, and one that changes. */
export interface Output {
  print(text: string): void;
  live(text: string): void;
}
