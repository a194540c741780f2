import { basename, resolve } from "node:path";
import denoConfig from "../../deno.json" with { type: "json" };
import type { ExportFormat } from "../exchange/export_formats.ts";
import { modelCard } from "../exchange/model_card.ts";
import { encodeOnnx } from "../exchange/onnx.ts";
import { onnxOfResNet18 } from "../exchange/onnx_resnet18.ts";
import { encodeSafetensors, type HostTensor, type WrittenTensor } from "../net/safetensors.ts";
import { InputError } from "../errors.ts";
import { diskProblem, reasonOf, writeNew } from "./durable.ts";
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
  refuseUnwritable(out, "--out");
  if (card !== undefined) {
    refuseUnwritable(card, "--card");
    if (resolve(card) === resolve(out)) {
      throw new InputError(
        `Cannot write weights and card to one file, ${out}; choose another file with --card`,
      );
    }
  }
  const exported = await readExported(path, warn);
  const { story } = exported;
  if (story.kind === "run" && story.summary?.completed !== true) {
    warn(`${path} was stopped before its end: these are the weights of that moment`);
  }
  const bytes = format === "onnx" ? onnxBytes(exported, path) : safetensorsBytes(exported, half);
  const text = card === undefined ? "" : modelCard({
    ...exported,
    ...{ format, half, license: license ?? null },
    file: basename(out),
    parameters: parametersIn(exported.tensors),
  });
  write(out, bytes, "--out");
  try {
    if (card !== undefined) write(card, new TextEncoder().encode(text), "--card");
  } catch (error) {
    Deno.removeSync(out); // all or nothing
    throw error;
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

/** @throws {InputError} for a file that is there, and for one that cannot be made. */
function refuseUnwritable(file: string, option: string): void {
  if (file === "" || file === "-") {
    throw new InputError(
      `Cannot write to "${file}": ${option} needs the name of a file; choose one`,
    );
  }
  write(file, new Uint8Array(), option);
  Deno.removeSync(file);
}

/** @throws {InputError} for a file that is there, and for one that cannot be written. */
function write(file: string, bytes: Uint8Array, option: string): void {
  try {
    writeNew(file, bytes);
  } catch (error) {
    const problem = error instanceof Deno.errors.AlreadyExists
      ? "it is there already;"
      : error instanceof Deno.errors.NotCapable
      ? `${reasonOf(error)};`
      : `${diskProblem(error)}, or`;
    throw new InputError(`Cannot write ${file}: ${problem} choose another file with ${option}`);
  }
}
