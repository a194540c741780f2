import { type Declarations, declarationsOf } from "./wgsl.ts";

/** Texts that kernels may need, by name, such as "lib/batch". */
export type Libraries = Readonly<Record<string, string>>;

/** The text of a kernel and of the libraries that it needs, one behind the other. */
export interface KernelText {
  readonly code: string;
  /** What it was put together from, in order. */
  readonly files: readonly SourceFile[];
  readonly declarations: Declarations;
}

/** A file in a longer text. */
export interface SourceFile {
  /** With its ending: "mse.wgsl", "lib/batch.wgsl". */
  readonly name: string;
  /** Lines of the text in front of it. */
  readonly before: number;
}

/**
 * Puts the libraries behind a kernel that its lines `// needs: lib/name` ask for, and those that they need: each once,
 * and behind it, so that line numbers stay those of the file. `// needs: lib/one or lib/other` leaves it to `chosen`.
 *
 * @throws {SyntaxError} for a text that cannot be read; {@linkcode TypeError} for a library that there is not, that
 * needs itself, or a choice that is missing or that nothing asks for.
 */
export function assembleText(
  name: string,
  code: string,
  libraries: Libraries,
  chosen: readonly string[],
): KernelText {
  const parts = new Map<string, Part>();
  const left = new Set(chosen);
  const append = (file: string, text: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      throw new TypeError(`${[...trail, file].join(" needs ")}: a library cannot need itself`);
    }
    if (parts.has(file)) return;
    const part = partOf(text, file);
    parts.set(file, part);
    for (const alternatives of part.needs) {
      const [library, ...more] = alternatives.length === 1
        ? alternatives
        : alternatives.filter((one) => chosen.includes(one));
      if (library === undefined || more.length > 0) {
        throw new TypeError(
          `${file} needs one of ${alternatives.join(", ")}, chosen are [${chosen.join(", ")}]`,
        );
      }
      if (alternatives.length > 1) left.delete(library);
      if (!Object.hasOwn(libraries, library)) {
        throw new TypeError(`${file} needs ${library}, and there is no such library`);
      }
      append(library, libraries[library], [...trail, file]);
    }
  };
  append(name, code, []);
  if (left.size > 0) {
    throw new TypeError(`nothing in it leaves a choice of ${[...left].join(", ")}`);
  }
  let before = 0;
  const files = [...parts].map(([file, { lines }]) => {
    const found = { name: `${file}.wgsl`, before };
    before += lines;
    return found;
  });
  const all = [...parts.values()];
  return {
    code: all.map(({ text }) => text).join("\n"),
    files,
    declarations: merged(all.map(({ declarations }) => declarations)),
  };
}

/** One file of a longer text. */
interface Part {
  readonly text: string;
  readonly lines: number;
  /** For each line `// needs:` the libraries of which it wants one. */
  readonly needs: readonly (readonly string[])[];
  readonly declarations: Declarations;
}

/** Many kernels need the same libraries, and variants have one text: each is read once. */
const known = new Map<string, Part>();

function partOf(text: string, file: string): Part {
  const found = known.get(text) ?? {
    text,
    lines: linesIn(text),
    needs: needsOf(text, file),
    declarations: declarationsOf(text, `${file}.wgsl`),
  };
  known.set(text, found);
  return found;
}

function linesIn(text: string): number {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}

function needsOf(text: string, file: string): string[][] {
  return [...text.matchAll(/^[ \t]*\/\/[ \t]*needs\b.*$/gm)].map(([line]) => {
    const names = line.match(/^\/\/ needs: (lib\/\w+(?: or lib\/\w+)*)\s*$/)?.[1];
    if (!names) {
      throw new SyntaxError(`${file}.wgsl: "${line.trim()}" is not "// needs: lib/name"`);
    }
    return names.split(" or ");
  });
}

function merged(all: readonly Declarations[]): Declarations {
  return {
    structs: new Map(all.flatMap(({ structs }) => [...structs])),
    aliases: new Map(all.flatMap(({ aliases }) => [...aliases])),
    numbers: new Map(all.flatMap(({ numbers }) => [...numbers])),
    resources: all.flatMap(({ resources }) => resources),
    overrides: all.flatMap(({ overrides }) => overrides),
    entryPoints: all.flatMap(({ entryPoints }) => entryPoints),
  };
}

/** The file and line of a line in the whole text, as "lib/batch.wgsl:12". */
export function placeOf(files: readonly SourceFile[], line: number): string {
  const { name, before } = files.findLast((file) => file.before < line) ?? files[0];
  return `${name}:${line - before}`;
}
