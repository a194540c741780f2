import type { Phase } from "../experiment/events.ts";
import type { Gallery } from "../experiment/gallery.ts";
import type { Summary } from "../experiment/summary.ts";
import type { FreezingChoice } from "../method/freezing.ts";
import { taskAxis } from "./accuracy.ts";
import { type ChartWidth, figure, legend, type Look, lookOf, type Tools } from "./figure.ts";
import { type Content, type Html, markup, name } from "./html.ts";
import type { LogDigest, StageTime } from "./log_digest.ts";
import { decimal, sum, time, upTo, whole } from "./numbers.ts";
import { gallery as pictureList, thumbnails } from "./pictures.ts";
import type { RunRecord } from "./records.ts";
import { crossTable, dataTable, folded, type Table } from "./tables.ts";

/** Phases have the same look in all runs. */
const PHASES: readonly Phase[] = [
  "wake",
  "freezing",
  "nrem",
  "rem",
  "stream",
  "joint",
  "dawn",
  "heads",
];

const PHASE_NAMES: Partial<Readonly<Record<Phase, string>>> = {
  nrem: "NREM",
  rem: "REM",
  sleep: "sleep (NREM and REM)",
  data: "reading data",
  kernels: "testing kernels",
  tuning: "choosing kernels",
  heads: "choosing heads",
  freezing: "freezing search",
};

const phaseName = (phase: Phase) => PHASE_NAMES[phase] ?? phase;
const phaseLook = (phase: Phase): Look => {
  const place = PHASES.indexOf(phase);
  return lookOf(place < 0 ? PHASES.length : place);
};

/** What happened in one run: losses, time, freezing, heads and dreams, memory, what misleads. */
export function storyContent(
  tools: Tools,
  record: RunRecord,
  { thumbs }: { readonly thumbs: number },
): Html {
  const { summary } = record;
  const log = record.log();
  const pictures = record.gallery();
  const decisions = summary.freezing.map((one) => ({ ...one, label: `task ${one.task + 1}` }));
  const charts = [
    ...log ? [lossFigure(tools, log, summary), timeFigure(tools, log)] : [],
    freezingContent(tools, decisions),
  ];
  const heads = headsContent(tools, record, pictures);
  const memory = memoryContent(tools, summary, pictures, thumbs);
  // Heads that dreamt of nothing are folded: what is behind them would stand alone.
  const held = summary.dreams ? [heads, memory] : [memory, heads];
  return markup`<div class="grid">${charts}</div>${
    log
      ? ""
      : markup`<p class="note">There is no log of this run, so neither losses nor times by phase.</p>`
  }<div class="grid">${held}</div>${misleadingContent(tools, pictures)}`;
}

function lossFigure(tools: Tools, { losses, taskStarts }: LogDigest, { tasks }: Summary): Html {
  const phases = [...losses.keys()];
  if (phases.length === 0) return markup`<p class="note">No loss was read back.</p>`;
  const points = phases.flatMap((phase) =>
    losses.get(phase)!.map((point) => ({ phase, ...point }))
  );
  const last = Math.max(...points.map(({ step }) => step));
  const starts = taskStarts.flatMap((step, task) => [{ step, task: task + 1 }]);
  const { plot } = tools;
  const draw = ({ narrow }: ChartWidth) => {
    const every = Math.ceil(starts.length / (narrow ? 5 : 12));
    return {
      height: narrow ? 250 : 300,

      marginRight: narrow ? 24 : 46,
      x: { label: "training step", domain: [0, last], ticks: narrow ? 4 : 8 },
      y: { label: "loss", grid: true, ticks: 5, zero: true, nice: true },
      marks: [
        plot.ruleX(starts.slice(1), { x: "step", strokeOpacity: 0.35, strokeDasharray: "2 3" }),
        plot.text(starts.filter((_, i) => i % every === 0), {
          ...{
            x: "step",
            text: ({ task }: { task: number }) => narrow ? String(task) : `task ${task}`,
          },
          ...{ frameAnchor: "top-left", dx: 3, dy: -11, fontSize: 11 },
        }),
        ...phases.flatMap((phase) => {
          const { color } = phaseLook(phase);
          const own = losses.get(phase)!;
          const at = { x: "step", y: "loss" };
          const groups = { ...at, z: "task" };
          // A phase of few steps is seen by its points.
          return [
            plot.lineY(own, { ...groups, stroke: color, strokeWidth: 1.5 }),
            ...own.length <= 60
              ? [plot.dot(own, { ...at, fill: color, r: 2.5, symbol: phaseLook(phase).symbol })]
              : [],
          ];
        }),
      ],
    };
  };
  const rows = upTo(tasks).flatMap((task) =>
    phases.flatMap((phase): Content[][] => {
      const own = losses.get(phase)!.filter((point) => point.task === task);
      if (own.length === 0) return [];
      return [[
        task + 1,
        phaseName(phase),
        own[0].step,
        own.at(-1)!.step,
        markup`<span class="list">${own.map(({ loss }) => loss.toPrecision(3)).join(" ")}</span>`,
      ]];
    })
  );
  return figure(tools, {
    title: "Loss by phase",
    about:
      "The mean loss of the steps read back at once, over the steps of the whole run; a dotted line where a task begins.",
    draw,
    legend: legend(
      tools,
      phases.map((phase) => ({ text: phaseName(phase), look: phaseLook(phase) })),
    ),
    numbers: dataTable({
      caption: "Losses in the order of their steps, by task and phase",
      head: ["task", "phase", "first step", "last step", "losses"],
      words: [1, 4],
      rows,
    }),
  });
}

