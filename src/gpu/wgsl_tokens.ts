/** Behind blanks and lines of comment: a comment's beginning, a word, a number or a sign. */
const part =
  /(?:\s|\/\/[^\n]*(?:\n|$))*(\/\*|[A-Za-z_\x80-\uffff][\w\x80-\uffff]*|\d(?:[eEpP][+-]|[\w.])*|(?!\/\/)\S)/y;

/** A text without its comments. */
export function codeOf(code: string): string {
  const comment = /\/\/|\/\*/g;
  let result = "";
  let end = 0;
  for (let found = comment.exec(code); found; found = comment.exec(code)) {
    result += `${code.slice(end, found.index)} `;
    end = comment.lastIndex = endOfComment(code, found.index);
  }
  return result + code.slice(end);
}

/** Behind a comment that begins at `start`. */
function endOfComment(code: string, start: number): number {
  if (code.startsWith("//", start)) {
    const end = code.indexOf("\n", start);
    return end < 0 ? code.length : end;
  }
  return endOfBlock(code, start);
}

/** Behind a comment between slashes and stars, which may hold others. */
function endOfBlock(code: string, start: number): number {
  const border = /\/\*|\*\//g;
  border.lastIndex = start;
  let depth = 0;
  for (let found = border.exec(code); found; found = border.exec(code)) {
    depth += found[0] === "/*" ? 1 : -1;
    if (depth === 0) return border.lastIndex;
  }
  return code.length;
}

const opening = ["(", "[", "{"];
const closing = [")", "]", "}"];

/**
 * The words, numbers and signs of a text, one after the other; comments are passed over. All throw {@linkcode
 * SyntaxError} with the place at the end of the text, or where something else is expected.
 */
export class Tokens {
  readonly #code: string;
  readonly #file: string;
  /** The token that comes next, and where it begins; empty at the end. */
  #next = "";
  #start = 0;
  /** Where the one before began. */
  #before = 0;

  constructor(code: string, file: string) {
    this.#code = code;
    this.#file = file;
    this.#scan(0);
  }

  /** Finds the first token from a place on. */
  #scan(from: number): void {
    part.lastIndex = from;
    for (let found = part.exec(this.#code); found; found = part.exec(this.#code)) {
      const text = found[1];
      const start = part.lastIndex - text.length;
      if (text !== "/*") {
        this.#next = text;
        this.#start = start;
        return;
      }
      part.lastIndex = endOfBlock(this.#code, start);
    }
    this.#next = "";
    this.#start = this.#code.length;
  }

  /** Whether no token is left. */
  get ended(): boolean {
    return this.#next === "";
  }

  /** Where the next token begins. */
  get place(): number {
    return this.#start;
  }

  /** The text from a place to the next token. */
  since(place: number): string {
    return this.#code.slice(place, this.#start).trim();
  }

  /** Whether this is the next token. */
  at(text: string): boolean {
    return this.#next === text;
  }

  /** Passes over the next token; which it was. */
  take(): string {
    const text = this.#next;
    if (!text) throw this.error("it ends in the middle of a declaration");
    this.#before = this.#start;
    this.#scan(this.#start + text.length);
    return text;
  }

  /** Passes over the next token, which must be this one. */
  expect(text: string): void {
    const found = this.take();
    if (found !== text) throw this.error(`"${text}" is expected, not "${found}"`, true);
  }

  /** Passes over one token, or over brackets with all that they hold; what it passed over. */
  skip(): string[] {
    const found = [this.take()];
    if (!opening.includes(found[0])) return found;
    for (let depth = 1; depth > 0;) {
      const text = this.take();
      if (opening.includes(text)) depth++;
      if (closing.includes(text)) depth--;
      found.push(text);
    }
    return found;
  }

  /** Passes over all before a token outside brackets, and over it; what was before it. */
  until(text: string): string[] {
    const found: string[] = [];
    while (!this.at(text)) found.push(...this.skip());
    this.take();
    return found;
  }

  /** Passes over the body of a function, which is most of a text, looking at brackets only. */
  body(): void {
    const border = /\/\/|\/\*|[{}]/g;
    border.lastIndex = this.#start;
    let depth = 0;
    for (let found = border.exec(this.#code); found; found = border.exec(this.#code)) {
      const { 0: text, index } = found;
      if (text === "{") depth++;
      else if (text === "}") depth--;
      else border.lastIndex = endOfComment(this.#code, index);
      if (depth === 0) return this.#scan(border.lastIndex);
    }
    this.#scan(this.#code.length);
    throw this.error("it ends in the middle of a function");
  }

  /** An error at the token that comes next, or at the one before it. */
  error(what: string, before = false): SyntaxError {
    const at = before ? this.#before : this.#start;
    const lines = this.#code.slice(0, at).split("\n");
    return new SyntaxError(`${this.#file}:${lines.length}:${lines.at(-1)!.length + 1} ${what}`);
  }
}
