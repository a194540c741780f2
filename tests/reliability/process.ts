/** The command line in a process of its own, to be stopped, killed and started again. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeJson } from "../../src/experiment/run_folder.ts";
import { outcome, tinyOptions } from "./tiny.ts";

const root = new URL("../../", import.meta.url);
const main = fileURLToPath(new URL("src/cli/main.ts", root));

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly output: string;
}

/** A folder with the configuration of a tiny run, and commands on it. */
export class TinyProcess {
  readonly folder: string;
  readonly out: string;

  constructor(changes: Record<string, unknown> = {}) {
    this.folder = Deno.makeTempDirSync();
    this.out = join(this.folder, "run");
    writeJson(join(this.folder, "config.json"), { ...tinyOptions, ...changes });
  }

  start(...args: string[]): Promise<Ended> {
    return this.#spawn(["--config", join(this.folder, "config.json"), "--out", this.out, ...args]);
  }

  resume(...args: string[]): Promise<Ended> {
    return this.#spawn(["--resume", this.out, ...args]);
  }

  /** The same, and this signal after so many milliseconds, or as soon as `when` is printed. */
  async signal(
    signal: Deno.Signal,
    when: number | string,
    begin: "start" | "resume",
    ...args: string[]
  ): Promise<Ended> {
    this.#signal = { signal, when };
    try {
      return await this[begin](...args);
    } finally {
      this.#signal = null;
    }
  }

  outcome(): Promise<Record<string, unknown>> {
    return outcome(this.out);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  #signal: { signal: Deno.Signal; when: number | string } | null = null;

  async #spawn(args: string[]): Promise<Ended> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--config", fileURLToPath(new URL("deno.json", root))],
        ...["--allow-read", `--allow-write=${this.folder}`, "--allow-env=WSCL_CACHE_DIR"],
        ...[main, "train", "--skip-self-test", ...args],
      ],
      env: { WSCL_CACHE_DIR: join(this.folder, "cache") },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const planned = this.#signal;
    const send = () => {
      try {
        child.kill(planned!.signal);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended by itself
      }
    };
    const timer = typeof planned?.when === "number" ? setTimeout(send, planned.when) : undefined;
    let output = "";
    let sent = false;
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        output += text;
        if (!sent && typeof planned?.when === "string" && output.includes(planned.when)) {
          sent = true;
          send();
        }
      }
    };
    await Promise.all([read(child.stdout), read(child.stderr)]);
    const { code, signal } = await child.status;
    clearTimeout(timer);
    return { code, signal, output };
  }
}
