/**
 * Programs that read what this one writes, by packages that know nothing of it: onnxruntime, protobufjs, pngjs, yaml, a
 * terminal. In processes and a lock file of their own, so that nobody who only trains fetches them.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const programs = ["ask_onnx.ts", "read_card.ts", "read_events.ts", "screen.ts"];
const program = (name: string) => pathOf(`programs/${name}`);

/** Runs Deno with the packages of the readers. */
async function deno(...args: string[]) {
  const command = new Deno.Command(Deno.execPath(), { args, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { success, said, complained };
}

const config = ["--quiet", "--config", pathOf("deno.json"), "--frozen"];

/** Why the readers cannot be had here; null: they are there. */
export const noReaders = await fetchReaders();

async function fetchReaders(): Promise<string | null> {
  const { success, complained } = await deno("cache", ...config, ...programs.map(program));
  // What is wrong with the programs themselves is not a reason to pass them over.
  if (success || !/Failed (loading|to fetch)|error sending request|dns error/.test(complained)) {
    return null;
  }
  console.log(`skipped: the packages of tests/readers cannot be had here (${complained.trim()})`);
  return complained;
}

/** What a reader says, which is JSON. */
export async function read<T>(name: string, ...args: readonly string[]): Promise<T> {
  const { success, said, complained } = await deno("run", "-A", ...config, program(name), ...args);
  assert(success, complained);
  return JSON.parse(said) as T;
}
