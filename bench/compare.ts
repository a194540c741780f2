import { InputError } from "../src/errors.ts";
import { figures, table } from "./measure.ts";
import type { Output } from "./setting.ts";

interface Line {
  readonly key: string;
  readonly milliseconds: number;
}

/**
 * Prints, for each result that both files have, how the time of the second compares with the first, and the geometric
 * mean.
 *
 * @returns whether no result is slower by more than `failAbove`, a factor; null never fails.
 */
export function compareResults(
  paths: readonly [string, string],
  failAbove: number | null,
  output: Output,
): boolean {
  const [before, after] = paths.map(readLines);
  const rows: string[][] = [];
  const ratios: number[] = [];
  let failed = 0;
  for (const { key, milliseconds } of after) {
    const old = before.find((line) => line.key === key);
    if (!old) continue;
    const ratio = milliseconds / old.milliseconds;
    ratios.push(ratio);
    const slower = failAbove !== null && ratio > failAbove;
    if (slower) failed++;
    rows.push([
      key,
      figures(old.milliseconds),
      figures(milliseconds),
      ratio.toFixed(2) + (slower ? " !" : ""),
    ]);
  }
  if (rows.length === 0) {
    throw new InputError(
      `Cannot compare ${paths[0]} and ${
        paths[1]
      }: they have no result in common; measure both with the same options`,
    );
  }
  output.print(table([["result", "before ms", "after ms", "ratio"], ...rows]));
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  output.print(`\n${rows.length} results, geometric mean of the ratios ${mean.toFixed(3)}`);
  if (failed > 0) {
    output.print(`${failed} slower than ${failAbove} times before (marked !)`);
  }
  return failed === 0;
}

/** The results of a file by what was measured: everything but times and circumstances. */
function readLines(path: string): Line[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new InputError(`Cannot compare ${path}: no such file`);
  }
  return text.split("\n").flatMap((line, i) => {
    if (line.trim() === "") return [];
    const result = parse(line, `${path}, line ${i + 1}`);
    const { bench, kernel, variant, layer, peer, start, width, size, batch, segments, ...rest } =
      result as Record<string, unknown>;
    const { milliseconds, precision, stem } = rest;
    // Elsewhere it may have changed since, and what is compared is the same.
    const way = bench === "variants" ? variant : undefined;
    const median = typeof milliseconds === "number"
      ? milliseconds
      : (milliseconds as { median?: unknown } | undefined)?.median;
    if (typeof median !== "number") {
      throw new InputError(
        `Cannot compare ${path}: line ${
          i + 1
        } has no "milliseconds"; use a file that wscl bench wrote`,
      );
    }
    const rows = Array.isArray(segments) ? segments.join("+") : batch;
    const parts = [
      [bench, kernel, way, layer, peer, start].filter((part) => part !== undefined).join(" "),
      width !== undefined && `w${width}`,
      rows !== undefined && `b${rows}`,
      size !== undefined && `${size}px`,
      // Results of a time when there was only one have none.
      precision !== "full" && precision,
      stem !== "cifar" && stem,
    ];
    return [{ key: parts.filter(Boolean).join(" "), milliseconds: median }];
  });
}

function parse(line: string, where: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new InputError(`Cannot read ${where}: not a JSON object; use a file that wscl bench wrote`);
}
