import { InputError } from "../errors.ts";
import { type FileResults, type FileWork, workOnFiles } from "./file_batch.ts";
import type { FilePlace } from "./file_tree.ts";

/** One batch of files, as {@linkcode workOnFiles} takes it. */
export interface FileRequest {
  readonly work: FileWork;
  readonly places: readonly FilePlace[];
}

/** Errors are sent as text because a class does not survive the way between threads. */
export type FileReply =
  | { readonly results: FileResults }
  | { readonly message: string; readonly isInputError: boolean };

// A worker's own scope; the project is checked with the types of the main one.
const scope = self as unknown as {
  onmessage: (event: MessageEvent<FileRequest>) => void;
  postMessage(reply: FileReply, transfer: Transferable[]): void;
};

scope.onmessage = async ({ data: { work, places } }) => {
  try {
    const results = await workOnFiles(work, places);
    scope.postMessage({ results }, [results.bytes.buffer]);
  } catch (error) {
    const { message } = error as Error;
    scope.postMessage({ message, isInputError: error instanceof InputError }, []);
  }
};
