import { dispensable, type Terminal } from "./terminal.ts";
import type { TrainOptions } from "./train.ts";

/** What a command line may give as the value of an option, or as an argument. */
export interface Parameter<T> {
  /** As help shows it: `<dir>`; of arguments also `<runs...>` for several and `[paths...]` for several or none. */
  readonly placeholder: string;
  readonly help: string;
  /** The text is the path of a file or folder that is read, or written and read. Empty: not given. */
  readonly path?: "read" | "write";
  /** A path that may be used where none is given, though it is no default: its name is settled later. */
  readonly otherwise?: string;
  readonly choices?: readonly string[];
  /** @throws {InvalidValue} */
  readonly parse?: (text: string) => T;
  readonly default?: T;
  /** The option may be given again, each value behind the others. */
  readonly repeatable?: boolean;
  /** The option must be given. Of no use where a message of its own says more. */
  readonly mandatory?: boolean;
}

type Parameters = Readonly<Record<string, Parameter<unknown>>>;

/** What a command gets for its parameters. */
export type Values<P> = { readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never };

/** What a command uses besides the paths it is given; by itself it may read the program and its caches. */
export interface Needs {
  /** A GPU: the launcher sees to a Vulkan adapter, and to Dawn for `--provider dawn`. */
  readonly gpu?: boolean;
  /** Writes packed data sets and what is remembered of kernels. */
  readonly writesCache?: boolean;
  /** Reads and writes temporary files. */
  readonly temporary?: boolean;
  /** Starts further processes of Deno. */
  readonly startsDeno?: boolean;
  /** WSCL_COMMIT: which program its numbers belong to. */
  readonly commit?: boolean;
  /** WSCL_IGNORES_HANGUP: whether it goes on when its terminal is closed. */
  readonly hangup?: boolean;
  /** Further paths that it reads. */
  readonly reads?: (given: GivenTexts) => readonly string[];
  /** Further paths that it writes and reads. */
  readonly writes?: (given: GivenTexts) => readonly string[];
  /** The hosts that it reaches, as Deno's --allow-net has them. */
  readonly hosts?: (given: GivenTexts) => readonly string[];
  /**
   * Lock file, beside `deno.lock`, of the packages that this command alone uses: Deno fetches them at its first use.
   * They are imported by names that no other module's imports show, or every start would fetch them.
   */
  readonly lock?: (given: GivenTexts) => string | null;
  /** Any environment variable: some packages list them all. */
  readonly allVariables?: (given: GivenTexts) => boolean;
  /** It lives for months beside other programs: V8 is to clear its garbage away early. */
  readonly smallHeap?: boolean;
  /** Environment variables that it reads, besides those that every command may. */
  readonly variables?: readonly string[];
  /** What the launcher does in place of starting the program. */
  readonly byLauncher?: (given: GivenTexts) => "test" | "soak" | null;
}

/** The texts that were given for each parameter, in their order. */
export type GivenTexts = Readonly<Record<string, readonly string[] | undefined>>;

/** What the commands share. */
export interface Context {
  readonly terminal: Terminal;
  /** Folder of packed data sets. */
  readonly cacheDir: string;
  /** Prints on standard error. */
  readonly printError: (text: string) => void;
  /** Whether the process ends when the command does. */
  readonly endsProcess?: boolean;
  /** Replaced in tests. */
  readonly worker?: TrainOptions["worker"];
}

/** One command: all that is known of it before it is run. */
export interface Command<P extends Parameters = Parameters> {
  readonly name: string;
  /** A few words, for lists of commands. */
  readonly summary: string;
  readonly description: string;
  /** In their order. */
  readonly arguments: readonly (keyof P & string)[];
  /** Arguments, and options by their names: `maxTime` is `--max-time`. */
  readonly parameters: P;
  readonly needs: Needs;
  /** Options that are not listed are let through. */
  readonly anyOption?: boolean;
  /** Loads what it takes and does it; returns the exit code, or nothing for 0. */
  run(values: Values<P>, context: Context): Promise<number | void>;
}

/** Commands under one name. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly commands: readonly (Command | CommandGroup)[];
  /** Which of them is meant where none is named; default: none, and help is shown. */
  readonly usual?: string;
}

/** What makes a command; without `arguments` it takes none. */
type CommandParts<A extends Parameters, O extends Parameters> =
  & Omit<Command<A & O>, "arguments" | "parameters" | "needs">
  & { readonly arguments?: A; readonly options?: O; readonly needs?: Needs };

/** A command of its parts, whose `run` knows the types of its parameters. */
export function command<
  A extends Parameters = Record<never, never>,
  O extends Parameters = Record<never, never>,
>({ arguments: args, options, ...parts }: CommandParts<A, O>): Command {
  const parameters = { ...args, ...options } as A & O;
  return { needs: {}, ...parts, arguments: Object.keys(args ?? {}), parameters } as Command;
}

type Details = Partial<Pick<Parameter<string>, "path" | "otherwise" | "default" | "mandatory">>;

/** A parameter whose value is the text itself; undefined where it need not be given and has no default. */
export function text(
  placeholder: string,
  help: string,
  details: Details & ({ readonly default: string } | { readonly mandatory: true }),
): Parameter<string>;
export function text(
  placeholder: string,
  help: string,
  details?: Details,
): Parameter<string | undefined>;
export function text(placeholder: string, help: string, details?: Details): Parameter<unknown> {
  return { placeholder, help, ...details };
}

/** A parameter whose value is made of the text by `parse`; undefined where it is not given and has no default. */
export function parsed<T>(
  placeholder: string,
  help: string,
  parse: (text: string) => T,
  usual: NoInfer<T>,
): Parameter<T>;
export function parsed<T>(
  placeholder: string,
  help: string,
  parse: (text: string) => T,
): Parameter<T | undefined>;
export function parsed<T>(
  placeholder: string,
  help: string,
  parse: (text: string) => T,
  usual?: T,
): Parameter<T | undefined> {
  return { placeholder, help, parse, default: usual };
}

/** A parameter with several texts: an argument that is the last one, or an option that is repeated. */
export function texts(
  placeholder: string,
  help: string,
  details: Pick<Parameter<unknown>, "path"> = {},
): Parameter<readonly string[]> {
  return { placeholder, help, ...details, repeatable: true, default: [] };
}

/** One of a few words. */
export function choice<T extends string>(
  placeholder: string,
  help: string,
  choices: readonly T[],
  details: { readonly default?: T } = {},
): Parameter<T> {
  return { placeholder, help, choices, ...details };
}

/** An option without a value. */
export function flag(help: string): Parameter<boolean> {
  return { placeholder: "", help, default: false };
}

/** `--max-time` for `maxTime`. */
export function optionName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** A terminal for what is worth more than what is printed: where printing fails, that is said, and `whatGoesOn`. */
export function lasting({ terminal, printError }: Context, whatGoesOn: string): Terminal {
  return dispensable(terminal, ({ message }) => printError(`${message}; ${whatGoesOn}`));
}
