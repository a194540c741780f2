import { quotedPath } from "../text.ts";
import {
  type ClassRecord,
  type DatedRecord,
  fallOf,
  type Marks,
  missingText,
  together,
} from "../continual/record.ts";
import type { Confusion } from "../experiment/summary.ts";
import { confusionContent } from "./confusion.ts";
import { type ChartWidth, figure, legend, lookOf, type Tools } from "./figure.ts";
import { all, type Content, type Html, markup, name } from "./html.ts";
import { decimal, signed, sum, time, upTo, whole } from "./numbers.ts";
import { gallery, thumbnails } from "./pictures.ts";
import type { LearnerPart } from "./records.ts";
import { freezingContent } from "./story.ts";
import { dataTable, factList, heatTable, tiles } from "./tables.ts";

/** Of each class, remembered images that are shown. */
const MOST_THUMBS = 8;

/** Images of the exam that are shown. */
const MOST_WRONG = 48;

const share = ({ images, right }: Marks) => 100 * right / images;
const marksText = (marks: Marks) =>
  marks.images === 0 ? "–" : `${decimal(share(marks), 1)} % of ${marks.images}`;

/** Nights that were spent; that one was accepted later, a line of its own, is told of it. */
function nightsOf({ nights }: LearnerPart) {
  const accepted = new Set(
    nights.flatMap((one, line) => {
      const refused = nights.slice(0, line).findLastIndex(({ night, passed }) =>
        night === one.night && !passed
      );
      return one.accepted ? [refused] : [];
    }),
  );
  return nights.flatMap((record, line) => {
    if (record.accepted) return [];
    const end = record.passed
      ? "passed" as const
      : accepted.has(line)
      ? "refused, then accepted" as const
      : "refused" as const;
    return [{ record, end }];
  });
}

/** What the learner is. */
export function learnerOverview(part: LearnerPart): Html {
  const { state, nights, generations, waiting } = part;
  const { settings, classes, generation, images, dreams } = state;
  const all = together(classes.map(({ exam }) => exam));
  const refused = nightsOf(part).filter(({ end }) => end !== "passed").length;
  return markup`${
    tiles([
      {
        name: "Exam",
        value: all.images > 0 ? `${decimal(share(all), 1)} %` : "–",
        more: `of ${all.images} images`,
      },
      { name: "Classes", value: String(classes.length), more: `of ${settings.maxClasses}` },
      { name: "Generation", value: String(generation), more: `kept: ${generations.join(", ")}` },
      { name: "Nights", value: String(nightsOf(part).length), more: `${refused} refused at dawn` },
      {
        name: "Memory",
        value: whole(sum(classes.map(({ remembered }) => remembered))),
        more: `of ${settings.memory} images`,
      },
      { name: "Images", value: whole(images), more: "through training steps" },
    ])
  }${
    waiting.length > 0
      ? markup`<p class="warning">Waits for a night: ${
        waiting.map(([text, count], i) => markup`${i > 0 ? ", " : ""}${name(text)} ${count}`)
      }.</p>`
      : ""
  }${
    factList([
      [
        "network",
        `ResNet-18 of width ${settings.width}, ${settings.size} × ${settings.size} pixels`,
      ],
      [
        "dreams",
        dreams
          ? markup`${dreams.images} images of ${dreams.classes} classes in ${name(dreams.from)}`
          : settings.dreams,
      ],
      ["dawn gate", `earlier classes may lose ${settings.margin} points of their exam`],
      [
        "none of these",
        state.threshold === null ? "–" : `below a familiarity of ${state.threshold.toFixed(2)}`,
      ],
      ["adapter of the last night", nights.at(-1)?.adapter ?? "–"],
      ["method", nights.at(-1)?.method ?? "–"],
    ])
  }`;
}

