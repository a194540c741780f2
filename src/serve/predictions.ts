import { InputError } from "../errors.ts";
import type { LearnerSafety } from "../host/learner_host.ts";
import { AskedWorker } from "./asked_worker.ts";
import type { PredictAnswer, PredictRequest } from "./predict_worker.ts";

/** In which a question is answered, loading and compiling included. */
const SECONDS = 120;

/** Milliseconds before a network that could not be loaded is tried again: it may take seconds, and most of a core. */
const PAUSE = 2000;

const LOADING = "the network is being loaded";

/** Nobody answers right now. */
export class NotReady extends Error {
  override readonly name = "NotReady";
}

/** Answers from the last generation, by a worker with a device of its own, which is replaced where it is lost. */
export class Predictions {
  readonly #worker = new AskedWorker<PredictRequest, PredictAnswer>(
    new URL("./predict_worker.ts", import.meta.url),
    { name: "predictor", seconds: SECONDS },
  );
  readonly #learner: string;
  readonly #safety: LearnerSafety;
  #loading: Promise<number> | null = null;
  #problem: string | null = LOADING;
  #failedAt = -Infinity;
  #closed = false;

  /** Of a folder; the worker is started when it is asked first. */
  constructor(learner: string, safety: LearnerSafety) {
    this.#learner = learner;
    this.#safety = safety;
  }

  /** Why nobody answers; null: somebody does. */
  get problem(): string | null {
    return this.#problem ?? (this.#worker.isStarted ? null : LOADING);
  }

  /** Questions without an answer. */
  get load(): number {
    return this.#worker.load;
  }

  /** How often the worker, and with it the device, had to be replaced. */
  get losses(): number {
    return this.#worker.losses;
  }

  /** Loads the network; who asks meanwhile waits for it. */
  async begin(): Promise<void> {
    await (this.#loading = this.take());
  }

  /**
   * Takes the last generation; the one before answers until it is there.
   *
   * @returns its number
   */
  async take(): Promise<number> {
    const { losses } = this.#worker;
    try {
      const load = { kind: "load", learner: this.#learner, safety: this.#safety } as const;
      const { generation } = await this.#worker.ask(load);
      this.#problem = null;
      return generation;
    } catch (error) {
      this.#problem = (error as Error).message;
      this.#failedAt = performance.now();
      this.#lose(losses, this.#problem);
      throw error;
    }
  }

  /**
   * What the last generation sees in images. Where the device is lost another one is opened, once.
   *
   * @throws {NotReady}
   */
  async ask(images: readonly Uint8Array<ArrayBuffer>[]): Promise<PredictAnswer> {
    if (!this.#worker.isStarted && performance.now() - this.#failedAt < PAUSE) {
      throw new NotReady(`Cannot predict: ${this.#problem}`);
    }
    for (let attempt = 0;; attempt++) {
      let { losses } = this.#worker;
      try {
        if (!this.#worker.isStarted) this.#loading = null;
        await (this.#loading ??= this.take());
        ({ losses } = this.#worker);
        return await this.#worker.ask({ kind: "predict", images });
      } catch (error) {
        if (error instanceof InputError && this.#worker.isStarted) throw error;
        this.#lose(losses, (error as Error).message);
        if (attempt === 1 || this.#closed) {
          throw new NotReady(`Cannot predict: ${(error as Error).message}`, { cause: error });
        }
      }
    }
  }

  /** For tests: takes the device away. */
  async loseDevice(): Promise<void> {
    await this.#worker.ask({ kind: "lose device" });
  }

  /** Ends the worker. */
  close(): void {
    this.#closed = true;
    this.#worker.close();
  }

  /** Replaces the worker, where nobody has since it had been lost so many times. */
  #lose(losses: number, why: string): void {
    if (this.#worker.losses !== losses) return;
    this.#loading = null;
    this.#worker.lose(why);
  }
}
