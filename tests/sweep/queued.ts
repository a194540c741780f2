/** A sweep over workers and a real Redis, of which some are killed in the middle. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeJson } from "../../src/host/run_folder.ts";
import { tinyOptions } from "../reliability/tiny.ts";

const root = new URL("../../", import.meta.url);
const at = (path: string) => fileURLToPath(new URL(path, root));

/** Whether Debian's `redis-server`, or another one, is installed; why not. */
export function redisMissing(): string | null {
  const { success } = new Deno.Command("bash", { args: ["-c", "command -v redis-server"] })
    .outputSync();
  return success ? null : "no redis-server is installed (Debian: redis-server)";
}

/** A Redis of the test's own, with an append-only file, that can be killed and started again. */
export class Redis {
  readonly port = freePort();
  readonly #folder: string;
  readonly #more: readonly string[];
  #process: Deno.ChildProcess | null = null;

  constructor(folder: string, ...more: string[]) {
    this.#folder = folder;
    this.#more = more;
  }

  get address(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const command = [
      ...["exec redis-server", "--port", String(this.port), "--bind 127.0.0.1 --save ''"],
      ...["--appendonly yes --appendfsync always --dir", this.#folder, ...this.#more],
    ].join(" ");
    this.#process = new Deno.Command("bash", {
      args: ["-c", command],
      stdout: "null",
      stderr: "null",
      stdin: "null",
    }).spawn();
    for (let tries = 0; tries < 100; tries++) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: this.port })).close();
        return;
      } catch {
        await pause(50); // it is not there yet
      }
    }
    throw new Error("redis-server did not start");
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
    this.#process = null;
  }
}

/** A command of the program in a process of its own. */
export class Running {
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly ended: Promise<number>;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "-A", "--config", at("deno.json")],
        ...["--lock", at("queue.lock"), "--frozen", at("src/cli/main.ts"), ...args],
      ],
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
    };
    const reading = [read(child.stdout), read(child.stderr)];
    this.ended = Promise.all([child.status, ...reading]).then(([{ code }]) => code);
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }
}

/** A sweep of tiny runs, and where it is. */
export function tinySweep(folder: string, seeds: number): string {
  writeJson(join(folder, "tiny.json"), tinyOptions);
  const file = join(folder, "sweep.json");
  writeJson(file, {
    configs: ["tiny.json"],
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    grid: { method: ["wscl", "er_ace"] },
  });
  return file;
}

export const quick = ["--skip-self-test", "--skip-tuning", "--checkpoint-every", "2steps"];

/** Where workers and Redis were hit. */
export interface SweepReport {
  readonly takenOver: string;
  readonly seconds: number;
}

/**
 * Sweeps with one process, and again with two workers and a queue, of whom one is killed in the middle of a run and
 * replaced, while Redis is killed and started again; both must end in the same weights and the same table.
 */
export async function sweepWithKills(folder: string, seeds: number): Promise<SweepReport> {
  const file = tinySweep(folder, seeds);
  const cache = { WSCL_CACHE_DIR: join(folder, "cache") };
  const [peace, queued] = [join(folder, "peace"), join(folder, "queued")];
  const alone = new Running(["sweep", file, "--out", peace, ...quick], cache);
  assert.equal(await alone.ended, 0, alone.output);

  const began = performance.now();
  const redis = new Redis(folder);
  await redis.start();
  const share = ["--queue", redis.address, "--out", queued];
  const work = () => new Running(["worker", ...share, "--lease", "2", ...quick], cache);
  const running: Running[] = [];
  const start = (process: Running) => (running.push(process), process);
  try {
    const first = start(work());
    const sweep = start(new Running(["sweep", file, ...share], cache));
    // It has saved something of a run, and the run is not at its end.
    await until(() => checkpointsIn(queued).length > 0, () => first.output);
    first.kill("SIGKILL");
    await first.ended;
    const [takenOver = "nothing"] = checkpointsIn(queued);
    const workers = [start(work()), start(work())];
    await until(() => /[1-9]\d* of \d+ runs finished/.test(sweep.output), () => sweep.output);
    await redis.kill();
    await pause(1500);
    await redis.start();
    assert.equal(await sweep.ended, 0, sweep.output);
    for (const worker of workers) assert.equal(await worker.ended, 0, worker.output);
    const said = sweep.output + workers.map(({ output }) => output).join("");
    assert.match(said, /does not answer \(.*\); /);
    assert.match(said, /answers again/);
    compareFolders(peace, queued);
    return { takenOver, seconds: (performance.now() - began) / 1000 };
  } finally {
    for (const process of running) {
      try {
        process.kill("SIGKILL");
      } catch {
        // it has ended
      }
    }
    await Promise.all(running.map(({ ended }) => ended));
    await redis.kill();
  }
}

/** Both sweeps have the same runs, to the bit of their weights, and the same numbers but for times. */
export function compareFolders(one: string, other: string): void {
  const runs = foldersOf(join(one, "tiny"));
  assert.deepEqual(foldersOf(join(other, "tiny")), runs);
  assert(runs.length > 0);
  for (const run of runs) {
    const [a, b] = [one, other].map((out) =>
      Deno.readFileSync(join(out, "tiny", run, "model.safetensors"))
    );
    assert(a.length === b.length && a.every((byte, i) => byte === b[i]), `${run} differs`);
  }
  assert.deepEqual(numbersOf(other), numbersOf(one));
}

/** The numbers of a comparison, without what depends on time. */
function numbersOf(out: string) {
  const { rows } = JSON.parse(Deno.readTextFileSync(join(out, "tiny", "comparison.json")));
  const text = JSON.stringify(rows, (key, value) => key === "seconds" ? undefined : value);
  return JSON.parse(text);
}

function foldersOf(path: string): string[] {
  return [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory)
    .map(({ name }) => name).sort();
}

/** Runs below a sweep's folder that have a checkpoint and no summary. */
function checkpointsIn(out: string): string[] {
  const names = (path: string) => {
    try {
      return [...Deno.readDirSync(path)].map(({ name }) => name);
    } catch {
      return []; // not made yet
    }
  };
  return names(join(out, "tiny")).filter((run) => {
    const path = join(out, "tiny", run);
    return names(join(path, "checkpoints")).length > 0 && !names(path).includes("summary.json");
  });
}

async function until(holds: () => boolean, output: () => string): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 3000) throw new Error(`waited in vain: ${output()}`);
    await pause(20);
  }
}

/** Waits. */
export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
