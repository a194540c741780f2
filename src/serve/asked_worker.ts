/// <reference lib="deno.worker" />
import { InputError } from "../errors.ts";

// Workers that stay and are asked again and again; those of `host/worker_call.ts` do one thing and end.

/** To the worker. */
interface Asked<Request> {
  readonly id: number;
  readonly request: Request;
}

/** From the worker: that it is there, then one for each question, in any order. */
type Reply<Answer> =
  | { readonly id: 0 }
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly failed: { readonly name: string; readonly message: string } };

/** The worker did not answer in time, or ended; another one has taken its place. */
export class WorkerLost extends Error {
  override readonly name = "WorkerLost";
}

interface Waiting<Answer> {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Seconds that a worker may take beyond until it is there. */
const START_SECONDS = 120;

/** The asking side: a worker that is started when it is first asked, and again after it was lost. */
export class AskedWorker<Request, Answer> {
  readonly #url: URL;
  readonly #name: string;
  readonly #seconds: number;
  readonly #waiting = new Map<number, Waiting<Answer>>();
  #worker: Worker | null = null;
  #isThere = false;
  #asked = 0;
  #losses = 0;

  /** @param seconds in which a question is answered; a worker that takes longer is replaced. */
  constructor(url: URL, { name, seconds }: { readonly name: string; readonly seconds: number }) {
    this.#url = url;
    this.#name = name;
    this.#seconds = seconds;
  }

  /** Questions without an answer. */
  get load(): number {
    return this.#waiting.size;
  }

  /** How often a worker had to be replaced. */
  get losses(): number {
    return this.#losses;
  }

  /** Whether there is a worker. */
  get isStarted(): boolean {
    return this.#worker !== null;
  }

  /**
   * Asks; buffers in `transfer` are handed over.
   *
   * @throws {InputError} where that is what the worker has thrown; other errors keep name and message.
   * @throws {WorkerLost}
   */
  ask(request: Request, transfer: Transferable[] = []): Promise<Answer> {
    const worker = this.#worker ??= this.#start();
    const id = ++this.#asked;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const seconds = this.#seconds + (this.#isThere ? 0 : START_SECONDS);
    const timer = setTimeout(() => this.lose(`it gave no answer in ${seconds} s`), seconds * 1000);
    this.#waiting.set(id, { resolve, reject, timer });
    worker.postMessage({ id, request } satisfies Asked<Request>, transfer);
    return promise;
  }

  /** Starts the worker, so that the first question finds it there. */
  start(): void {
    this.#worker ??= this.#start();
  }

  /** Ends the worker and all that it was asked; the next question starts another. */
  lose(why: string): void {
    if (!this.#worker) return;
    this.#losses++;
    this.#end(new WorkerLost(`Cannot go on with the ${this.#name}: ${why}; ask again`));
  }

  /** Ends the worker. */
  close(): void {
    this.#end(new WorkerLost(`Cannot ask the ${this.#name}: the service ends; ask again later`));
  }

  #end(error: Error): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#isThere = false;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }

  #start(): Worker {
    const worker = new Worker(this.#url, { type: "module", name: this.#name });
    worker.onmessage = ({ data }: MessageEvent<Reply<Answer>>) => {
      if (data.id === 0) this.#isThere = worker === this.#worker;
      const waiting = this.#waiting.get(data.id);
      if (!waiting || data.id === 0) return;
      this.#waiting.delete(data.id);
      clearTimeout(waiting.timer);
      if ("answer" in data) waiting.resolve(data.answer);
      else if ("failed" in data) waiting.reject(revive(data.failed));
    };
    worker.onerror = (event) => {
      event.preventDefault(); // or the whole process ends
      if (worker === this.#worker) this.lose(event.message);
    };
    return worker;
  }
}

/** The worker's side: answers each question by `work`. */
export function answerQuestions<Request, Answer>(
  work: (request: Request) => Promise<Answer>,
  transfer: (answer: Answer) => Transferable[] = () => [],
): void {
  self.onmessage = async ({ data: { id, request } }: MessageEvent<Asked<Request>>) => {
    try {
      const answer = await work(request);
      self.postMessage({ id, answer } satisfies Reply<Answer>, transfer(answer));
    } catch (thrown) {
      const { name, message } = thrown instanceof Error ? thrown : new Error(String(thrown));
      self.postMessage({ id, failed: { name, message } } satisfies Reply<Answer>);
    }
  };
  self.postMessage({ id: 0 } satisfies Reply<Answer>);
}

function revive({ name, message }: { readonly name: string; readonly message: string }): Error {
  const error = name === "InputError" ? new InputError(message) : new Error(message);
  error.name = name;
  return error;
}
