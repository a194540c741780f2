import assert from "node:assert/strict";
import { join } from "node:path";
import { newborn } from "../../src/continual/birth.ts";
import { generationFiles, generationName } from "../../src/continual/generation.ts";
import { exportModel } from "../../src/host/export_model.ts";
import { LearnerFolder } from "../../src/host/learner_folder.ts";
import { runFolder, writeJson } from "../../src/host/run_folder.ts";
import { encodeSafetensors } from "../../src/net/safetensors.ts";
import { withFolder } from "../data/fixtures.ts";
import { exampleOptions } from "../experiment/example_options.ts";
import { exampleSummary } from "../experiment/example_summary.ts";

Deno.test("where the card cannot be written, or the weights, neither is", () =>
  withFolder(async (folder) => {
    const learner = join(folder, "learner");
    const born = await newborn({ settings: { width: 4, size: 16 } });
    await new LearnerFolder(learner).write("generations", generationName(0), generationFiles(born));
    const out = join(folder, "m.safetensors");
    const card = join(folder, "README.md");
    const options = { format: "safetensors", half: false, warn: assert.fail } as const;
    for (
      const [given, says] of [
        [{ out, card: join(folder, "no", "c.md") }, /Cannot write .*c\.md: .*with --card/],
        [{ out, card: out }, /Cannot write weights and card to one file/],
        [{ out, card: join(folder, "learner", "..", "m.safetensors") }, /to one file/],
        [{ out, card: "" }, /--card needs the name of a file/],
        [{ out: "", card }, /--out needs the name of a file/],
        [{ out: join(folder, "no", "m"), card }, /Cannot write .*m: .*with --out/],
      ] as const
    ) {
      await assert.rejects(exportModel(learner, { ...options, ...given }), {
        name: "InputError",
        message: says,
      });
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["learner"]);
    }
    const bytes = await exportModel(learner, { ...options, out, card });
    assert.equal(Deno.statSync(out).size, bytes);
    assert.match(Deno.readTextFileSync(card), /^---\nlicense/);
  }));

Deno.test("weights of a run that was stopped are said to be such", () =>
  withFolder(async (folder) => {
    const run = runFolder(folder);
    writeJson(run.config, exampleOptions({ name: "stopped" }));
    const tensors = new Map([["a", { dtype: "F32", shape: [1], data: new Float32Array(1) }]]);
    Deno.writeFileSync(run.model, encodeSafetensors(tensors as never, {}));
    for (const completed of [true, false]) {
      const said: string[] = [];
      writeJson(run.summary, exampleSummary({ completed, heads: [] }));
      const out = join(folder, `${completed}.safetensors`);
      const warn = (text: string) => void said.push(text);
      await exportModel(folder, { format: "safetensors", half: false, out, warn });
      assert.equal(said.length, completed ? 0 : 1);
      if (!completed) assert.match(said[0], /was stopped before its end/);
    }
  }));
