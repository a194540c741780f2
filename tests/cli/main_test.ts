import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { runFolder, writeJson } from "../../src/host/run_folder.ts";
import { exampleOptions } from "../experiment/example_options.ts";
import { exampleSummary } from "../experiment/example_summary.ts";
import { recordingTerminal } from "./recording_terminal.ts";

const worker = new URL("../host/stand_in_worker.ts", import.meta.url);

/** Runs the command line in this process. */
async function wscl(...args: string[]) {
  const { terminal, printed } = recordingTerminal();
  const errors: string[] = [];
  const printError = (text: string) => void errors.push(text);
  const code = await main(args, { terminal, printError, cacheDir: "cache", worker });
  return { code, output: printed.join("\n"), errors: errors.join("\n") };
}

/** Calls `run` with a folder that holds a configuration of this name; gives paths in it. */
async function withConfig(
  name: string,
  run: (inFolder: (...names: string[]) => string) => Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const inFolder = (...names: string[]) => join(folder, ...names);
  try {
    writeJson(inFolder("config.json"), exampleOptions({ name }));
    await run(inFolder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("--version and --help succeed", async () => {
  const version = await wscl("--version");
  assert.deepEqual([version.code, version.errors], [0, ""]);
  assert.match(version.output, /^\d+\.\d+\.\d+$/);
  const help = await wscl("--help");
  assert.equal(help.code, 0);
  for (const command of ["demo", "train", "compare", "evaluate", "report", "doctor", "test"]) {
    assert.match(help.output, new RegExp(`^  ${command} `, "m"));
  }
});

Deno.test("bad usage ends with code 2 and a suggestion", async () => {
  for (
    const [args, message] of [
      [["trian"], /unknown command 'trian'\n\(Did you mean train\?\)/],
      [["train", "--confg", "a.json"], /unknown option '--confg'\n\(Did you mean --config\?\)/],
      [["train"], /no configuration given; add --config FILE/],
      [["compare"], /Cannot compare: no configuration given; add --config FILE/],
      [["compare", "--config", "a.json", "--seeds", "4-1"], /Expected seeds such as 0-4 or 0,2,7/],
      [["tune"], /Cannot tune: no configuration given; add --config FILE/],
      [["demo", "--seed", "one"], /'--seed <number>' argument 'one' is invalid/],
      [["demo", "--provider", "down"], /'down' is invalid. Allowed choices are deno, dawn/],
      [["demo", "--set", "seed"], /expected path\.to\.key=value/],
      [["demo", "--set", "wscl.shedule=merged"], /nearest known key is wscl\.schedule/],
      [["demo", "more"], /too many arguments/],
      [["evaluate"], /missing required argument 'run'/],
      [["report"], /missing required argument 'runs'/],
      [["report", "nowhere"], /Cannot report on nowhere: no such folder/],
      [["train", "--config", "nowhere.json"], /Cannot read configuration nowhere\.json/],
      [["demo", "--init", "nowhere"], /Cannot start from nowhere: no such file/],
      [
        ["demo", "--keep-head"],
        /Cannot keep the classifier: no weights are given; name them with --init FILE/,
      ],
      [["train", "--resume", "nowhere", "--keep-head"], /Cannot use --keep-head with --resume/],
      [["test"], /start it as \.\/wscl test/],
    ] as const
  ) {
    const { code, errors, output } = await wscl(...args);
    assert.equal(code, 2, args.join(" "));
    assert.match(errors, message);
    assert.equal(output, "");
    assert.doesNotMatch(errors, /\n +at /);
  }
});

Deno.test("train prints what will happen and what came out", () =>
  withConfig("ends", async (inFolder) => {
    const { code, output, errors } = await wscl(
      "train",
      ...["--config", inFolder("config.json"), "--out", inFolder("run")],
      ...["--set", "optimizer.learningRate=0.5", "--seed", "7"],
    );
    assert.deepEqual([code, errors], [0, ""]);
    assert.match(output, /set +optimizer\.learningRate = 0\.5\nset +seed = 7/);
    assert.match(output, /^ {2}optimizer: learningRate 0\.5, momentum 0/m);
    assert.match(output, /^ {2}name ends, method wscl, seed 7/m);
    assert.match(output, /^output +.*run$/m);
    assert.match(output, new RegExp(`writes to ${inFolder("run")}`));
    assert.match(output, /after task 2/);
    assert.match(output, /^done after 12\.0 s, 40 steps/m);
    assert(Deno.statSync(inFolder("run")).isDirectory);
  }));

Deno.test("train refuses a finished run's folder before it prints or starts anything", () =>
  withConfig("ends", async (inFolder) => {
    const args = ["train", "--config", inFolder("config.json"), "--out", inFolder("run")];
    Deno.mkdirSync(inFolder("run"));
    writeJson(runFolder(inFolder("run")).summary, exampleSummary());
    const refused = await wscl(...args);
    assert.equal(refused.code, 2);
    assert.equal(refused.output, "");
    assert.match(refused.errors, /holds a finished run; .* --overwrite$/);
    assert.equal((await wscl(...args, "--overwrite")).code, 0);
  }));

Deno.test("an error in what the user gave ends with code 2, any other with code 1", async () => {
  await withConfig("input-error", async (inFolder) => {
    const { code, errors } = await wscl(
      ...["train", "--config", inFolder("config.json"), "--out", inFolder("run")],
    );
    assert.equal(code, 2);
    assert.equal(errors, "error: Cannot read data: none, give --data");
  });
  await withConfig("type-error", async (inFolder) => {
    const { code, errors } = await wscl(
      ...["train", "--config", inFolder("config.json"), "--out", inFolder("run")],
    );
    assert.equal(code, 1);
    assert.match(errors, /^error: shapes differ\n\(WSCL_DEBUG=1 shows where/);
  });
});

Deno.test("report prints the table over runs and names those left out", () =>
  withConfig("unused", async (inFolder) => {
    for (const [name, classIl, completed] of [["a", 60, true], ["b", 62, true], ["c", 0, false]]) {
      Deno.mkdirSync(inFolder("runs", String(name)), { recursive: true });
      const summary = exampleSummary({ classIl: Number(classIl), completed: completed === true });
      writeJson(runFolder(inFolder("runs", String(name))).summary, summary);
    }
    const { code, output } = await wscl("report", inFolder("runs"), inFolder("runs", "a"));
    assert.equal(code, 0);
    assert.match(output, /\| wscl staged \| +2 \| 61\.00 ± 1\.41 \|/);
    assert.match(output, /left out: .*c did not complete/);
  }));

Deno.test("report refuses places that it could not write to, and what is no comparison, before it does anything", () =>
  withConfig("unused", async (inFolder) => {
    const run = inFolder("run");
    Deno.mkdirSync(run);
    writeJson(runFolder(run).summary, exampleSummary());
    writeJson(inFolder("other.json"), { rows: [{ row: 1 }], seeds: [] });
    writeJson(inFolder("empty.json"), { rows: [{ row: "wscl", runs: [] }], seeds: [0] });
    for (
      const [args, says] of [
        [
          [run, "--out", run],
          /Cannot write the report .*directory.*; name another file with --out/,
        ],
        [[run, "--out", inFolder("no", "x.html")], /Cannot write the report .*there is no folder/],
        [[run, "--csv", inFolder("other.json")], /Cannot make the folder .*other\.json/],
        [[inFolder("other.json")], /other\.json: it is no comparison; name a comparison\.json/],
        [[inFolder("empty.json")], /empty\.json: no run of the comparison has ended/],
        [["nowhere", "--out", inFolder("x.html")], /Cannot report on nowhere: no such folder/],
      ] as const
    ) {
      const { code, output, errors } = await wscl("report", ...args);
      assert.deepEqual([code, output], [2, ""], args.join(" "));
      assert.match(errors, says);
    }
    assert.deepEqual([...Deno.readDirSync(inFolder())].filter(({ name }) => name === "x.html"), []);
  }));
