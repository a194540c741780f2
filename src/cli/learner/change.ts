import { pictureOf } from "../../continual/pictures.ts";
import { InputError } from "../../errors.ts";
import { readAsked } from "../../host/learner_images.ts";
import { isFile } from "../../data/folder_listing.ts";
import { lockLearner } from "../../host/learner_folder.ts";
import type { Terminal } from "../terminal.ts";
import { openLearner, sleep, type SleepOptions } from "./learn.ts";

/** `wscl forget`, in plain values. */
export interface ForgetOptions extends SleepOptions {
  readonly class: readonly string[];
  /** Files, or beginnings of digests. */
  readonly image: readonly string[];
}

/** Forgets classes or images, and lets the learner sleep on it; returns the exit code. */
export async function forget(options: ForgetOptions, terminal: Terminal): Promise<number> {
  const { learner: path, class: classes, image, ...rest } = options;
  if (classes.length === 0 && image.length === 0) {
    throw new InputError(
      "Cannot forget: nothing is named; give --class NAME, or --image FILE or digest",
    );
  }
  let sleeps: boolean;
  {
    using _lock = lockLearner(path);
    const learner = await openLearner(options, terminal);
    const { size } = learner.state.settings;
    const digests = await Promise.all(image.map((text) => digestOf(text, size)));
    const count = await learner.forget({ classes, digests });
    terminal.print(
      `forgotten      ${count} image${count === 1 ? "" : "s"}` +
        (classes.length > 0 ? `, and ${classes.join(", ")}` : "") +
        `: gone from memory, exam and every kept generation of ${path}`,
    );
    terminal.print(
      "not promised   the weights have seen these images: they no longer answer with a forgotten class, but what " +
        "they learned from it cannot be taken out; only a new learner has never seen it",
    );
    const { classes: known } = learner.state;
    sleeps = known.some(({ remembered }) => remembered > 0);
  }
  if (!sleeps) {
    terminal.print("Nothing is left to sleep on");
    return 0;
  }
  return await sleep({ ...rest, learner: path }, terminal);
}

/** Makes an earlier generation the last one. */
export async function rollback(
  options: Pick<SleepOptions, "learner" | "cacheDir"> & { readonly generation: number },
  terminal: Terminal,
): Promise<void> {
  using _lock = lockLearner(options.learner);
  const learner = await openLearner(options, terminal);
  await learner.rollback(options.generation);
  const { generation, classes } = learner.state;
  terminal.print(
    `Back at generation ${options.generation}, now generation ${generation}: it knows ${
      classes.map(({ name }) => name).join(", ") || "no class"
    }`,
  );
}

async function digestOf(text: string, size: number): Promise<string> {
  if (!isFile(text)) return text;
  const [{ pixels }] = await readAsked(text, { size, progress: () => {}, failed: () => {} });
  return (await pictureOf(pixels, "", text)).digest;
}
