import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../src/errors.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { loadConfig, loadPastConfig } from "../../src/host/load_config.ts";
import { parseOverride } from "../../src/experiment/overrides.ts";
import { withFolder, write } from "../data/fixtures.ts";
import { exampleOptions } from "./example_options.ts";

const refused = (message: RegExp) => (error: unknown) => {
  assert(error instanceof InputError);
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, /\.$/);
  return true;
};

const refuses = (changes: Record<string, unknown>, message: RegExp) =>
  assert.throws(() => resolveConfig(exampleOptions(changes)), refused(message));

const data = exampleOptions().data;

Deno.test("resolveConfig fills in every default", () => {
  const config = resolveConfig(exampleOptions());
  assert.equal(config.method, "wscl");
  assert.equal(config.optimizer.learningRate, 0.03);
  assert.deepEqual(config.memory, { longTerm: 200, shortTerm: 5000, selection: "reservoir" });
  assert.deepEqual(config.data.train, { ...data.train, seed: 0, size: 32 });
  assert.equal(config.freezing.maxBlocks, 6);
});

Deno.test("resolveConfig leaves the options alone and freezes what it returns", () => {
  const options = exampleOptions();
  const config = resolveConfig(options, [parseOverride("data.mean=[0,0,0]")]);
  assert.deepEqual(options, exampleOptions());
  assert.throws(() => Object.assign(config.data.mean, { 0: 1 }), TypeError);
  assert.throws(() => Object.assign(config.data.train, { size: 1 }), TypeError);
});

Deno.test("a resolved configuration resolves to itself", () => {
  const config = resolveConfig(exampleOptions());
  assert.deepEqual(resolveConfig(JSON.parse(JSON.stringify(config))), config);
});

Deno.test("a key that is not there any more may stand at the value at which it did nothing", () => {
  const plain = resolveConfig(exampleOptions());
  const old = (schedule: string) => ({ optimizer: { ...plain.optimizer, schedule } });
  assert.deepEqual(resolveConfig(exampleOptions(old("constant"))), plain);
  const said =
    /: optimizer\.schedule is not there any more: docs\/method\.md says .*; leave it out$/;
  refuses(old("cosine"), said);
  assert.throws(() => parseOverride("optimizer.schedule=cosine"), refused(said));
  const neutral = parseOverride("optimizer.schedule=constant");
  assert.deepEqual(resolveConfig(exampleOptions(), [neutral]), plain);
  // As a learner of an earlier version has it among what was changed.
  const changed = [{ path: "optimizer.schedule", value: "constant" }];
  assert.deepEqual(resolveConfig(exampleOptions(), changed), plain);
  for (const optimizer of [null, "x"]) refuses({ optimizer }, /: optimizer is /);
});

Deno.test("resolveConfig names an unknown key by its path and the nearest known one", () => {
  refuses({ batchsize: 8 }, /unknown key batchsize; the nearest known key is batchSize$/);
  refuses(
    { optimizer: { learningrate: 1 } },
    /unknown key optimizer\.learningrate; the nearest known key is optimizer\.learningRate$/,
  );
  refuses(
    { data: { ...data, train: { ...data.train, drawn: { clases: 2 } } } },
    /unknown key data\.train\.drawn\.clases; .* data\.train\.drawn\.classes$/,
  );
});

Deno.test("resolveConfig finds a key that was put into the wrong section", () => {
  refuses({ learningRate: 1 }, /the nearest known key is optimizer\.learningRate$/);
  refuses({ wscl: { epochs: 1 } }, /unknown key wscl\.epochs; the nearest known key is epochs$/);
});

Deno.test("resolveConfig does not guess when no key is near", () => {
  refuses({ zzzzzzzzzz: 1 }, /unknown key zzzzzzzzzz; all keys are listed in/);
});

