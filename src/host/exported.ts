import { basename, resolve } from "node:path";
import { readGeneration, readLast } from "../continual/generation.ts";
import { classesByHead } from "../experiment/run_summary.ts";
import { logitShift } from "../learner/label_prior.ts";
import type { ClassHead, TrainedNetwork } from "../exchange/onnx_resnet18.ts";
import type { WeightsFacts } from "../exchange/model_card.ts";
import { packState, stateTensors } from "../net/network_state.ts";
import { parameterTable } from "../net/parameters.ts";
import { resnet18 } from "../net/resnet18.ts";
import { decodeSafetensors, type HostTensor } from "../net/safetensors.ts";
import { isFile } from "../data/folder_listing.ts";
import { InputError } from "../errors.ts";
import { isLearner } from "./learner_folder.ts";
import { learnerAt } from "./learner_place.ts";
import { loadPastConfig } from "./load_config.ts";
import { readWeightsFile } from "./read_weights.ts";
import { readSummary, runFolder } from "./run_folder.ts";

/** Weights that are to leave the program, and all that is known of them. */
export interface Exported extends WeightsFacts {
  /** As they were written. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** Of the file that they are in, with `classes` by head, `size`, `mean` and `std`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Added to logits when they are judged, by head; null: nothing. */
  readonly shift: Float32Array | null;
}

/**
 * What the folder of a run or a learner has to export.
 *
 * @throws {InputError} for a folder that is neither, or has no weights yet.
 */
export async function readExported(
  path: string,
  warn: (text: string) => void,
): Promise<Exported> {
  return isLearner(path) || isFile(path) ? await ofLearner(path, warn) : await ofRun(path);
}

/** The network in inference; tensors are looked at value by value. @throws {InputError} */
export function trainedNetwork(exported: Exported): TrainedNetwork {
  const { tensors, classes, mean, std, shift, name, width, heads, size, stem } = exported;
  const net = resnet18({ width, heads, height: size, inputWidth: size, stem });
  const table = parameterTable(net);
  const state = packState(table, tensors, name);
  return { net, tensors: stateTensors(table, state), classes, mean, std, shift };
}

/** Numbers that were learned. */
export function parametersIn(tensors: ReadonlyMap<string, HostTensor>): number {
  return [...tensors].filter(([name]) => !/\.(running_|num_batches)/.test(name))
    .reduce((sum, [, { data }]) => sum + data.length, 0);
}

async function ofLearner(path: string, warn: (text: string) => void): Promise<Exported> {
  const store = await learnerAt(path);
  const { found } = await readLast(store, (name) => readGeneration(store, name), warn);
  const { state, model, record } = found;
  const { settings: { size, mean, std, width, stem, maxClasses: heads } } = state;
  return {
    ...decodeSafetensors(model, path),
    ...{ name: nameOf(path), size, mean, std, width, stem, heads, shift: null },
    classes: inOrder(state.classes),
    story: { kind: "learner", state, record },
  };
}

async function ofRun(path: string): Promise<Exported> {
  const folder = runFolder(path);
  if (!isFile(folder.model)) {
    throw new InputError(
      `Cannot export ${path}: it holds no weights; name the folder of a run that has ended, or of a learner`,
    );
  }
  const { tensors, metadata } = decodeSafetensors(
    readWeightsFile(folder.model, "export"),
    folder.model,
  );
  const config = await loadPastConfig(folder.config);
  // A run that was killed while it ended has a model and no summary yet.
  const summary = isFile(folder.summary) ? readSummary(path) : null;
  const { data: { size, mean, std, tasks, classesPerTask }, network: { width, stem } } = config;
  const names = summary ? classesByHead(config, summary) : namesIn(metadata);
  const { labels = [] } = summary ?? {};
  const tau = config.evaluation.logitAdjustment;
  return {
    tensors,
    metadata: {
      ...metadata,
      ...{ size: String(size), mean: JSON.stringify(mean), std: JSON.stringify(std) },
    },
    ...{ name: nameOf(path), size, mean, std, width, stem, heads: tasks * classesPerTask },
    shift: tau > 0 && labels.length > 0 ? logitShift(labels, tau) : null,
    classes: inOrder(names.flatMap((name, head) => name === null ? [] : [{ name, head }])),
    story: { kind: "run", config, summary },
  };
}

/** `classes` of a run's metadata. */
function namesIn({ classes }: Readonly<Record<string, string>>): (string | null)[] {
  return classes === undefined ? [] : JSON.parse(classes);
}

const inOrder = (classes: readonly ClassHead[]): ClassHead[] =>
  classes.map(({ name, head }) => ({ name, head })).sort((a, b) => a.head - b.head);

const nameOf = (path: string) => basename(resolve(path)) || "model";
