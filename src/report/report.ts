import { accuracyContent, summariesOf } from "./accuracy.ts";
import { added, confusionContent, MOST_IN_TABLE } from "./confusion.ts";
import type { Tools } from "./figure.ts";
import { type Html, markup, name } from "./html.ts";
import {
  examsContent,
  learnerHeads,
  learnerMemory,
  learnerMistakes,
  learnerOverview,
  learnerSettings,
  nightsContent,
} from "./learner.ts";
import { overviewContent } from "./overview.ts";
import { type Chapter, page, type Section } from "./page.ts";
import type { LearnerPart, Part, RowRecord, RunRecord, RunsPart } from "./records.ts";
import { againContent, environmentContent, settingsContent } from "./settings.ts";
import { storyContent } from "./story.ts";
import { folded } from "./tables.ts";

/** Runs that are told of one by one; of more, the first of each row, up to as many. */
const MOST_STORIES = 4;

/** Confusion matrices that are shown at once. */
const MOST_SHOWN = 4;

/** Classes whose matrices stand side by side; so do those that are drawn. */
const SMALL = 12;

/** Remembered images that are shown of each class, of one run and of several. */
const THUMBS = { one: 8, several: 4 } as const;

/** The report as one file of HTML: parts in their order, charts and pictures by `tools`. */
export function reportPage(parts: readonly Part[], tools: Tools): string {
  const chapters = parts.map((part, place) =>
    part.kind === "runs"
      ? runsChapter(tools, part, `p${place}`)
      : learnerChapter(tools, part, `p${place}`)
  );
  const titles = parts.map((part) => part.kind === "runs" ? part.title : part.path);
  const title = `wscl report: ${
    titles.length > 2 ? `${titles[0]} and ${titles.length - 1} more` : titles.join(", ")
  }`;
  const lead =
    markup`<p class="note">Made by <code>./wscl report</code>. Every chart has its numbers as text below it.</p>`;
  return page(title, lead, chapters);
}

/** Whether a text begins as {@linkcode reportPage} does. */
export function isReportPage(text: string): boolean {
  return text.startsWith("<!doctype html>") && text.includes("<title>wscl report:");
}

function runsChapter(tools: Tools, part: RunsPart, id: string): Chapter {
  const stories = storiesOf(part.rows);
  const section = (key: string, title: Section["title"], content: Html): Section => ({
    id: `${id}-${key}`,
    title,
    content,
  });
  const told = stories.length;
  const thumbs = told > 1 ? THUMBS.several : THUMBS.one;
  const there =
    part.rows.flatMap(({ runs }) => runs.filter(({ record }) => record !== null)).length;
  return {
    id,
    title: name(part.title),
    sections: [
      section("overview", "Results", overviewContent(tools, part)),
      section("accuracy", "Accuracy, forgetting, transfer", accuracyContent(tools, part.rows)),
      section("confusion", "Confusion", confusions(tools, part.rows)),
      ...stories.map(({ row, record }, i) =>
        section(
          `run${i}`,
          markup`The run ${name(row.label)}, seed ${record.summary.seed}`,
          markup`<p class="note">${name(record.path)}</p>${
            storyContent(tools, record, { thumbs })
          }${
            i === told - 1 && there > told
              ? markup`<p class="note">${
                there - told
              } further runs are in the tables above; <code>./wscl report RUN --out FILE</code> tells one.</p>`
              : ""
          }`,
        )
      ),
      section("settings", "Configuration", settingsContent(part)),
      section("environment", "Environment", environmentContent(part)),
      section("again", "How to repeat it", againContent(part)),
    ],
  };
}

function storiesOf(rows: readonly RowRecord[]): { row: RowRecord; record: RunRecord }[] {
  const all = rows.flatMap((row) =>
    row.runs.flatMap(({ record }) => record ? [{ row, record }] : [])
  );
  if (all.length <= MOST_STORIES && all.length <= rows.length) return all;
  return rows.flatMap((row) => {
    const record = row.runs.find(({ record }) => record !== null)?.record;
    return record ? [{ row, record }] : [];
  }).slice(0, MOST_STORIES);
}

function confusions(tools: Tools, rows: readonly RowRecord[]): Html {
  const found = rows.flatMap((row) => {
    const sum = added(summariesOf(row).flatMap(({ confusion }) => confusion ?? []));
    return sum ? [{ row, ...sum }] : [];
  });
  if (found.length === 0) {
    return markup`<p class="note">No run has a confusion matrix: an older program made them.</p>`;
  }
  const beside = found.every(({ confusion: { classes: { length } } }) =>
    length <= SMALL || length > MOST_IN_TABLE
  );
  return markup`<div class="${beside ? "grid" : "stack"}">${
    found.map(({ row, confusion, runs }, place) => {
      const about = runs > 1
        ? `${runs} runs together, behind the last task.`
        : "Behind the last task.";
      const content = confusionContent(tools, confusion, about);
      return place < MOST_SHOWN
        ? markup`<div><h4>${name(row.label)}</h4>${content}</div>`
        : folded(markup`Confusion: ${name(row.label)}`, content);
    })
  }</div>`;
}

function learnerChapter(tools: Tools, part: LearnerPart, id: string): Chapter {
  const section = (key: string, title: string, content: Html): Section => ({
    id: `${id}-${key}`,
    title,
    content,
  });
  return {
    id,
    title: markup`The learner ${name(part.path)}`,
    sections: [
      section("overview", "What it is", learnerOverview(part)),
      section("exams", "Exams", examsContent(tools, part)),
      section("nights", "Nights", nightsContent(tools, part)),
      section("mistakes", "Confusion", learnerMistakes(tools, part)),
      section("memory", "What is remembered", learnerMemory(tools, part)),
      section("heads", "Heads", learnerHeads(part)),
      section("settings", "Settings, and how to go on", learnerSettings(part)),
    ],
  };
}