Deno.test("resolveConfig refuses what is not an object", () => {
  assert.throws(() => resolveConfig(3), refused(/it is 3, expected an object$/));
  assert.throws(() => resolveConfig(null), refused(/it is null, expected an object$/));
  refuses({ optimizer: [1] }, /optimizer is a list, expected an object$/);
  refuses({ optimizer: [] }, /optimizer is a list, expected an object$/);
  refuses({ methodOptions: [] }, /methodOptions is a list, expected an object$/);
  refuses({ data: [] }, /data is a list, expected an object$/);
  assert.throws(() => resolveConfig([]), refused(/it is a list, expected an object$/));
  refuses({ wscl: null }, /wscl is null, expected an object$/);
});

Deno.test("resolveConfig asks for what has no default", () => {
  refuses({ name: undefined }, /name is missing; it has no default, so set it$/);
  refuses({ data: { ...data, tasks: undefined } }, /data\.tasks is missing/);
  refuses({ data: { ...data, train: undefined } }, /data\.train is missing/);
});

Deno.test("resolveConfig refuses wrong types", () => {
  refuses(
    { optimizer: { learningRate: "fast" } },
    /optimizer\.learningRate is "fast", expected a number$/,
  );
  refuses({ wscl: { nrem: 1 } }, /wscl\.nrem is 1, expected a boolean$/);
  refuses({ name: 7 }, /name is 7, expected a text, so write "7" with its quotes$/);
  refuses({ method: "wsl" }, /method is "wsl", expected "wscl" or "er_ace" or/);
  refuses({ data: { ...data, mean: [0, 0] } }, /data\.mean\[2\] is missing/);
  refuses({ data: { ...data, mean: [0, 0, 0, 0] } }, /data\.mean\[3\] is 0, expected 3 items$/);
});

Deno.test("resolveConfig refuses values out of range", () => {
  refuses({ batchSize: 0 }, /batchSize is 0, expected a whole number from 1 to 65536$/);
  refuses({ batchSize: 1.5 }, /batchSize is 1\.5, expected a whole number/);
  refuses({ seed: -1 }, /seed is -1, expected a whole number from 0 to 4294967295$/);
  refuses({ optimizer: { learningRate: 0 } }, /learningRate is 0, expected a number above 0$/);
  refuses(
    { freezing: { share: 1 } },
    /freezing\.share is 1, expected a number of at least 0 and below 1$/,
  );
  refuses({ freezing: { maxBlocks: 7 } }, /maxBlocks is 7, expected a whole number from 0 to 6$/);
  refuses({ data: { ...data, std: [1, 1, 0] } }, /data\.std\[2\] is 0, expected a number above 0/);
  for (const key of ["classes", "exclude"]) {
    for (const item of [-1, 1.5, true, null]) {
      const train = { format: "image_folder", folder: "x", [key]: [0, item] };
      refuses(
        { data: { ...data, train } },
        new RegExp(`train\\.${key}\\[1\\] is ${item}, expected a class number, a name or a range`),
      );
    }
  }
  refuses({ name: "../evil" }, /name is "\.\.\/evil", expected letters, digits/);
});

Deno.test("resolveConfig refuses a replay batch larger than the memory", () => {
  refuses({ memory: { longTerm: 16 } }, /replayBatchSize 32 exceeds memory\.longTerm 16; make/);
});

Deno.test("resolveConfig refuses replay without a memory, but not sleep without one", () => {
  refuses(
    { method: "er_ace", memory: { longTerm: 0 } },
    /er_ace replays, and memory\.longTerm is 0/,
  );
  assert.equal(
    resolveConfig(exampleOptions({ freezing: { mode: "training" }, memory: { longTerm: 0 } }))
      .memory.longTerm,
    0,
  );
});

Deno.test("resolveConfig refuses dreaming without dreams, on both schedules", () => {
  for (const schedule of ["staged", "merged"]) {
    refuses(
      { wscl: { schedule }, data: { ...data, dreams: null } },
      /wscl\.rem needs dream images, and data\.dreams is missing; .* wscl\.rem=false$/,
    );
  }
  const awake = exampleOptions({ wscl: { rem: false }, data: { ...data, dreams: null } });
  assert.equal(resolveConfig(awake).data.dreams, null);
});

