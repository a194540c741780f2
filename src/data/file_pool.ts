import { InputError } from "../errors.ts";
import { bytesPerFile, type FileResults, type FileWork, workOnFiles } from "./file_batch.ts";
import type { FilePlace } from "./file_tree.ts";
import type { FileReply, FileRequest } from "./file_worker.ts";

// Large enough that messages cost nothing, small enough that progress moves, cores stay busy and results
// do not fill the memory.
const MOST_FILES = 256;
const MOST_BYTES = 2 ** 24;
const MOST_WORKERS = 8;

// A worker takes longer to start than it takes to decode so few.
const FEW_FILES = 32;

/**
 * Does `work` with every file, in as many worker threads as there are cores (8 at most; few files are done
 * here), and hands over what came out of each batch, in any order.
 *
 * @param take Called with the number of the batch's first file.
 * @param onDone Called with the number of files done so far.
 * @throws {InputError} Of the first file found that cannot be read or decoded; the rest is abandoned.
 */
export async function forEachBatch(
  work: FileWork,
  places: readonly FilePlace[],
  take: (first: number, results: FileResults) => void,
  onDone: (done: number) => void,
): Promise<void> {
  if (places.length <= FEW_FILES) {
    take(0, await workOnFiles(work, places));
    return onDone(places.length);
  }
  const size = Math.max(1, Math.min(MOST_FILES, Math.floor(MOST_BYTES / bytesPerFile(work))));
  let next = 0;
  let done = 0;
  const takeBatches = async (worker: Worker) => {
    while (next < places.length) {
      const first = next;
      const batch = places.slice(first, first + size);
      next += batch.length;
      take(first, await ask(worker, { work, places: batch }));
      onDone(done += batch.length);
    }
  };
  const count = Math.min(
    navigator.hardwareConcurrency,
    MOST_WORKERS,
    Math.ceil(places.length / size),
  );
  const workers = Array.from({ length: count }, startWorker);
  try {
    await Promise.all(workers.map(takeBatches));
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** {@linkcode forEachBatch} with all results together: `[places.length, bytesPerFile(work)]`. */
export async function mapFiles(
  work: FileWork,
  places: readonly FilePlace[],
  onDone: (done: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const stride = bytesPerFile(work);
  const all = new Uint8Array(places.length * stride);
  await forEachBatch(work, places, (first, { bytes }) => all.set(bytes, first * stride), onDone);
  return all;
}

function startWorker(): Worker {
  return new Worker(new URL("./file_worker.ts", import.meta.url), { type: "module" });
}

function ask(worker: Worker, request: FileRequest): Promise<FileResults> {
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
