import { codeOf } from "../gpu/wgsl_tokens.ts";

/** What a text does with workgroup memory. */
type Event =
  | { readonly kind: "barrier" }
  /** An element, by the text of its index; null: the variable has none, or another function is given a pointer. */
  | { readonly kind: "read" | "write"; readonly name: string; readonly index: string | null }
  | { readonly kind: "pointer"; readonly name: string };

/**
 * What is wrong with the barriers of a text, as far as can be said without running it; null: nothing. Threads of one
 * subgroup go in step, so that a kernel that lacks a barrier may well be right on the adapter where it is tried.
 *
 * Functions are looked at where `main` calls them. Refused is what reads an element that no thread alone can be known to
 * have written, with no barrier behind the last write. Writes over what others still read, a
 * fixed place that another thread has written, and barriers that not all threads reach are not found.
 */
export function barrierProblem(code: string): string | null {
  const tokens: readonly string[] =
    codeOf(code).match(/[A-Za-z_]\w*|\d[\w.]*|[-+*/%&|^]=|<<=|>>=|\+\+|--|[=!<>]=|&&|\|\||\S/g) ??
      [];
  const shared = workgroupVariables(tokens);
  if (shared.size === 0) return null;
  const functions = functionsOf(tokens);
  const walk = new Walk(functions, shared);
  walk.call("main");
  const written = new Map<string, Set<string | null>>();
  const given = new Set<string>();
  let barriers = 0;
  for (const event of walk.events) {
    if (event.kind === "barrier") {
      barriers++;
      written.clear();
      continue;
    }
    if (event.kind === "pointer") {
      given.add(event.name);
      continue;
    }
    const { kind, name, index } = event;
    const before = written.get(name);
    if (kind === "write") {
      written.set(name, (before ?? new Set()).add(index));
      continue;
    }
    if (!before || mayBeOwn(index, before)) continue;
    const place = index === null ? name : `${name}[${index}]`;
    return `it reads ${place} of workgroup memory with no workgroupBarrier() behind a write to ${name}: what one ` +
      "thread writes there another one may read too early, if not on this adapter, then on one with narrower subgroups";
  }
  if (barriers > 0 || given.size === 0) return null;
  return `it has workgroup memory (${
    [...given].join(", ")
  }) and no workgroupBarrier() that main comes to: what one ` +
    "thread writes there another one may read too early, if not on this adapter, then on one with narrower subgroups";
}

/**
 * Whether a thread may well read what it has written itself: the same place by the same words, if these say anything
 * about the thread, or a fixed place, which is that of one of the threads where each has written its own.
 */
function mayBeOwn(index: string | null, written: ReadonlySet<string | null>): boolean {
  const varies = (text: string | null) => text !== null && /(?<!\d)[A-Za-z_]/.test(text);
  return varies(index) ? written.has(index) : ![...written].some((text) => !varies(text));
}

/** Names of the variables in workgroup memory. */
function workgroupVariables(tokens: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i + 4 < tokens.length; i++) {
    if (tokens[i] !== "var" || tokens[i + 1] !== "<" || tokens[i + 2] !== "workgroup") continue;
    names.add(tokens[tokens.indexOf(">", i) + 1]);
  }
  return names;
}

/** The tokens of the body of each function. */
function functionsOf(tokens: readonly string[]): Map<string, readonly string[]> {
  const functions = new Map<string, readonly string[]>();
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] !== "fn") continue;
    const start = tokens.indexOf("{", i);
    if (start < 0) break;
    const end = closing(tokens, start);
    functions.set(tokens[i + 1], tokens.slice(start + 1, end));
    i = end;
  }
  return functions;
}

/** Where the bracket at a place is closed. */
function closing(tokens: readonly string[], start: number): number {
  let depth = 0;
  for (let i = start; i < tokens.length; i++) {
    if (["(", "[", "{"].includes(tokens[i])) depth++;
    if ([")", "]", "}"].includes(tokens[i]) && --depth === 0) return i;
  }
  return tokens.length;
}

const assignments = ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=", "++", "--"];

/** The events of a function that is called, in the order of the text; what stands in a loop comes twice. */
class Walk {
  readonly events: Event[] = [];
  readonly #functions: ReadonlyMap<string, readonly string[]>;
  readonly #shared: ReadonlySet<string>;
  /** A write comes about when the statement ends: what stands on its right is read before. */
  #late: Event[] = [];

  constructor(functions: ReadonlyMap<string, readonly string[]>, shared: ReadonlySet<string>) {
    this.#functions = functions;
    this.#shared = shared;
  }

  call(name: string, callers: readonly string[] = []): void {
    const body = this.#functions.get(name);
    if (body && !callers.includes(name)) this.#over(body, [...callers, name]);
  }

  #over(tokens: readonly string[], callers: readonly string[]): void {
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i];
      if (token === ";" || token === "{" || token === "}") {
        this.#end();
      } else if (token === "for" || token === "while" || token === "loop") {
        const start = tokens.indexOf("{", i);
        const end = closing(tokens, start);
        this.#over(tokens.slice(i + 1, start), callers);
        const body = tokens.slice(start + 1, end);
        this.#over(body, callers);
        if (callers.length < MOST_TWICE) this.#over(body, callers);
        i = end;
      } else if (token === "workgroupBarrier") {
        this.events.push({ kind: "barrier" });
      } else if (token === "workgroupUniformLoad") {
        this.events.push({ kind: "barrier" });
        i = closing(tokens, i + 1);
      } else if (this.#shared.has(token) && tokens[i - 1] !== ".") {
        i = this.#access(tokens, i);
      } else if (tokens[i + 1] === "(") {
        this.call(token, callers);
      }
    }
    this.#end();
  }

  #end(): void {
    this.events.push(...this.#late);
    this.#late = [];
  }

  /** Notes an access to a variable; gives the place of its last token. */
  #access(tokens: readonly string[], at: number): number {
    const name = tokens[at];
    if (tokens[at - 1] === "&") {
      this.events.push({ kind: "pointer", name });
      return at;
    }
    let end = at + 1;
    let index: string | null = null;
    if (tokens[end] === "[") {
      const close = closing(tokens, end);
      const inside = tokens.slice(end + 1, close);
      for (const other of inside) {
        if (this.#shared.has(other)) this.events.push({ kind: "pointer", name: other });
      }
      index = inside.join(" ");
      end = close + 1;
    }
    while (tokens[end] === "." || tokens[end] === "[") {
      end = tokens[end] === "." ? end + 2 : closing(tokens, end) + 1;
    }
    const access = { name, index };
    const assigned = assignments.includes(tokens[end]);
    if (tokens[end] !== "=") this.events.push({ kind: "read", ...access });
    if (assigned) this.#late.push({ kind: "write", ...access });
    return end - 1;
  }
}

/** Loops of functions that are called this deep are gone through once: twice each is much. */
const MOST_TWICE = 3;