Deno.test("resolveConfig refuses to hand episodes over in a NREM that is off", () => {
  for (
    const [off, found] of [
      [{ nrem: false }, "wscl.nrem is false"],
      [{ sleepEpochs: 0 }, "wscl.sleepEpochs is 0"],
    ] as const
  ) {
    refuses(
      { wscl: { transfer: "nrem", ...off } },
      new RegExp(`${found}; set wscl.transfer=dawn$`),
    );
    resolveConfig(exampleOptions({ wscl: { transfer: "dawn", ...off } }));
    resolveConfig(exampleOptions({ wscl: { transfer: "nrem", schedule: "merged", ...off } }));
  }
});

Deno.test("memories that change while they are dreamt of are refused, and each way out works", () => {
  for (const change of [{ schedule: "merged" }, { transfer: "nrem" }] as const) {
    const wscl = { ...change, dreamsFrom: "memory" } as const;
    refuses({ wscl }, /changes that while it is dreamt of; set wscl\.dreamsFrom=images/);
    resolveConfig(exampleOptions({ wscl: change }));
    resolveConfig(exampleOptions({ wscl: { ...wscl, rem: false } }));
    resolveConfig(exampleOptions({ method: "er_ace", wscl }));
  }
  resolveConfig(exampleOptions({ wscl: { dreamsFrom: "memory", transfer: "dawn" } }));
});

Deno.test("resolveConfig refuses to judge freezing on nothing", () => {
  const wscl = { freezing: true };
  refuses({ wscl, freezing: { validation: 0 } }, /freezing\.validation is 0/);
  refuses({ wscl, freezing: { share: 0 } }, /freezing\.share is 0/);
  refuses(
    { wscl, freezing: { share: 0.1 }, memory: { longTerm: 4 }, replayBatchSize: 4 },
    /freezing\.share 0\.1 of memory\.longTerm 4 is less than one image/,
  );
  refuses(
    { wscl: { ...wscl, schedule: "merged" }, freezing: { buffer: 0 } },
    /freezing\.buffer is 0/,
  );
  resolveConfig(exampleOptions({ wscl: { freezing: false }, freezing: { validation: 0 } }));
  resolveConfig(exampleOptions({ wscl, freezing: { validation: 0, mode: "buffer" } }));
});

Deno.test("resolveConfig refuses Nesterov without momentum", () => {
  refuses({ optimizer: { nesterov: true } }, /nesterov needs momentum/);
});

Deno.test("resolveConfig refuses replay without a memory, and mixed steps in a staged schedule", () => {
  refuses(
    { method: "derpp", memory: { longTerm: 0 } },
    /method derpp replays, and memory.longTerm is 0/,
  );
  refuses(
    { wscl: { base: "er" } },
    /wscl\.base "er" .*set wscl\.schedule=merged, or wscl\.base "er_ace"$/,
  );
});

Deno.test("a replay larger than the memory is refused only of methods that replay", () => {
  const changes = { memory: { longTerm: 16 }, replayBatchSize: 32 };
  const said =
    /replayBatchSize 32 exceeds memory\.longTerm 16; make the memory larger or the replay/;
  for (const method of ["wscl", "er_ace", "er", "derpp", "own.ts"]) {
    refuses({ ...changes, method }, said);
  }
  for (const method of ["finetune", "joint"]) {
    assert.equal(resolveConfig(exampleOptions({ ...changes, method })).replayBatchSize, 32);
  }
});

Deno.test("losses are read back as often as the configuration says, or it is refused", () => {
  assert.equal(resolveConfig(exampleOptions({ log: { every: 1024 } })).log.every, 1024);
  refuses({ log: { every: 1025 } }, /log\.every is 1025, expected a whole number from 1 to 1024$/);
});

