import type { AccuracySummary, Summary } from "../experiment/summary.ts";
import { type ChartWidth, figure, legend, lookOf, type Tools } from "./figure.ts";
import { type Content, type Html, markup, name } from "./html.ts";
import { decimal, signed, spread, spreadOf, sum, upTo } from "./numbers.ts";
import type { RowRecord } from "./records.ts";
import { crossTable, dataTable, folded, heatTable } from "./tables.ts";

/** The two ways to answer. */
const SCENARIOS = [
  { key: "classIl", title: "Class-IL", about: "Of all classes" },
  { key: "taskIl", title: "Task-IL", about: "Of the classes of the image's own task" },
] as const;

type Scenario = (typeof SCENARIOS)[number]["key"];

/** Summaries of a row's runs that are there. */
export function summariesOf({ runs }: RowRecord): Summary[] {
  return runs.flatMap(({ record }) => record?.summary ?? []);
}

/** Accuracy over tasks, what was forgotten and carried over, and the matrices. */
export function accuracyContent(tools: Tools, rows: readonly RowRecord[]): Html {
  const there = rows.filter((row) =>
    summariesOf(row).some(({ classIl }) => classIl.matrix.length > 0)
  );
  if (there.length === 0) return markup`<p>No run has come to its first evaluation.</p>`;
  return markup`<div class="grid">${SCENARIOS.map((one) => overTasks(tools, there, one))}${
    forgettingFigure(tools, there)
  }</div>${transferTable(there)}${there.map(matrices)}`;
}

/** Mean accuracy over the tasks seen so far, behind each task; a joint run has learned all at once. */
function meansOf({ matrix }: AccuracySummary): { readonly task: number; readonly mean: number }[] {
  return matrix.flatMap((row, t) => {
    const known = row.filter((value) => value !== null);
    if (known.length === 0) return [];
    return [{ task: Math.max(t + 1, known.length), mean: sum(known) / known.length }];
  });
}

function overTasks(
  tools: Tools,
  rows: readonly RowRecord[],
  { key, title, about }: (typeof SCENARIOS)[number],
): Html {
  const points = rows.flatMap((row, place) => {
    const all = summariesOf(row).flatMap((summary) => meansOf(summary[key]));
    return [...Map.groupBy(all, ({ task }) => task)].map(([task, found]) => {
      const { mean, deviation } = spreadOf(found.map(({ mean }) => mean))!;
      return { place, task, mean, low: mean - (deviation ?? 0), high: mean + (deviation ?? 0) };
    });
  });
  const tasks = Math.max(...points.map(({ task }) => task));
  const drawn = drawnOf(rows);
  const several = rows.some(({ runs }) => runs.length > 1);
  const { plot } = tools;
  const draw = ({ narrow }: ChartWidth) => ({
    height: narrow ? 240 : 300,
    x: taskAxis(tasks, narrow),
    y: { label: "accuracy in %", domain: [0, 100], grid: true, ticks: 5 },
    marks: [
      ...drawn.flatMap((place, i) => {
        const own = points.filter((point) => point.place === place);
        const { color, dash, symbol } = lookOf(i);
        const at = { x: "task", y: "mean" };
        return [
          ...several && own.length > 1
            ? [
              plot.areaY(own, { x: "task", y1: "low", y2: "high", fill: color, fillOpacity: 0.12 }),
            ]
            : [],
          plot.lineY(own, { ...at, stroke: color, strokeWidth: 2, strokeDasharray: dash }),
          plot.dot(own, { ...at, fill: color, symbol, r: 4 }),
        ];
      }),
      plot.ruleY([0]),
    ],
  });
  const means = rows.map((row) => summariesOf(row).flatMap((summary) => meansOf(summary[key])));
  const numbers = crossTable({
    caption: `${title} accuracy in %, mean over the tasks so far`,
    rows: ["after", upTo(tasks).map((t) => `task ${t + 1}`)],
    columns: ["row", rows.map(({ label }) => name(label))],
    cell: (t, row) =>
      spread(spreadOf(means[row].flatMap(({ task, mean }) => task === t + 1 ? [mean] : []))),
  });
  return figure(tools, {
    title: `${title} over tasks`,
    about: `${about}: mean accuracy over the tasks so far${
      several ? ", with the deviation over seeds" : ""
    }.`,
    draw,
    legend: rowLegend(tools, rows, drawn),
    numbers,
    note: notDrawn(rows, drawn),
  });
}

