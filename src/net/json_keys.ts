/** A key that an object in a JSON text has twice. */
export interface DuplicateKey {
  readonly key: string;
  /** Where it is in the document, such as `data.train.folder` or `runs[2]["a b"]`. */
  readonly path: string;
  /** Positions of the quotes that the two begin with, counted from 0 in UTF-16 units. */
  readonly positions: readonly [number, number];
}

/** An object around the position, with the keys seen so far and where; or an array, with the index of the element. */
type Level = { readonly keys: Map<string, number>; key: string } | { index: number };

/**
 * The first key that some object in a JSON text has twice, or `undefined`; `JSON.parse` keeps the last one silently.
 * Keys are compared as they are meant: `"a"` and `"\u0061"` are one. The text must already have been accepted by
 * `JSON.parse`. A plain scan, since a regular expression overflows the stack on strings of many megabytes.
 */
export function findDuplicateKey(json: string): DuplicateKey | undefined {
  const open: Level[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    const level = open[open.length - 1];
    if (character === "{") {
      open.push({ keys: new Map(), key: "" });
    } else if (character === "[") {
      open.push({ index: 0 });
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === "," && "index" in level) {
      level.index++;
    } else if (character === '"') {
      const end = stringEnd(json, at);
      if (isKey(json, end) && "keys" in level) {
        level.key = JSON.parse(json.slice(at, end));
        const first = level.keys.get(level.key);
        if (first !== undefined) {
          return { key: level.key, path: pathOf(open), positions: [first, at] };
        }
        level.keys.set(level.key, at);
      }
      at = end - 1;
    }
  }
  return undefined;
}

function pathOf(levels: readonly Level[]): string {
  const parts = levels.map((level) => {
    if ("index" in level) return `[${level.index}]`;
    return /^[\w$-]+$/.test(level.key) ? `.${level.key}` : `[${JSON.stringify(level.key)}]`;
  });
  return parts.join("").replace(/^\./, "");
}

/** The position after the closing quote of the string that begins at `begin`. */
function stringEnd(json: string, begin: number): number {
  let at = begin + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** Whether a colon follows, after any white space. */
function isKey(json: string, after: number): boolean {
  let at = after;
  while (at < json.length && " \t\n\r".includes(json[at])) at++;
  return json[at] === ":";
}
