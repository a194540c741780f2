import type { FromWorker, News, RequestName, Requests, ToWorker } from "../messages.ts";

/** The way to the worker that has learner and device. */
export class Link {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;

  constructor(listen: (news: News) => void) {
    // Made from a text, it inherits the page's Content-Security-Policy; one with an address would have none.
    const address = new URL("worker.js", document.baseURI).href;
    const text = new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" });
    this.#worker = new Worker(URL.createObjectURL(text), {
      type: "module",
      name: document.baseURI,
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if ("news" in data) return listen(data.news);
      const waiting = this.#waiting.get(data.id)!;
      this.#waiting.delete(data.id);
      if ("answer" in data) waiting.resolve(data.answer);
      else waiting.reject(Object.assign(new Error(data.error.message), { name: data.error.name }));
    };
    this.#worker.onerror = ({ message }) => {
      const error = new Error(`The page's worker failed: ${message}; load the page again`);
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  /** Asks the worker for something. */
  ask<N extends RequestName>(
    name: N,
    asked: Requests[N]["asked"],
    transfer: Transferable[] = [],
  ): Promise<Requests[N]["answer"]> {
    const id = ++this.#last;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, name, asked } as ToWorker, transfer);
    return waiting.promise as Promise<Requests[N]["answer"]>;
  }

  /** Ends the night that goes on, saved. */
  stop(): void {
    this.#worker.postMessage({ name: "stop" } satisfies ToWorker);
  }
}
