import { packLearner, unpackLearner } from "../continual/learner_file.ts";
import { copyStore, type LearnerStore } from "../continual/store.ts";
import { isFile } from "../data/folder_listing.ts";
import { InputError } from "../errors.ts";
import { diskProblem, writeNew } from "./durable.ts";
import { createLearnerFolder, LearnerFolder, refuseOther } from "./learner_folder.ts";

/**
 * A learner to be asked: its folder, or a file that the page or {@linkcode packTo} made, which is read into memory.
 *
 * @throws {InputError} for a path that is neither.
 */
export async function learnerAt(path: string): Promise<LearnerStore> {
  if (isFile(path)) return await unpackLearner(readFile(path), path);
  refuseOther(path);
  return new LearnerFolder(path);
}

/**
 * Writes a learner as one file.
 *
 * @returns bytes written
 * @throws {InputError} where something is there already.
 */
export async function packTo(
  path: string,
  file: string,
  warn: (text: string) => void,
): Promise<number> {
  const bytes = await packLearner(await learnerAt(path), warn);
  try {
    writeNew(file, bytes);
  } catch (error) {
    const found = error instanceof Deno.errors.AlreadyExists
      ? "it is there already; choose another file"
      : diskProblem(error);
    throw new InputError(`Cannot write ${file}: ${found}`);
  }
  return bytes.length;
}

/** Makes a folder of the learner in a file. @throws {InputError} where something is there, or it is no such file. */
export async function unpackTo(file: string, path: string): Promise<LearnerStore> {
  const learner = await unpackLearner(readFile(file), file);
  const undo = createLearnerFolder(path);
  const folder = new LearnerFolder(path);
  try {
    await copyStore(learner, folder);
  } catch (error) {
    undo();
    throw error;
  }
  return folder;
}

function readFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    throw new InputError(
      `Cannot open the learner ${path}: ${
        (error as Error).message.split("\n")[0]
      }; name the file of a learner`,
    );
  }
}
