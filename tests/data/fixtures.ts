import { join } from "node:path";
import type { OpenContext } from "../../src/data/open_context.ts";
import { jpegFile } from "./jpeg_files.ts";
import { pngFile } from "./png_files.ts";

/** Runs `use` with a fresh folder that is removed afterwards. */
export async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "wscl-data-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A context below `folder` that records what is told: data in `data`, cache in `cache`. */
export function contextIn(folder: string) {
  const warnings: string[] = [];
  const steps: string[] = [];
  const context: OpenContext = {
    dataRoot: join(folder, "data"),
    cacheDir: join(folder, "cache"),
    progress: (done, total, what) => steps.push(`${what} ${done}/${total}`),
    warn: (message) => warnings.push(message),
  };
  return { context, warnings, steps, dataRoot: join(folder, "data") };
}

/** Writes a file and the folders above it. */
export function write(path: string, bytes: Uint8Array | string): void {
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.writeFileSync(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
}

/** An RGB PNG file of one colour. */
export function plainPng(size: number, color: readonly number[]): Uint8Array {
  const samples = Uint8Array.from({ length: size * size * 3 }, (_, i) => color[i % 3]);
  return pngFile({ width: size, height: size, colorType: 2, depth: 8, samples });
}

/** A JPEG file of one colour. */
export function plainJpeg(size: number, color: readonly number[]): Promise<Uint8Array> {
  return jpegFile(size, size, () => color, { quality: 95 });
}

/**
 * An image folder of classes cat and dog: 3 training images each (PNG, colour `[label, number, 7]`) and
 * 2 test images each (JPEG).
 */
export async function writeImageFolder(root: string, size: number): Promise<void> {
  for (const [label, name] of ["cat", "dog"].entries()) {
    for (let n = 0; n < 3; n++) {
      write(join(root, "train", name, `${n}.png`), plainPng(size, [label, n, 7]));
    }
    for (let n = 0; n < 2; n++) {
      write(join(root, "test", name, `${n}.jpg`), await plainJpeg(size, [200 * label, 90, 60]));
    }
  }
}

/** A CIFAR record: label bytes, then planes filled with `color`, one pixel of the red plane marked. */
export function cifarRecord(labels: readonly number[], color: readonly number[]): Uint8Array {
  const record = new Uint8Array(labels.length + 3072);
  record.set(labels);
  for (let c = 0; c < 3; c++) record.fill(color[c], labels.length + c * 1024);
  record[labels.length + 33] = 255; // row 1, column 1
  return record;
}

/** The bytes of `pieces`, one after the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/**
 * Makes links, by a process of its own: to make one takes the right to write anywhere, which tests have not.
 *
 * @param links Path of each, and where it leads; "" for a pipe.
 */
export async function makeLinks(links: Readonly<Record<string, string>>): Promise<void> {
  const code = "for (const [path, to] of JSON.parse(Deno.args[0])) to === '' " +
    "? new Deno.Command('mkfifo', { args: [path] }).outputSync() : Deno.symlinkSync(to, path)";
  const args = ["eval", code, JSON.stringify(Object.entries(links))];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
