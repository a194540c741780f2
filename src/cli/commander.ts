import * as commander from "commander";
import { type Command, type CommandGroup, type Context, optionName } from "./command.ts";
import { InvalidValue } from "./values.ts";

// The only file that knows commander, which reads the command line and prints help.

/** Runs the command that the arguments name; returns the exit code. */
export async function runCommandLine(
  table: CommandGroup,
  args: readonly string[],
  about: { readonly version: string; readonly examples: string },
  context: Context,
): Promise<number> {
  let exitCode = 0;
  const { terminal, printError } = context;
  const program = new commander.Command(table.name)
    .description(table.description)
    .version(about.version)
    .exitOverride()
    .configureHelp({ sortOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => printError(text.trimEnd()),
    })
    .showHelpAfterError("(--help lists commands and options)")
    .addHelpText("after", about.examples);
  const run = async (command: Command, values: Record<string, unknown>) => {
    exitCode = await command.run(values, context) ?? 0;
  };
  addCommands(program, table, run);
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    // Commander has printed its message already.
    if (error instanceof commander.CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  return exitCode;
}

type Run = (command: Command, values: Record<string, unknown>) => Promise<void>;

function addCommands(to: commander.Command, { commands, usual }: CommandGroup, run: Run): void {
  for (const entry of commands) {
    const added = to.command(entry.name, { isDefault: entry.name === usual })
      .summary(entry.summary).description(entry.description);
    if ("commands" in entry) addCommands(added, entry, run);
    else addCommand(added, entry, run);
  }
}

function addCommand(to: commander.Command, command: Command, run: Run): void {
  const { parameters, arguments: names } = command;
  for (const name of names) {
    const { placeholder, help, choices, parse } = parameters[name];
    const argument = new commander.Argument(placeholder, help);
    if (choices) argument.choices(choices);
    if (parse) argument.argParser((text) => refusing(parse, text));
    to.addArgument(argument);
  }
  for (const [key, parameter] of Object.entries(parameters)) {
    if (!names.includes(key)) to.addOption(option(key, parameter));
  }
  to.allowUnknownOption(command.anyOption ?? false);
  to.action(async () => {
    const given = Object.fromEntries(names.map((name, i) => [name, to.processedArgs[i]]));
    const usual = Object.fromEntries(
      Object.entries(parameters).map(([key, parameter]) => [key, parameter.default]),
    );
    await run(command, { ...usual, ...to.opts(), ...given });
  });
}

function option(key: string, parameter: Command["parameters"][string]): commander.Option {
  const { placeholder, help, choices, parse, repeatable, mandatory, default: usual } = parameter;
  const option = new commander.Option(`${optionName(key)} ${placeholder}`.trim(), help);
  if (repeatable) {
    option.argParser((text: string, previous: string[] = []) => [...previous, text]);
  } else if (placeholder !== "") {
    // Help shows a list as it is typed.
    option.default(usual, Array.isArray(usual) ? usual.join(",") : undefined);
  }
  if (choices) option.choices(choices);
  if (parse) option.argParser((text) => refusing(parse, text));
  return option.makeOptionMandatory(mandatory ?? false);
}

function refusing<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof InvalidValue) throw new commander.InvalidArgumentError(error.message);
    throw error;
  }
}
