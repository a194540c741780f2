import { join } from "node:path";
import { checkData } from "../data/check.ts";
import type { PartImages, SetReport } from "../data/set_report.ts";
import { download } from "../data/download.ts";
import type { Downloadable, DownloadSet } from "../data/downloads.ts";
import { atMirror } from "../data/mirror.ts";
import { nameText } from "../images/look_alike.ts";
import { drawSubset } from "../data/subset.ts";
import type { Terminal } from "./terminal.ts";

/** More problems or notes of one data set are counted, not printed. */
const MOST_LINES = 200;

/** A draw to list: what `trainPerClass`, `testPerClass` and `subsetSeed` take. */
export interface ListedSubset {
  readonly perClass: number;
  readonly subsetSeed: number;
}

/** `wscl data check PATH`: prints what is there; returns the exit code, 1 if anything is broken. */
export async function checkCommand(
  path: string,
  terminal: Terminal,
  list?: ListedSubset,
): Promise<number> {
  const reports = await checkData(path, (done, total, what) => {
    terminal.live(`${what}: ${done}/${total}`);
  });
  terminal.live("");
  for (const report of reports) {
    printReport(report, terminal);
    if (list) report.parts.forEach((part) => printSubset(part, list, terminal));
  }
  if (reports.length === 0) {
    terminal.print(`${path}: no data set found; docs/data.md says how they have to look`);
    return 1;
  }
  const problems = reports.reduce((sum, { problems }) => sum + problems.length, 0);
  const sets = `${reports.length} data set${reports.length === 1 ? "" : "s"}`;
  terminal.print(
    problems === 0
      ? `ok: ${sets}, nothing missing or broken`
      : `${problems} problem${problems === 1 ? "" : "s"} in ${sets}`,
  );
  return problems === 0 ? 0 : 1;
}

function printReport({ path, title, parts, problems, notes }: SetReport, terminal: Terminal): void {
  terminal.print(`${path}: ${title}`);
  for (const part of parts) terminal.print(`  ${describePart(part)}`);
  printSome("note", notes, terminal);
  printSome("problem", problems, terminal);
}

function printSome(what: string, lines: readonly string[], terminal: Terminal): void {
  for (const line of lines.slice(0, MOST_LINES)) terminal.print(`  ${what}: ${line}`);
  const more = lines.length - MOST_LINES;
  if (more > 0) terminal.print(`  and ${more} more ${what}s`);
}

/** `  train cat: train/cat/0003.png`, a line per image drawn. */
function printSubset(
  { part, drawnAs, classes }: PartImages,
  { perClass, subsetSeed }: ListedSubset,
  terminal: Terminal,
): void {
  terminal.print(`  ${part}, ${perClass} of each class, subsetSeed ${subsetSeed}:`);
  for (const [name, images] of classes) {
    if (images.length < perClass) {
      terminal.print(`  ${part} ${nameText(name)}: it has ${images.length} images, all are listed`);
    }
    const choice = { perClass: Math.min(perClass, images.length), subsetSeed };
    for (const place of drawSubset(images.length, name, drawnAs, choice)) {
      terminal.print(`  ${part} ${nameText(name)}: ${images[place]}`);
    }
  }
}

/** `train: 10 classes, 490 images: 50 of most, 40 of cat` */
function describePart({ part, classes }: PartImages): string {
  const counts = [...classes.values()].map(({ length }) => length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const byCount = [...Map.groupBy(classes.keys(), (name) => classes.get(name)!.length)]
    .sort(([, a], [, b]) => b.length - a.length);
  const text = `${part}: ${classes.size} classes, ${total} images`;
  if (byCount.length === 0) return text;
  const [[usual, names], ...others] = byCount;
  if (others.length === 0) return `${text}: ${usual} of each`;
  if (2 * names.length <= classes.size && classes.size > 5) {
    return `${text}: ${Math.min(...counts)} to ${Math.max(...counts)} of each`;
  }
  const most = 2 * names.length > classes.size ? "most" : someNames(names);
  const exceptions = others.map(([count, names]) => `, ${count} of ${someNames(names)}`).join("");
  return `${text}: ${usual} of ${most}${exceptions}`;
}

function someNames(names: readonly string[]): string {
  const some = names.slice(0, 5).map(nameText).join(", ");
  return names.length <= 5 ? some : `${some} and ${names.length - 5} more`;
}

/** `wscl data download NAME`, in plain values; `mirror`: another place than the official one. */
export async function downloadCommand(
  set: DownloadSet,
  folder: string,
  mirror: URL | null,
  terminal: Terminal,
): Promise<void> {
  const { files } = mirror === null ? set : atMirror(set, mirror);
  const into = join(folder, set.folder ?? "");
  for (const file of files) await downloadFile(file, into, terminal);
  terminal.print("It is read as it is: there is no need to unpack it");
}

async function downloadFile(
  source: Downloadable,
  folder: string,
  terminal: Terminal,
): Promise<void> {
  terminal.print(`fetching ${source.url}`);
  let shown = -1;
  const { path, fetched } = await download(source, folder, {
    progress(done, total) {
      const percent = Math.floor(done / total * 100);
      const mega = (bytes: number) => (bytes / 1e6).toFixed(1);
      const text = `${mega(done)} of ${mega(total)} MB, ${percent} %`;
      if (terminal.isLive) return terminal.live(text);
      if (Math.floor(percent / 10) === shown) return;
      shown = Math.floor(percent / 10);
      terminal.print(text);
    },
    say: (message) => terminal.print(message),
  });
  terminal.live("");
  terminal.print(
    fetched ? `done: ${path}, checksum ok` : `nothing to do: ${path} is there, checksum ok`,
  );
}
