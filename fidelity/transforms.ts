import type { RgbImage } from "../src/images/rgb_image.ts";
import { resizeImage } from "../src/data/resize.ts";
import { resizeSkimage } from "../src/data/resize_skimage.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { Program } from "../src/gpu/program.ts";
import { Arena, download, upload } from "../src/gpu/tensor.ts";
import { recordAugment } from "../src/ops/augment.ts";
import { BatchRecord } from "../src/ops/batch_record.ts";
import type { Comparison } from "./comparison.ts";
import { wordsOf } from "./pictures.ts";
import type { Json, OfficialRecording } from "./official_recording.ts";

const LIMIT = 1e-4;

/** Whether a recording holds samples of the official transforms and resizers. */
export function isTransforms({ tensors }: OfficialRecording): boolean {
  return [...tensors.keys()].some((name) => /^(augment|lanczos|cv2_linear|skimage)\//.test(name));
}

/** The augmentation kernel with recorded crops and mirror coins, and every resizer. */
export async function checkTransforms(
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
): Promise<void> {
  for (const name of prefixes(recording, /^(augment\/[^/]+)\//)) {
    const given = recording.json?.cases?.find((c: Json) => c.name === name);
    if (given) await checkAugment(gpu, recording, comparison, name, given);
    else comparison.note(`${name}: its mean and std are missing`);
  }
  for (const name of prefixes(recording, /^(lanczos\/\d+)\//)) {
    const found = resizeImage(
      picture(recording, `${name}/in`),
      size(recording, `${name}/out`),
      "lanczos",
    );
    comparison.same("Lanczos (Pillow)", name, found, recording.numbers(`${name}/out`));
  }
  for (const name of prefixes(recording, /^(cv2_linear\/\d+)\//)) {
    // These start from the picture of the Lanczos case of the same number where they have none of their own.
    const own = `${name}/in`;
    const from = recording.has(own) ? own : own.replace("cv2_linear", "lanczos");
    const found = resizeImage(picture(recording, from), size(recording, `${name}/out`), "bilinear");
    comparison.same("bilinear (OpenCV)", name, found, recording.numbers(`${name}/out`));
  }
  for (const name of prefixes(recording, /^(skimage\/\d+)\//)) {
    const image = picture(recording, `${name}/in`);
    if (recording.has(`${name}/out_float`)) {
      const found = resizeSkimage(image, size(recording, `${name}/out_float`));
      const expected = recording.numbers(`${name}/out_float`);
      comparison.close("scikit-image, floats", name, found, expected, LIMIT);
    }
    if (recording.has(`${name}/out_u8`)) {
      const found = resizeImage(image, size(recording, `${name}/out_u8`), "skimage");
      comparison.same("scikit-image, bytes", name, found, recording.numbers(`${name}/out_u8`));
    }
  }
}

function prefixes({ tensors }: OfficialRecording, pattern: RegExp): string[] {
  const found = [...tensors.keys()].flatMap((name) => pattern.exec(name)?.[1] ?? []);
  return [...new Set(found)];
}

function picture(recording: OfficialRecording, name: string): RgbImage {
  const [height, width] = recording.shape(name);
  return { height, width, pixels: Uint8Array.from(recording.numbers(name)) };
}

function size(recording: OfficialRecording, name: string): number {
  return recording.shape(name)[0];
}

async function checkAugment(
  gpu: Gpu,
  recording: OfficialRecording,
  comparison: Comparison,
  name: string,
  { mean, std }: Json,
): Promise<void> {
  const [rows, height, width] = recording.shape(`${name}/u8`);
  const pixels = Uint8Array.from(recording.numbers(`${name}/u8`));
  const corners = recording.numbers(`${name}/top_left`);
  const flips = recording.numbers(`${name}/flip`);
  const padding = 4;
  const arena = new Arena(gpu, name);
  try {
    const images = arena.tensor("images", [rows, height, width], "u32");
    const set = {
      name,
      height,
      width,
      count: rows,
      pixels,
      labels: new Uint16Array(rows),
      classNames: [],
    };
    const words = Array.from({ length: rows }, (_, row) => [...wordsOf(set, row)]).flat();
    upload(gpu, images, Uint32Array.from(words));
    const batch = new BatchRecord(arena, { maxRows: rows, maxMasks: 1, heads: 1 });
    const input = arena.tensor("input", [rows, height, width, 4]);
    const program = await Program.build(gpu, name, [recordAugment({
      ...{ height, width, padding, mean, std, rows, images, input },
      source: 0,
      batch: batch.tensor,
    })]);
    for (const part of ["train", "test"]) {
      if (!recording.has(`${name}/${part}`)) continue;
      const train = part === "train";
      batch.write(
        { lossSlot: 0, learningRate: 0 },
        Array.from({ length: rows }, (_, row) => ({
          ...{ source: 0, index: row, label: 0, mask: 0, weight: 0, slot: -1 },
          top: train ? corners[2 * row] : padding,
          left: train ? corners[2 * row + 1] : padding,
          flip: train && flips[row] === 1,
        })),
        [],
      );
      program.run();
      const [values] = await download(gpu, [input]);
      const area = height * width;
      const found = Float32Array.from({ length: rows * 3 * area }, (_, i) => {
        const [row, channel] = [Math.floor(i / (3 * area)), Math.floor(i / area) % 3];
        return values[(row * area + i % area) * 4 + channel];
      });
      const expected = recording.numbers(`${name}/${part}`);
      comparison.close("augmented inputs", `${name}/${part}`, found, expected, LIMIT);
    }
    program.destroy();
  } finally {
    arena.destroy();
  }
}