/** Exams by night: together as a curve, by class as a matrix. */
export function examsContent(tools: Tools, part: LearnerPart): Html {
  const nights = nightsOf(part);
  if (nights.length === 0) return markup`<p>It has not spent a night yet.</p>`;
  const points = nights.map(({ record, end }) => ({
    night: record.night,
    end,
    exam: together(record.classes.map(({ exam }) => exam)),
    before: together(record.classes.map(({ before }) => before)),
    after: together(record.classes.map(({ after }) => after)),
  }));
  const lines = [
    { key: "exam", text: "all classes, whole exam" },
    { key: "before", text: "earlier classes before the night" },
    { key: "after", text: "the same images behind it" },
  ] as const;
  const { plot } = tools;
  // A night that was repeated has the number of the one before it: nights are counted by their places.
  const draw = ({ narrow }: ChartWidth) => ({
    height: narrow ? 240 : 300,
    x: {
      label: "night",
      domain: points.length > 1 ? [0, points.length - 1] : [-0.5, 0.5],
      ticks: upTo(points.length).filter((i) =>
        i % Math.ceil(points.length / (narrow ? 6 : 12)) === 0
      ),
      tickFormat: (i: number) => String(points[i]?.night ?? ""),
      inset: 10,
    },
    y: { label: "answered right in %", domain: [0, 100], grid: true, ticks: 5 },
    marks: [
      ...lines.flatMap(({ key }, place) => {
        const { color, dash, symbol } = lookOf(place);
        const own = points.flatMap((point, i) =>
          point[key].images > 0 ? [{ i, y: share(point[key]) }] : []
        );
        return [
          plot.lineY(own, { x: "i", y: "y", stroke: color, strokeWidth: 2, strokeDasharray: dash }),
          plot.dot(own, { x: "i", y: "y", fill: color, symbol, r: 4 }),
        ];
      }),
      plot.ruleX(points.flatMap(({ end }, i) => end === "refused" ? [i] : []), {
        stroke: "var(--bad)",
        strokeDasharray: "3 3",
      }),
      plot.ruleY([0]),
    ],
  });
  const chart = figure(tools, {
    title: "Exams by night",
    about: `What is answered right at dawn${
      points.some(({ end }) => end === "refused")
        ? "; a broken red line is a night that was refused"
        : ""
    }.`,
    draw,
    legend: legend(tools, lines.map(({ text }, place) => ({ text, look: lookOf(place) }))),
    numbers: dataTable({
      caption: "Answered right at dawn",
      head: ["night", "dawn", ...lines.map(({ text }) => text)],
      rows: points.map(({ night, end, exam, before, after }) => [
        night,
        end,
        marksText(exam),
        marksText(before),
        marksText(after),
      ]),
    }),
  });
  const ofNight = ({ classes }: DatedRecord, wanted: string) =>
    classes.find((one) => one.name === wanted);
  const names = [...new Set(nights.flatMap(({ record }) => record.classes.map((one) => one.name)))];
  const matrix = heatTable({
    caption: "Exam of each class by night, % answered right",
    corner: "class",
    columns: nights.map(({ record, end }) => ({
      shown: markup`${record.night}${
        end === "passed" ? "" : markup`<span aria-label=", ${end}">×</span>`
      }`,
      said: `night ${record.night}, ${end}`,
    })),
    rows: names.map((text) => ({
      head: name(text),
      cells: nights.map(({ record }) => {
        const exam = ofNight(record, text)?.exam;
        return exam && exam.images > 0
          ? { share: share(exam), text: decimal(share(exam), 0) }
          : null;
      }),
    })),
  });
  return markup`<div class="grid">${chart}<div><h4>By class</h4>${matrix}${
    nights.some(({ end }) => end !== "passed")
      ? markup`<p class="note">×: refused at dawn.</p>`
      : ""
  }</div></div>`;
}

/** What each night was. */
export function nightsContent(tools: Tools, part: LearnerPart): Html {
  const nights = nightsOf(part);
  const missing = missingText(part.state.nights, part.nights);
  const warning = missing === null ? "" : markup`<p class="warning">${missing}.</p>`;
  if (nights.length === 0) return missing === null ? markup`<p>None yet.</p>` : all(warning);
  const taught = ({ classes }: DatedRecord): Content => {
    const own = classes.filter(({ learned, apart }) => learned + apart > 0);
    return own.length === 0
      ? "nothing new"
      : markup`<span class="list">${
        own.map(({ name: text, learned, apart }, i) =>
          markup`${i > 0 ? ", " : ""}${name(text)} ${learned + apart}`
        )
      }</span>`;
  };
  const decisions = nights.flatMap(({ record: { freezing, night }, end }) =>
    freezing ? [{ ...freezing, label: `night ${night}${end === "passed" ? "" : `, ${end}`}` }] : []
  );
  const phases = [...new Set(nights.flatMap(({ record }) => Object.keys(record.losses)))];
  return markup`${warning}${
    dataTable({
      caption: "Nights, oldest first",
      words: [1, 2, 3],
      head: [
        ...["night", "when", "taught", "dawn", "fall", "steps", "images", "time", "dreams"],
        "blocks frozen",
      ],
      rows: nights.map(({ record, end }): Content[] => {
        const fall = fallOf(record.classes);
        return [
          record.night,
          markup`<span class="pair">${record.at.slice(0, 16).replace("T", " ")}</span>`,
          taught(record),
          end === "passed"
            ? markup`<span class="pair">generation ${record.generation}</span>`
            : markup`<strong class="bad">${end}</strong>`,
          fall === null ? "–" : signed(-fall, 1),
          whole(record.steps),
          whole(record.images),
          time(record.seconds),
          record.dreams.images > 0
            ? `${record.dreams.images} on ${record.dreams.heads} heads`
            : "none",
          record.freezing === null ? "–" : record.freezing.chosen,
        ];
      }),
    })
  }<p class="note">Fall: points by which the answers to earlier classes' exam images changed over the night.</p>${
    dataTable({
      caption: "Loss by phase: the first and the last that were read back",
      head: ["night", ...phases],
      rows: nights.map(({ record }) => [
        record.night,
        ...phases.map((phase) => {
          const own = record.losses[phase];
          return own ? `${own[0].toFixed(2)} → ${own[1].toFixed(2)}` : "–";
        }),
      ]),
    })
  }<div class="grid">${freezingContent(tools, decisions, "night")}</div>`;
}

