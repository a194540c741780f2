import { paired } from "../experiment/comparison/results.ts";
import { type ChartWidth, figure, lookOf, type Tools } from "./figure.ts";
import { type Content, type Html, label as short, markup, name } from "./html.ts";
import { decimal, signed, spread, spreadOf, time, whole } from "./numbers.ts";
import type { Measures, RowRecord, RunsPart } from "./records.ts";
import { dataTable, folded, tiles } from "./tables.ts";

const COLUMNS: readonly (readonly [keyof Measures, string])[] = [
  ["classIl", "Class-IL %"],
  ["taskIl", "Task-IL %"],
  ["forgetting", "forgetting"],
  ["forwardTransferTaskIl", "forward transfer"],
];

/** What came out, method beside method. */
export function overviewContent(tools: Tools, part: RunsPart): Html {
  const { rows } = part;
  const runs = rows.flatMap((row) => row.runs);
  const single = runs.length === 1;
  return markup`${single ? singleTiles(runs[0].measures) : meansTable(rows)}${
    rows.some(({ about }) => about !== "")
      ? markup`<dl class="legend-text">${
        rows.filter(({ about }) => about !== "")
          .map(({ label, about }) =>
            markup`<div><dt>${name(label)}</dt><dd>${about}</dd></div>`
          )
      }</dl>`
      : ""
  }${part.notes.map((note) => markup`<p class="note">${note}</p>`)}${
    single ? "" : markup`<div class="grid">${finals(tools, rows)}${pairedFigure(tools, rows)}</div>`
  }${runs.length > 1 ? everyRun(rows) : ""}`;
}

function singleTiles(measures: Measures): Html {
  const { classIl, taskIl, forgetting, forwardTransferTaskIl, images, seconds } = measures;
  return tiles([
    { name: "Class-IL", value: `${decimal(classIl)} %` },
    { name: "Task-IL", value: `${decimal(taskIl)} %` },
    { name: "Forgetting", value: decimal(forgetting), more: "points of Class-IL" },
    { name: "Forward transfer", value: signed(forwardTransferTaskIl), more: "points of Task-IL" },
    { name: "Images", value: whole(images ?? 0), more: "through training steps" },
    { name: "Time", value: time(seconds ?? 0) },
  ]);
}

function meansTable(rows: readonly RowRecord[]): Html {
  return dataTable({
    caption:
      "Mean ± sample deviation over runs; forgetting of Class-IL, forward transfer of Task-IL, in points",
    head: ["row", "runs", ...COLUMNS.map(([, title]) => title), "images", "seconds"],
    rows: rows.map(({ label, runs }): Content[] => {
      const found = (key: keyof Measures) => spreadOf(runs.map(({ measures }) => measures[key]));
      const images = found("images");
      return [
        name(label),
        runs.length,
        ...COLUMNS.map(([key]) => spread(found(key))),
        images ? whole(images.mean) : "–",
        spread(found("seconds"), 0),
      ];
    }),
  });
}

/** Room for names of rows, left of a chart. */
const LABELS = { wide: 20, narrow: 13 };
const marginFor = (rows: readonly RowRecord[], narrow: boolean) => {
  const longest = Math.max(
    ...rows.map(({ label }) => [...short(label, narrow ? LABELS.narrow : LABELS.wide)].length),
  );
  return 16 + 7.2 * longest;
};

function finals(tools: Tools, rows: readonly RowRecord[]): Html {
  const points = rows.flatMap(({ runs }, place) =>
    runs.flatMap(({ seed, measures: { classIl } }) =>
      classIl === null ? [] : [{ place, seed, classIl }]
    )
  );
  const means = rows.flatMap(({ runs }, place) => {
    const found = spreadOf(runs.map(({ measures }) => measures.classIl));
    return found ? [{ place, mean: found.mean }] : [];
  });
  const { plot } = tools;
  const draw = ({ narrow }: ChartWidth) => ({
    ...rowChart(rows, narrow, "Class-IL %"),
    marks: [
      ...rows.map((_, place) => {
        const { color, symbol } = lookOf(place);
        const own = points.filter((point) => point.place === place);
        return plot.dot(own, { x: "classIl", y: "place", stroke: color, symbol, r: 4 });
      }),
      plot.tickX(means, { x: "mean", y: "place", strokeWidth: 3, inset: 3 }),
    ],
  });
  return figure(tools, {
    title: "Class-IL after the last task",
    about: "Each run, and the mean of each row as a stroke.",
    draw,
    numbers: dataTable({
      caption: "Class-IL % after the last task",
      head: ["row", "seed", "Class-IL %"],
      rows: [
        ...points.map(({ place, seed, classIl }) => [
          name(rows[place].label),
          seed,
          decimal(classIl),
        ]),
        ...means.map(({ place, mean }) => [name(rows[place].label), "mean", decimal(mean)]),
      ],
    }),
  });
}

