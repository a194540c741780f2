/** A method of one's own: found, checked, trained, gone on with, and compared like any other. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { countImages } from "../../src/experiment/comparison/count_images.ts";
import { planRows } from "../../src/experiment/comparison/plan.ts";
import { loadConfig } from "../../src/host/load_config.ts";
import type { ExperimentConfig } from "../../src/experiment/config_types.ts";
import { openMaterials } from "../../src/host/open_materials.ts";
import { runExperiment } from "../../src/host/run.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { InputError } from "../../src/errors.ts";
import { loadOwnMethod } from "../../src/host/own_method.ts";
import {
  type LearnContext,
  type MethodConfig,
  METHODS,
  needsOf,
} from "../../src/method/methods.ts";
import type { Session, Task } from "../../src/method/mod.ts";
import { withFolder } from "../data/fixtures.ts";
import { outcome, tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;
const module = new URL("../method/own/replay_twice.ts", import.meta.url).pathname;

async function load(folder: string, changes: Record<string, unknown> = {}) {
  writeJson(join(folder, "config.json"), { ...tinyOptions, method: module, ...changes });
  return await loadConfig(join(folder, "config.json"));
}

const open = (config: ExperimentConfig) =>
  openMaterials(config, { dataRoot: ".", cacheDir: ".", progress: () => {}, warn: () => {} });

Deno.test("a module is relative to the configuration that names it, and its options are completed", () =>
  withFolder(async (folder) => {
    Deno.copyFileSync(module, join(folder, "mine.ts"));
    const config = await load(folder, { method: "./mine.ts" });
    assert.equal(config.method, join(Deno.realPathSync(folder), "mine.ts"));
    assert.deepEqual(config.methodOptions, { batches: 2 });
    assert.equal(needsOf(config).replays, 2);
    const set = await load(folder, { method: "./mine.ts", methodOptions: { batches: 3 } });
    assert.equal(needsOf(set).replays, 3);
  }));

Deno.test("what is no method, and options that it does not have, are refused before any work", () =>
  withFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "empty.ts"), "export default { name: 'x' };");
    const needs = (text: string) =>
      `export default { name: "x", needs: () => (${text}), learn() {} };`;
    Deno.writeTextFileSync(join(folder, "needs.ts"), needs("{}"));
    Deno.writeTextFileSync(join(folder, "needs_null.ts"), needs("null"));
    Deno.writeTextFileSync(
      join(folder, "needs_more.ts"),
      `import { NOTHING_NEEDED } from "wscl/method";\n${
        needs("{ ...NOTHING_NEEDED, replays: true, dream: 1 }")
      }`,
    );
    Deno.writeTextFileSync(join(folder, "broken.ts"), "export default {");
    const cases: [Record<string, unknown>, RegExp][] = [
      [
        { method: "./none.ts" },
        /Cannot use the method .*none\.ts: .*; name a module that can be imported/s,
      ],
      [
        { method: "./empty.ts" },
        /its default export is no method; export default \{ name, needs, learn \}/,
      ],
      [
        { method: "./needs.ts" },
        /what it needs is missing, .* \(replays, logits, .*NOTHING_NEEDED/,
      ],
      [{ method: "./needs_null.ts" }, /what it needs is missing/],
      [{ method: "./needs_more.ts" }, /of another kind \(replays, dream\); change what differs/],
      [{ method: "./broken.ts" }, /Cannot use the method .*broken\.ts: /],
      [{ methodOptions: { batch: 2 } }, /unknown key methodOptions\.batch; the method has batches/],
      [
        { methodOptions: { batches: true } },
        /methodOptions\.batches is true, expected a number such as 2/,
      ],
      [
        { method: "lwf" },
        /method is "lwf", expected "wscl" or "er_ace" or .* or the path of a module/,
      ],
    ];
    for (const [changes, message] of cases) {
      await assert.rejects(load(folder, changes), (error: Error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
  }));

Deno.test("an error of the module's own is told with its file and line, any other as it is", () =>
  withFolder(async (folder) => {
    const text = `export default {
  name: "faulty",
  needs(config) { return config.missing.value; },
  learn(session) { return session.fail(); },
};`;
    Deno.writeTextFileSync(join(folder, "faulty.js"), text);
    const place = (line: number) =>
      new RegExp(`Cannot use the method .*faulty\\.js: line ${line} `);
    const isPlaced = (line: number) => (error: Error) =>
      error instanceof InputError && place(line).test(error.message) &&
      error.cause instanceof TypeError;
    const method = await loadOwnMethod(join(folder, "faulty.js"));
    assert.throws(() => method.needs({} as MethodConfig), isPlaced(3));
    const learn = async (session: unknown) =>
      await method.learn(session as Session, {} as Task, {} as LearnContext);
    await assert.rejects(learn({}), isPlaced(4));
    const stop = new Error("stopped");
    const stopped = { fail: () => Promise.reject(stop) };
    await assert.rejects(learn(stopped), (error) => error === stop);
  }));

Deno.test("a comparison sets it beside the controls", () =>
  withFolder(async (folder) => {
    await load(folder);
    const rows = await planRows(["all"], {
      load: (overrides) => loadConfig(join(folder, "config.json"), overrides),
      open,
    });
    assert.deepEqual(rows.map(({ name }) => name), [
      ...["replay_twice", "er_ace", "er_ace_equal_compute", "finetune", "joint"],
    ]);
    assert.ok(rows[2].images.trained >= rows[0].images.trained);
    assert.match(rows[2].about, /as many images through training steps as replay_twice$/);
  }));

async function run(config: ExperimentConfig, out: string, stopAt = Infinity, resume = false) {
  let asked = 0;
  return await runExperiment(config, {
    ...{ dataRoot: out, cacheDir: join(out, "..", "cache"), out, init: null, resume },
    ...{ skipSelfTest: true, emit: () => {}, checkpointEvery: "never" as const },
    shouldStop: () => asked++ >= stopAt,
  });
}

Deno.test({
  name: "it is trained, stopped and gone on with to the same bits, by the same text only",
  ignore: !adapter,
  fn: () =>
    withFolder(async (folder) => {
      const config = await load(folder);
      const [whole, cut] = ["whole", "cut"].map((name) => join(folder, name));
      for (const out of [whole, cut]) Deno.mkdirSync(out);
      const summary = await run(config, whole);
      assert.deepEqual([summary.completed, summary.method], [true, "replay_twice"]);
      const { trained } = await countImages(config, await open(config));
      assert.equal(summary.images, trained);
      assert.equal((await run(config, cut, 10)).completed, false);
      await run(config, cut, Infinity, true);
      assert.deepEqual(await outcome(cut), await outcome(whole));
    }),
});

const lwf = new URL("../method/own/lwf.ts", import.meta.url).pathname;

Deno.test({
  name: "LwF, the example of docs/methods.md, holds the answers for old classes, and resumes",
  ignore: !adapter,
  fn: () =>
    withFolder(async (folder) => {
      const outcomes: Record<string, Record<string, unknown>> = {};
      for (
        const [name, changes, stopAt] of [
          ["held", {}, Infinity],
          ["free", { methodOptions: { distillation: 0 } }, Infinity],
          ["cut", {}, 25],
        ] as const
      ) {
        const out = join(folder, name);
        Deno.mkdirSync(out);
        const config = await load(folder, { method: lwf, ...changes });
        const summary = await run(config, out, stopAt);
        assert.equal(summary.completed, name !== "cut");
        if (name === "cut") await run(config, out, Infinity, true);
        else assert.equal(summary.method, "lwf");
        outcomes[name] = await outcome(out);
      }
      assert.deepEqual(outcomes.cut, outcomes.held);
      assert.notEqual(outcomes.held.digest, outcomes.free.digest);
    }),
});

Deno.test("docs/methods.md shows the module that is tested", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/methods.md", import.meta.url));
  const shown = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code.trim());
  const module = Deno.readTextFileSync(lwf);
  for (const part of shown.flatMap((code) => code.split(/\n *\/\/ \.\.\.\n/))) {
    const lines = part.split("\n").map((line) => line.trim()).filter(Boolean);
    const all = module.split("\n").map((line) => line.trim());
    const at = all.indexOf(lines[0]);
    assert(at >= 0, `not in the module: ${lines[0]}`);
    assert.deepEqual(all.slice(at).filter(Boolean).slice(0, lines.length), lines);
  }
});

Deno.test("every method of the program says what it needs", async () => {
  await withFolder(async (folder) => {
    for (const { name, options } of METHODS) {
      const config = await load(folder, { method: name });
      assert.equal(options, undefined);
      const needs = needsOf(config);
      assert.equal(needs.jointly, name === "joint");
      assert.equal(needs.logits, name === "derpp");
      assert.equal(needs.shortTerm || needs.sleeps || needs.votes || needs.dreams, name === "wscl");
      assert.equal(needs.replays, { finetune: 0, joint: 0, derpp: 2 }[name] ?? 1);
    }
    const wscl = (changes: Record<string, unknown>) =>
      load(folder, { method: "wscl", wscl: changes });
    const merged = await wscl({ freezing: true, schedule: "merged", base: "derpp" });
    assert.deepEqual(needsOf(merged), {
      ...{ replays: 2, logits: true, shortTerm: false, dreams: true, votes: true },
      ...{ freezing: { judges: "buffer", copies: 2, memories: 2 }, jointly: false, sleeps: false },
    });
    const bare = await wscl({ freezing: false, rem: false, headAssignment: false });
    assert.deepEqual(needsOf(bare), {
      ...{ replays: 1, logits: false, shortTerm: true, dreams: false, votes: false },
      ...{ freezing: null, jointly: false, sleeps: true },
    });
  });
});