function timeFigure(tools: Tools, { times, speeds }: LogDigest): Html {
  const stages = [...Map.groupBy(times, ({ stage }) => stage)]
    .map(([stage, own]) => ({ stage, seconds: sum(own.map(({ seconds }) => seconds)), own }))
    .filter(({ seconds }) => seconds > 0)
    .sort((a, b) => b.seconds - a.seconds);
  if (stages.length === 0) return markup`<p class="note">The log has no times.</p>`;
  const all = sum(stages.map(({ seconds }) => seconds));
  const tasks = [...new Set(times.flatMap(({ task }) => task ?? []))].sort((a, b) => a - b);
  const inTask = (own: readonly StageTime[], task: number | null) =>
    sum(own.filter((one) => one.task === task).map(({ seconds }) => seconds));
  const { plot } = tools;
  const longest = Math.max(...stages.map(({ stage }) => phaseName(stage).length));
  const draw = ({ narrow }: ChartWidth) => ({
    height: 84 + 28 * stages.length,
    marginLeft: 16 + 6.6 * longest,
    marginRight: 92,
    x: { label: "seconds", grid: true, ticks: narrow ? 3 : 6 },
    y: { label: null, domain: stages.map(({ stage }) => phaseName(stage)), tickSize: 0 },
    marks: [
      plot.barX(stages, {
        x: "seconds",
        y: ({ stage }: { stage: Phase }) => phaseName(stage),
        fill: "var(--c0)",
        insetTop: 2,
        insetBottom: 2,
      }),
      plot.text(stages, {
        x: "seconds",
        y: ({ stage }: { stage: Phase }) => phaseName(stage),
        text: ({ seconds }: { seconds: number }) => time(seconds),
        textAnchor: "start",
        dx: 4,
      }),
      plot.ruleX([0]),
    ],
  });
  return figure(tools, {
    title: "Time by phase",
    about: `${time(all)} between the first and the last phase.`,
    draw,
    numbers: dataTable({
      caption: "Seconds by task and phase, and images per second",
      head: ["", ...stages.map(({ stage }) => phaseName(stage)), "all"],
      rows: [
        ...[null, ...tasks].map((task) => [
          task === null ? "outside of tasks" : `task ${task + 1}`,
          ...stages.map(({ own }) => decimal(inTask(own, task))),
          decimal(inTask(times, task)),
        ]),
        ["all", ...stages.map(({ seconds }) => decimal(seconds)), decimal(all)],
        ["% of the time", ...stages.map(({ seconds }) => decimal(100 * seconds / all, 1)), "100.0"],
        ["images per second", ...stages.map(({ stage }) => decimal(speeds.get(stage), 1)), ""],
      ],
    }),
  });
}

/** The search for what to freeze: a line for each task, or night. */
export function freezingContent(
  tools: Tools,
  decisions: readonly (FreezingChoice & { readonly label: string })[],
  unit: "task" | "night" = "task",
): Html | null {
  if (decisions.length === 0) return null;
  const points = decisions.flatMap(({ candidates, chosen }, place) =>
    candidates.map(({ frozen, loss }) => ({ place, frozen, loss, chosen: frozen === chosen }))
  );
  const { plot } = tools;
  const most = Math.max(...points.map(({ frozen }) => frozen));
  const draw = ({ narrow }: ChartWidth) => ({
    height: narrow ? 240 : 300,
    x: {
      ...taskAxis(most + 1, narrow),
      label: "leading blocks frozen",
      domain: [0, Math.max(1, most)],
      ticks: upTo(most + 1),
    },
    y: { label: "loss of the judges", grid: true, ticks: 5, nice: true, inset: 10 },
    marks: [
      ...decisions.flatMap((_, place) => {
        const own = points.filter((point) => point.place === place);
        const { color, dash, symbol } = lookOf(place);
        const at = { x: "frozen", y: "loss" };
        return [
          plot.lineY(own, { ...at, stroke: color, strokeWidth: 1.5, strokeDasharray: dash }),
          plot.dot(own, { ...at, fill: color, r: 3, symbol }),
          plot.dot(own.filter(({ chosen }) => chosen), {
            ...at,
            stroke: "currentColor",
            strokeWidth: 2,
            r: 7,
          }),
        ];
      }),
    ],
  });
  return figure(tools, {
    title: "The freezing search",
    about:
      `Candidates by the number of frozen blocks, for each ${unit}; a ring is round the one that was kept.`,
    draw,
    legend: legend(
      tools,
      decisions.map(({ label }, place) => ({ text: label, look: lookOf(place) })),
    ),
    numbers: crossTable({
      caption: "Loss of each candidate; *: kept",
      rows: [unit, decisions.map(({ label }) => label)],
      columns: ["", upTo(most + 1).map((frozen) => `${frozen} frozen`)],
      cell: (place, frozen) => {
        const { candidates, chosen } = decisions[place];
        const loss = candidates.find((one) => one.frozen === frozen)?.loss;
        return `${decimal(loss, 4)}${frozen === chosen ? "*" : ""}`;
      },
    }),
  });
}

