import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeJson } from "../../src/experiment/run_folder.ts";
import { exampleOptions } from "../experiment/example_options.ts";

/** Trains a stand-in in a process of its own and sends it these signals, one after the other. */
async function trainAndSend(name: string, signals: readonly Deno.Signal[]) {
  const folder = Deno.makeTempDirSync();
  writeJson(join(folder, "config.json"), exampleOptions({ name }));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-read", `--allow-write=${folder}`],
      fileURLToPath(new URL("stand_in_main.ts", import.meta.url)),
      ...["train", "--config", join(folder, "config.json"), "--out", join(folder, "run")],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let output = "";
  let sent = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    const ready = output.includes("writes to") && (sent === 0 || output.includes("Stopping"));
    if (ready && sent < signals.length) child.kill(signals[sent++]);
  }
  const { code } = await child.status;
  Deno.removeSync(folder, { recursive: true });
  return { code, output };
}

Deno.test("Ctrl-C ends a run cleanly with exit code 130", async () => {
  const { code, output } = await trainAndSend("until-stopped", ["SIGINT"]);
  assert.equal(code, 130);
  assert.match(output, /Stopping after this step; once more stops at once/);
  assert.match(output, /stopped after 12\.0 s/);
});

Deno.test("SIGTERM ends a run cleanly with exit code 143", async () => {
  const { code, output } = await trainAndSend("until-stopped", ["SIGTERM"]);
  assert.equal(code, 143);
  assert.match(output, /stopped after/);
});

Deno.test("a second Ctrl-C ends even a run that does not listen", async () => {
  const { code, output } = await trainAndSend("deaf", ["SIGINT", "SIGINT"]);
  assert.equal(code, 130);
  assert.doesNotMatch(output, /stopped after/);
});
