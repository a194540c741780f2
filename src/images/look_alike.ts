/** Letters of other alphabets, dashes and quotation marks, each with what it looks like. */
const LOOKS: ReadonlyMap<string, string> = new Map(
  [
    ["аеорсухіјѕԁһԛԝ", "aeopcyxijsdhqw"], // Cyrillic
    ["οαινρ", "oaivp"], // Greek
    ["‐‑‒–—―−", "-------"],
    ["‘’ʼ′“”", "''''\"\""],
  ].flatMap(([from, to]) => [...from].map((letter, i) => [letter, [...to][i]] as const)),
);

/** A thousand classes are compared with a thousand others. */
const MOST_KNOWN = 10_000;
const known = new Map<string, string>();

/** What looks alike has the same: without invisible characters, forms, cases and the number of spaces. */
function skeleton(name: string): string {
  let found = known.get(name);
  if (found === undefined) {
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(name, found = computeSkeleton(name));
  }
  return found;
}

function computeSkeleton(name: string): string {
  const plain = name.normalize("NFKC").replace(/\p{Default_Ignorable_Code_Point}/gu, "");
  const letters = Array.from(plain.toLowerCase(), (letter) => LOOKS.get(letter) ?? letter);
  return squeezed(letters.join(""));
}

const squeezed = (name: string) => name.replace(/\s+/g, " ").trim();

/** Those of `names` that look like `name` and are another. */
export function lookAlikes(name: string, names: Iterable<string>): string[] {
  const wanted = skeleton(name);
  return [...names].filter((other) => other !== name && skeleton(other) === wanted);
}

/** In what two names that look alike differ: `in Unicode form (U+00E9 and U+0065 U+0301)`. */
export function difference(a: string, b: string): string {
  const same = (form: (name: string) => string) => form(a) === form(b);
  if (same((name) => name.normalize("NFC"))) return `in Unicode form (${codePoints(a, b)})`;
  if (same((name) => name.toLowerCase())) return "in upper and lower case";
  if (same(squeezed)) return `in spaces (${codePoints(a, b)})`;
  return `in characters (${codePoints(a, b)})`;
}

/**
 * What to say of a name that is not there, if `names` has one that looks like it: a clause that begins with a
 * semicolon, else nothing.
 *
 * @param where What has those names, such as "test".
 */
export function lookAlikeHint(name: string, names: Iterable<string>, where: string): string {
  const [other] = lookAlikes(name, names);
  if (other === undefined) return "";
  return `; ${where} has ${quoted(other)}, which looks like ${quoted(name)} and differs ${
    difference(other, name)
  }`;
}

/** Pairs of names that look alike, those aside that differ in nothing but case. */
export function lookAlikePairs(names: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (const [first, ...others] of Map.groupBy(names, skeleton).values()) {
    const unlike = others.filter((other) => other.toLowerCase() !== first.toLowerCase());
    for (const other of unlike) pairs.push([first, other]);
  }
  return pairs;
}

/** Whether a name has nothing that a reader could see. */
export function isInvisible(name: string): boolean {
  return /^[\p{Cc}\p{Cf}\p{Cs}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(name);
}

/** A name as it may stand in a message: in quotes, with escapes for what cannot be seen. */
export function quoted(name: string): string {
  const invisible =
    /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|\p{Zl}|\p{Zp}/gu;
  const escaped = name.replace(invisible, (letter) => `\\u{${hex(letter)}}`);
  return `"${escaped}"`;
}

/** In quotes only where a reader could not tell where the name ends or what is in it. */
export function nameText(name: string): string {
  const text = quoted(name);
  return text !== `"${name}"` || squeezed(name) !== name || name === "" ? text : name;
}

/** What lies between what both begin and end with: `U+00E9 and U+0065 U+0301`. */
function codePoints(a: string, b: string): string {
  const [left, right] = [[...a], [...b]];
  let start = 0;
  while (start < left.length && left[start] === right[start]) start++;
  let end = 0;
  const most = Math.min(left.length, right.length) - start;
  while (end < most && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  const between = (letters: string[]) => {
    const some = letters.slice(start, letters.length - end).map((letter) => `U+${hex(letter)}`);
    return some.length === 0
      ? "nothing"
      : some.slice(0, 8).join(" ") + (some.length > 8 ? " ..." : "");
  };
  return `${between(left)} and ${between(right)}`;
}

function hex(letter: string): string {
  return letter.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
}
