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

/** What happens to a process while it runs: so many milliseconds after its start, or as soon as `when` is printed. */
interface Incident {
  readonly when: number | string;
  readonly happens: (child: Deno.ChildProcess) => void | Promise<void>;
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
    return this.#train(null, "start", args);
  }

  resume(...args: string[]): Promise<Ended> {
    return this.#train(null, "resume", args);
  }

  /** The same, and this signal after so many milliseconds, or as soon as `when` is printed. */
  signal(
    signal: Deno.Signal,
    when: number | string,
    begin: "start" | "resume",
    ...args: string[]
  ): Promise<Ended> {
    return this.#train({ when, happens: (child) => kill(child, signal) }, begin, args);
  }

  /** The same, and the process stands still from then on until `meanwhile` is over. */
  pause(
    when: number | string,
    meanwhile: () => Promise<void>,
    begin: "start" | "resume",
    ...args: string[]
  ): Promise<Ended> {
    const happens = async (child: Deno.ChildProcess) => {
      kill(child, "SIGSTOP");
      try {
        await meanwhile();
      } finally {
        kill(child, "SIGCONT");
      }
    };
    return this.#train({ when, happens }, begin, args);
  }

  /** Another command than `train`. */
  command(...args: string[]): Promise<Ended> {
    return this.#spawn(null, args);
  }

  outcome(): Promise<Record<string, unknown>> {
    return outcome(this.out);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  #train(incident: Incident | null, begin: "start" | "resume", args: string[]): Promise<Ended> {
    const named = begin === "start"
      ? ["--config", join(this.folder, "config.json"), "--out", this.out]
      : ["--resume", this.out];
    return this.#spawn(incident, ["train", "--skip-self-test", ...named, ...args]);
  }

  async #spawn(incident: Incident | null, args: string[]): Promise<Ended> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--config", fileURLToPath(new URL("deno.json", root))],
        ...["--allow-read", `--allow-write=${this.folder}`, "--allow-env=WSCL_CACHE_DIR"],
        ...[main, ...args],
      ],
      env: { WSCL_CACHE_DIR: join(this.folder, "cache") },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let happened: void | Promise<void> = undefined;
    const { when, happens } = incident ?? { when: null, happens: () => {} };
    const timer = typeof when === "number"
      ? setTimeout(() => happened = happens(child), when)
      : undefined;
    let output = "";
    let waits = typeof when === "string";
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        output += text;
        if (waits && output.includes(when as string)) {
          waits = false;
          happened = happens(child);
        }
      }
    };
    await Promise.all([read(child.stdout), read(child.stderr)]);
    const { code, signal } = await child.status;
    clearTimeout(timer);
    await happened;
    return { code, signal, output };
  }
}

function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // it has ended by itself
  }
}

let whole: Promise<Record<string, unknown>> | null = null;

/** What a run that nobody disturbs comes to. */
export function undisturbed(): Promise<Record<string, unknown>> {
  return whole ??= (async () => {
    using run = new TinyProcess();
    const { code, output } = await run.start("--checkpoint-every", "never");
    if (code !== 0) throw new Error(output);
    return await run.outcome();
  })();
}
