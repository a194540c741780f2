/** What becomes of a command when nobody reads its output any more. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dispensable, OutputError, type Terminal } from "../../src/cli/terminal.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { exampleOptions } from "../experiment/example_options.ts";

/** The command line in a process of its own, whose output is closed before it prints anything. */
async function withoutReader(...args: string[]) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"],
      fileURLToPath(new URL("stand_in_main.ts", import.meta.url)),
      ...args,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const { code, stderr } = await child.output();
  return { code, errors: new TextDecoder().decode(stderr) };
}

Deno.test("a command that only prints ends quietly when nobody reads", async () => {
  assert.deepEqual(await withoutReader("--help"), { code: 141, errors: "" });
});

Deno.test({
  name: "a command that only prints fails where its output is closed, as the launcher sees it",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const launcher = fileURLToPath(new URL("../../wscl", import.meta.url));
    const ended = async (redirection: string) => {
      const { code, stderr } = await new Deno.Command("bash", {
        args: ["-c", `'${launcher}' --help ${redirection}`],
      }).output();
      return { code, errors: new TextDecoder().decode(stderr) };
    };
    const { code, errors } = await ended(">&-");
    assert.equal(code, 1);
    assert.match(errors, /^error: Cannot print: standard output is closed; send the output where/);
    assert.deepEqual(await ended(">/dev/null"), { code: 0, errors: "" });
  },
});

Deno.test("a run goes on when nobody reads, and says so once", async () => {
  const folder = Deno.makeTempDirSync();
  writeJson(join(folder, "config.json"), exampleOptions({ name: "example" }));
  const files = ["--config", join(folder, "config.json"), "--out", join(folder, "run")];
  const { code, errors } = await withoutReader("train", ...files);
  Deno.removeSync(folder, { recursive: true });
  assert.equal(code, 0);
  assert.match(
    errors,
    /^Cannot print: Broken pipe .*; the run goes on, and writes its log.jsonl\n$/,
  );
});

Deno.test("a dispensable terminal stops at its first failure, and hides no other", () => {
  const printed: string[] = [];
  const failing = (error: Error): Terminal => ({
    isLive: true,
    print(text) {
      printed.push(text);
      throw error;
    },
    live: () => {},
  });
  const failures: string[] = [];
  const full = new OutputError(new Error("No space left on device"));
  const terminal = dispensable(failing(full), ({ message }) => failures.push(message));
  terminal.print("a");
  terminal.print("b");
  terminal.live("c");
  assert.deepEqual(printed, ["a"]);
  assert.deepEqual(failures, [full.message]);
  assert.equal(full.closed, false);
  assert.throws(() => dispensable(failing(new TypeError("no text"))).print("a"), TypeError);
});