Deno.test("resolveConfig holds a source to the keys of its format", () => {
  refuses({ data: { ...data, train: { format: "cifar10" } } }, /data\.train\.folder is missing/);
  refuses({ data: { ...data, train: { format: "tiff" } } }, /train\.format is "tiff", expected/);
  refuses(
    { data: { ...data, train: { ...data.train, folder: "x" } } },
    /data\.train\.folder does not apply to format "drawn"; leave it out$/,
  );
  refuses(
    { data: { ...data, train: { ...data.train, trainPerClass: 9 } } },
    /trainPerClass does not apply to format "drawn"; set data\.train\.drawn\.trainPerClass$/,
  );
  refuses(
    { data: { ...data, train: { ...data.train, size: 16 } } },
    /data\.train\.size 16 differs from data\.size 32; leave data\.train\.size out/,
  );
});

Deno.test("a size that is set is that of all images, also where a resolved configuration has others", () => {
  const dreams = { ...data.train, drawn: { ...data.train.drawn, kind: "dreams" } };
  const options = exampleOptions({ data: { ...data, dreams } });
  const resolved = JSON.parse(JSON.stringify(resolveConfig(options)));
  const set = [parseOverride("data.size=16")];
  assert.deepEqual(resolveConfig(resolved, set), resolveConfig(options, set));
  assert.equal(resolved.data.train.size, 32, "the options are left alone");
  const both = [...set, parseOverride("data.train.size=8")];
  assert.throws(
    () => resolveConfig(resolved, both),
    refused(/with data\.train\.size=8|data\.train\.size 8 differs from data\.size 16/),
  );
  for (const damaged of [{ ...resolved, data: 3 }, { ...resolved, data: null }, 3, null]) {
    assert.throws(() => resolveConfig(damaged, set), InputError);
  }
});

Deno.test("loadConfig names a file that is not there", async () => {
  await assert.rejects(
    loadConfig("nowhere.json"),
    refused(/nowhere\.json: no such file; the folder/),
  );
});

Deno.test("loadConfig reads no folder, and no file that is too long for a configuration", () =>
  withFolder(async (folder) => {
    await assert.rejects(loadConfig(folder), refused(/Is a directory.*; name a JSON file/));
    const path = join(folder, "long.json");
    write(path, " ".repeat(2 ** 20 + 1));
    await assert.rejects(loadConfig(path), refused(/it has more than 1048576 bytes; name a JSON/));
  }));

Deno.test("a run that has ended is looked at whatever it was trained with, and not gone on with", () =>
  withFolder(async (folder) => {
    const plain = resolveConfig(exampleOptions());
    const optimizer = { ...plain.optimizer, schedule: "cosine" };
    const path = join(folder, "config.json");
    write(path, JSON.stringify({ ...plain, optimizer }));
    assert.deepEqual(await loadPastConfig(path), plain);
    await assert.rejects(loadConfig(path), refused(/optimizer\.schedule is not there any more/));
  }));

Deno.test("every file in configs/ resolves and is complete", async () => {
  const folder = new URL("../../configs/", import.meta.url);
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (!isFile) continue; // the sweeps, see sweep_test.ts
    const path = new URL(name, folder).pathname;
    const config = await loadConfig(path);
    assert.equal(`${config.name}.json`, name);
    const written = JSON.parse(Deno.readTextFileSync(path));
    delete written.wscl.preset; // the keys that it sets are written out all the same
    const sized = (source: object | null) => source && { ...source, size: config.data.size };
    written.data.train = sized(written.data.train);
    written.data.dreams = sized(written.data.dreams);
    assert.deepEqual(JSON.parse(JSON.stringify(config)), written, `${name} leaves a key out`);
  }
});

