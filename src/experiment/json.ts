import { InputError } from "../errors.ts";
import { findDuplicateKey } from "../net/json_keys.ts";
import { decodeText, lineAndColumn } from "../text.ts";

/**
 * Reads the bytes of a JSON file that a user may have written.
 *
 * @throws {InputError} for another encoding than UTF-8, for a syntax error and for a key that an object has twice.
 */
export function readJson(bytes: Uint8Array, file: string): unknown {
  return parseJson(decodeText(bytes, file), file);
}

/**
 * Parses JSON text.
 *
 * @throws {InputError} for a syntax error, with file, line and column; for a key that an object has twice, with its
 * path and where both are.
 */
export function parseJson(text: string, file: string): unknown {
  const value = parse(text, file);
  const duplicate = findDuplicateKey(text);
  if (duplicate === undefined) return value;
  const [first, second] = duplicate.positions.map((position) => {
    const { line, column } = lineAndColumn(text, position);
    return `line ${line}, column ${column}`;
  });
  throw new InputError(
    `Cannot parse ${file}: ${duplicate.path} is given twice, at ${first} and at ${second}; remove one of them`,
  );
}

function parse(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const position = errorPosition(text, error.message);
    const { line, column } = lineAndColumn(text, position);
    throw new InputError(
      `Cannot parse ${file}: ${reason(error.message)} at line ${line}, column ${column}; ` +
        fix(text.charAt(position)),
    );
  }
}

/**
 * V8 gives the position for some errors only. An unexpected token is found by bisection: every
 * prefix that ends before it fails for another reason (the text ends too early).
 */
function errorPosition(text: string, message: string): number {
  const given = /at position (\d+)/.exec(message);
  if (given) return Number(given[1]);
  if (!message.startsWith("Unexpected token")) return text.length;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failsOnToken(text.slice(0, middle))) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function failsOnToken(prefix: string): boolean {
  try {
    JSON.parse(prefix);
    return false;
  } catch (error) {
    return error instanceof SyntaxError && error.message.startsWith("Unexpected token");
  }
}

function reason(message: string): string {
  return message
    .replace(/,? ?(\.\.\.)?"[^]*is not valid JSON$/, "")
    .replace(
      / (in|after) JSON at position.*$/,
      (_, word) => word === "after" ? " after the end" : "",
    )
    .replace(/ in JSON$/, "")
    .replace(/ JSON input$/, " the text")
    .replace(/^./, (letter) => letter.toLowerCase());
}

function fix(found: string): string {
  if (found === "/" || found === "#") return "remove the comment, JSON has none";
  if (found === "}" || found === "]") return "remove the comma or add the value before it";
  return "check quotes, commas and brackets there";
}
