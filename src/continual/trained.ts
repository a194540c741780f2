import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { decodeSafetensors, encodeSafetensors } from "../net/safetensors.ts";
import type { PictureFacts } from "./pictures.ts";

/** What stays known of a picture that was learned from, when its pixels are long gone. */
export type Trained = Pick<PictureFacts, "label" | "digest">;

/** Bytes of a SHA-256. */
const BYTES = 32;

/** Such facts as the bytes of a safetensors file: digests, `[pictures, 32]`, class by class. */
export function encodeTrained(trained: readonly Trained[]): Uint8Array<ArrayBuffer> {
  const byClass = [...Map.groupBy(trained, ({ label }) => label)];
  const data = new Uint8Array(trained.length * BYTES);
  byClass.flatMap(([, ofClass]) => ofClass).forEach(({ digest }, i) => {
    data.set(Uint8Array.fromHex(digest), i * BYTES);
  });
  const counts = byClass.map(([name, { length }]) => [name, length]);
  return encodeSafetensors(
    new Map([["digests", { dtype: "U8", shape: [trained.length, BYTES], data }]]),
    { classes: JSON.stringify(counts) },
  );
}

/** What {@linkcode encodeTrained} made. @throws {InputError} for bytes that are something else. */
export function decodeTrained(bytes: Uint8Array, name: string): Trained[] {
  const { tensors, metadata } = decodeSafetensors(bytes, name);
  const digests = tensors.get("digests");
  const counts = parseJson(metadata.classes ?? "null", name) as unknown;
  const isWhole = digests?.dtype === "U8" && Array.isArray(counts) && counts.every(isCount) &&
    counts.reduce((sum, [, count]) => sum + count, 0) * BYTES === digests.data.length;
  if (!isWhole) {
    throw new InputError(`Cannot read ${name}: it does not hold digests as they were written`);
  }
  const data = digests.data as Uint8Array;
  const labels = (counts as [string, number][])
    .flatMap(([label, count]) => Array<string>(count).fill(label));
  return labels.map((label, i) => ({
    label,
    digest: data.subarray(i * BYTES, (i + 1) * BYTES).toHex(),
  }));
}

/** Each picture once, in the order in which they were learned. */
export function alsoTrained(before: readonly Trained[], more: readonly Trained[]): Trained[] {
  const all = [...before, ...more].map(({ label, digest }) => ({ label, digest }));
  return [...new Map(all.map((one) => [one.digest, one])).values()];
}

function isCount(value: unknown): value is [string, number] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" &&
    Number.isSafeInteger(value[1]) && value[1] >= 0;
}
