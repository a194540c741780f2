import { InputError } from "../errors.ts";
import { bytesPerFile, type FileWork } from "./file_batch.ts";
import type { FileReply, FileRequest } from "./file_worker.ts";

// Large enough that messages cost nothing, small enough that progress moves and cores stay busy.
const BATCH = 256;
const MOST_WORKERS = 8;

/**
 * Does `work` with every file, in as many worker threads as there are cores (8 at most).
 *
 * @param onDone Called with the number of files done so far.
 * @returns `[paths.length, bytesPerFile(work)]`, in the order of `paths`.
 * @throws {InputError} Of the first file found that cannot be read or decoded; the rest is abandoned.
 */
export async function mapFiles(
  work: FileWork,
  paths: readonly string[],
  onDone: (done: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const stride = bytesPerFile(work);
  const results = new Uint8Array(paths.length * stride);
  let next = 0;
  let done = 0;
  const takeBatches = async (worker: Worker) => {
    while (next < paths.length) {
      const start = next;
      const batch = paths.slice(start, start + BATCH);
      next += batch.length;
      results.set(await ask(worker, { work, paths: batch }), start * stride);
      onDone(done += batch.length);
    }
  };
  const count = Math.min(
    navigator.hardwareConcurrency,
    MOST_WORKERS,
    Math.ceil(paths.length / BATCH),
  );
  const workers = Array.from({ length: count }, startWorker);
  try {
    await Promise.all(workers.map(takeBatches));
  } finally {
    for (const worker of workers) worker.terminate();
  }
  return results;
}

function startWorker(): Worker {
  return new Worker(new URL("./file_worker.ts", import.meta.url), { type: "module" });
}

function ask(worker: Worker, request: FileRequest): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FileReply>) => {
      if ("results" in data) return resolve(data.results);
      reject(data.isInputError ? new InputError(data.message) : new Error(data.message));
    };
    // The worker itself did not start or broke: without preventDefault this would end the program.
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot work on files in a thread: ${event.message}`));
    };
    worker.postMessage(request);
  });
}