/** Which class has which head, and since when. */
export function learnerHeads(part: LearnerPart): Html {
  const nights = nightsOf(part).filter(({ end }) => end !== "refused");
  const since = (wanted: string) =>
    nights.find(({ record }) => record.classes.some((one) => one.name === wanted))?.record;
  return dataTable({
    caption: "Heads and their classes",
    words: [3],
    head: ["class", "head", "since night", "chosen by"],
    rows: part.state.classes.map(({ name: text, head }) => {
      const record = since(text);
      return [
        name(text),
        head,
        record?.night ?? "–",
        record ? (record.voted ? "its images' votes" : "order") : "–",
      ];
    }),
  });
}

/** What is remembered of each class, with pictures. */
export function learnerMemory(tools: Tools, { state, memory }: LearnerPart): Html {
  const { size } = state.settings;
  return dataTable({
    caption: "Remembered images by class",
    words: [3],
    head: ["class", "taught", "held", "some of them"],
    rows: state.classes.map(({ name: text, taught, remembered }) => {
      const some = memory.filter(({ label }) => label === text).slice(0, MOST_THUMBS);
      return [
        name(text),
        taught,
        remembered,
        thumbnails(tools, some, size, `${some.length} remembered images of ${text}`),
      ];
    }),
  });
}

/** What the last exam took for what, and the images of it. */
export function learnerMistakes(tools: Tools, part: LearnerPart): Html {
  const { exam, state } = part;
  const wrong = exam.filter(({ right }) => !right);
  const last = nightsOf(part).findLast(({ end }) => end !== "refused")?.record;
  const confusion = last && confusionOf(last);
  return markup`${
    confusion
      ? confusionContent(tools, confusion, "The whole exam behind the last night.")
      : markup`<p class="note">An older program kept no confusion matrix: <code>./wscl exam</code> has it.</p>`
  }${
    wrong.length === 0
      ? markup`<p>No image of the exam is answered wrong.</p>`
      : markup`<h4>Images of the exam that are answered wrong</h4><p>${
        wrong.length > MOST_WRONG ? `${MOST_WRONG} of ${wrong.length}. ` : ""
      }Each by what it is.</p>${
        gallery(
          tools,
          wrong.slice(0, MOST_WRONG).map(({ pixels, label: text }) => ({
            pixels,
            about: `an image of ${text}`,
            caption: name(text),
          })),
          state.settings.size,
        )
      }`
  }`;
}

/** The matrix of an exam, of right answers by class and mistakes; null: an older program kept no mistakes. */
function confusionOf({ classes, mistakes }: DatedRecord): Confusion | null {
  if (!mistakes || classes.length === 0) return null;
  const place = new Map(classes.map((one: ClassRecord, i) => [one.name, i]));
  const counts = classes.map(({ exam }, i) => classes.map((_, j) => i === j ? exam.right : 0));
  for (const { class: asked, answer, images } of mistakes) {
    const [i, j] = [place.get(asked), place.get(answer)];
    if (i !== undefined && j !== undefined) counts[i][j] += images;
  }
  return { classes: classes.map((one) => one.name), counts, elsewhere: classes.map(() => 0) };
}

/** What is set, and what was set at birth. */
export function learnerSettings({ path, state, generations }: LearnerPart): Html {
  const { settings } = state;
  const [earlier] = generations.filter((one) => one !== state.generation).toReversed();
  return markup`${
    factList([
      ...Object.entries(settings).filter(([key]) => key !== "changed")
        .map(([key, value]) =>
          [key, Array.isArray(value) ? value.join(", ") : String(value)] as const
        ),
      ...settings.changed.map(({ path, value }) => [path, JSON.stringify(value)] as const),
    ])
  }<pre tabindex="0">${
    [
      `./wscl show ${quotedPath(path)}`,
      `./wscl exam ${quotedPath(path)}`,
      ...earlier === undefined ? [] : [`./wscl rollback ${quotedPath(path)} ${earlier}`],
    ].join("\n")
  }</pre><p class="note">A night is a function of the generation before it, the day's images and these settings.</p>`;
}