Deno.test("a preset within a section that is given whole is one, and its section takes the file's place", () => {
  const of = (wscl: Record<string, unknown>, ...set: string[]) =>
    resolveConfig(exampleOptions({ wscl }), set.map(parseOverride));
  const whole = of({}, 'wscl={"preset":"official","sleepEpochs":4}');
  assert.deepEqual(whole, of({ preset: "official", sleepEpochs: 4 }));
  assert.ok(!("preset" in whole.wscl));
  assert.deepEqual(resolveConfig(JSON.parse(JSON.stringify(whole))), whole);
  assert.equal(of({}, 'wscl={"preset":"paper","transfer":"nrem"}').wscl.transfer, "nrem");
  assert.deepEqual(of({ preset: "paper" }, 'wscl={"transfer":"dusk"}'), of({ transfer: "dusk" }));
  const blocks = of({ preset: "paper" }, 'freezing={"validation":7}').freezing;
  assert.deepEqual(blocks, of({}, 'freezing={"validation":7}').freezing);
  for (const nothing of ["[]", "3", '"x"']) {
    assert.throws(
      () => of({ preset: "paper" }, `wscl=${nothing}`, "wscl.rem=false"),
      refused(/wscl is .*, expected an object$/),
    );
  }
});

Deno.test("what is wrong with a key that was changed is told with the change", () => {
  const set = (text: string) => () => resolveConfig(exampleOptions(), [parseOverride(text)], "f");
  assert.throws(
    set("evaluation.logitAdjustment=1,5"),
    refused(
      /^Cannot use f with evaluation\.logitAdjustment=1,5: evaluation\.logitAdjustment is "1,5", /,
    ),
  );
  assert.throws(
    set("evaluation.logitAdjustment=1e308"),
    refused(/expected a number from 0 to 100$/),
  );
  assert.throws(set("evaluation.logitAdjustment=1e400"), refused(/is Infinity, expected/));
  assert.throws(
    set('optimizer={"momentum":2}'),
    refused(/^Cannot use f with optimizer=\{"momentum":2\}: /),
  );
  assert.throws(set("wscl.preset=[]"), refused(/wscl\.preset is a list, expected "paper" or/));
  refuses({ batchSize: 0 }, /^Cannot use the experiment: batchSize is 0/);
});

Deno.test("a preset sets its keys under those that are written beside it, and leaves no trace", () => {
  const of = (wscl: Record<string, unknown>, ...set: string[]) =>
    resolveConfig(exampleOptions({ wscl }), set.map(parseOverride));
  const plain = of({});
  assert.deepEqual([plain.wscl.transfer, plain.wscl.freezing, plain.calibration], [
    "dusk",
    false,
    0,
  ]);
  const paper = of({ preset: "paper" });
  assert.deepEqual([paper.wscl.transfer, paper.wscl.freezing], ["dawn", true]);
  assert.deepEqual([paper.wscl.dreamsPerEpisode, paper.freezing.maxBlocks], [1, 6]);
  const official = of({ preset: "official" });
  assert.deepEqual([official.wscl.schedule, official.wscl.compat], ["merged", "official"]);
  const best = of({ preset: "best" });
  assert.equal(best.evaluation.logitAdjustment, 1);
  for (const config of [paper, official, best]) assert.ok(!("preset" in config.wscl));
  // What is written beside it wins, and what is set behind it.
  assert.equal(of({ preset: "paper", transfer: "nrem" }).wscl.transfer, "nrem");
  assert.equal(of({ preset: "paper" }, "wscl.transfer=nrem").wscl.transfer, "nrem");
  const set = of({ transfer: "nrem", sleepEpochs: 3 }, "wscl.preset=paper", "wscl.sleepEpochs=7");
  assert.deepEqual([set.wscl.transfer, set.wscl.sleepEpochs], ["dawn", 7]);
  const tau = (...overrides: string[]) =>
    of({ preset: "best" }, ...overrides).evaluation.logitAdjustment;
  assert.equal(tau("evaluation.logitAdjustment=0.5"), 0.5);
  assert.equal(tau("wscl.preset=paper"), 0);
  // One preset takes the other's place, whole; keys of the file that it does not have stay.
  const other = of({ preset: "paper", sleepEpochs: 3 }, "wscl.preset=best");
  assert.deepEqual([other.wscl.transfer, other.wscl.sleepEpochs], ["dusk", 3]);
  assert.deepEqual(other, of({ sleepEpochs: 3 }, "wscl.preset=paper", "wscl.preset=best"));
  refuses(
    { wscl: { preset: "papers" } },
    /wscl\.preset is "papers", expected "paper" or "official"/,
  );
});
