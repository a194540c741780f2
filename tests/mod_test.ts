/** The public face: its first example runs as it stands, and it stays small. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import * as api from "../mod.ts";

const root = new URL("../", import.meta.url);
const hasAdapter = Boolean(await (navigator.gpu as GPU | undefined)?.requestAdapter());

/** The first `ts` block of the module's comment. */
async function firstExample(): Promise<string> {
  const comment = (await Deno.readTextFile(new URL("mod.ts", root))).split("*/")[0];
  const [, lines] = comment.match(/^ \* ```ts\n((?: \*.*\n)*?) \* ```$/m)!;
  return lines.replace(/^ \* ?/gm, "");
}

Deno.test({
  name: "the first example of mod.ts passes the type check and trains a step",
  ignore: !hasAdapter,
  fn: async () => {
    const example = (await firstExample())
      .replace('"./mod.ts"', JSON.stringify(new URL("mod.ts", root).href));
    const folder = await Deno.makeTempDir({ prefix: "wscl-example-" });
    try {
      await Deno.writeTextFile(`${folder}/example.ts`, example);
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "--quiet", "--no-prompt", "--check", "--allow-read"],
          ...["--config", fileURLToPath(new URL("deno.json", root)), `${folder}/example.ts`],
        ],
      }).output();
      const decoder = new TextDecoder();
      assert(success, decoder.decode(stderr));
      assert.match(decoder.decode(stdout), /loss before the step \d+\.\d+/);
      assert.match(decoder.decode(stdout), /logits after it Float32Array\(20\)/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("mod.ts exports about twenty names, types aside", () => {
  assert(Object.keys(api).length <= 22, Object.keys(api).join(", "));
});
