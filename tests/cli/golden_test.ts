import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { main } from "../../src/cli/main.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const golden = fileURLToPath(new URL("../golden", import.meta.url));
const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter();

/** Exit code and output of `wscl test --golden` on a folder with these files. */
async function check(files: Record<string, string>) {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const { terminal, printed } = recordingTerminal();
    const errors: string[] = [];
    const printError = (text: string) => void errors.push(text);
    const code = await main(["test", "--golden", folder], { terminal, printError });
    return { code, text: [...printed, ...errors].join("\n") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const read = (name: string) => Deno.readTextFileSync(`${golden}/${name}.json`);

Deno.test({
  name: "test --golden prints a line per recording, whatever its name, and ends with 0, 1 or 2",
  ignore: !adapter,
  async fn() {
    const right = { "a.json": read("metrics"), "notes.json": "{}", "README.md": "no recording" };
    const good = await check(right);
    assert.equal(good.code, 0);
    assert.match(good.text, /^ok {5}a \(metrics\): BWT.* of 1e-12 .*\n1 recordings, 0 wrong$/);

    const wrong = JSON.parse(read("metrics"));
    wrong.cases[1].forgetting += 1e-3;
    const bad = await check({ ...right, "b.json": JSON.stringify(wrong) });
    assert.equal(bad.code, 1);
    assert.match(bad.text, /^WRONG {2}b \(metrics\): .*\n2 recordings, 1 wrong$/m);

    const none = await check({ "notes.json": "{}" });
    assert.equal(none.code, 2);
    assert.match(none.text, /it holds no recordings of the official program/);
  },
});
