import { basename, join } from "node:path";
import { InputError } from "../errors.ts";
import {
  cifarArchive,
  type CifarFiles,
  cifarFolder,
  labelOf,
  namesIn,
  recordsIn,
} from "./cifar_files.ts";
import { CIFAR10, cifar100, type CifarFormat } from "./cifar_format.ts";
import { checkIdx } from "./check_idx.ts";
import { checkTree } from "./check_tree.ts";
import { md5Of } from "./download.ts";
import { DOWNLOADS } from "./downloads.ts";
import { type FileTree, folderTree } from "./file_tree.ts";
import { isLitter } from "./file_names.ts";
import { entriesIn, isFile, isFolder } from "./folder_listing.ts";
import { countIdxFiles, idxRoot } from "./idx_files.ts";
import type { Progress } from "../images/image_set.ts";
import type { PartImages, SetReport } from "./set_report.ts";
import { zipTree } from "./zip_tree.ts";

/**
 * Looks at a data set, or at each one in a folder: what it is, what it holds, and, reading every file, what
 * is missing or broken.
 *
 * @throws {InputError} If there is nothing at `path`.
 */
export async function checkData(path: string, progress: Progress): Promise<SetReport[]> {
  const whole = await checkOne(path, progress);
  if (whole !== null) return [whole];
  if (!isFolder(path)) {
    throw new InputError(
      `Cannot check ${path}: ${
        isFile(path) ? "it is no known archive" : "there is nothing there"
      }; ` +
        `name a data set's folder or archive, or a folder that holds such`,
    );
  }
  const reports: SetReport[] = [];
  for (const { name, kind, problem } of entriesIn(path)) {
    if (isLitter(name)) continue;
    const report = kind === "unusable"
      ? unusable(join(path, name), problem!)
      : await checkOne(join(path, name), progress);
    if (report !== null) reports.push(report);
  }
  return reports;
}

function unusable(path: string, problem: string): SetReport {
  const problems = [`Cannot read ${path}: ${problem}`];
  return { path, title: "neither file nor folder", parts: [], problems, notes: [] };
}

/** Null for what is no data set. */
async function checkOne(path: string, progress: Progress): Promise<SetReport | null> {
  const name = basename(path);
  try {
    if (isFolder(path)) return await checkFolder(path, progress);
    if (!isFile(path)) return null;
    if (name.endsWith(".part")) {
      const problem = `${path} is an unfinished download; start it again, or remove it`;
      return { path, title: "unfinished download", parts: [], problems: [problem], notes: [] };
    }
    const formats = [CIFAR10, cifar100("fine")];
    const format = formats.find(({ archive }) => archive === name);
    if (format !== undefined) {
      return await checkCifar(path, cifarArchive(path, format), format, progress);
    }
    if (!name.endsWith(".zip")) return null;
    return await checkTree(zipTree(path), path, progress) ?? {
      path,
      title: "zip archive of another kind",
      parts: [],
      problems: [],
      notes: ["it holds no class folders"],
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { path, title: "damaged", parts: [], problems: [error.message], notes: [] };
  }
}

async function checkFolder(path: string, progress: Progress): Promise<SetReport | null> {
  for (const format of [CIFAR10, cifar100("fine")]) {
    const names = [format.nameFile, ...format.train.files, ...format.test.files];
    const there = names.filter((name) => isFile(join(path, name)));
    // CIFAR-100's train.bin alone would say little.
    if (there.length >= 2) {
      return await checkCifar(path, cifarFolder(path, format), format, progress);
    }
  }
  const idx = idxRoot(path);
  if (countIdxFiles(idx) >= 2) return await checkIdx(idx, progress);
  const tree: FileTree = folderTree(path);
  return await checkTree(tree, path, progress);
}

async function checkCifar(
  path: string,
  files: CifarFiles,
  format: CifarFormat,
  progress: Progress,
): Promise<SetReport> {
  const problems: string[] = [];
  const notes: string[] = [];
  const attempt = async <T>(action: () => Promise<T>): Promise<T | null> => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      // What is wrong with an archive is wrong for each file in it.
      if (!problems.includes(error.message)) problems.push(error.message);
      return null;
    }
  };
  const published = Object.values(DOWNLOADS).flatMap(({ files }) => files)
    .find(({ file }) => file === basename(path));
  if (published !== undefined && await md5Of(path) !== published.md5) {
    problems.push(`${path}: its checksum is not the published one, download it again`);
  }
  const className = await attempt(async () => {
    const [bytes] = await files.read([format.nameFile], progress);
    return namesIn(bytes, `${files.root}/${format.nameFile}`, format);
  });
  const parts: PartImages[] = [];
  for (const part of ["train", "test"] as const) {
    const images = Array.from({ length: format.classes }, (): string[] => []);
    for (const name of format[part].files) {
      await attempt(async () => {
        const [bytes] = await files.read([name], progress);
        const file = `${files.root}/${name}`;
        const records = recordsIn(bytes, file, format);
        for (let i = 0; i < records; i++) {
          images[labelOf(bytes, i, file, format)].push(`${name} record ${i}`);
        }
      });
    }
    const total = images.reduce((sum, { length }) => sum + length, 0);
    if (total !== format[part].records) {
      notes.push(`${part} has ${total} images, the official one ${format[part].records}`);
    }
    const named = images.map((ofClass, i) => [className?.[i] ?? String(i), ofClass] as const);
    parts.push({ part, drawnAs: part, classes: new Map(named) });
  }
  const title = format.title.replace(/ \(.*/, "") +
    (isFile(path) ? ", official archive" : ", binary files");
  return { path, title, parts, problems, notes };
}