function headsContent(
  tools: Tools,
  { summary: { heads, dreams }, config }: RunRecord,
  pictures: Gallery | null,
): Html | null {
  if (heads.length === 0) return null;
  const taken = new Map(
    heads.flatMap(({ task, heads, classes }) =>
      heads.map((head, i) => [head, { task, name: classes[i] }] as const)
    ),
  );
  const since = (head: number): Content[] => {
    const owner = taken.get(head);
    return owner ? [name(owner.name), `task ${owner.task + 1}`] : ["none", "–"];
  };
  if (!dreams) {
    const table = dataTable({
      caption: "Heads and their classes",
      words: [1, 2],
      head: ["head", "class", "since"],
      rows: [...taken.keys()].sort((a, b) => a - b).map((head) => [head, ...since(head)]),
    });
    return folded("Heads and their classes; none dreamt of images of other classes", table);
  }
  const pictureOf = new Map(
    (pictures?.pictures ?? []).filter(({ kind }) => kind === "dream").map((one) => [one.head, one]),
  );
  const dreamOf = (head: number): Content => {
    const dream = dreams[head];
    if (dream === null) return "none";
    const picture = pictureOf.get(head);
    const shown = picture && thumbnails(tools, [picture], pictures!.size, "an image of it");
    return markup`<span class="pair">${shown} ${name(dream)}</span>`;
  };
  const atStart = Number((config as { dreamStart?: unknown } | null)?.dreamStart ?? 0) > 0;
  const last = Math.max(...heads.map(({ task }) => task));
  const during = (head: number): string => {
    if (dreams[head] === null) return "–";
    if (atStart) return "before task 1";
    const count = taken.get(head)?.task ?? last + 1;
    return count === 0 ? "–" : count === 1 ? "task 1" : `tasks 1 to ${count}`;
  };
  return markup`<div><h4>What each head dreamt of, and which class took it</h4><p>${
    atStart
      ? "Before the first task the heads were trained on dreams."
      : "Until a class takes it, a head is trained on its dreams."
  }</p>${
    foldedIfLong(dreams.length, {
      caption: "Heads, their dreams and their classes",
      words: [1, 2, 3, 4],
      head: ["head", "dreamt of", "during", "taken by", "since"],
      rows: upTo(dreams.length).map((head) => [
        head,
        dreamOf(head),
        during(head),
        ...since(head),
      ]),
    })
  }</div>`;
}

function memoryContent(
  tools: Tools,
  { remembered }: Summary,
  pictures: Gallery | null,
  most: number,
): Html | null {
  if (!remembered) return null;
  const ofClass = Map.groupBy(
    (pictures?.pictures ?? []).filter(({ kind }) => kind === "memory"),
    (picture) => picture.class,
  );
  const all = sum(remembered.map(({ images }) => images));
  return markup`<div><h4>What is remembered</h4><p>The long-term memory holds ${whole(all)} ${
    all === 1 ? "image" : "images"
  } at the end.</p>${
    foldedIfLong(remembered.length, {
      caption: "Remembered images by class",
      words: [2],
      head: ["class", "images", "some of them"],
      rows: remembered.map(({ class: text, images }) => {
        const some = (ofClass.get(text) ?? []).slice(0, most);
        return [
          name(text),
          images,
          pictures && some.length > 0
            ? thumbnails(tools, some, pictures.size, `${some.length} remembered images of ${text}`)
            : "–",
        ];
      }),
    })
  }</div>`;
}

/** Lines of a table that is shown at once. */
const MOST_LINES = 30;

function foldedIfLong(lines: number, table: Table): Html {
  return lines > MOST_LINES
    ? folded(`${table.caption}: ${lines} lines`, dataTable(table))
    : dataTable(table);
}

function misleadingContent(tools: Tools, pictures: Gallery | null): Html | null {
  const found = (pictures?.pictures ?? []).filter(({ kind }) => kind === "misleading");
  if (!pictures || found.length === 0) return null;
  return markup`<h4>What misleads most</h4><p>Test images that are answered wrong with the most confidence behind the
last task; of large test sets a part is looked at.</p>${
    pictureList(
      tools,
      found.map(({ pixels, class: text, answer, confidence = 0 }) => ({
        pixels,
        about: `an image of ${text}`,
        caption: markup`${name(text)} taken for ${answer ? name(answer) : "a free head"}, ${
          (100 * confidence).toFixed(1)
        }\u00a0%`,
      })),
      pictures.size,
    )
  }`;
}
