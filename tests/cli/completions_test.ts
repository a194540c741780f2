import assert from "node:assert/strict";
import { wscl } from "../../src/cli/command_table.ts";
import { completions, placed } from "../../src/cli/completions.ts";

const noBash = { ignore: !["/bin/bash", "/usr/bin/bash"].some(exists) };

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What bash offers behind each of these lines, whose last word is being typed. */
async function offered(lines: readonly (readonly string[])[]): Promise<string[]> {
  const script = `${completions(wscl, "bash")}
try() { COMP_WORDS=(wscl "$@"); COMP_CWORD=$#; _wscl; echo "\${COMPREPLY[*]}"; }
${lines.map((words) => `try ${words.map((word) => `'${word}'`).join(" ")}`).join("\n")}`;
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-u", "-c", script],
    stdin: "null",
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test({
  name: "bash completes commands, options and their values",
  ...noBash,
  fn: async () => {
    const files = "";
    const cases: [string[], string][] = [
      [["co"], "compare completions"],
      [["data", ""], "check download"],
      [["data", "download", "cifar1"], "cifar10 cifar100"],
      [["train", "--co"], "--config"],
      [["train", "--config", ""], files],
      [["train", "--overwrite", "--provider", ""], "deno dawn"],
      [["train", "--provider", "=", "da"], "dawn"],
      [["train", "--provider", "="], "deno dawn"],
      [["report", ""], files],
      [["report", "runs/a", "--h"], "--help"],
      [["demo", "--max-time", ""], ""],
      [["completions", ""], "bash zsh fish"],
      [["completions", "--"], "--help"],
      [["nonsense", ""], ""],
      [["bench", "st"], "step start"],
      [["doctor", ""], "--provider --help"],
    ];
    assert.deepEqual(
      await offered([...cases.map(([words]) => words), ["demo", "--help"]]),
      [...cases.map(([, words]) => words), "--help"],
    );
  },
});

Deno.test("every shell's script knows every command and option", () => {
  for (const shell of ["bash", "zsh", "fish"] as const) {
    const script = completions(wscl, shell);
    for (const { words, entry } of placed(wscl)) {
      assert(script.includes(words), `${shell}: ${words}`);
      if ("commands" in entry) continue;
      for (const key of Object.keys(entry.parameters)) {
        if (entry.arguments.includes(key)) continue;
        const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
        const option = new RegExp(shell === "fish" ? `${words}.* -l ${name} ` : `--${name}\\b`);
        assert.match(script, option, `${shell}: ${words} --${name}`);
      }
    }
  }
});
