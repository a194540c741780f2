/**
 * The first key that some object in a JSON text has twice, or `undefined`. `JSON.parse` keeps the
 * last one silently. The text must already have been accepted by `JSON.parse`. A plain scan, since a
 * regular expression overflows the stack on strings of many megabytes.
 */
export function findDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = []; // the keys seen in each object or array around the position
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{" || character === "[") {
      open.push(new Set());
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === '"') {
      const end = stringEnd(json, at);
      if (isKey(json, end)) {
        const key: string = JSON.parse(json.slice(at, end));
        const keys = open[open.length - 1];
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
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
