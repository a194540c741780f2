import denoConfig from "../../deno.json" with { type: "json" };
import { imagePixels, type ImageSet } from "../images/image_set.ts";
import { InputError } from "../errors.ts";
import type { ImageMemory } from "../images/image_memory.ts";
import { kernels } from "../ops/kernels.ts";
import type { Assembly } from "./build.ts";
import { sha256 } from "../digest.ts";
import type { ExperimentConfig } from "./config_types.ts";
import type { ImageDigests } from "./events.ts";
import type { Materials } from "./materials.ts";
import type { OwnKernels } from "./run_host.ts";

/** Pictures of each set that are compared pixel by pixel; of the others the labels are. */
const SAMPLED = 64;

/** Digests of names, labels and sampled pixels of each set. */
export async function digestsOfImages({ dataset, dreams }: Materials): Promise<ImageDigests> {
  const { train, test } = dataset;
  return {
    train: await digestOfImageSet(train),
    test: await digestOfImageSet(test),
    dreams: dreams && await digestOfImageSet(dreams),
  };
}

/** Digests of all that decides how a run goes: a resumed run must have the same ones. */
export async function identityOf(
  config: ExperimentConfig,
  images: ImageDigests,
  { init, method, own = [] }: {
    /** The file that the run starts from; null: its weights are drawn. */
    readonly init: Uint8Array<ArrayBuffer> | null;
    /** The module of a method of one's own; null for a method of the program. */
    readonly method: Uint8Array<ArrayBuffer> | null;
    /** Kernels of one's own that take the place of the program's; default: none. */
    readonly own?: OwnKernels["texts"];
  },
): Promise<Record<string, string>> {
  return {
    "the program's version": denoConfig.version,
    "the kernels' text": await digestOfKernels(),
    "the configuration": await digest(JSON.stringify(inOrder(config))),
    "the data": await digest(JSON.stringify(images)),
    "the initial weights": init ? await sha256(init) : "drawn",
    ...(method ? { "the method's text": await sha256(method) } : {}),
    ...Object.fromEntries(
      await Promise.all(
        own.map(async ({ op, code }) => [`the kernel of ${op}`, await digest(code)]),
      ),
    ),
  };
}

/** The same with the keys of all objects in alphabetical order: a file that is read again may have others. */
function inOrder(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(inOrder);
  const entries = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return Object.fromEntries(entries.map(([key, child]) => [key, inOrder(child)]));
}

/** Digest of names, labels and sampled pixels. */
export async function digestOfImageSet(images: ImageSet): Promise<string> {
  const { name, count, height, width, classNames, labels } = images;
  const bytes = height * width * 3;
  const sampled = Math.min(SAMPLED, count);
  const pixels = new Uint8Array(sampled * bytes);
  for (let i = 0; i < sampled; i++) {
    pixels.set(imagePixels(images, Math.floor(i * count / sampled)), i * bytes);
  }
  const about = JSON.stringify([name, count, height, width, classNames]);
  const parts = [new TextEncoder().encode(about), new Uint8Array(labels.slice().buffer), pixels];
  return await digest((await Promise.all(parts.map(sha256))).join());
}

/** What the host holds at a point, as text by name; a replay is compared with it. */
export async function fingerprintOf(
  assembly: Pick<Assembly, "network" | "session">,
): Promise<Record<string, string>> {
  const { network, session: { learner, random, heads, longTerm, shortTerm } } = assembly;
  const memory = async ({ labels, reservoir }: ImageMemory) =>
    `${reservoir.offered} ${await digest(JSON.stringify([reservoir.state(), ...labels]))}`;
  const streams = Object.entries(random).map(([name, stream]) =>
    [`the random stream "${name}"`, stream.state().join()] as const
  );
  return {
    ...Object.fromEntries(streams),
    "the number of steps": `${learner.steps} of ${learner.rows} images`,
    "the frozen blocks": `${network.frozenBlocks}, ${network.batchesTracked} batches tracked`,
    "the free heads": [...heads.free].join(),
    "the long-term memory": await memory(longTerm),
    "the short-term memory": await memory(shortTerm),
  };
}

/** Digest of the text of every kernel whose name begins so. */
export async function digestOfKernels(prefix = ""): Promise<string> {
  const meant = kernels.filter(({ name }) => name.startsWith(prefix));
  return await digest(meant.map(({ name, code }) => `${name}\n${code}`).sort().join("\0"));
}

/** A resumed run must be the run that it was: @throws {InputError} naming what is another. */
export function checkIdentity(
  name: string,
  then: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): void {
  const names = new Set([...Object.keys(then), ...Object.keys(now)]);
  const differ = [...names].filter((name) => then[name] !== now[name]);
  if (differ.length === 0) return;
  throw new InputError(
    `Cannot resume ${name}: ${differ.join(" and ")} ${
      differ.length > 1 ? "are" : "is"
    } not what it was when the ` +
      "checkpoint was written; restore it, or start the run anew with --overwrite",
  );
}

function digest(text: string): Promise<string> {
  return sha256(new TextEncoder().encode(text));
}
