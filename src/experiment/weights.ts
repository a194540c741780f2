import { initialValues } from "../net/initialize.ts";
import { type NetworkState, packState } from "../net/network_state.ts";
import type { ParameterTable } from "../net/parameters.ts";
import { decodeSafetensors } from "../net/safetensors.ts";
import { stateLayout } from "../net/state_layout.ts";
import { Random } from "../random.ts";
import { parametersOf } from "./build.ts";
import type { ExperimentConfig } from "./config_types.ts";

/** Weights as a file has them, looked at value by value. */
export interface Weights {
  /** The bytes of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Laid out for the network of the configuration. */
  readonly state: NetworkState;
  /** What was done to them, in a line; null: they are as in the file. */
  readonly note: string | null;
}

/** What weights of torchvision and timm were trained with. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * The weights of a configuration's network, from the bytes of a safetensors file. The classifier of a file with the
 * names of torchvision is for classes of others: it is replaced by the one that the configuration's seed draws, unless
 * `network.keepHead` is set. That of a file with the official names, as a run leaves it, is taken over.
 *
 * @param name of the file, for messages
 * @throws {InputError} for weights that do not fit or are no numbers to go on with.
 */
export function decodeWeights(
  bytes: Uint8Array<ArrayBuffer>,
  name: string,
  config: ExperimentConfig,
): Weights {
  const table = parametersOf(config);
  const { tensors } = decodeSafetensors(bytes, name);
  const isForeign = stateLayout(tensors) === "torchvision";
  const withoutHead = isForeign && !config.network.keepHead;
  const state = packState(table, tensors, name, { withoutHead });
  if (withoutHead) drawHead(state.values, table, config.seed);
  const notes = [
    ...narrowedNotes(state),
    ...(isForeign ? foreignNotes(config) : []),
  ];
  return { bytes, state, note: notes.length > 0 ? `${name}: ${notes.join("; ")}` : null };
}

/** Puts the classifier that fresh weights of this seed would have into a table of values. */
function drawHead(values: Float32Array, table: ParameterTable, seed: number): void {
  const fresh = initialValues(table, Random.stream(seed, "init"));
  for (const { kind, offset, length } of table.learned) {
    if (kind.startsWith("linear")) values.set(fresh.subarray(offset, offset + length), offset);
  }
}

function narrowedNotes({ narrowed }: NetworkState): string[] {
  const tensors = narrowed === 1 ? "1 tensor" : `${narrowed} tensors`;
  return narrowed > 0 ? [`${tensors} of type F64, rounded to float32`] : [];
}

function foreignNotes({ data, network }: ExperimentConfig): string[] {
  const heads = data.tasks * data.classesPerTask;
  const { mean, std } = imagenet;
  const same = data.mean.join() === mean.join() && data.std.join() === std.join();
  return [
    "names of torchvision",
    network.keepHead
      ? "its classifier is kept"
      : `its classifier is replaced by a fresh one of ${heads} heads (--keep-head keeps one that fits)`,
    ...(same ? [] : [
      `such weights want --set data.mean=${JSON.stringify(mean)} --set data.std=${
        JSON.stringify(std)
      }`,
    ]),
  ];
}
