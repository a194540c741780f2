import { basename } from "node:path";
import denoConfig from "../../deno.json" with { type: "json" };
import type { ExportFormat } from "../exchange/export_formats.ts";
import { modelCard } from "../exchange/model_card.ts";
import { encodeOnnx } from "../exchange/onnx.ts";
import { onnxOfResNet18 } from "../exchange/onnx_resnet18.ts";
import { encodeSafetensors, type HostTensor, type WrittenTensor } from "../net/safetensors.ts";
import { InputError } from "../errors.ts";
import { diskProblem } from "./durable.ts";
import { type Exported, parametersIn, readExported, trainedNetwork } from "./exported.ts";

/** What is written, and where. */
export interface ExportOptions {
  readonly format: ExportFormat;
  /** The file to write, which must not be there. */
  readonly out: string;
  /** The file to write a model card to, which must not be there; undefined: none. */
  readonly card?: string;
  /** What the card gives as licence; undefined: unknown. */
  readonly license?: string;
  /** Rounds floating-point values to F16; safetensors only. */
  readonly half: boolean;
  readonly warn: (text: string) => void;
}

/**
 * Writes the weights of a run or a learner as one file that says what whoever reads it must know: safetensors, whose
 * metadata have `classes` by head, `size` of the images in pixels, `mean` and `std` by which they are normalised; or
 * ONNX, which normalises by itself and answers with the classes alone. A model card beside it, if asked for.
 *
 * @returns bytes written to `out`
 * @throws {InputError} for a folder that is neither, has no weights yet, or for ONNX no classes; for a file that is
 * there. Nothing is written then.
 */
export async function exportModel(path: string, options: ExportOptions): Promise<number> {
  const { out, card, format, half, license, warn } = options;
  if (format === "onnx" && half) {
    throw new InputError(
      "Cannot export ONNX in F16: it is written in F32 only; leave --half out, or convert the file with the tools of " +
        "onnxruntime",
    );
  }
  refuseExisting(out, "--out");
  if (card !== undefined) refuseExisting(card, "--card");
  const exported = await readExported(path, warn);
  const bytes = format === "onnx" ? onnxBytes(exported, path) : safetensorsBytes(exported, half);
  write(out, bytes, "--out");
  if (card !== undefined) {
    const text = modelCard({
      ...exported,
      ...{ format, half, license: license ?? null },
      file: basename(out),
      parameters: parametersIn(exported.tensors),
    });
    write(card, new TextEncoder().encode(text), "--card");
  }
  return bytes.length;
}

function onnxBytes(exported: Exported, path: string): Uint8Array {
  const { name, classes } = exported;
  if (classes.length === 0) {
    throw new InputError(
      `Cannot export ${path} as ONNX: it knows no classes yet, so there is nothing to answer with; teach it first`,
    );
  }
  return encodeOnnx(onnxOfResNet18(trainedNetwork(exported), {
    name,
    about: `Tells ${classes.length} classes of images apart; names in metadata "classes"`,
    producer: { name: "wscl", version: denoConfig.version },
  }));
}

function safetensorsBytes({ tensors, metadata }: Exported, half: boolean): Uint8Array {
  const written = half
    ? new Map([...tensors].map(([name, tensor]) => [name, halved(name, tensor)]))
    : tensors;
  return encodeSafetensors(written, metadata);
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

function refuseExisting(file: string, option: string): void {
  try {
    Deno.lstatSync(file);
  } catch {
    return; // what else may be wrong is said when it is written
  }
  throw new InputError(
    `Cannot write ${file}: it is there already; choose another file with ${option}`,
  );
}

function write(file: string, bytes: Uint8Array, option: string): void {
  try {
    Deno.writeFileSync(file, bytes, { createNew: true });
  } catch (error) {
    throw new InputError(
      `Cannot write ${file}: ${diskProblem(error)}, or choose another file with ${option}`,
    );
  }
}
