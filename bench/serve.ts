import { fileURLToPath } from "node:url";
import { SMALL_HEAP } from "../src/host/garbage.ts";
import { openGpu } from "../src/host/open_gpu.ts";
import { encodePng } from "../src/host/tensorboard/png.ts";
import { drawImages } from "../src/images/drawn.ts";
import { imagePixels } from "../src/images/image_set.ts";
import { Random } from "../src/random.ts";
import { figures, quantile, summarise, table } from "./measure.ts";
import { type Output, settingOf, writeResults } from "./setting.ts";

/** What `wscl bench serve` was asked for. */
export interface ServeOptions {
  readonly width: number;
  readonly size: number;
  /** Starts of the service. */
  readonly rounds: number;
  /** Nights that are slept through, each with requests beside it and as many requests behind it. */
  readonly nights: number;
  /** Images of a night. */
  readonly images: number;
  /** Seconds of mixed load. */
  readonly load: number;
  readonly clients: number;
  readonly out: string;
}

/** Milliseconds. */
interface Times {
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
  readonly count: number;
}

/** One line of `serve.jsonl`. */
interface ServeResult {
  readonly bench: "serve";
  readonly width: number;
  readonly size: number;
  /** From the start of the process to its first prediction. */
  readonly start: { readonly median: number; readonly least: number };
  readonly predict: { readonly idle: Times; readonly asleep: Times };
  /** From an episode to its 202, while it is awake and while it sleeps. */
  readonly acknowledge: { readonly idle: Times; readonly asleep: Times };
  /** An fsync of as many bytes beside it, by itself: what the disk takes of an acknowledgement. */
  readonly sync: Times;
  /** Asleep, divided by idle. */
  readonly ratios: { readonly p50: number; readonly p95: number };
  /** Megabytes of the process behind each night. */
  readonly memory: readonly number[];
  readonly load: {
    readonly seconds: number;
    readonly clients: number;
    readonly requests: number;
    /** Answers other than 200, 202 and 429 of a full backlog, and requests without an answer. */
    readonly errors: number;
    readonly full: number;
    readonly predict: Times;
    readonly acknowledge: Times;
    readonly nights: number;
  };
}

const TOKEN = "bench-bench-bench-bench";
const CLASSES = 4;

/** Nights as short as they can be: their steps are what counts, not how many there are. */
const SHORT = ["epochs=2", "wscl.sleepEpochs=2", "calibration=10"].flatMap((one) => ["--set", one]);

