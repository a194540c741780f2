/**
 * What a text in WGSL declares: bindings, `override` constants, structs, entry points. Bodies of functions are passed over;
 * what is wrong in them is left to the compiler.
 */

/** A name, and what stands in `<...>` behind it: `array<vec4<u32>, 15>`. Lengths are arguments like types. */
export interface TypeName {
  readonly name: string;
  readonly args: readonly TypeName[];
}

/** A member of a struct. */
export interface Member {
  readonly name: string;
  readonly type: TypeName;
  /** Bytes, where an attribute says so. */
  readonly align: number | null;
  readonly size: number | null;
}

/** A variable with `@group` and `@binding`. */
export interface Resource {
  readonly name: string;
  readonly group: number;
  readonly binding: number;
  /** "uniform", or "storage". */
  readonly space: string;
  /** "read" or "read_write" of storage; null where the text leaves it out. */
  readonly access: string | null;
  readonly type: TypeName;
}

/** An `override` constant. */
export interface Override {
  readonly name: string;
  /** Of the attribute of this name: what the host has to call it. */
  readonly id: number | null;
  /** Null where it is not written and cannot be seen from a literal either. */
  readonly type: string | null;
  /** Whether the text gives it a value. */
  readonly hasDefault: boolean;
}

/** All that a text declares. */
export interface Declarations {
  readonly structs: ReadonlyMap<string, readonly Member[]>;
  readonly aliases: ReadonlyMap<string, TypeName>;
  /** `const` whole numbers, for lengths of arrays. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly resources: readonly Resource[];
  readonly overrides: readonly Override[];
  /** Names of the functions with `@compute`. */
  readonly entryPoints: readonly string[];
}

/** A comment's beginning, a word, a number or a sign. */
const part = /\/\/|\/\*|[A-Za-z_\x80-\uffff][\w\x80-\uffff]*|\d(?:[eEpP][+-]|[\w.])*|\S/g;

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

/**
 * Reads a text.
 *
 * @param file its name, for messages.
 * @throws {SyntaxError} with the place, where it cannot be read.
 */
export function declarationsOf(code: string, file: string): Declarations {
  return new Reader(code, file).read();
}

const opening = ["(", "[", "{"];
const closing = [")", "]", "}"];

/** What stands in the brackets of each. */
type Attributes = ReadonlyMap<string, readonly string[]>;

class Reader {
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