/** Rows that can be told apart in one picture. */
const MOST_LINES = 8;

/** Places of the rows that are drawn: the first, and of more than can be told apart the best. */
function drawnOf(rows: readonly RowRecord[]): number[] {
  const final = (place: number) =>
    spreadOf(rows[place].runs.map(({ measures }) => measures.classIl))?.mean ?? -Infinity;
  const others = upTo(rows.length).slice(1).sort((a, b) => final(b) - final(a));
  return [0, ...others.slice(0, MOST_LINES - 1)].sort((a, b) => a - b);
}

/** What the lines stand for; a single one needs no telling. */
function rowLegend(tools: Tools, rows: readonly RowRecord[], drawn: readonly number[]) {
  if (rows.length === 1) return undefined;
  return legend(
    tools,
    drawn.map((place, i) => ({ text: name(rows[place].label), look: lookOf(i) })),
  );
}

function notDrawn(rows: readonly RowRecord[], drawn: readonly number[]): string | null {
  return rows.length > drawn.length
    ? `Drawn are the first row and the ${
      drawn.length - 1
    } best of the others; the numbers have all ${rows.length}.`
    : null;
}

/** Tasks, counted from 1. */
export function taskAxis(tasks: number, narrow: boolean) {
  const step = Math.ceil(tasks / (narrow ? 6 : 12));
  const ticks = upTo(tasks).map((task) => task + 1).filter((task) => (task - 1) % step === 0);
  return {
    ...{ label: "task", ticks, tickFormat: "d", inset: 8 },
    domain: tasks > 1 ? [1, tasks] : [0.5, 1.5],
  };
}

/** By task: the best it ever was once learned and before the last task, minus what is left. */
function forgottenOf({ matrix }: Pick<AccuracySummary, "matrix">): number[] {
  const last = matrix.at(-1) ?? [];
  return upTo(Math.max(0, matrix.length - 1)).flatMap((task) => {
    const learned = matrix.slice(task, -1).flatMap((row) => row[task] ?? []);
    const left = last[task];
    return typeof left === "number" && learned.length > 0 ? [Math.max(...learned) - left] : [];
  });
}

function forgettingFigure(tools: Tools, rows: readonly RowRecord[]): Html {
  const found = rows.map((row) => {
    const runs = summariesOf(row).map(({ classIl }) => forgottenOf(classIl));
    return upTo(Math.max(0, ...runs.map(({ length }) => length))).map((task) =>
      spreadOf(runs.map((run) => run[task]))!
    );
  });
  const tasks = Math.max(...found.map(({ length }) => length));
  if (tasks === 0) {
    return markup`<p class="note">With one task, or all at once, nothing can be forgotten.</p>`;
  }
  const { plot } = tools;
  const drawn = drawnOf(rows);
  const draw = ({ narrow }: ChartWidth) => ({
    height: narrow ? 240 : 300,
    x: taskAxis(tasks, narrow),
    y: { label: "points lost", grid: true, ticks: 5, nice: true },
    marks: [
      plot.ruleY([0]),
      ...drawn.flatMap((place, i) => {
        const own = found[place].map(({ mean }, task) => ({ task: task + 1, mean }));
        const { color, dash, symbol } = lookOf(i);
        const at = { x: "task", y: "mean" };
        return [
          plot.lineY(own, { ...at, stroke: color, strokeWidth: 2, strokeDasharray: dash }),
          plot.dot(own, { ...at, fill: color, symbol, r: 4 }),
        ];
      }),
    ],
  });
  return figure(tools, {
    title: "Forgetting per task",
    about:
      "Class-IL: the best accuracy that each task had before the last one, minus what is left, in points.",
    draw,
    legend: rowLegend(tools, rows, drawn),
    note: notDrawn(rows, drawn),
    numbers: crossTable({
      caption: "Class-IL points lost, by task",
      rows: ["", upTo(tasks).map((task) => `task ${task + 1}`)],
      columns: ["row", rows.map(({ label }) => name(label))],
      cell: (task, row) => spread(found[row][task] ?? null),
    }),
  });
}

