import { type Command, type CommandGroup, optionName } from "./command.ts";

/** Shells that commands can be completed in. */
export const shells = ["bash", "zsh", "fish"] as const;

/** The script that makes a shell complete the commands of a table, their options and what these may be. */
export function completions(table: CommandGroup, shell: typeof shells[number]): string {
  if (shell === "fish") return fish(table);
  if (shell === "bash") return bash(table);
  return `autoload -U +X bashcompinit && bashcompinit\n${bash(table)}`;
}

/** A command or group with the words that lead to it: `data check`. */
export interface Placed {
  readonly words: string;
  readonly entry: Command | CommandGroup;
}

/** Everything in a table, groups before their commands. */
export function placed(table: CommandGroup, before: readonly string[] = []): Placed[] {
  return table.commands.flatMap((entry) => {
    const words = [...before, entry.name];
    const below = "commands" in entry ? placed(entry, words) : [];
    return [{ words: words.join(" "), entry }, ...below];
  });
}

const namesOf = ({ commands }: CommandGroup) => commands.map(({ name }) => name).join(" ");

/** The options of a command, and its arguments. */
function parts({ parameters, arguments: names }: Command) {
  const options = Object.entries(parameters).filter(([key]) => !names.includes(key))
    .map(([key, parameter]) => ({ name: optionName(key), ...parameter }));
  return { options, operands: names.map((name) => parameters[name]) };
}

function bash(table: CommandGroup): string {
  const cases = placed(table).flatMap(({ words, entry }) => {
    if ("commands" in entry) return [`"${words} ") words="${namesOf(entry)}" ;;`];
    const { options, operands } = parts(entry);
    const list = (some: readonly { name: string }[]) => some.map(({ name }) => name).join(" ");
    const valued = options.filter(({ placeholder }) => placeholder !== "");
    const all = `${list(options)} --help`.trim();
    const choices = operands.flatMap(({ choices = [] }) => choices).join(" ");
    return [
      ...valued.filter(({ choices }) => choices)
        .map(({ name, choices }) => `"${words} "*"${name} ") words="${choices!.join(" ")}" ;;`),
      `"${words} "*) options="${all}" words="${operands.length === 0 ? all : choices}"`,
      `  files="${list(valued.filter(({ path }) => path))}"`,
      `  texts="${list(valued.filter(({ path, choices }) => !path && !choices))}" ;;`,
    ];
  });
  // Where there are no words, -o default makes bash complete files.
  return `# Completes wscl: source <(./wscl completions bash)
_wscl() {
  local at="\${COMP_WORDS[*]:1:$((COMP_CWORD - 1))} " current="\${COMP_WORDS[COMP_CWORD]}"
  local last words= options= files= texts=
  if [[ $current == "=" ]]; then current=; else at="\${at/% = / }"; fi
  last="\${at% }" last="\${last##* }"
  case $at in
    " ") words="${namesOf(table)} help --help --version" ;;
${cases.map((line) => `    ${line}`).join("\n")}
  esac
  if [[ -n $options ]]; then
    if [[ " $texts " == *" $last "* ]]; then
      words=
      compopt +o default 2>/dev/null
    elif [[ " $files " == *" $last "* ]]; then words=
    elif [[ $current == -* ]]; then words="$options"; fi
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _wscl wscl`;
}

function fish(table: CommandGroup): string {
  const quoted = (text: string) => `'${text.replace(/['\\]/g, "\\$&")}'`;
  const lines = [
    ["", table] as const,
    ...placed(table).map(({ words, entry }) => [words, entry] as const),
  ]
    .flatMap(([words, entry]) => {
      const when = (test: string) => `complete -c wscl -n ${quoted(`${test} '${words}'`)}`;
      if ("commands" in entry) {
        return entry.commands.map(({ name, summary }) =>
          `${when("__wscl_at")} -f -a ${name} -d ${quoted(summary)}`
        );
      }
      const { options, operands } = parts(entry);
      const choices = operands.flatMap(({ choices = [] }) => choices).join(" ");
      const files = operands.some(({ path }) => path) || entry.anyOption;
      return [
        `${when("__wscl_in")} ${files ? "-F" : "-f"} ${choices && `-a ${quoted(choices)}`}`.trim(),
        ...options.map(({ name, placeholder, path, choices, help }) => {
          const value = placeholder === ""
            ? ""
            : path
            ? "-rF "
            : choices
            ? `-xa ${quoted(choices.join(" "))} `
            : "-x ";
          return `${when("__wscl_in")} -l ${name.slice(2)} ${value}-d ${quoted(help)}`;
        }),
      ];
    });
  return `# Completes wscl: ./wscl completions fish | source
function __wscl_at
  set -l words (commandline -opc)[2..]
  test "$words" = "$argv"
end
function __wscl_in
  set -l words (commandline -opc)[2..]
  string match -q -- "$argv *" "$words "
end
${lines.join("\n")}`;
}
