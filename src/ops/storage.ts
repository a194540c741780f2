import type { Tensor } from "../gpu/tensor.ts";
import type { Library } from "./shader.ts";

/**
 * How activations are stored: the network's input, outputs of convolutions and outputs of ReLUs. `f16` takes half the
 * memory; arithmetic, statistics, gradients and parameters are f32 either way.
 */
export type StoredType = "f32" | "f16";

/** What a user chooses: activations in f32, or in f16. */
export type Precision = "full" | "mixed";

/** How a network of a precision stores its activations. */
export const storedTypes = { full: "f32", mixed: "f16" } as const satisfies Record<
  Precision,
  StoredType
>;

/** What the user can do where numbers are not finite. */
export function remedyFor(precision: Precision): string {
  return precision === "full"
    ? "lower optimizer.learningRate"
    : 'lower optimizer.learningRate, or set precision to "full" ("mixed" holds activations up to 65504 only)';
}

/**
 * A kernel that reads or writes activations, for both ways of storing them: `storage` is the library that its text
 * wants, where an activation is an `array<Stored>`; `suffix` goes behind its name.
 */
export function bothStorages<T>(
  define: (suffix: "" | "_f16", storage: Library) => T,
): Readonly<Record<StoredType, T>> {
  return {
    f32: define("", "lib/storage_f32"),
    f16: define("_f16", "lib/storage_f16"),
  };
}

/**
 * How the activations of one launch are stored.
 *
 * @throws {TypeError} if not all in the same way.
 */
export function storedAs(...activations: readonly Tensor[]): StoredType {
  const [{ type, label }] = activations;
  const other = activations.find((tensor) => tensor.type !== type);
  if (type === "u32" || other) {
    throw new TypeError(
      `Cannot record a kernel: ${label} is ${type}` +
        `${other ? `, ${other.label} ${other.type}` : ""}; activations are all f32 or all f16`,
    );
  }
  return type;
}
