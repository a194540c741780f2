import type { Assembly } from "../src/experiment/build.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { download, upload } from "../src/gpu/tensor.ts";
import type { Comparison } from "./comparison.ts";
import { LIMIT } from "./network_state.ts";
import type { OfficialRecording } from "./official_recording.ts";
import { normalisation, normalised, wordsOf } from "./pictures.ts";
import type { Trace } from "./recorded_trace.ts";

type MaybeTensor = Assembly["session"]["longTerm"]["logits"];

/** What the official memory holds beside its pictures at this point. */
export function uploadLogits({ logits, heads }: Trace, tensor: MaybeTensor, gpu: Gpu): void {
  if (!tensor) return;
  const width = tensor.shape[1];
  const values = new Float32Array(tensor.length);
  logits.forEach((row, slot) => row.forEach((value, h) => values[slot * width + h] = value));
  upload(gpu, tensor, values);
  if (heads > width) throw new RangeError(`Cannot upload ${heads} logits to rows of ${width}`);
}

export async function compareRememberedLogits(
  { logits, heads }: Trace,
  tensor: NonNullable<MaybeTensor>,
  gpu: Gpu,
  comparison: Comparison,
  where: string,
): Promise<void> {
  const [values] = await download(gpu, [tensor]);
  const width = tensor.shape[1];
  logits.forEach((row, slot) => {
    const found = values.subarray(slot * width, slot * width + heads);
    comparison.close("remembered logits", `${where}, slot ${slot}`, found, row, LIMIT);
  });
}

/** The pictures, mirrored or not, are what the official network was given. */
export function compareInputs(
  comparison: Comparison,
  recording: OfficialRecording,
  images: Parameters<typeof normalised>[0],
): void {
  const all = [...images.labels.keys()];
  const norm = normalisation(recording);
  for (const [name, mirrored] of [["pool/stream", true], ["pool/replay", false]] as const) {
    if (!recording.has(name)) continue;
    const found = normalised(images, all, norm, mirrored);
    comparison.close("inputs", name, found, recording.numbers(name), LIMIT);
  }
}

export async function compareMemory(
  trace: Trace,
  { session: { longTerm }, network }: Assembly,
  images: Parameters<typeof wordsOf>[0],
  comparison: Comparison,
  recording: OfficialRecording,
): Promise<void> {
  if (!recording.has("final/buffer_idx")) return;
  const pictures = Array.from(recording.numbers("final/buffer_idx"));
  comparison.same(
    "memory",
    "last labels",
    longTerm.labels,
    recording.numbers("final/buffer_labels"),
  );
  comparison.same("memory", "slots", trace.pictures, pictures);
  const [words] = await download(network.gpu, [longTerm.tensor]);
  const area = images.height * images.width;
  pictures.forEach((picture, slot) => {
    if (picture < 0) return;
    const found = words.subarray(slot * area, (slot + 1) * area);
    comparison.same("memory", `picture of slot ${slot}`, found, wordsOf(images, picture));
  });
  if (
    longTerm.logits && recording.has("final/buffer_logits") && recording.state(
      `state/${String(trace.steps).padStart(3, "0")}`,
    )
  ) {
    await compareRememberedLogits(trace, longTerm.logits, network.gpu, comparison, "end");
  }
}
