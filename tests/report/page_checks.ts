/** Checks of the page, read back by a parser of HTML; report_test.ts runs them with the packages of report.lock. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Comparison } from "../../src/experiment/comparison/results.ts";
import { compareRuns } from "../../src/experiment/comparison/results.ts";
import { report } from "../../src/cli/report.ts";
import { openReportTools, REPORT_PACKAGES } from "../../src/host/report_tools.ts";
import { writeJson } from "../../src/host/run_folder.ts";
import { nameText } from "../../src/images/look_alike.ts";
import { reportPage } from "../../src/report/report.ts";
import { recordingTerminal } from "../cli/recording_terminal.ts";
import { withFolder } from "../data/fixtures.ts";
import { exampleLearner } from "./example_learner.ts";
import { classNames, HOSTILE, writeExample, writeMany } from "./example_run.ts";

// deno-lint-ignore no-explicit-any -- a document without types
type Node = any;

const { parseHTML } = await import(`${REPORT_PACKAGES[1]}`);
const parse = (html: string): Node => parseHTML(html).document;

/** The page over folders, as the command writes it. */
async function pageOf(
  folder: string,
  paths: readonly string[],
): Promise<{ html: string; document: Node }> {
  const out = join(folder, "page.html");
  await report({ paths, out }, recordingTerminal().terminal);
  const html = await Deno.readTextFile(out);
  return { html, document: parse(html) };
}

const textOf = (node: Node): string => node.textContent.replace(/\s+/g, " ").trim();

/** Rows of the table with that caption, texts of cells. */
function tableOf(document: Node, caption: string | RegExp, place = 0): string[][] {
  const tables = [...document.querySelectorAll("table")].filter((table: Node) => {
    const text = textOf(table.querySelector("caption"));
    return typeof caption === "string" ? text === caption : caption.test(text);
  });
  assert(tables.length > place, `no table ${caption}`);
  return [...tables[place].querySelectorAll("tr")].map((row: Node) =>
    [...row.querySelectorAll("th, td")].map(textOf)
  );
}

const fixed = (value: number, digits = 2) => value.toFixed(digits).replace("-", "−");

