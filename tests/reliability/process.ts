/** The command line in a process of its own, to be stopped, killed and started again. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeJson } from "../../src/host/run_folder.ts";
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
    return this.#train([], "start", args);
  }

  resume(...args: string[]): Promise<Ended> {
    return this.#train([], "resume", args);
  }

  /** The same, and this signal after so many milliseconds, or as soon as `when` is printed. */
  signal(
    signal: Deno.Signal,
    when: number | string,
    begin: "start" | "resume",
    ...args: string[]
  ): Promise<Ended> {
    return this.#train([{ when, happens: (child) => kill(child, signal) }], begin, args);
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
    return this.#train([{ when, happens }], begin, args);
  }

  /** The same, and the process gets only so many bytes more from then on, until its run starts again. */
  squeeze(
    when: string,
    bytes: number,
    begin: "start" | "resume",
    ...args: string[]
  ): Promise<Ended> {
    const squeeze = {
      when,
      happens: async ({ pid }: Deno.ChildProcess) => {
        const status = await output("cat", `/proc/${pid}/status`);
        const [, kilobytes] = /^VmData:\s+(\d+) kB$/m.exec(status)!;
        await output("prlimit", `--pid=${pid}`, `--data=${Number(kilobytes) * 1024 + bytes}:`);
      },
    };
    const release = {
      when: "starting again",
      happens: async ({ pid }: Deno.ChildProcess) => {
        await output("prlimit", `--pid=${pid}`, "--data=unlimited:");
      },
    };
    return this.#train([squeeze, release], begin, args);
  }

  /** Another command than `train`. */
  command(...args: string[]): Promise<Ended> {
    return this.#spawn([], args);
  }

  /** The same, killed after so many milliseconds. */
  killed(after: number, ...args: string[]): Promise<Ended> {
    return this.#spawn([{ when: after, happens: (child) => kill(child, "SIGKILL") }], args);
  }

  outcome(): Promise<Record<string, unknown>> {
    return outcome(this.out);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.folder, { recursive: true });
  }

  #train(
    incidents: readonly Incident[],
    begin: "start" | "resume",
    args: string[],
  ): Promise<Ended> {
    const named = begin === "start"
      ? ["--config", join(this.folder, "config.json"), "--out", this.out]
      : ["--resume", this.out];
    return this.#spawn(incidents, ["train", "--skip-self-test", ...named, ...args]);
  }

  async #spawn(incidents: readonly Incident[], args: string[]): Promise<Ended> {
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
    const happened: (void | Promise<void>)[] = [];
    const timers = incidents.flatMap(({ when, happens }) =>
      typeof when === "number" ? [setTimeout(() => happened.push(happens(child)), when)] : []
    );
    let output = "";
    let waiting = incidents.filter(({ when }) => typeof when === "string");
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        output += text;
        const due = waiting.filter(({ when }) => output.includes(when as string));
        waiting = waiting.filter((incident) => !due.includes(incident));
        for (const { happens } of due) happened.push(happens(child));
      }
    };
    await Promise.all([read(child.stdout), read(child.stderr)]);
    const { code, signal } = await child.status;
    timers.forEach(clearTimeout);
    await Promise.all(happened);
    return { code, signal, output };
  }
}

/** What a command prints. */
async function output(command: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
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