/** Numbers along a line for each row. */
function rowChart(rows: readonly RowRecord[], narrow: boolean, label: string) {
  return {
    height: 84 + 26 * rows.length,
    marginLeft: marginFor(rows, narrow),
    marginRight: 24,
    x: { label, inset: 8, grid: true, nice: true, ticks: narrow ? 4 : 8 },
    y: {
      type: "band",
      label: null,
      domain: rows.map((_, place) => place),
      tickFormat: (place: number) => short(rows[place].label, narrow ? LABELS.narrow : LABELS.wide),
      tickSize: 0,
    },
  };
}

/** The first row minus each other one, over the seeds that both have. */
function pairedOf(rows: readonly RowRecord[], measure: "classIl" | "taskIl") {
  const [first, ...others] = rows;
  const measured = ({ runs }: RowRecord) =>
    runs.map(({ seed, measures }) => ({ seed, ...measures }));
  return others.map((row) => ({ row, found: paired(measured(first), measured(row), measure) }));
}

function pairedFigure(tools: Tools, rows: readonly RowRecord[]): Html | null {
  if (rows.length < 2) return null;
  const [first, ...others] = rows;
  const classIl = pairedOf(rows, "classIl");
  const taskIl = pairedOf(rows, "taskIl");
  const drawn = classIl.flatMap(({ found }, place) => found ? [{ place, ...found }] : []);
  if (drawn.length === 0) return null;
  const { plot } = tools;
  const draw = ({ narrow }: ChartWidth) => ({
    ...rowChart(others, narrow, "points of Class-IL"),
    marks: [
      plot.ruleX([0]),
      plot.link(drawn.flatMap(({ interval, place }) => interval ? [{ interval, place }] : []), {
        x1: (one: { interval: number[] }) => one.interval[0],
        x2: (one: { interval: number[] }) => one.interval[1],
        y: "place",
        strokeWidth: 2,
      }),
      ...drawn.map((one) => {
        const { color, symbol } = lookOf(one.place + 1);
        return plot.dot([one], { x: "mean", y: "place", fill: color, symbol, r: 5 });
      }),
    ],
  });
  const text = (found: (typeof classIl)[number]["found"]): string => {
    if (!found) return "–";
    const { mean, interval } = found;
    return interval
      ? `${signed(mean)} (${signed(interval[0])} to ${signed(interval[1])})`
      : signed(mean);
  };
  return figure(tools, {
    title: `Points by which ${short(first.label, 40)} is ahead`,
    about:
      "Mean of the paired differences in Class-IL over shared seeds, with its 95 % interval; right of zero it is ahead.",
    draw,
    numbers: dataTable({
      caption: `${
        short(first.label, 40)
      } minus each other row, paired by seed, with the 95 % interval`,
      head: ["row", "pairs", "Class-IL points", "wins", "Task-IL points"],
      rows: others.map(({ label }, i) => {
        const { found } = classIl[i];
        return [
          name(label),
          found?.pairs ?? 0,
          text(found),
          found ? `${found.wins} of ${found.pairs}` : "–",
          text(taskIl[i].found),
        ];
      }),
    }),
    note: others.length > 0 ? rowLegendHint(first.label) : null,
  });
}

function rowLegendHint(first: string): Content {
  return markup`A difference whose interval holds zero may be chance. Compared with: ${
    name(first)
  }.`;
}

function everyRun(rows: readonly RowRecord[]): Html {
  return folded(
    "Every run",
    dataTable({
      caption: "Every run",
      head: ["row", "seed", ...COLUMNS.map(([, title]) => title), "images", "seconds", "folder"],
      rows: rows.flatMap(({ label, runs }) =>
        runs.map(({ seed, measures, record }): Content[] => [
          name(label),
          seed,
          ...COLUMNS.map(([key]) => decimal(measures[key])),
          whole(measures.images ?? 0),
          decimal(measures.seconds, 0),
          record ? name(record.path) : "–",
        ])
      ),
    }),
  );
}
