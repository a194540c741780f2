import { readKnowledge } from "../continual/generation.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type HostTensor,
  type WrittenTensor,
} from "../net/safetensors.ts";
import { isFile } from "../data/folder_listing.ts";
import { diskProblem } from "./durable.ts";
import { isLearner } from "./learner_folder.ts";
import { learnerAt } from "./learner_place.ts";
import { loadConfig } from "./load_config.ts";
import { InputError } from "../errors.ts";
import { readWeightsFile } from "./read_weights.ts";
import { runFolder } from "./run_folder.ts";

/**
 * Writes the weights of a run or a learner as one safetensors file, whose metadata say what whoever reads it must know:
 * `classes` by head, `size` of the images in pixels, `mean` and `std` by which they are normalised.
 *
 * @param options.half rounds floating-point values to F16
 * @returns bytes written
 * @throws {InputError} for a folder that is neither, or has no weights yet.
 */
export async function exportModel(
  path: string,
  { out, half, warn }: {
    readonly out: string;
    readonly half: boolean;
    readonly warn: (text: string) => void;
  },
): Promise<number> {
  const { tensors, metadata } = isLearner(path) || isFile(path)
    ? await ofLearner(path, warn)
    : await ofRun(path);
  const written = half
    ? new Map([...tensors].map(([name, tensor]) => [name, halved(name, tensor)]))
    : tensors;
  const bytes = encodeSafetensors(written, metadata);
  try {
    Deno.writeFileSync(out, bytes, { createNew: true });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new InputError(
        `Cannot write ${out}: it is there already; choose another file with --out`,
      );
    }
    throw new InputError(
      `Cannot write ${out}: ${diskProblem(error)}, or choose another file with --out`,
    );
  }
  return bytes.length;
}

async function ofLearner(path: string, warn: (text: string) => void) {
  const { model } = await readKnowledge(await learnerAt(path), warn);
  return decodeSafetensors(model, path);
}

async function ofRun(path: string) {
  const folder = runFolder(path);
  if (!isFile(folder.model)) {
    throw new InputError(
      `Cannot export ${path}: it holds no weights; name the folder of a finished run, or of a learner`,
    );
  }
  const { tensors, metadata } = decodeSafetensors(
    readWeightsFile(folder.model, "export"),
    folder.model,
  );
  const { data: { size, mean, std } } = await loadConfig(folder.config, []);
  const pixels = { size: String(size), mean: JSON.stringify(mean), std: JSON.stringify(std) };
  return { tensors, metadata: { ...metadata, ...pixels } };
}

/** @throws {InputError} for a value that F16 cannot hold. */
function halved(name: string, tensor: HostTensor): WrittenTensor {
  if (tensor.dtype !== "F32" && tensor.dtype !== "F64") return tensor;
  const data = new Float16Array(tensor.data);
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) {
    throw new InputError(
      `Cannot export in F16: element ${at} of ${name} is ${
        tensor.data[at]
      }, beyond 65504; export it in full`,
    );
  }
  return { dtype: "F16", shape: tensor.shape, data };
}