/** What must hold of every page. */
function checkPage(html: string, document: Node): void {
  // Nothing is fetched, nothing is executed.
  assert.equal(
    document.querySelectorAll("script, link, iframe, object, embed, form, base").length,
    0,
  );
  for (const element of document.querySelectorAll("*")) {
    for (const { name, value } of element.attributes) {
      assert.doesNotMatch(name, /^on/);
      if (/^(src|href|xlink:href)$/.test(name)) assert.match(value, /^(#|data:image\/png;base64,)/);
      if (name === "style") assert.match(value, /^(--p:\d+%|[a-z-]+: ?[\w.#%() -]+;?)$/);
    }
  }
  const policy = document.querySelector("meta[http-equiv]");
  assert.match(policy.getAttribute("content"), /^default-src 'none';/);
  assert.doesNotMatch(html.replaceAll("http://www.w3.org/", ""), /https?:\/\/|@import|url\(/);
  // Readable by keys and by ear.
  assert.equal(document.documentElement.getAttribute("lang"), "en");
  const ids = [...document.querySelectorAll("[id]")].map((node: Node) => node.id);
  assert.deepEqual(ids, [...new Set(ids)]);
  for (const link of document.querySelectorAll("a")) {
    assert(ids.includes(link.getAttribute("href").slice(1)), link.outerHTML);
  }
  const figures = [...document.querySelectorAll("figure")];
  for (const figure of figures) {
    const drawings = [...figure.querySelectorAll("div > svg")];
    assert.equal(drawings.length, 2, "for wide and for narrow pages");
    assert(
      drawings.every((svg: Node) =>
        svg.getAttribute("role") === "img" && svg.getAttribute("aria-label")
      ),
    );
    assert(figure.querySelector("details table"), "the numbers are there as text");
  }
  for (const image of document.querySelectorAll("img")) {
    assert.notEqual(image.getAttribute("alt"), null);
  }
  for (const frame of document.querySelectorAll(".frame")) {
    assert.equal(frame.getAttribute("tabindex"), "0");
    assert.ok(frame.getAttribute("aria-label"));
  }
  assert.doesNotMatch(textOf(document.querySelector("main")), /undefined|NaN|\[object|Infinity/);
}

Deno.test("a run: its matrices, metrics, confusion, freezing, heads, memory and losses are those of its files", () =>
  withFolder(async (folder) => {
    const names = classNames(6);
    const path = join(folder, "run");
    const summary = writeExample(path, { tasks: 3, names });
    const { html, document } = await pageOf(folder, [path]);
    checkPage(html, document);
    for (
      const [title, { matrix }] of [["Class-IL %", summary.classIl], [
        "Task-IL %",
        summary.taskIl,
      ]] as const
    ) {
      const rows = tableOf(document, title).slice(1);
      const expected = [0, 1, 2].map((
        t,
      ) => [
        `task ${t + 1}`,
        ...[0, 1, 2].map((i) => matrix[t][i] === undefined ? "·" : fixed(matrix[t][i]!, 1)),
      ]);
      assert.deepEqual(rows, expected);
    }
    const tiles = Object.fromEntries(
      [...document.querySelectorAll(".tiles > div")].map((
        tile: Node,
      ) => [textOf(tile.querySelector("dt")), tile.querySelector("dd").firstChild.textContent]),
    );
    assert.equal(tiles["Class-IL"], `${fixed(summary.classIl.finalAverage!)} %`);
    assert.equal(tiles["Task-IL"], `${fixed(summary.taskIl.finalAverage!)} %`);
    assert.equal(tiles.Forgetting, fixed(summary.classIl.forgetting!));
    const [, ...confusion] = tableOf(document, /^Confusion matrix/);
    const { counts, elsewhere } = summary.confusion!;
    assert.deepEqual(
      confusion,
      names.map((name, i) => [`${i + 1} ${name}`, ...counts[i].map(String), String(elsewhere[i])]),
    );
    assert.deepEqual(
      tableOf(document, /^Loss of each candidate/).slice(1),
      [0, 1, 2].map((
        frozen,
      ) => [
        `${frozen} frozen`,
        ...summary.freezing.map(({ candidates, chosen }) =>
          `${fixed(candidates[frozen].loss, 4)}${chosen === frozen ? "*" : ""}`
        ),
      ]),
    );
    const lost = tableOf(document, "Class-IL points lost, by task").slice(1).map(([, text]) =>
      Number(text)
    );
    const mean = lost.reduce((a, b) => a + b, 0) / lost.length;
    assert.ok(
      Math.abs(mean - summary.classIl.forgetting!) < 0.01,
      "the mean over tasks is the summary's forgetting",
    );
    const heads = tableOf(document, "Heads, their dreams and their classes").slice(1);
    const [task2] = summary.heads.filter(({ task }) => task === 1);
    task2.heads.forEach((head, i) =>
      assert.deepEqual(heads[head], [
        String(head),
        summary.dreams![head],
        "task 1",
        task2.classes[i],
        "task 2",
      ])
    );
    assert.deepEqual(
      tableOf(document, "Remembered images by class").slice(1).map((
        [name, images],
      ) => [name, Number(images)]),
      summary.remembered!.map((one) => [one.class, one.images]),
    );
    const losses = tableOf(document, /^Losses in the order/);
    assert.deepEqual(losses[1].slice(0, 2), ["1", "wake"]);
    assert.match(losses[1].at(-1)!, /^2\.00 1\.50$/);
    const times = tableOf(document, /^Seconds by task and phase/);
    const sleep = times[0].indexOf("sleep (NREM and REM)");
    assert.equal(times.at(-1)![sleep], "800.0", "images per second");
    const misleading = [...document.querySelectorAll(".gallery li")].map(textOf);
    assert.equal(misleading[0], `${names[0]} taken for ${names[5]}, 97.3 %`);
    assert.match(
      textOf(document.querySelector("main")),
      /\.\/wscl train --config .*config\.json --data 'data of mine'/,
    );
  }));

Deno.test("a comparison: means, deviations and paired differences are those of comparison.json", () =>
  withFolder(async (folder) => {
    const path = join(folder, "compare");
    const names = classNames(4);
    const runs = new Map(["wscl", "er_ace"].map((method) => [
      method,
      [0, 1, 2].map((seed) => ({
        seed,
        folder: `${method}-${seed}`,
        summary: writeExample(join(path, `${method}-${seed}`), { tasks: 2, names, seed, method }),
      })),
    ]));
    const row = (name: string) => ({
      name,
      about: `about ${name}`,
      overrides: [],
      images: { trained: 0, dreamt: 0, judged: 0, steps: 0 },
    });
    const comparison: Comparison = compareRuns([row("wscl"), row("er_ace")], runs, {
      config: "example",
      seeds: [0, 1, 2],
      commit: "abc1234",
    });
    writeJson(join(path, "comparison.json"), comparison);
    const { html, document } = await pageOf(folder, [path]);
    checkPage(html, document);
    const rows = tableOf(document, /^Mean ± sample deviation/).slice(1);
    const spread = ({ mean, deviation }: { mean: number; deviation: number | null }) =>
      `${fixed(mean)} ± ${fixed(deviation!)}`;
    comparison.rows.forEach(({ row, means }, i) =>
      assert.deepEqual(rows[i].slice(0, 5), [
        row,
        "3",
        spread(means.classIl!),
        spread(means.taskIl!),
        spread(means.forgetting!),
      ])
    );
    const { mean, interval, wins } = comparison.rows[1].firstMinusThis!.classIl!;
    const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
    const [, paired] = tableOf(document, /paired by seed/);
    assert.deepEqual(paired.slice(0, 4), [
      "er_ace",
      "3",
      `${signed(mean)} (${signed(interval![0])} to ${signed(interval![1])})`,
      `${wins} of 3`,
    ]);
    // Runs of a row together.
    const summed = runs.get("wscl")!.reduce(
      (sum, { summary }) => sum + summary.confusion!.counts[0][0],
      0,
    );
    assert.equal(tableOf(document, /^Confusion matrix/)[1][1], String(summed));
    const differences = tableOf(document, "In what the rows differ");
    assert.deepEqual(differences.slice(1), [["method", '"wscl"', '"er_ace"'], [
      "epochs",
      "2",
      "8",
    ]]);
    assert.match(
      textOf(document.querySelector("main")),
      /\.\/wscl compare --config .*wscl-0\/config\.json .*--seeds 0,1,2 --rows er_ace/,
    );
    // Without the folders of its runs there are its numbers still.
    for (const name of ["wscl-0", "wscl-1", "wscl-2", "er_ace-0", "er_ace-1", "er_ace-2"]) {
      Deno.removeSync(join(path, name), { recursive: true });
    }
    const bare = await pageOf(folder, [path]);
    checkPage(bare.html, bare.document);
    assert.deepEqual(tableOf(bare.document, /^Mean ± sample deviation/).slice(1), rows);
    assert.match(textOf(bare.document.querySelector("main")), /Of 6 of 6 runs there is no folder/);
  }));

Deno.test("names are names: whatever is in them, nothing of it is markup, and each can be told from the others", () =>
  withFolder(async (folder) => {
    const path = join(folder, 'it\'s a "<run>" & more');
    writeExample(path, { tasks: 4, names: HOSTILE, dataset: "<b>set</b>" });
    const { html, document } = await pageOf(folder, [path]);
    checkPage(html, document);
    const shown = tableOf(document, "Remembered images by class").slice(1).map(([name]) => name);
    assert.equal(new Set(shown).size, HOSTILE.length);
    assert.equal(shown[0], HOSTILE[0]);
    assert.equal(shown[1], HOSTILE[1]);
    assert(shown.every((name) => [...name].length <= 60), shown.join("\n"));
    const titles = [...document.querySelectorAll("bdi[title]")].map((one: Node) =>
      one.getAttribute("title")
    );
    assert(titles.includes(nameText(HOSTILE[3])), "a name that is cut is whole in its title");
    assert.doesNotMatch(html, /[^\P{Cc}\n]|[\u202a-\u202e]/u);
    assert.match(textOf(document.querySelector("title")), /it's a "<run>" & more/);
  }));

Deno.test("one task, a hundred classes, runs of older programs, runs without a log, runs that did not complete", () =>
  withFolder(async (folder) => {
    const path = (name: string) => join(folder, name);
    writeExample(path("one"), { tasks: 1, names: ["cat", "dog"], dataset: "one" });
    const one = await pageOf(folder, [path("one")]);
    checkPage(one.html, one.document);
    assert.match(
      textOf(one.document.querySelector("main")),
      /With one task, or all at once, nothing can be forgotten/,
    );

    const names = classNames(100);
    const summary = writeExample(path("hundred"), { tasks: 10, names });
    const hundred = await pageOf(folder, [path("hundred")]);
    checkPage(hundred.html, hundred.document);
    const answers = tableOf(hundred.document, /^Answers to the images of each class/).slice(1);
    assert.equal(answers.length, 100);
    const { counts } = summary.confusion!;
    answers.forEach(([, , right, list], i) => {
      assert.equal(right, String(counts[i][i]));
      const sum = [...list.matchAll(/ (\d+)(?:,|$)/g)].reduce(
        (total, [, count]) => total + Number(count),
        0,
      );
      assert.equal(sum, counts[i].reduce((a, b) => a + b, 0) + summary.confusion!.elsewhere[i]);
    });

    const { confusion: _c, remembered: _r, dreams: _d, ...older } = writeExample(path("older"), {
      tasks: 2,
      names: classNames(4),
    });
    writeJson(join(path("older"), "summary.json"), older);
    for (const file of ["log.jsonl", "gallery.safetensors", "config.json", "run.json"]) {
      Deno.removeSync(join(path("older"), file));
    }
    const old = await pageOf(folder, [path("older")]);
    checkPage(old.html, old.document);
    assert.match(
      textOf(old.document.querySelector("main")),
      /No run has a confusion matrix.*There is no log of this run/,
    );

    const unfinished = writeExample(path("unfinished"), {
      tasks: 2,
      names: classNames(4),
      seed: 7,
    });
    const none = {
      matrix: [],
      finalAverage: null,
      backwardTransfer: null,
      forwardTransfer: null,
      forgetting: null,
    };
    const { confusion: _x, ...early } = {
      ...unfinished,
      classIl: none,
      taskIl: none,
      completed: false,
      heads: [],
      freezing: [],
    };
    writeJson(join(path("unfinished"), "summary.json"), early);
    Deno.writeTextFileSync(
      join(path("unfinished"), "log.jsonl"),
      '{"type":"phase","task":null,"phase":"data","seconds":0}\n{"type":"pha',
    );
    Deno.writeTextFileSync(join(path("unfinished"), "gallery.safetensors"), "something else");
    const stopped = await pageOf(folder, [path("unfinished")]);
    checkPage(stopped.html, stopped.document);
    assert.match(
      textOf(stopped.document.querySelector("main")),
      /did not complete: what it has is shown/,
    );
    const both = await pageOf(folder, [path("unfinished"), path("older")]);
    assert.match(
      textOf(both.document.querySelector("main")),
      /Left out, since they did not complete: .*unfinished/,
    );
  }));

Deno.test("a learner: its exams, nights, refusals, heads and mistakes are those of its records", async () => {
  const part = exampleLearner();
  const html = reportPage([part], await openReportTools());
  const document = parse(html);
  checkPage(html, document);
  const exams = tableOf(document, /^Exam of each class by night/);
  assert.deepEqual(exams[0], ["class", "1", "2×", "2", "3×"]);
  assert.deepEqual(exams.slice(1), [
    ["cat", "75", "25", "50", "25"],
    ["<dog>", "100", "50", "75", "50"],
    ["bird", "·", "67", "33", "67"],
  ]);
  const nights = tableOf(document, "Nights, oldest first").slice(1);
  assert.deepEqual(nights.map(([night, , taught, dawn]) => [night, taught, dawn]), [
    ["1", "cat 40, <dog> 40", "generation 1"],
    ["2", "bird 30", "refused"],
    ["2", "bird 30", "generation 2"],
    ["3", "nothing new", "refused, then accepted"],
  ]);
  assert.equal(nights[1][4], "−50.0", "points lost");
  assert.deepEqual(tableOf(document, /^Confusion matrix/).slice(1), [
    ["1 cat", "1", "2", "1"],
    ["2 <dog>", "2", "2", "0"],
    ["3 bird", "1", "0", "2"],
  ]);
  assert.deepEqual(tableOf(document, "Heads and their classes").slice(1), [
    ["cat", "0", "1", "order"],
    ["<dog>", "1", "1", "order"],
    ["bird", "4", "2", "its images' votes"],
  ]);
  assert.deepEqual(
    tableOf(document, "Remembered images by class").slice(1).map((cells) => cells.slice(0, 3)),
    [["cat", "40", "2"], ["<dog>", "40", "1"], ["bird", "30", "0"]],
  );
  assert.equal(document.querySelectorAll(".thumbs img").length, 3);
  assert.match(textOf(document.querySelector("main")), /Waits for a night: owl 12\./);
});

Deno.test("two hundred runs are told in less than ten seconds", () =>
  withFolder(async (folder) => {
    const runs = join(folder, "runs");
    writeMany(runs, 200, { tasks: 10, names: classNames(20) });
    const began = performance.now();
    const { html, document } = await pageOf(folder, [runs]);
    const seconds = (performance.now() - began) / 1000;
    console.log(`200 runs: ${seconds.toFixed(1)} s, ${(html.length / 1e6).toFixed(1)} MB`);
    assert.ok(seconds < 10, `${seconds} s`);
    assert.equal(tableOf(document, "Every run").length, 201);
  }));

Deno.test("the tables of --csv are whole numbers and names", () =>
  withFolder(async (folder) => {
    const path = join(folder, "run");
    const summary = writeExample(path, { tasks: 2, names: ['a,"b"', "c\nd", "e", "f"] });
    const { terminal, printed } = recordingTerminal();
    await report({ paths: [path], csv: join(folder, "csv") }, terminal);
    const read = (name: string) => Deno.readTextFileSync(join(folder, "csv", name));
    const accuracy = read("accuracy.csv").trimEnd().split("\r\n").slice(1).map((line) =>
      line.split(",")
    );
    const of = (scenario: string) =>
      accuracy.filter((cells) => cells.at(-4) === scenario).map((cells) => Number(cells.at(-1)));
    assert.deepEqual(of("classIl"), summary.classIl.matrix.flat());
    assert.deepEqual(of("taskIl"), summary.taskIl.matrix.flat());
    assert.match(read("confusion.csv"), /,"a,""b""","a,""b""",\d+\r\n/);
    assert.match(read("heads.csv"), /,"c\nd",1\r\n/);
    assert.ok(printed.some((text) => /^written: .*runs\.csv/.test(text)));
  }));
