/**
 * What a text in WGSL declares: bindings, `override` constants, structs, entry points. Bodies of functions are passed
 * over; what is wrong in them is left to the compiler.
 */

import { Tokens } from "./wgsl_tokens.ts";

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

/**
 * Reads a text.
 *
 * @param file its name, for messages.
 * @throws {SyntaxError} with the place, where it cannot be read.
 */
export function declarationsOf(code: string, file: string): Declarations {
  return new Reader(code, file).read();
}

/** What stands in the brackets of each. */
type Attributes = ReadonlyMap<string, readonly string[]>;

class Reader {
  readonly #tokens: Tokens;

  constructor(code: string, file: string) {
    this.#tokens = new Tokens(code, file);
  }

  read(): Declarations {
    const structs = new Map<string, Member[]>();
    const aliases = new Map<string, TypeName>();
    const numbers = new Map<string, number>();
    const resources: Resource[] = [];
    const overrides: Override[] = [];
    const entryPoints: string[] = [];
    while (!this.#tokens.ended) {
      const attributes = this.#attributes();
      const word = this.#tokens.take();
      switch (word) {
        case ";":
          break;
        case "struct":
          structs.set(this.#tokens.take(), this.#members());
          break;
        case "alias": {
          const name = this.#tokens.take();
          this.#tokens.expect("=");
          aliases.set(name, this.#type());
          this.#tokens.expect(";");
          break;
        }
        case "const": {
          const name = this.#tokens.take();
          const [, value] = this.#typeAndValue();
          const number = value.length === 1 ? wholeNumber(value[0]) : null;
          if (number !== null) numbers.set(name, number);
          break;
        }
        case "override": {
          const name = this.#tokens.take();
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
          const [space, access = null] = this.#tokens.at("<") ? this.#arguments() : [];
          const name = this.#tokens.take();
          const [type] = this.#typeAndValue();
          if (!attributes.has("binding")) break;
          if (!type || !space) throw this.#tokens.error(`the type or space of ${name} is missing`);
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
          const name = this.#tokens.take();
          if (attributes.has("compute")) entryPoints.push(name);
          while (!this.#tokens.at("{")) this.#tokens.skip();
          this.#tokens.body();
          break;
        }
        case "enable":
        case "requires":
        case "diagnostic":
        case "const_assert":
          this.#tokens.until(";");
          break;
        default:
          throw this.#tokens.error(`"${word}" begins no declaration`, true);
      }
    }
    return { structs, aliases, numbers, resources, overrides, entryPoints };
  }

  /** `@name`, or `@name(...)`, any number of them. */
  #attributes(): Attributes {
    const found = new Map<string, readonly string[]>();
    while (this.#tokens.at("@")) {
      this.#tokens.take();
      const name = this.#tokens.take();
      found.set(name, this.#tokens.at("(") ? this.#tokens.skip().slice(1, -1) : []);
    }
    return found;
  }

  #members(): Member[] {
    const members: Member[] = [];
    this.#tokens.expect("{");
    while (!this.#tokens.at("}")) {
      const attributes = this.#attributes();
      const name = this.#tokens.take();
      this.#tokens.expect(":");
      const type = this.#type();
      const bytes = (attribute: string) =>
        attributes.has(attribute) ? this.#number(attributes, attribute) : null;
      members.push({ name, type, align: bytes("align"), size: bytes("size") });
      if (!this.#tokens.at("}")) this.#tokens.expect(",");
    }
    this.#tokens.take();
    return members;
  }

  /** What stands in the first brackets of a type, and of those in them. */
  #arguments(): TypeName[] {
    const found: TypeName[] = [];
    this.#tokens.expect("<");
    while (!this.#tokens.at(">")) {
      found.push(this.#argument());
      if (!this.#tokens.at(">")) this.#tokens.expect(",");
    }
    this.#tokens.take();
    return found;
  }

  /** A type; of an expression, such as a length, the text. */
  #argument(): TypeName {
    const start = this.#tokens.place;
    const first = this.#tokens.skip();
    if (first.length === 1 && this.#tokens.at("<")) {
      return { name: first[0], args: this.#arguments() };
    }
    while (!this.#tokens.at(",") && !this.#tokens.at(">")) this.#tokens.skip();
    return { name: this.#tokens.since(start), args: [] };
  }

  #type(): TypeName {
    const name = this.#tokens.take();
    return { name, args: this.#tokens.at("<") ? this.#arguments() : [] };
  }

  /** `: type = value;`, both of which may be missing. */
  #typeAndValue(): [TypeName | null, readonly string[]] {
    let type: TypeName | null = null;
    if (this.#tokens.at(":")) {
      this.#tokens.take();
      type = this.#type();
    }
    if (this.#tokens.at(";")) {
      this.#tokens.take();
      return [type, []];
    }
    this.#tokens.expect("=");
    return [type, this.#tokens.until(";")];
  }

  /** A whole number in the brackets of an attribute. */
  #number(attributes: Attributes, name: string): number {
    const inside = attributes.get(name)?.filter((text) => text !== ",") ?? [];
    const number = inside.length === 1 ? wholeNumber(inside[0]) : null;
    if (number === null) throw this.#tokens.error(`@${name} is not one whole number, in figures`);
    return number;
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
