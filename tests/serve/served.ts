/** A learner that is served by a process of its own, to be asked, killed and started again. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SMALL_HEAP } from "../../src/host/garbage.ts";
import { ContinualLearner } from "../../src/continual/continual_learner.ts";
import type { LearnerSettings } from "../../src/continual/settings.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { drawImages } from "../../src/images/drawn.ts";
import { imagePixels } from "../../src/images/image_set.ts";
import { lastFiles as filesWithMark } from "../continual/learner_folders.ts";
import { testHost } from "../continual/small_learner.ts";
import { pngFile } from "../data/png_files.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const TOKEN = "a token for tests 0".replaceAll(" ", "-");

/** Sizes at which a night takes a second. */
const SMALL: Partial<LearnerSettings> = {
  size: 16,
  width: 4,
  maxClasses: 6,
  memory: 12,
  margin: 101,
  changed: [{ path: "wscl.sleepEpochs", value: 1 }, { path: "calibration", value: 4 }],
};

/** Makes a small learner that knows nothing yet. */
export async function bear(path: string, settings: Partial<LearnerSettings> = {}): Promise<void> {
  Deno.mkdirSync(path);
  const given = { settings: { ...SMALL, ...settings } };
  await ContinualLearner.create(new LearnerFolder(path), given, testHost());
}

/** A picture to send. */
export interface Figure {
  readonly label: string;
  /** PNG. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const drawn = await drawImages({
  ...{ format: "drawn", size: 16, seed: 0 },
  drawn: { kind: "shapes", classes: 4, trainPerClass: 16, testPerClass: 1 },
}, "train");

/** Figures of a class, by its number. */
export function figures(label: number, count: number, first = 0): Figure[] {
  const places = [...drawn.labels.keys()].filter((image) => drawn.labels[image] === label);
  return places.slice(first, first + count).map((image) => ({
    label: drawn.classNames[label],
    bytes: pngFile({
      ...{ width: 16, height: 16, colorType: 2, depth: 8 },
      samples: imagePixels(drawn, image).slice(),
    }),
  }));
}

/** A process that serves. */
export class Served implements AsyncDisposable {
  readonly url: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: { text: string };
  readonly #read: Promise<unknown>;

  private constructor(
    url: string,
    child: Deno.ChildProcess,
    output: { text: string },
    read: Promise<unknown>,
  ) {
    this.url = url;
    this.#child = child;
    this.#output = output;
    this.#read = read;
  }

  /** Starts one on any free port; resolves when it answers. */
  static start(learner: string, ...args: string[]): Promise<Served> {
    return Served.startWith({}, learner, ...args);
  }

  /** The same, with more in its environment. */
  static async startWith(
    env: Record<string, string>,
    learner: string,
    ...args: string[]
  ): Promise<Served> {
    const folder = join(learner, "..");
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", SMALL_HEAP, "--config", at("deno.json")],
        ...["--lock", at("serve.lock"), "--frozen", "--allow-read", `--allow-write=${folder}`],
        ...["--allow-net=127.0.0.1", "--allow-env"],
        ...[at("src/cli/main.ts"), "serve", learner, "--port", "0", "--skip-self-test"],
        ...["--skip-tuning", "--rate", "0", ...args],
      ],
      env: { WSCL_CACHE_DIR: join(folder, "cache"), WSCL_TOKEN: TOKEN, NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = { text: "" };
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        output.text += text;
        const found = /^at +(http:\S+),/m.exec(output.text);
        if (found) resolve(found[1]);
      }
    };
    const ended = Promise.all([read(child.stdout), read(child.stderr)])
      .then(() => reject(new Error(`it did not begin to serve: ${output.text}`)));
    const service = new Served(await promise, child, output, ended);
    for (let n = 0; n < 600 && !(await service.isReady()); n++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return service;
  }

  /** Whether predictions are answered. */
  async isReady(): Promise<boolean> {
    const response = await fetch(`${this.url}/readyz`).catch(() => null);
    await response?.body?.cancel();
    // One that has been killed meanwhile is not waited for.
    return response?.status !== 503;
  }

  /** What it has printed. */
  get output(): string {
    return this.#output.text;
  }

  /** Asks it. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${TOKEN}`);
    return await fetch(`${this.url}${path}`, {
      ...{ signal: AbortSignal.timeout(60_000), ...init, headers },
    });
  }

  /** The JSON that it answers, with this status. */
  // deno-lint-ignore no-explicit-any
  async json(path: string, init: RequestInit = {}, status = 200): Promise<any> {
    const response = await this.ask(path, init);
    const text = await response.text();
    assert.equal(response.status, status, `${init.method ?? "GET"} ${path}: ${text}`);
    return JSON.parse(text);
  }

  /** Teaches it a figure; the digest. */
  async teach({ label, bytes }: Figure, headers: Record<string, string> = {}): Promise<string> {
    const { digest } = await this.json(`/v1/episodes?label=${encodeURIComponent(label)}`, {
      ...{ method: "POST", body: bytes, headers: { "content-type": "image/png", ...headers } },
    }, 202);
    return digest;
  }

  /** Lets it sleep, and waits until it is awake and nothing is asked for. */
  async sleep(body: object = {}): Promise<void> {
    await this.json("/v1/sleep", post(body), 202);
    await this.awake();
  }

  /** Waits until no night goes on and none is asked for. */
  async awake(): Promise<void> {
    for (let n = 0; n < 600; n++) {
      const { asleep, asked } = await this.json("/v1/nights");
      // deno-lint-ignore no-explicit-any
      if (!asleep && asked.every(({ phase }: any) => !["asked", "day"].includes(phase))) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`it sleeps on: ${this.output}`);
  }

  /** Ends it at once; the signal or the exit code. */
  async kill(signal: Deno.Signal = "SIGKILL"): Promise<number | string> {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended by itself
    }
    await this.#read.catch(() => {});
    const { code, signal: by } = await this.#child.status;
    return by ?? code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A POST with JSON. */
export function post(body: unknown, headers: Record<string, string> = {}): RequestInit {
  return {
    ...{ method: "POST", body: JSON.stringify(body) },
    headers: { "content-type": "application/json", ...headers },
  };
}

/** Bytes of the files of the last generation, but for the mark that it is whole, which lists them in any order. */
export function lastFiles(path: string): Record<string, Uint8Array> {
  const { DONE: _, ...files } = filesWithMark(path);
  return files;
}
