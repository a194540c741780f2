import assert from "node:assert/strict";
import { main } from "../../src/cli/main.ts";
import { type Command, optionName } from "../../src/cli/command.ts";
import { examples, wscl } from "../../src/cli/command_table.ts";
import { placed } from "../../src/cli/completions.ts";
import { readGiven } from "../../src/cli/given.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const commands = placed(wscl).flatMap(({ words, entry }) =>
  "commands" in entry ? [] : [{ words, command: entry as Command }]
);

const optionsOf = ({ parameters, arguments: names }: Command) =>
  Object.keys(parameters).filter((key) => !names.includes(key)).map(optionName);

Deno.test("the table of commands in the README names every command, and only options that they have", () => {
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  const rows = [...readme.matchAll(/^\| `\.\/wscl ([^`]*)` +\| (.*) \|$/gm)]
    .map(([, usage, text]) => ({ usage, text }));
  const inRow = ({ usage, text }: typeof rows[number], words: string) => {
    const [group, name] = words.split(" ");
    return `${usage} `.startsWith(`${words} `) ||
      (name !== undefined && usage.startsWith(`${group} `) && text.includes(`\`${name}\``));
  };
  for (const { words, command } of commands) {
    const own = rows.filter((row) => inRow(row, words));
    assert(own.length > 0, `the README has no row for ${words}`);
    for (const { usage, text } of own.filter(({ usage }) => usage.startsWith(words))) {
      for (const [option] of `${usage} ${text}`.matchAll(/--[a-z-]+/g)) {
        assert(optionsOf(command).includes(option), `${words} has no ${option}`);
      }
      const operands = usage.replace(/--\S+ \S+|\[[A-Z]+\]/g, "").match(/[A-Z]+/g) ?? [];
      const needed = command.arguments.filter((key) =>
        command.parameters[key].placeholder.startsWith("<")
      );
      assert.equal(operands.length, needed.length, `arguments of ${usage}`);
    }
  }
  const unknown = rows.filter((row) => !commands.some(({ words }) => inRow(row, words)));
  assert.deepEqual(unknown, []);
});

Deno.test("every command explains itself, with all its options", async () => {
  for (const { words, command } of commands) {
    const { terminal, printed } = recordingTerminal();
    assert.equal(await main([...words.split(" "), "--help"], { terminal }), 0, words);
    const help = printed.join("\n");
    assert(help.startsWith(`Usage: wscl ${words}`), help);
    for (const option of optionsOf(command)) assert(help.includes(`  ${option} `), option);
  }
});

Deno.test("help shows a list that is the default as it would be typed", async () => {
  const { terminal, printed } = recordingTerminal();
  await main(["compare", "--help"], { terminal });
  const help = printed.join("\n").replace(/\s+/g, " ");
  assert.match(help, /\(default: main\).*\(default: 0,1,2,3,4\)/);
});

Deno.test("the examples below the help name configurations that are there", () => {
  const named = [...examples.matchAll(/--config (\S+)/g)].map(([, path]) => path);
  assert(named.length > 0);
  for (const path of named) {
    assert(Deno.statSync(new URL(`../../${path}`, import.meta.url)).isFile, path);
  }
});

Deno.test("what is given is read as the command line reads it", () => {
  const read = (...args: string[]) => {
    const { command, texts } = readGiven(wscl, args);
    return [command?.name ?? null, { ...texts }];
  };
  assert.deepEqual(
    read("train", "--out=a=b", "--set", "--x", "--set", "y=1", "--overwrite", "--max-time"),
    ["train", { out: ["a=b"], set: ["--x", "y=1"], overwrite: [""], maxTime: [""] }],
  );
  assert.deepEqual(
    read("data", "download", "--data", "d", "cifar10", "--nonsense", "more"),
    ["download", { data: ["d"], name: ["cifar10"] }],
  );
  assert.deepEqual(read("report", "a", "--", "--help"), ["report", { runs: ["a", "--help"] }]);
  assert.deepEqual(read("train", "--out", "--help"), ["train", { out: ["--help"] }]);
  for (const args of [[], ["trian"], ["data"], ["train", "--out", "a", "-h"], ["help", "train"]]) {
    assert.deepEqual(read(...args), [null, {}], args.join(" "));
  }
});
