/** The board of results, and the page of a profile. */

import assert from "node:assert/strict";
import { benchBoard } from "../../bench/board.ts";
import type { ProfiledLaunch } from "../../bench/profile.ts";
import { describe } from "../../bench/profile.ts";
import { profilePage } from "../../bench/profile_page.ts";
import { roofline } from "../../bench/roofline.ts";
import type { Setting } from "../../bench/setting.ts";
import type { KernelCase } from "../../src/check/kernel_case.ts";
import { InputError } from "../../src/errors.ts";
import { withFolder as withFolderAsync, write } from "../data/fixtures.ts";

const withFolder = (use: (folder: string) => void) =>
  withFolderAsync((folder) => Promise.resolve(use(folder)));

const summary = (median: number) => {
  return { median, low: median, high: median, least: median, count: 3 };
};
const adapter = {
  ...{ vendor: "", architecture: "", description: "one <adapter>", isFallback: true },
  provider: "deno",
};

/** A line of a file of results. */
function line(median: number, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    ...{ bench: "kernels", kernel: "conv2d_forward", layer: "conv1", layers: 1 },
    ...{ shape: { batch: 2, kernel: 3 }, error: 1e-7, samples: 9, milliseconds: summary(median) },
    ...{ gflops: 8 / median, gbs: 1 / median, multiplyAddCeiling: 100, copyCeiling: 10 },
    ...{ multiplyAddShare: 0.08 / median, copyShare: 0.1 / median },
    ...{ adapter, commit: "abc", date: "2026-01-01T00:00:00Z" },
    ...changes,
  }) + "\n";
}

const hashOf = (author: string) => author.charCodeAt(0).toString(16).padEnd(64, "0");

const own = (median: number, author: string, changes: Record<string, unknown> = {}) =>
  line(median, {
    ...{ bench: "custom", author, file: `${author}.wgsl`, hash: hashOf(author) },
    ...{
      check: { error: 1e-7, samples: 5, sameBits: false },
      ours: summary(2),
      ratio: summary(median / 2),
    },
    ...{ error: undefined, samples: undefined },
    ...changes,
  });

