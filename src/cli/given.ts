import { type Command, type CommandGroup, type GivenTexts, optionName } from "./command.ts";

/** What a command line gives, as far as it can be understood; what is wrong with it, the command line itself says. */
export interface Given {
  /** None where the line names none, or asks for help. */
  readonly command: Command | null;
  readonly texts: GivenTexts;
}

/** Reads a command line as the command line itself does, but refuses nothing. */
export function readGiven(table: CommandGroup, args: readonly string[]): Given {
  const rest = [...args];
  let at: CommandGroup | Command = table;
  while ("commands" in at) {
    const named: string | undefined = rest.length > 0 ? rest[0] : at.usual;
    const next: Command | CommandGroup | undefined = at.commands.find(({ name }) => name === named);
    if (!next) return { command: null, texts: {} };
    rest.shift();
    at = next;
  }
  const command = at;
  const keys = new Map(
    Object.keys(command.parameters).filter((key) => !command.arguments.includes(key))
      .map((key) => [optionName(key), key]),
  );
  const texts: Record<string, string[]> = {};
  const operands: string[] = [];
  while (rest.length > 0) {
    const text = rest.shift()!;
    if (text === "--") {
      operands.push(...rest.splice(0));
    } else if (text === "-h" || text === "--help") {
      return { command: null, texts: {} };
    } else if (/^-./.test(text)) {
      const [, name, inline] = /^([^=]*)(?:=([^]*))?$/.exec(text)!;
      const key = keys.get(name);
      if (key === undefined) continue;
      const takesValue = command.parameters[key].placeholder !== "";
      (texts[key] ??= []).push(takesValue ? inline ?? rest.shift() ?? "" : "");
    } else {
      operands.push(text);
    }
  }
  for (const key of command.arguments) {
    const many = command.parameters[key].repeatable;
    texts[key] = operands.splice(0, many ? operands.length : 1);
  }
  return { command, texts };
}
