import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ContinualLearner } from "../../continual/continual_learner.ts";
import type { LearnerSettings } from "../../continual/settings.ts";
import type { Override } from "../../experiment/overrides.ts";
import { createLearnerFolder, LearnerFolder } from "../../host/learner_folder.ts";
import { dreamsIn, learnerHost } from "../../host/learner_host.ts";
import { readWeightsFile } from "../../host/read_weights.ts";
import { nameText } from "../../images/look_alike.ts";
import type { Terminal } from "../terminal.ts";
import { quotedPath } from "../../text.ts";

/** `wscl new`, in plain values. */
export interface NewOptions {
  readonly learner: string;
  /** A safetensors file, or `none`; default: the program's own small start, where it fits. */
  readonly start?: string;
  readonly keepHead: boolean;
  /** A folder of class folders, or `memory` or `none`. */
  readonly dreams: string;
  readonly size?: number;
  readonly width?: number;
  readonly maxClasses?: number;
  readonly memory?: number;
  readonly margin?: number;
  readonly seed?: number;
  readonly set: readonly Override[];
  readonly cacheDir: string;
}

/** Width of the program's own start. */
const OWN_WIDTH = 16;

const ownStart = fileURLToPath(new URL("../../../starts/small.safetensors", import.meta.url));

/** Makes a learner that knows nothing yet, and says what it is. */
export async function make(options: NewOptions, terminal: Terminal): Promise<void> {
  const { learner: path, keepHead, dreams, set, cacheDir } = options;
  const start = startOf(options);
  const settings: Partial<LearnerSettings> = {
    ...given({
      size: options.size,
      width: options.width,
      maxClasses: options.maxClasses,
      memory: options.memory,
      margin: options.margin,
      seed: options.seed,
    }),
    dreams: dreams === "memory" ? "memory" : "none",
    changed: set,
  };
  const progress = (done: number, total: number, what: string) =>
    terminal.live(`${what}: ${done} of ${total}`);
  const bytes = start === null ? null : readWeightsFile(start, "start from");
  const images = dreams === "memory" || dreams === "none"
    ? null
    : await dreamsIn(dreams, options.size ?? 64, { cacheDir, progress });
  terminal.live("");
  const undo = createLearnerFolder(path);
  const host = learnerHost({ cacheDir });
  let learner: ContinualLearner;
  try {
    learner = await ContinualLearner.create(new LearnerFolder(path), {
      settings,
      start: bytes && { bytes, name: start! },
      keepHead,
      dreams: images,
    }, host);
  } catch (error) {
    undo();
    throw error;
  }
  terminal.print(describe(path, learner, start));
}

function startOf({ start, width }: NewOptions): string | null {
  if (start === "none") return null;
  if (start !== undefined) return start;
  return (width ?? OWN_WIDTH) === OWN_WIDTH && existsSync(ownStart) ? ownStart : null;
}

function describe(path: string, { state }: ContinualLearner, start: string | null): string {
  const { settings: { size, width, maxClasses, memory, dreams, margin }, dreams: set, classes } =
    state;
  const line = (name: string, text: string) => `${name.padEnd(15)}${text}`;
  const dreamt = set
    ? `${set.images} images of ${set.classes} classes in ${set.from}`
    : dreams === "memory"
    ? "turned pictures of what is remembered"
    : "none (--dreams DIR: images of other classes, or memory)";
  return [
    line("learner", path),
    line("network", `ResNet-18 of width ${width}, ${size} x ${size} pixels (--width, --size)`),
    line(
      "start",
      start === null
        ? "fresh weights (--start FILE)"
        : `${start === ownStart ? "starts/small.safetensors" : start} (--start FILE, or none)`,
    ),
    line(
      "room",
      `${maxClasses} classes, ${memory} remembered images (--max-classes, --memory)`,
    ),
    line("dreams", dreamt),
    line("dawn gate", `earlier classes may lose ${margin} points of their exam (--margin)`),
    ...classes.length > 0
      ? [line("knows", classes.map(({ name }) => nameText(name)).join(", "))]
      : [],
    "",
    `Teach it: ./wscl learn ${quotedPath(path)} DIR, with a folder of images for each class`,
  ].join("\n");
}

/** Without what is undefined, which would take the place of what is usual. */
function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}
