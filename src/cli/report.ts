import { dirname, join, resolve } from "node:path";
import { InputError } from "../errors.ts";
import { differingKeys, methodLabel, methodTable, rowKey } from "../experiment/report.ts";
import type { Summary } from "../experiment/summary.ts";
import { comparisonTable } from "../experiment/comparison/table.ts";
import { isThere, reasonOf, writing } from "../host/durable.ts";
import {
  findReportFolders,
  readableFolders,
  readComparisonFile,
  readParts,
  type ReportFolders,
  runsOfComparison,
} from "../host/report_folders.ts";
import { openReportTools } from "../host/report_tools.ts";
import { readConfig, readSummary } from "../host/run_folder.ts";
import { nameText } from "../images/look_alike.ts";
import { csvTables } from "../report/csv.ts";
import { isReportPage, reportPage } from "../report/report.ts";
import { show } from "./learner/show.ts";
import type { Terminal } from "./terminal.ts";

/** `wscl report`, in plain values. */
export interface ReportOptions {
  /** Folders of runs, comparisons and learners, or folders that hold such of runs. */
  readonly paths: readonly string[];
  /** File to write, HTML. */
  readonly out?: string;
  /** Folder to write tables into. */
  readonly csv?: string;
}

/**
 * Prints the table over the runs, and what each learner is; a folder without `summary.json` stands for the runs in it.
 * Writes the whole report, and its tables, where it is told to.
 */
export async function report(
  { paths, out, csv }: ReportOptions,
  terminal: Terminal,
): Promise<void> {
  if (out !== undefined) refuseOut(out);
  if (csv !== undefined) makeFolder(csv);
  // What is read twice is complained of once.
  const said = new Set<string>();
  const warn = (text: string) => {
    if (!said.has(text)) terminal.print(text);
    said.add(text);
  };
  const folders = readableFolders(findReportFolders(paths), warn);
  const parts = out === undefined && csv === undefined ? [] : await readParts(folders, warn);
  // Before anything is printed: what cannot be had is an error alone.
  const page = out === undefined ? null : reportPage(parts, await openReportTools());
  printTables(folders, terminal);
  for (const learner of folders.learners) {
    await show(learner, { ...terminal, print: (text) => said.has(text) || terminal.print(text) });
  }
  if (out !== undefined && page !== null) {
    write(out, page);
    const bytes = new TextEncoder().encode(page).length;
    terminal.print(`written: ${out}, ${(bytes / 1e6).toFixed(1)} MB; open it in a browser`);
  }
  if (csv !== undefined) {
    const tables = csvTables(parts);
    for (const [name, text] of tables) write(join(csv, name), text);
    terminal.print(
      tables.size === 0
        ? `nothing written to ${csv}: there is nothing to put into tables`
        : `written: ${[...tables.keys()].map((name) => join(csv, name)).join(", ")}`,
    );
  }
}

/** Comparisons by their rows, then the runs of none by their methods. */
function printTables({ runs, comparisons }: ReportFolders, terminal: Terminal): void {
  const compared = new Set<string>();
  for (const file of comparisons) {
    const comparison = readComparisonFile(file);
    if (comparisons.length > 1) terminal.print(`${file}:`);
    terminal.print(comparisonTable(comparison));
    for (const run of runsOfComparison(file, comparison)) compared.add(resolve(run));
  }
  const others = runs.filter((run) => !compared.has(resolve(run)));
  if (others.length > 0) printRuns(others, terminal);
}

function printRuns(runs: readonly string[], terminal: Terminal): void {
  const summaries = runs.map((path): [string, Summary] => [path, readSummary(path)]);
  const completed = summaries.filter(([, { completed }]) => completed);
  if (completed.length > 0) terminal.print(methodTable(completed.map(([, summary]) => summary)));
  for (const runs of Map.groupBy(completed, ([, summary]) => rowKey(summary)).values()) {
    const differing = differingKeys(runs.flatMap(([path]) => readConfig(path) ?? []));
    if (differing.length === 0) continue;
    const { dataset } = runs[0][1];
    terminal.print(
      `not only seeds: the runs of ${methodLabel(runs[0][1])} on ${dataset} differ in ` +
        `${differing.join(", ")}; name those of one setting`,
    );
  }
  for (const [path, summary] of summaries) {
    if (!summary.completed) terminal.print(`left out: ${nameText(path)} did not complete`);
  }
}

/**
 * Only a page of this program's, or a file with nothing in it, is replaced.
 *
 * @throws {InputError} for any other file that is there, and for one that could not be written at the end.
 */
function refuseOut(out: string): void {
  const refuse = (found: string): never => {
    throw new InputError(`Cannot write the report ${out}: ${found}; name another file with --out`);
  };
  if (out === "") {
    throw new InputError(`Cannot write the report: --out names no file; name one, report.html say`);
  }
  if (out === "-") refuse("a page is not written to standard output");
  const isNew = !exists(out);
  try {
    Deno.openSync(out, { append: true, create: true }).close();
  } catch (error) {
    refuse(
      error instanceof Deno.errors.NotFound
        ? `there is no folder ${dirname(out)}`
        : reasonOf(error),
    );
  }
  if (isNew) Deno.removeSync(out);
  else if (isThere(out) && !isOwnPage(out)) refuse("it is there already, and is no report");
}

/** Whether a file is a page of this command's, or empty. */
function isOwnPage(path: string): boolean {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(1024);
  const length = file.readSync(bytes) ?? 0;
  return length === 0 || isReportPage(new TextDecoder().decode(bytes.subarray(0, length)));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function write(path: string, text: string): void {
  writing(path, () => Deno.writeTextFileSync(path, text));
}

function makeFolder(path: string): void {
  if (path === "") {
    throw new InputError("Cannot write tables: --csv names no folder; name one, tables say");
  }
  try {
    Deno.mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new InputError(
      `Cannot make the folder ${path}: ${reasonOf(error)}; choose another with --csv`,
    );
  }
}