  read(): Declarations {
    const structs = new Map<string, Member[]>();
    const aliases = new Map<string, TypeName>();
    const numbers = new Map<string, number>();
    const resources: Resource[] = [];
    const overrides: Override[] = [];
    const entryPoints: string[] = [];
    while (this.#next) {
      const attributes = this.#attributes();
      const word = this.#take();
      switch (word) {
        case ";":
          break;
        case "struct":
          structs.set(this.#take(), this.#members());
          break;
        case "alias": {
          const name = this.#take();
          this.#expect("=");
          aliases.set(name, this.#type());
          this.#expect(";");
          break;
        }
        case "const": {
          const name = this.#take();
          const [, value] = this.#typeAndValue();
          const number = value.length === 1 ? wholeNumber(value[0]) : null;
          if (number !== null) numbers.set(name, number);
          break;
        }
        case "override": {
          const name = this.#take();
          const [type, value] = this.#typeAndValue();
          overrides.push({
            name,
            id: attributes.has("id") ? this.#number(attributes, "id") : null,
            type: type?.name ?? typeOfLiteral(value),
            hasDefault: value.length > 0,
          });
          break;
        }
        case "var": {
          const [space, access = null] = this.#at("<") ? this.#arguments() : [];
          const name = this.#take();
          const [type] = this.#typeAndValue();
          if (!attributes.has("binding")) break;
          if (!type || !space) throw this.#error(`the type or space of ${name} is missing`);
          resources.push({
            name,
            group: this.#number(attributes, "group"),
            binding: this.#number(attributes, "binding"),
            space: space.name,
            access: access && access.name,
            type,
          });
          break;
        }
        case "fn": {
          const name = this.#take();
          if (attributes.has("compute")) entryPoints.push(name);
          while (!this.#at("{")) this.#skip();
          this.#body();
          break;
        }
        case "enable":
        case "requires":
        case "diagnostic":
        case "const_assert":
          this.#until(";");
          break;
        default:
          throw this.#error(`"${word}" begins no declaration`, this.#before);
      }
    }
    return { structs, aliases, numbers, resources, overrides, entryPoints };
  }

  /** `@name`, or `@name(...)`, any number of them. */
  #attributes(): Attributes {
    const found = new Map<string, readonly string[]>();
    while (this.#at("@")) {
      this.#take();
      const name = this.#take();
      found.set(name, this.#at("(") ? this.#skip().slice(1, -1) : []);
    }
    return found;
  }

  #members(): Member[] {
    const members: Member[] = [];
    this.#expect("{");
    while (!this.#at("}")) {
      const attributes = this.#attributes();
      const name = this.#take();
      this.#expect(":");
      const type = this.#type();
      const bytes = (attribute: string) =>
        attributes.has(attribute) ? this.#number(attributes, attribute) : null;
      members.push({ name, type, align: bytes("align"), size: bytes("size") });
      if (!this.#at("}")) this.#expect(",");
    }
    this.#take();
    return members;
  }

  /** What stands in the first brackets of a type, and of those in them. */
  #arguments(): TypeName[] {
    const found: TypeName[] = [];
    this.#expect("<");
    while (!this.#at(">")) {
      found.push(this.#argument());
      if (!this.#at(">")) this.#expect(",");
    }
    this.#take();
    return found;
  }

  /** A type; of an expression, such as a length, the text. */
  #argument(): TypeName {
    const start = this.#start;
    const first = this.#skip();
    if (first.length === 1 && this.#at("<")) return { name: first[0], args: this.#arguments() };
    while (!this.#at(",") && !this.#at(">")) this.#skip();
    return { name: this.#code.slice(start, this.#start).trim(), args: [] };
  }

  #type(): TypeName {
    const name = this.#take();
    return { name, args: this.#at("<") ? this.#arguments() : [] };
  }

  /** `: type = value;`, both of which may be missing. */
  #typeAndValue(): [TypeName | null, readonly string[]] {
    let type: TypeName | null = null;
    if (this.#at(":")) {
      this.#take();
      type = this.#type();
    }
    if (this.#at(";")) {
      this.#take();
      return [type, []];
    }
    this.#expect("=");
    return [type, this.#until(";")];
  }

  /** A whole number in the brackets of an attribute. */
  #number(attributes: Attributes, name: string): number {
    const inside = attributes.get(name)?.filter((text) => text !== ",") ?? [];
    const number = inside.length === 1 ? wholeNumber(inside[0]) : null;
    if (number === null) throw this.#error(`@${name} is not one whole number, in figures`);
    return number;
  }

  /** Finds the first token from a place on. */
  #scan(from: number): void {
    part.lastIndex = from;
    for (let found = part.exec(this.#code); found; found = part.exec(this.#code)) {
      const { 0: text, index } = found;
      if (text === "//" || text === "/*") part.lastIndex = endOfComment(this.#code, index);
      else {
        this.#next = text;
        this.#start = index;
        return;
      }
    }
    this.#next = "";
    this.#start = this.#code.length;
  }

  #at(text: string): boolean {
    return this.#next === text;
  }

  #take(): string {
    const text = this.#next;
    if (!text) throw this.#error("it ends in the middle of a declaration");
    this.#before = this.#start;
    this.#scan(this.#start + text.length);
    return text;
  }

  #expect(text: string): void {
    const found = this.#take();
    if (found !== text) throw this.#error(`"${text}" is expected, not "${found}"`, this.#before);
  }

  /** Passes over one token, or over brackets with all that they hold; what it passed over. */
  #skip(): string[] {
    const found = [this.#take()];
    if (!opening.includes(found[0])) return found;
    for (let depth = 1; depth > 0;) {
      const text = this.#take();
      if (opening.includes(text)) depth++;
      if (closing.includes(text)) depth--;
      found.push(text);
    }
    return found;
  }

  /** Passes over all before a token outside brackets, and over it; what was before it. */
  #until(text: string): string[] {
    const found: string[] = [];
    while (!this.#at(text)) found.push(...this.#skip());
    this.#take();
    return found;
  }

  /** Passes over the body of a function, which is most of a text, looking at brackets only. */
  #body(): void {
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
    throw this.#error("it ends in the middle of a function");
  }

  #error(what: string, at = this.#start): SyntaxError {
    const lines = this.#code.slice(0, at).split("\n");
    return new SyntaxError(`${this.#file}:${lines.length}:${lines.at(-1)!.length + 1} ${what}`);
  }
}

/** `12`, `12u`, `0x1f`; null for other texts. */
export function wholeNumber(text: string): number | null {
  return /^(\d+|0[xX][\da-fA-F]+)[iu]?$/.test(text) ? Number(text.replace(/[iu]$/, "")) : null;
}

/** Of a constant whose type is not written; null for more than a literal. */
function typeOfLiteral(value: readonly string[]): string | null {
  const text = value.join("").replace(/^-/, "");
  if (text === "true" || text === "false") return "bool";
  if (/^\d+u$|^0[xX][\da-fA-F]+u$/.test(text)) return "u32";
  if (wholeNumber(text) !== null) return "i32";
  return /^\d[\w.+-]*$/.test(text) ? "f32" : null;
}
