import { InputError } from "../src/errors.ts";
import { type AdapterDescription, adapterName } from "../src/gpu/device.ts";
import { csvLine } from "../src/text.ts";
import { type BoardLine, readLine } from "./board_line.ts";
import { boardPage } from "./board_page.ts";
import { type Output, writeResult } from "./setting.ts";

/** What a kernel took at one shape on one machine. */
export interface Entry {
  /** Adapter, and the folder that the result lay in: two machines may have the same adapter. */
  readonly machine: string;
  readonly op: string;
  /** Sizes, such as "batch=32 channels=16"; entries of the same shape are ranked together. */
  readonly shape: string;
  readonly layer: string;
  readonly author: string;
  /** File, or variant of ours. */
  readonly kernel: string;
  /** SHA-256 of the text; empty for ours, whose commit says it. */
  readonly hash: string;
  /** Median and least. */
  readonly milliseconds: number;
  readonly least: number;
  /** Times ours, in the same rounds, so that load from elsewhere does not count; null where ours was alone. */
  readonly ratio: number | null;
  readonly gflops: number;
  readonly gbs: number;
  readonly multiplyAddShare: number;
  readonly copyShare: number;
  readonly multiplyAddCeiling: number;
  readonly copyCeiling: number;
  readonly error: number;
  readonly samples: number;
  readonly commit: string;
  readonly date: string;
  readonly adapter: AdapterDescription;
}

/** An entry with its place among those of its machine, operation and shape. */
export interface Ranked extends Entry {
  readonly rank: number;
  readonly of: number;
}

/**
 * Makes one page and one CSV file of the results in folders: those of `bench kernels` and `bench custom`, from any
 * number of machines and authors. A machine's results lie in one folder.
 *
 * @returns whether no result had to be refused.
 * @throws {InputError} where there is no result.
 */
export function benchBoard(folders: readonly string[], out: string, output: Output): boolean {
  const files = folders.flatMap((folder) => resultFiles(folder));
  const refused: string[] = [];
  const entries = files.flatMap((path) => readEntries(path, refused));
  if (entries.length === 0) {
    throw new InputError(
      `Cannot make a board of ${
        folders.join(", ")
      }: no results of bench kernels or bench custom in it that can be ranked; make some with ./wscl bench custom ` +
        `my.wgsl --out FOLDER${refused.map((text) => `\nrefused: ${text}`).join("")}`,
    );
  }
  const ranked = rank(newest(entries));
  const machines = new Set(ranked.map(({ machine }) => machine)).size;
  for (const text of refused) output.print(`refused: ${text}`);
  output.print(
    `${ranked.length} results of ${machines} machine${machines === 1 ? "" : "s"} and ${
      new Set(ranked.map(({ author }) => author)).size
    } authors`,
  );
  const html = writeResult(`${out}/board.html`, boardPage(ranked, refused));
  const csv = writeResult(`${out}/board.csv`, csvOf(ranked));
  output.print(`written: ${html}, ${csv}`);
  return refused.length === 0;
}

/** All `.jsonl` files below a folder, in the order of their names. */
function resultFiles(folder: string): string[] {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1);
  } catch (error) {
    throw new InputError(
      `Cannot read ${folder}: ${
        error instanceof Deno.errors.NotFound ? "no such folder" : (error as Error).message
      }; name folders of results, such as bench/results`,
    );
  }
  return entries.flatMap(({ name, isDirectory }) => {
    const path = `${folder.replace(/\/+$/, "")}/${name}`;
    return isDirectory ? resultFiles(path) : name.endsWith(".jsonl") ? [path] : [];
  });
}

function readEntries(path: string, refused: string[]): Entry[] {
  const folder = path.split("/").at(-2) ?? ".";
  return Deno.readTextFileSync(path).split("\n").flatMap((line, i): Entry[] => {
    if (line.trim() === "") return [];
    const read = readLine(line);
    if (read === null) return [];
    if (typeof read !== "string") return entriesOf(read, folder);
    refused.push(`${path}, line ${i + 1}: ${read}`);
    return [];
  });
}

/** Of a kernel of somebody's own also ours, which took turns with it. */
function entriesOf(result: BoardLine, folder: string): Entry[] {
  const { kernel: op, layer, shape, milliseconds, gflops, gbs, adapter } = result;
  const { error, samples } = result.bench === "custom" ? result.check : result;
  const common = {
    ...{ machine: `${adapterName(adapter)}, ${folder}`, op, layer, adapter, error, samples },
    shape: Object.entries(shape).map(([name, value]) => `${name}=${value}`).join(" "),
    ...{ commit: result.commit ?? "", date: result.date },
    multiplyAddCeiling: result.multiplyAddCeiling,
    copyCeiling: result.copyCeiling,
  };
  const { multiplyAddShare, copyShare } = result;
  const measured = {
    ...{ ...common, gflops, gbs, multiplyAddShare, copyShare },
    ...{ milliseconds: milliseconds.median, least: milliseconds.least },
  };
  if (result.bench !== "custom") {
    const kernel = result.variant ?? op;
    return [{ ...measured, author: "wscl", kernel, hash: "", ratio: null }];
  }
  const { author, file: kernel, hash, ratio, ours } = result;
  const faster = milliseconds.least / ours.least;
  return [{ ...measured, author: author || "unknown", kernel, hash, ratio: ratio.median }, {
    ...{ ...common, author: "wscl", kernel: "in turn with others", hash: "", ratio: null },
    ...{ milliseconds: ours.median, least: ours.least },
    ...{ gflops: gflops * faster, gbs: gbs * faster },
    ...{ multiplyAddShare: multiplyAddShare * faster, copyShare: copyShare * faster },
  }];
}

/** Of the same kernel at the same place the newest result. */
function newest(entries: readonly Entry[]): Entry[] {
  const byKey = new Map<string, Entry>();
  for (const entry of entries) {
    const { machine, op, shape, author, kernel, hash } = entry;
    const key = JSON.stringify([machine, op, shape, author, kernel, hash]);
    const before = byKey.get(key);
    if (!before || before.date <= entry.date) byKey.set(key, entry);
  }
  return [...byKey.values()];
}

/** By median, the fastest first, among those of the same machine, operation and shape. */
function rank(entries: readonly Entry[]): Ranked[] {
  const groups = Map.groupBy(
    entries,
    ({ machine, op, shape }) => JSON.stringify([machine, op, shape]),
  );
  return [...groups.values()].flatMap((group) =>
    group.toSorted((a, b) => a.milliseconds - b.milliseconds)
      .map((entry, i) => ({ ...entry, rank: i + 1, of: group.length }))
  );
}

const columns = [
  ...[
    "machine",
    "op",
    "shape",
    "layer",
    "rank",
    "author",
    "kernel",
    "hash",
    "milliseconds",
    "least",
  ],
  ...[
    "ratio",
    "gflops",
    "gbs",
    "multiplyAddShare",
    "copyShare",
    "error",
    "samples",
    "commit",
    "date",
  ],
] as const;

function csvOf(entries: readonly Ranked[]): string {
  // A leading =, +, -, @, tabulator or carriage return would make a formula where the file is opened in a spreadsheet.
  const harmless = (value: string | number | null) =>
    typeof value === "string" && /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  const lines = entries.map((entry) =>
    columns.map((name) => harmless(entry[name as keyof Ranked] as string | number | null))
  );
  return [columns, ...lines].map((line) => `${csvLine(line)}\n`).join("");
}
