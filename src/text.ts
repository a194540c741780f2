import { InputError } from "./errors.ts";

/**
 * The text of a file that a user wrote. A byte order mark of UTF-8 is left out.
 *
 * @throws {InputError} If it is in another encoding than UTF-8, which is named.
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const fail = (found: string): never => {
    throw new InputError(`Cannot read ${file}: it is ${found}; save it as UTF-8`);
  };
  const wide = wideEncoding(bytes);
  if (wide && isWritten(bytes, wide)) return fail(`${wide} text`);
  if (wide) throw new InputError(`Cannot read ${file}: it is no text (it has zero bytes)`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const { text, byte } = firstNotUtf8(bytes);
    const { line, column } = lineAndColumn(text, text.length);
    return fail(`not UTF-8 text (byte ${byte} at line ${line}, column ${column})`);
  }
}

/**
 * A text without characters that command a terminal, that HTML forbids, or that would turn the direction of what stands
 * behind them; line breaks and tabs stay.
 */
export function visibleText(text: string): string {
  // deno-lint-ignore no-control-regex -- these are what is looked for
  const bad = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;
  return text.toWellFormed().replace(bad, "\ufffd");
}

/** A cell of a table. */
export type Cell = string | number | boolean | null | undefined;

/** A line of a table in CSV (RFC 4180), without its line break. */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map(csvCell).join(",");
}

function csvCell(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  const text = String(cell);
  return /[",\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A kind of value as valibot names it, in words; values and other kinds stay. */
export function kindText(kind: string): string {
  if (kind === "Object") return "an object";
  return kind === "Array" ? "a list" : kind;
}

/** A path as a shell takes it. */
export function quotedPath(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** Of a position in a text, both counted from 1. */
export function lineAndColumn(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, position).split("\n");
  return { line: before.length, column: before[before.length - 1].length + 1 };
}

/** UTF-16 or UTF-32 by their byte order marks or, since text has no zeros, by those of its first letters. */
function wideEncoding(bytes: Uint8Array): "UTF-16" | "UTF-32" | undefined {
  const starts = (...pattern: (number | "letter")[]) =>
    bytes.length >= pattern.length &&
    pattern.every((byte, i) => byte === "letter" ? bytes[i] !== 0 : bytes[i] === byte);
  if (starts(0xff, 0xfe, 0, 0) || starts(0, 0, 0xfe, 0xff)) return "UTF-32";
  if (starts("letter", 0, 0, 0) || starts(0, 0, 0, "letter")) return "UTF-32";
  if (starts(0xff, 0xfe) || starts(0xfe, 0xff)) return "UTF-16";
  if (starts("letter", 0) || starts(0, "letter")) return "UTF-16";
  return undefined;
}

/** Whether bytes of two or four a letter make a text: no zeros and no other control characters than blanks. */
function isWritten(bytes: Uint8Array, encoding: "UTF-16" | "UTF-32"): boolean {
  const unit = encoding === "UTF-16" ? 2 : 4;
  // A byte order mark that is cut short says enough.
  if (bytes.length < 2 * unit) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isText = (littleEndian: boolean) => {
    for (let at = 0; at + unit <= Math.min(bytes.length, 400); at += unit) {
      const code = unit === 2 ? view.getUint16(at, littleEndian) : view.getUint32(at, littleEndian);
      if ((code < 32 && ![9, 10, 12, 13].includes(code)) || code > 0x10ffff) return false;
    }
    return true;
  };
  return isText(true) || isText(false);
}

/** The text before the first byte that is no UTF-8, and that byte. */
function firstNotUtf8(bytes: Uint8Array): { text: string; byte: string } {
  // With `stream`, a sequence that only is not complete yet is no error: each longer part fails, if one does.
  const textOf = (length: number) =>
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes.subarray(0, length), { stream: true });
  let [sound, broken] = [0, bytes.length + 1];
  while (broken - sound > 1) {
    const middle = (sound + broken) >> 1;
    try {
      textOf(middle);
      sound = middle;
    } catch {
      broken = middle;
    }
  }
  const text = textOf(sound);
  const byte = bytes[new TextEncoder().encode(text).length];
  return {
    text: text.replace(/^\ufeff/, ""),
    byte: `0x${byte.toString(16).toUpperCase().padStart(2, "0")}`,
  };
}