function transferTable(rows: readonly RowRecord[]): Html {
  const value = (
    row: RowRecord,
    scenario: Scenario,
    key: keyof Omit<AccuracySummary, "matrix">,
  ) => {
    const found = spreadOf(summariesOf(row).map((summary) => summary[scenario][key]));
    if (!found) return "–";
    const { mean, deviation } = found;
    const text = key === "forgetting" ? decimal(mean) : signed(mean);
    return deviation === null ? text : `${text} ± ${deviation.toFixed(2)}`;
  };
  return markup`<h4>Transfer</h4><p>Backward: what later tasks did to earlier ones. Forward: accuracy on a task before
it was learned, minus that of the untrained network. Points.</p>${
    dataTable({
      caption: "Forgetting and transfer in points",
      head: [
        "row",
        "forgetting, Class-IL",
        "forgetting, Task-IL",
        "backward, Class-IL",
        "backward, Task-IL",
        "forward, Class-IL",
        "forward, Task-IL",
      ],
      rows: rows.map((row): Content[] => [
        name(row.label),
        value(row, "classIl", "forgetting"),
        value(row, "taskIl", "forgetting"),
        value(row, "classIl", "backwardTransfer"),
        value(row, "taskIl", "backwardTransfer"),
        value(row, "classIl", "forwardTransfer"),
        value(row, "taskIl", "forwardTransfer"),
      ]),
    })
  }`;
}

/** Tasks of matrices that stand side by side. */
const MOST_BESIDE = 15;

/** Rows whose matrices are shown at once; those of further ones are folded. */
function matrices(row: RowRecord, place: number): Html {
  const { runs, label } = row;
  const over = runs.length > 1 ? `, mean of ${summariesOf(row).length} runs` : "";
  const most = Math.max(
    ...summariesOf(row).flatMap(({ classIl }) => classIl.matrix.map(({ length }) => length)),
  );
  const content = markup`<div class="${most > MOST_BESIDE ? "stack" : "grid"}">${
    SCENARIOS.map(({ key, title }) => {
      const found = summariesOf(row).map((summary) => summary[key].matrix);
      const after = Math.max(...found.map(({ length }) => length));
      const tasks = Math.max(...found.flatMap((matrix) => matrix.map(({ length }) => length)));
      const joint = after === 1 && tasks > 1;
      return markup`<div>${
        heatTable({
          caption: `${title} %${over}`,
          corner: joint ? "" : "after",
          columns: upTo(tasks).map((task) => ({ shown: task + 1, said: `task ${task + 1}` })),
          rows: upTo(after).map((t) => ({
            head: joint ? "all tasks" : `task ${t + 1}`,
            cells: upTo(tasks).map((task) => {
              const mean = spreadOf(found.map((matrix) => matrix[t]?.[task]))?.mean;
              return mean === undefined ? null : { share: mean, text: decimal(mean, 1) };
            }),
          })),
        })
      }</div>`;
    })
  }</div>`;
  return place < 4
    ? markup`<h4>Accuracy on each task: ${name(label)}</h4>${content}`
    : folded(markup`Accuracy on each task: ${name(label)}`, content);
}
