import { InputError } from "../errors.ts";
import { nameText } from "../images/look_alike.ts";
import type { Triple } from "../images/pixel_statistics.ts";
import { initialRunning, initialValues } from "../net/initialize.ts";
import { packState, stateTensors } from "../net/network_state.ts";
import { type ParameterTable, parameterTable } from "../net/parameters.ts";
import { resnet18, type Stem } from "../net/resnet18.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  type SafetensorsFile,
} from "../net/safetensors.ts";
import { nameInFile, stateLayout } from "../net/state_layout.ts";
import { Random } from "../random.ts";
import { checkName } from "./given.ts";
import type { LearnerSettings } from "./settings.ts";

/** Weights that a learner is born with, as a safetensors file. */
export interface Start {
  /** Of the file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For messages. */
  readonly name: string;
}

/** What a start settles. */
export interface StartFacts {
  readonly width: number;
  readonly stem: Stem;
  /** Pixels that its images were normalised by: as it says, or those of ImageNet. */
  readonly mean: Triple;
  readonly std: Triple;
}

/** Of ImageNet, as nearly all published weights take them; of photographs in general. */
export const PHOTOGRAPHS: { readonly mean: Triple; readonly std: Triple } = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** @throws {InputError} for a file that is not that of a ResNet-18. */
export function startFacts({ bytes, name }: Start): StartFacts {
  const file = decodeSafetensors(bytes, name);
  const stem = file.tensors.get("conv1.weight");
  const [width, , kernel] = stem?.shape ?? [];
  if (width === undefined || (kernel !== 3 && kernel !== 7)) {
    throw new InputError(
      `Cannot start from ${name}: it has no conv1.weight of a ResNet-18; name the model.safetensors of a run, or a ` +
        "ResNet-18 of torchvision or timm",
    );
  }
  const { mean, std } = file.metadata;
  return {
    width,
    stem: kernel === 7 ? "imagenet" : "cifar",
    mean: triple(mean) ?? PHOTOGRAPHS.mean,
    std: triple(std) ?? PHOTOGRAPHS.std,
  };
}

/** What a learner is born with. */
export interface FirstModel {
  /** A safetensors file with the official names. */
  readonly model: Uint8Array<ArrayBuffer>;
  /** Classes whose heads were kept, by head; null: free. */
  readonly classes: readonly (string | null)[];
}

/**
 * The first weights of a learner: those of a start, or fresh ones; the classifier is fresh unless it is kept.
 *
 * @param keepHead takes over the classifier of the start, and the names of its classes where it has them.
 * @throws {InputError} for weights that do not fit, or have no classifier to keep.
 */
export function firstModel(
  settings: LearnerSettings,
  start: Start | null,
  keepHead: boolean,
): FirstModel {
  const table = tableOf(settings, settings.maxClasses);
  const fresh = initialValues(table, Random.stream(settings.seed, "init"));
  const none = Array<null>(settings.maxClasses).fill(null);
  if (start === null) {
    const state = { values: fresh, running: initialRunning(table), batchesTracked: 0 };
    return { model: encodeModel(stateTensors(table, state), settings, none), classes: none };
  }
  const file = decodeSafetensors(start.bytes, start.name);
  const state = packState(table, file.tensors, start.name, { withoutHead: true });
  for (const { kind, offset, length } of table.learned) {
    if (kind.startsWith("linear")) {
      state.values.set(fresh.subarray(offset, offset + length), offset);
    }
  }
  const tensors = stateTensors(table, state);
  const classes = keepHead ? takeHead(tensors, file, settings, start.name) : none;
  return { model: encodeModel(tensors, settings, classes), classes };
}

/** The weights of a learner, with what whoever reads them must know. */
export function encodeModel(
  tensors: ReadonlyMap<string, HostTensor>,
  { size, mean, std }: LearnerSettings,
  classes: readonly (string | null)[],
): Uint8Array<ArrayBuffer> {
  return encodeSafetensors(tensors, {
    format: "pt",
    classes: JSON.stringify(classes),
    size: String(size),
    mean: JSON.stringify(mean),
    std: JSON.stringify(std),
  });
}

/** How the numbers of a learner's network are laid out. */
export function tableOf({ width, stem, size }: LearnerSettings, heads: number): ParameterTable {
  return parameterTable(resnet18({ width, stem, heads, height: size, inputWidth: size }));
}

/** Puts the rows of a start's classifier in the place of the first heads; returns the names of their classes. */
function takeHead(
  tensors: Map<string, HostTensor>,
  file: SafetensorsFile,
  { maxClasses }: LearnerSettings,
  name: string,
): (string | null)[] {
  const layout = stateLayout(file.tensors);
  const of = (part: string) => file.tensors.get(nameInFile(`linear.${part}`, layout));
  const [weight, bias] = [of("weight"), of("bias")];
  const own = tensors.get("linear.weight")!;
  const fail = (found: string): never => {
    throw new InputError(
      `Cannot keep the classifier of ${name}: ${found}; leave --keep-head out, and it is replaced`,
    );
  };
  if (weight?.dtype !== "F32" || bias?.dtype !== "F32") return fail("it has none of type F32");
  const [classes, features] = weight.shape;
  if (features !== own.shape[1]) {
    fail(`it reads ${features} features, this network has ${own.shape[1]}`);
  }
  if (classes > maxClasses) {
    fail(`it has ${classes} classes, and the learner has room for ${maxClasses}`);
  }
  (own.data as Float32Array).set(weight.data);
  (tensors.get("linear.bias")!.data as Float32Array).set(bias.data);
  const names = namesIn(file.metadata.classes, classes);
  const taken = new Set<string>();
  for (const className of names) {
    if (className === null) continue;
    if (taken.has(className)) fail(`two of its classes are named ${nameText(className)}`);
    try {
      checkName(className, taken);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      fail(`no class can be named so (${error.message})`);
    }
    taken.add(className);
  }
  return Array.from({ length: maxClasses }, (_, head) => names[head] ?? null);
}

function namesIn(text: string | undefined, count: number): (string | null)[] {
  const value = parsed(text);
  const isName = (name: unknown) => typeof name === "string" || name === null;
  return Array.isArray(value) && value.length === count && value.every(isName) ? value : [];
}

function triple(text: string | undefined): Triple | null {
  const value = parsed(text);
  const isTriple = Array.isArray(value) && value.length === 3 &&
    value.every((number) => typeof number === "number" && number >= 0 && number <= 1);
  return isTriple ? value as unknown as Triple : null;
}

/** Metadata are free text, which other programs write as well. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return null;
  }
}