Deno.test("a board ranks by machine, operation and shape, keeps the newest, and refuses what was not checked", () =>
  withFolder((folder) => {
    const files = {
      "a/kernels.jsonl": line(2),
      "a/x.jsonl": own(4, "ada") + own(1, "ada", { date: "2026-01-02T00:00:00Z" }),
      "a/y.jsonl": own(3, "bob") + own(1, "eve", { check: undefined }) + "nonsense\n",
      "a/step.jsonl": JSON.stringify({ bench: "step" }) + "\n",
      "b/kernels.jsonl": line(9),
    };
    for (const [name, text] of Object.entries(files)) write(`${folder}/${name}`, text);
    const printed: string[] = [];
    const output = { print: (text: string) => void printed.push(text), live: () => {} };
    assert.equal(benchBoard([`${folder}/a`, `${folder}/b`], `${folder}/out`, output), false);
    const refused = printed.filter((text) => text.startsWith("refused"));
    assert.equal(refused.length, 2);
    assert.match(refused[0], /y\.jsonl, line 2: its check did not run/);
    const rows = Deno.readTextFileSync(`${folder}/out/board.csv`).trim().split("\n").slice(1)
      .map((row) => row.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
    assert.deepEqual(rows.map(([machine, , , , rank, author]) => [machine.at(-2), rank, author]), [
      ["a", "1", "ada"],
      ["a", "2", "wscl"],
      ["a", "3", "wscl"],
      ["a", "4", "bob"],
      ["b", "1", "wscl"],
    ]);
    const html = Deno.readTextFileSync(`${folder}/out/board.html`);
    assert.match(html, /ada leads at 1/);
    assert.match(html, /one &lt;adapter&gt;/);
    assert.doesNotMatch(html, /<adapter>|NaN|undefined|https?:\/\/(?!www\.w3\.org)/);
  }));

Deno.test("lines that are none, or say what cannot be, are refused by file and line; the others are ranked", () =>
  withFolder((folder) => {
    const broken: Record<string, unknown> = {
      ...{ ours: null, ratio: { median: "x" }, hash: 5, file: undefined, date: 5, commit: {} },
      ...{ author: 7, milliseconds: summary(-1), gflops: -5, gbs: 0, multiplyAddCeiling: 0 },
      ...{ copyCeiling: undefined, copyShare: 2, multiplyAddShare: undefined, shape: [1, 2] },
      ...{
        adapter: {},
        kernel: "conv9d",
        layer: "",
        check: { error: 0.9, samples: 1, sameBits: true },
      },
    };
    const more: Record<string, unknown>[] = [
      { check: { error: -1, samples: 1, sameBits: true } },
      { check: { error: 0, samples: 0.5, sameBits: true } },
      { check: undefined, error: 0, samples: 5 },
      { gflops: 1e300, gbs: 1e-300 },
      { adapter: { ...adapter, description: 7 } },
      { adapter: "x" },
      { shape: "abc" },
      { milliseconds: { ...summary(2), median: 1e-9 } },
      { gflops: 80 },
      { ours: summary(0.001) },
      { ratio: { ...summary(1), count: 9 } },
    ];
    const changes = [...Object.entries(broken).map(([key, value]) => ({ [key]: value })), ...more];
    const lines = [
      ...changes.map((change) => own(2, "eve", change)),
      "[1]\n",
      "5\n",
      own(2, "ada"),
    ];
    write(`${folder}/a/custom.jsonl`, lines.join(""));
    const printed: string[] = [];
    const output = { print: (text: string) => void printed.push(text), live: () => {} };
    assert.equal(benchBoard([`${folder}/a`], `${folder}/out`, output), false);
    const refused = printed.filter((text) => text.startsWith("refused: "));
    for (const [i, change] of changes.entries()) {
      const text = refused[i];
      assert.match(
        text ?? "",
        new RegExp(`custom\\.jsonl, line ${i + 1}: `),
        JSON.stringify(change),
      );
      assert.doesNotMatch(text, /undefined|Invalid|TypeError/);
    }
    assert.equal(refused.length, changes.length + 2);
    assert.match(printed.join("\n"), /2 results of 1 machine and 2 authors/);

    write(`${folder}/b/custom.jsonl`, own(2, "eve", { gbs: 0 }));
    assert.throws(
      () => benchBoard([`${folder}/b`], `${folder}/out`, output),
      /that can be ranked; .*\nrefused: .*custom\.jsonl, line 1: gbs is 0, expected a number above 0/,
    );
  }));

Deno.test("cells that a spreadsheet would take for formulas or new rows are texts", () =>
  withFolder((folder) => {
    write(
      `${folder}/a/custom.jsonl`,
      own(2, "ada", { author: "=1+1", file: "\t=cmd", layer: "\r=1" }) +
        own(3, "bob", { author: 'a\rb,"c"' }),
    );
    benchBoard([`${folder}/a`], `${folder}/out`, { print: () => {}, live: () => {} });
    const csv = Deno.readTextFileSync(`${folder}/out/board.csv`);
    for (const cell of ["'=1+1", `"'\t=cmd"`, `"'\r=1"`, `"a\rb,""c"""`]) {
      assert(csv.includes(`,${cell},`), `${cell} in ${csv}`);
    }
    assert.match(Deno.readTextFileSync(`${folder}/out/board.html`), /Of the one shape with more/);
  }));

Deno.test("a board of nothing is refused", () =>
  withFolder((folder) => {
    const output = { print: () => {}, live: () => {} };
    const board = (name: string) => () => benchBoard([name], `${folder}/out`, output);
    assert.throws(board(folder), InputError);
    assert.throws(board(`${folder}/none`), /no such folder/);
  }));

Deno.test("the page of a profile has a bar and a row for every launch, and needs nothing from elsewhere", () => {
  const launch = (op: string, layer: string, milliseconds: number): ProfiledLaunch => ({
    ...{ bench: "profile", op, kernel: op, layer, milliseconds, workgroups: 3 },
    ...{ gflops: null, gbs: null, multiplyAddShare: 0.2, copyShare: 0.4 },
  });
  const launches = [launch("conv2d_forward", "conv1", 3), launch("sgd_masked", "", 1)];
  const html = profilePage({
    ...{ title: "A step", about: "a <machine>", launches },
    hints: new Map([[launches[1], "3 workgroups: too few"]]),
    reached: { multiplyAdd: 100, copy: 10 },
  });
  // An operation and a layer each, on a wide page and on a narrow one.
  assert.equal(html.match(/<rect [^>]*height="178"/g)?.length, 8);
  assert.match(html, /conv2d_forward: 3\.00 ms, 75\.0 % of the step, 1 launches/);
  assert.match(html, /too few/);
  assert.doesNotMatch(html, /cannot be right|can be right|stroke="#d62728"/);
  const above = profilePage({
    ...{ title: "A step", about: "a machine", hints: new Map() },
    launches: [{ ...launches[0], copyShare: 2.79 }, launches[1]],
    ...{ reached: { multiplyAdd: 100, copy: 10 }, impossible: ["conv1 comes to 279 %"] },
  });
  assert.match(above, /class="warning".*Not all of these times can be right.*conv1 comes to 279 %/);
  assert.match(above, /stroke="#d62728"/);
  const headings = above.match(/<thead>(.*)<\/thead>/)![1].match(/<th[ >]/g)!.length;
  assert.equal(above.match(/<tbody>\n<tr>(.*)<\/tr>/)![1].match(/<td[ >]/g)!.length, headings);
  assert.doesNotMatch(html, /<machine>|NaN|undefined|https?:\/\/(?!www\.w3\.org)|<script/);
});

Deno.test("what several launches do together is not counted for each", () => {
  const workgroups = [1, 1, 1] as const;
  const launch = (
    milliseconds: number,
    label: string,
    kernel = "conv2d_weight_gradient_reduce",
  ) => {
    return { kernel, label, milliseconds, workgroups };
  };
  const name = "conv2d_weight_gradient_reduce";
  const one = (layer: string, bytes: number) => {
    return { op: name, layer, layers: 1, names: [layer], flops: 0, bytes } as unknown as KernelCase;
  };
  const cases = [one("conv1", 3e6), one("conv2", 5e6)];
  const reached = { multiplyAdd: 100, copy: 10 };
  const both = describe([launch(3, name), launch(1, name)], [], cases, reached);
  assert.deepEqual(both.map(({ gbs, copyShare }) => [gbs, copyShare]), [[2, 0.2], [2, 0.2]]);
  const [alone] = describe([launch(1, "conv1")], [], cases, reached);
  assert.equal(alone.gbs, 3);
});

Deno.test("no point of a roofline is above its roof, and its words stay inside", () => {
  const point = (gflops: number, peak: number) => {
    return {
      ...{ kernel: "conv2d_forward", layer: "conv1", gflops, gbs: gflops / 5 },
      ...{ multiplyAddCeiling: peak, copyCeiling: peak / 9.5 },
    };
  };
  // The fastest was measured in the run with the best ceilings, which is one of three.
  const points = [point(95, 100), point(40, 50), point(30, 50)];
  for (const form of ["wide", "narrow"] as const) {
    const svg = roofline(points, { adapter: adapter as Setting["adapter"], commit: "abc" }, form);
    const numbers = (pattern: RegExp) => [...svg.matchAll(pattern)].map(([, n]) => Number(n));
    const roof = numbers(/<line [^>]*y2="([\d.]+)" class="roof"/g).at(-1)!;
    const places = numbers(/<circle [^>]*cy="([\d.]+)"[^>]*><title>/g);
    assert.equal(places.length, points.length);
    for (const y of places) assert(y >= roof, `${y} ${roof}`);
    assert.match(svg, /text-anchor="end">100\.0 GFLOP\/s, copy/);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  }
});
