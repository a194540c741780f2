/** What a run tells: on a terminal, as plain lines, as JSON, or not at all. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "../../src/cli/main.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { withFolder } from "../data/fixtures.ts";
import { exampleOptions } from "../experiment/example_options.ts";
import { noReaders, read } from "../readers/readers.ts";
import { recordingTerminal } from "./recording_terminal.ts";
import { story } from "./story.ts";

const worker = new URL("story_worker.ts", import.meta.url);

/** `wscl train` of a run that only tells a story. */
async function train(folder: string, ...options: string[]) {
  const config = join(folder, "config.json");
  writeJson(config, exampleOptions({ name: "example" }));
  const { terminal, printed } = recordingTerminal();
  const errors: string[] = [];
  const args = ["train", "--config", config, "--out", join(folder, "run"), ...options];
  const code = await main(args, { terminal, worker, printError: (text) => errors.push(text) });
  return { code, printed, errors };
}

Deno.test("--json prints every event as an object a line, and all else as messages", () =>
  withFolder(async (folder) => {
    const { code, printed } = await train(folder, "--json");
    assert.equal(code, 0);
    const lines = printed.map((line) => JSON.parse(line));
    assert(lines.every(({ time }) => Math.abs(Date.parse(time) - Date.now()) < 60_000));
    const events = lines.map(({ time: _, ...event }) => event);
    const first = events.findIndex(({ type }) => type === "plan");
    assert.deepEqual(events.slice(first, first + story.length), story);
    assert.equal(events[first + story.length].type, "end");
    const others = [...events.slice(0, first), ...events.slice(first + story.length + 1)];
    assert(others.length > 3 && others.every(({ type }) => type === "message"));
    assert(others.some(({ text }) => text.startsWith("done after 12.0 s")));
  }));

Deno.test("--quiet prints nothing, and neither goes with --json", () =>
  withFolder(async (folder) => {
    assert.deepEqual(await train(folder, "--quiet"), { code: 0, printed: [], errors: [] });
    const both = await train(folder, "--quiet", "--json");
    assert.equal(both.code, 2);
    assert.match(both.errors[0], /Cannot print nothing and --json: leave --quiet out/);
    const bad = await train(folder, "--quiet", "--set", "nonsense=1");
    assert.equal(bad.code, 2);
    assert.match(bad.errors[0], /nonsense/);
  }));

Deno.test("plain lines are decisions and evaluations, without escape codes", () =>
  withFolder(async (folder) => {
    const { printed } = await train(folder);
    const text = printed.join("\n");
    assert.match(text, /^task 1\/2 heads: 0 \(cat\), 1 \(dog\)$/m);
    assert.match(text, /^task 2\/2 freezing: nothing frozen/m);
    assert.match(text, /^task 2\/2 evaluation: Class-IL 67.50 % \(55.00 80.00\)/m);
    assert(!text.includes("\x1b") && !text.includes("checkpoint: 1.0 MB"), text);
  }));

const hasScript = await new Deno.Command("bash", {
  args: ["-c", "command -v script"],
  stdout: "null",
})
  .output().then(({ success }) => success, () => false);

/** What the program writes to a pseudo terminal of a size. */
async function onTerminal(
  folder: string,
  { columns, variables = "TERM=xterm" }: { readonly columns: number; readonly variables?: string },
): Promise<{ text: string; bytes: Uint8Array<ArrayBuffer> }> {
  const config = join(folder, "config.json");
  writeJson(config, exampleOptions({ name: "example" }));
  const [out, file] = [join(folder, "run"), join(folder, "typescript")];
  const program = fileURLToPath(new URL("story_main.ts", import.meta.url));
  const command =
    `stty cols ${columns} rows 20; exec env ${variables} ${Deno.execPath()} run -A --quiet ` +
    `${program} train --config ${config} --out ${out} --overwrite`;
  const env = { COMMAND: command, FILE: file };
  const args = ["-c", 'env -u NO_COLOR script -qec "$COMMAND" /dev/null </dev/null >"$FILE"'];
  const { success, stderr } = await new Deno.Command("bash", { args, env }).output();
  assert(success, new TextDecoder().decode(stderr));
  const bytes = Deno.readFileSync(file);
  return { text: new TextDecoder().decode(bytes), bytes };
}

Deno.test({
  name: "a terminal of 60, 80 and 120 columns shows the live lines whole, and keeps none of them",
  ignore: !hasScript || noReaders !== null,
  fn: () =>
    withFolder(async (folder) => {
      for (const columns of [60, 80, 120]) {
        const { text, bytes } = await onTerminal(folder, { columns });
        const screen = async (until: number) => {
          const file = join(folder, "bytes");
          Deno.writeFileSync(file, bytes.subarray(0, until));
          return await read<string[]>("screen.ts", file, String(columns), "20");
        };
        const end = await screen(bytes.length);
        assert.equal(
          end.filter((line) => /gone|images\/s|^Class-IL % +t/.test(line)).length,
          0,
          end.join("\n"),
        );
        assert.equal(end.filter((line) => line.startsWith("task 2/2 evaluation")).length, 1);
        // As it was when the last task slept.
        const at = text.lastIndexOf("\x1b[J", text.indexOf("task 2/2 evaluation") - 1);
        const then = (await screen(new TextEncoder().encode(text.slice(0, at)).length)).join("\n");
        assert.match(then, /^(\[[#.]+\] +)?\d+ %.* gone, about \d:\d\d left$/m);
        assert.match(then, /^Class-IL % +t1 +mean$/m);
        assert.match(then, /^ after t1 +90\.0 +90\.0$/m);
        assert.match(then, /^frozen {5}t2 nothing \(loss by blocks 0: 1\.000\)$/m);
        assert.match(then, /^sleep {6}t2 20 steps in 0:00, loss nrem 1\.500, rem 1\.500$/m);
      }
    }),
});

Deno.test({
  name: "without colours there are none, and a dumb terminal gets plain lines",
  ignore: !hasScript,
  fn: () =>
    withFolder(async (folder) => {
      // deno-lint-ignore no-control-regex
      const colours = /\x1b\[3\dm/;
      assert.match((await onTerminal(folder, { columns: 80 })).text, colours);
      const plain = await onTerminal(folder, { columns: 80, variables: "TERM=xterm NO_COLOR=1" });
      assert.doesNotMatch(plain.text, colours);
      assert.match(plain.text, /after t1/);
      const dumb = await onTerminal(folder, { columns: 80, variables: "TERM=dumb" });
      assert(!dumb.text.includes("\x1b"), dumb.text);
      assert.match(dumb.text, /task 2\/2 evaluation/);
    }),
});