/** Measures a service as its clients see it: awake, asleep, and under load. */
export async function benchServe(options: ServeOptions, output: Output): Promise<void> {
  const { width, size, rounds, nights, images, load, clients } = options;
  const gpu = await openGpu();
  const setting = settingOf(gpu);
  gpu.destroy();
  const folder = Deno.makeTempDirSync();
  try {
    const learner = `${folder}/learner`;
    const made = await program(folder, [
      ...["new", learner, "--start", "none", "--size", String(size), "--width", String(width)],
      ...["--max-classes", "20", "--memory", "200", "--margin", "101", ...SHORT],
    ]).output();
    if (!made.success) throw new Error(new TextDecoder().decode(made.stderr));
    const pictures = await Pictures.draw(size);

    const starts: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      output.live(`start ${round + 1}/${rounds + 1}`);
      const began = performance.now();
      const service = await Serving.start(folder, learner);
      await service.predict(pictures.next().bytes);
      starts.push(performance.now() - began);
      await service.stop();
    }
    starts.shift(); // the cache may have been empty

    const service = await Serving.start(folder, learner);
    try {
      const predict = { idle: [] as number[], asleep: [] as number[] };
      const acknowledge = { idle: [] as number[], asleep: [] as number[] };
      const memory: number[] = [];
      // The first night learns what the others go on with.
      for (let i = 0; i < images; i++) await service.teach(pictures.next());
      for (let night = 0; night < nights; night++) {
        output.live(`night ${night + 1}/${nights}`);
        await service.sleep();
        let count = 0;
        for (; await service.isAsleep(); count++) {
          predict.asleep.push(await service.predict(pictures.next().bytes));
          if (count < images) acknowledge.asleep.push(await service.teach(pictures.next()));
        }
        memory.push(await service.megabytes());
        for (let i = 0; i < Math.max(20, count); i++) {
          predict.idle.push(await service.predict(pictures.next().bytes));
          if (i < images) acknowledge.idle.push(await service.teach(pictures.next()));
        }
      }
      const sync = syncTimes(folder, size * size * 3, 50);
      const mixed = await mixedLoad(service, pictures, { seconds: load, clients, output });
      const result: ServeResult = {
        ...{ bench: "serve", width, size },
        start: { median: summarise(starts).median, least: Math.min(...starts) },
        predict: { idle: timesOf(predict.idle), asleep: timesOf(predict.asleep) },
        acknowledge: { idle: timesOf(acknowledge.idle), asleep: timesOf(acknowledge.asleep) },
        sync: timesOf(sync),
        ratios: ratiosOf(timesOf(predict.asleep), timesOf(predict.idle)),
        memory,
        load: mixed,
      };
      output.live("");
      print(result, output);
      output.print(`\nwritten: ${writeResults(options.out, "serve", [result], setting)}`);
    } finally {
      await service.stop();
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Clients that do all sorts of things at once, while the learner sleeps again and again. */
async function mixedLoad(
  service: Serving,
  pictures: Pictures,
  { seconds, clients, output }: {
    readonly seconds: number;
    readonly clients: number;
    readonly output: Output;
  },
): Promise<ServeResult["load"]> {
  const ends = performance.now() + seconds * 1000;
  const predict: number[] = [];
  const acknowledge: number[] = [];
  let [requests, errors, full, nights] = [0, 0, 0, 0];
  const client = async (number: number) => {
    const random = Random.stream(number, "client");
    while (performance.now() < ends) {
      requests++;
      const what = random.below(100);
      try {
        if (what < 80) predict.push(await service.predict(pictures.next().bytes));
        else if (what < 95) acknowledge.push(await service.teach(pictures.next()));
        else if (what < 99) await service.look();
        else if (!await service.isAsleep()) {
          await service.sleep();
          nights++;
        }
      } catch (error) {
        if ((error as Error).message.startsWith("429")) full++;
        else {
          errors++;
          output.print(`  ${(error as Error).message}`);
        }
      }
      if (number === 0) {
        output.live(
          `load: ${Math.ceil((ends - performance.now()) / 1000)} s, ${requests} requests`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  const times = { predict: timesOf(predict), acknowledge: timesOf(acknowledge) };
  return { seconds, clients, requests, errors, full, ...times, nights };
}

/** A service of a process of its own. */
class Serving {
  readonly #url: string;
  readonly #child: Deno.ChildProcess;

  private constructor(url: string, child: Deno.ChildProcess) {
    this.#url = url;
    this.#child = child;
  }

  static async start(folder: string, learner: string): Promise<Serving> {
    const args = ["serve", learner, "--port", "0", "--rate", "0", "--idle", "never"];
    const child = program(folder, args).spawn();
    let said = "";
    const found = Promise.withResolvers<string>();
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) {
        if (said.length < 10_000) said += text;
        const [, url] = /^at +(http:\S+),/m.exec(said) ?? [];
        if (url) found.resolve(url);
      }
    };
    Promise.all([read(child.stdout), read(child.stderr)])
      .then(() => found.reject(new Error(`Cannot serve: ${said}`)));
    return new Serving(await found.promise, child);
  }

  /** Milliseconds of a prediction. */
  async predict(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    return await this.#timed("/v1/predict", bytes);
  }

  /** Milliseconds of an acknowledgement. */
  async teach({ bytes, label }: { bytes: Uint8Array<ArrayBuffer>; label: string }) {
    return await this.#timed(`/v1/episodes?label=${label}`, bytes);
  }

  async look(): Promise<void> {
    await this.#ask("/v1/classes");
  }

  async sleep(): Promise<void> {
    await this.#ask("/v1/sleep", { method: "POST" });
  }

  async isAsleep(): Promise<boolean> {
    const { asleep } = JSON.parse(await this.#ask("/v1/nights?limit=1"));
    return asleep !== null;
  }

  async megabytes(): Promise<number> {
    const [, bytes] = /^wscl_resident_bytes (\S+)$/m.exec(await this.#ask("/metrics"))!;
    return Math.round(Number(bytes) / 1e6);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#child.status;
  }

  async #timed(path: string, body: Uint8Array<ArrayBuffer>): Promise<number> {
    const began = performance.now();
    await this.#ask(path, { method: "POST", body, headers: { "content-type": "image/png" } });
    return performance.now() - began;
  }

  async #ask(path: string, { headers, ...init }: RequestInit = {}): Promise<string> {
    const response = await fetch(this.#url + path, {
      ...init,
      headers: { ...headers as Record<string, string>, authorization: `Bearer ${TOKEN}` },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} to ${path}: ${text}`);
    return text;
  }
}

/** A command of the program, as the launcher would start it. */
function program(folder: string, args: readonly string[]): Deno.Command {
  const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", SMALL_HEAP, "--config", at("deno.json")],
      ...["--lock", at("serve.lock"), "--frozen", "--allow-read", `--allow-write=${folder}`],
      ...["--allow-net=127.0.0.1", "--allow-env", at("src/cli/main.ts"), ...args],
    ],
    env: { WSCL_CACHE_DIR: `${folder}/cache`, WSCL_TOKEN: TOKEN, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Figures with noise, each of them another, as PNG files. */
class Pictures {
  readonly #size: number;
  readonly #set: Awaited<ReturnType<typeof drawImages>>;
  readonly #random = Random.stream(0, "pictures");
  #next = 0;

  private constructor(size: number, set: Awaited<ReturnType<typeof drawImages>>) {
    this.#size = size;
    this.#set = set;
  }

  static async draw(size: number): Promise<Pictures> {
    const drawn = { kind: "shapes", classes: CLASSES, trainPerClass: 50, testPerClass: 1 } as const;
    const set = await drawImages({ format: "drawn", size, seed: 0, drawn }, "train", () => {});
    return new Pictures(size, set);
  }

  next(): { readonly bytes: Uint8Array<ArrayBuffer>; readonly label: string } {
    const image = this.#next++ % this.#set.count;
    const pixels = imagePixels(this.#set, image).slice();
    for (let i = 0; i < 64; i++) {
      pixels[this.#random.below(pixels.length)] = this.#random.below(256);
    }
    return {
      bytes: encodePng({ width: this.#size, height: this.#size, pixels }),
      label: this.#set.classNames[this.#set.labels[image]],
    };
  }
}

/** Milliseconds of appending so many bytes to a file and bringing them to the disk. */
function syncTimes(folder: string, bytes: number, count: number): number[] {
  using file = Deno.openSync(`${folder}/sync`, { write: true, create: true });
  const data = new Uint8Array(bytes);
  return Array.from({ length: count }, () => {
    const began = performance.now();
    file.writeSync(data);
    file.syncDataSync();
    return performance.now() - began;
  });
}

function timesOf(milliseconds: readonly number[]): Times {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(quantile(sorted, share) * 100) / 100;
  return {
    p50: at(0.5),
    p95: at(0.95),
    worst: at(1),
    count: sorted.length,
  };
}

function ratiosOf(asleep: Times, idle: Times) {
  return { p50: asleep.p50 / idle.p50, p95: asleep.p95 / idle.p95 };
}

function print(result: ServeResult, output: Output): void {
  const { width, size, start, predict, acknowledge, sync, ratios, memory, load } = result;
  output.print(`a service of width ${width}, ${size} pixels\n`);
  const row = (name: string, { p50, p95, worst, count }: Times) => [
    ...[name, figures(p50), figures(p95), figures(worst), String(count)],
  ];
  output.print(table([
    ["milliseconds", "p50", "p95", "worst", "count"],
    row("predict, awake", predict.idle),
    row("predict, asleep", predict.asleep),
    row("acknowledge, awake", acknowledge.idle),
    row("acknowledge, asleep", acknowledge.asleep),
    row("an fsync by itself", sync),
    row(`predict, ${load.clients} clients`, load.predict),
    row(`acknowledge, ${load.clients} clients`, load.acknowledge),
  ]));
  output.print(
    `\nasleep to awake: ${figures(ratios.p50)} at p50, ${figures(ratios.p95)} at p95\n` +
      `start to first prediction: ${figures(start.median)} ms, at least ${figures(start.least)}\n` +
      `memory behind each night: ${memory.join(", ")} MB\n` +
      `load: ${load.requests} requests in ${load.seconds} s (${
        figures(load.predict.count / load.seconds)
      } images a second), ${load.nights} nights; ${load.errors} errors, ${load.full} times full`,
  );
}
