/** Attacks one reader in a thread of its own, so that one that hangs can be told. */

import { attack, type Figures, readers } from "./readers.ts";

export interface AttackRequest {
  readonly folder: string;
  readonly reader: string;
  readonly inputs: number;
  readonly seed: number;
}

/** Inputs done so far; at the end the figures, or what went wrong. */
export type AttackReply =
  | { readonly done: number }
  | { readonly figures: Figures }
  | { readonly failure: string };

const scope = self as unknown as {
  onmessage: (event: MessageEvent<AttackRequest>) => void;
  postMessage: (reply: AttackReply) => void;
};

scope.onmessage = async ({ data: { folder, reader: name, inputs, seed } }) => {
  try {
    const reader = (await readers(folder)).find((candidate) => candidate.name === name)!;
    const figures = await attack(reader, inputs, seed, (done) => scope.postMessage({ done }));
    scope.postMessage({ figures });
  } catch (error) {
    scope.postMessage({ failure: error instanceof Error ? error.message : String(error) });
  }
};
