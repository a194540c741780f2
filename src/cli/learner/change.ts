import type { ContinualLearner } from "../../continual/continual_learner.ts";
import { pictureOf } from "../../continual/pictures.ts";
import { InputError } from "../../errors.ts";
import { readAsked } from "../../host/learner_images.ts";
import { isFile } from "../../data/folder_listing.ts";
import { lockLearner } from "../../host/learner_folder.ts";
import { nameText } from "../../images/look_alike.ts";
import type { Terminal } from "../terminal.ts";
import { openLearner, sleep, type SleepOptions } from "./learn.ts";
import { quotedPath } from "../../text.ts";

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
    const { crowdedOut, earlier } = await findAll(learner, image, digests, path);
    const before = JSON.stringify(learner.state);
    const here = new Set([
      ...learner.state.classes.map(({ name }) => name),
      ...(await learner.waiting()).day.keys(),
    ]);
    const now = classes.filter((name) => here.has(name));
    const gone = [...earlier, ...classes.filter((name) => !here.has(name)).map(nameText)];
    const count = await learner.forget({ classes, digests });
    const { classes: known } = learner.state;
    const hadLearned = JSON.stringify(learner.state) !== before;
    if (count > 0 || now.length > 0) {
      terminal.print(
        `forgotten      ${count} image${count === 1 ? "" : "s"}` +
          (now.length > 0 ? `, and ${now.map(nameText).join(", ")}` : "") +
          `: gone from memory, exam and every kept generation of ${path}`,
      );
    }
    if (gone.length > 0) {
      terminal.print(
        `earlier        ${gone.join(", ")}: gone from the earlier generations that ${path} keeps`,
      );
    }
    if (crowdedOut.length > 0) {
      terminal.print(
        `crowded out    ${
          crowdedOut.join(", ")
        }: learned once, not remembered any more; not known any more either`,
      );
    }
    if (hadLearned || crowdedOut.length > 0) {
      terminal.print(
        `not promised   the weights have seen these images: ${
          classes.length > 0 ? "they no longer answer with a forgotten class, but " : ""
        }what they learned of them cannot be taken out; only a new learner has never seen them`,
      );
    }
    sleeps = hadLearned && known.some(({ remembered }) => remembered > 0);
    if (!sleeps) {
      const { day } = await learner.waiting();
      terminal.print(
        hadLearned
          ? "Nothing is left to sleep on"
          : `No night is needed: the learner answers as before` +
            (day.size > 0
              ? `; other images wait, go on with ./wscl learn ${quotedPath(path)}`
              : ""),
      );
    }
  }
  if (!sleeps) return 0;
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
      classes.map(({ name }) => nameText(name)).join(", ") || "no class"
    }`,
  );
}

/**
 * Those of the images, as they were named, that were learned from and are not held any more, and those that only an
 * earlier generation has.
 *
 * @throws {InputError} for a file whose image the learner does not know.
 */
async function findAll(
  learner: ContinualLearner,
  named: readonly string[],
  digests: readonly string[],
  path: string,
): Promise<{ readonly crowdedOut: readonly string[]; readonly earlier: readonly string[] }> {
  const crowdedOut: string[] = [];
  const earlier: string[] = [];
  for (const [i, text] of named.entries()) {
    const found = await learner.find(digests[i]);
    if (found === "trained") crowdedOut.push(text);
    if (found === "earlier") earlier.push(text);
    if (found === null && digests[i] !== text) {
      throw new InputError(
        `Cannot forget ${text}: ${path} neither holds such an image, by its pixels, nor has it ever learned from it; ` +
          "name the very file that it was taught",
      );
    }
  }
  return { crowdedOut, earlier };
}

async function digestOf(text: string, size: number): Promise<string> {
  if (!isFile(text)) return text;
  const [{ pixels }] = await readAsked(text, { size, progress: () => {}, failed: () => {} });
  return (await pictureOf(pixels, "", text)).digest;
}
