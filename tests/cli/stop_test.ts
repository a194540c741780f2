import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeJson } from "../../src/host/run_folder.ts";
import { exampleOptions } from "../experiment/example_options.ts";

/** Trains a stand-in in a process of its own and sends it these signals, one after the other. */
async function trainAndSend(
  name: string,
  signals: readonly Deno.Signal[],
  env: Record<string, string> = {},
) {
  const folder = Deno.makeTempDirSync();
  writeJson(join(folder, "config.json"), exampleOptions({ name }));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-read", `--allow-write=${folder}`],
      "--allow-env=WSCL_IGNORES_HANGUP",
      fileURLToPath(new URL("stand_in_main.ts", import.meta.url)),
      ...["train", "--config", join(folder, "config.json"), "--out", join(folder, "run")],
    ],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let output = "";
  let sent = 0;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    if (sent === 0 && output.includes("writes to")) {
      child.kill(signals[sent++]);
      if (env.WSCL_IGNORES_HANGUP) child.kill(signals[sent++]); // nothing is printed in between
    }
    if (sent < signals.length && output.includes("Stopping")) child.kill(signals[sent++]);
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

Deno.test("a closed terminal ends a run cleanly with exit code 129", async () => {
  const { code, output } = await trainAndSend("until-stopped", ["SIGHUP"]);
  assert.equal(code, 129);
  assert.match(output, /stopped after/);
});

Deno.test("SIGHUP ends no run at once, however often it is sent", async () => {
  const { code, output } = await trainAndSend("until-stopped", ["SIGTERM", "SIGHUP"]);
  assert.equal(code, 143);
  assert.match(output, /stopped after/);
});

Deno.test("a run that was started to survive its terminal does so", async () => {
  const env = { WSCL_IGNORES_HANGUP: "1" };
  const { code, output } = await trainAndSend("until-stopped", ["SIGHUP", "SIGTERM"], env);
  assert.equal(code, 143);
  assert.match(output, /stopped after/);
});
