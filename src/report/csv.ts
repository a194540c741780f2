import { fallOf } from "../continual/record.ts";
import { type Cell, csvLine } from "../text.ts";
import type { LearnerPart, Part, RunsPart } from "./records.ts";

/** Lines of a table in CSV (RFC 4180). */
export function csvText(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${csvLine(row)}\r\n`).join("");
}

/** All numbers of a report as tables, by the names of their files; empty ones are left out. */
export function csvTables(parts: readonly Part[]): Map<string, string> {
  const runs = parts.filter((part) => part.kind === "runs");
  const learners = parts.filter((part) => part.kind === "learner");
  const tables: Record<string, Cell[][]> = {
    "runs.csv": runsTable(runs),
    "accuracy.csv": accuracyTable(runs),
    "confusion.csv": confusionTable(runs),
    "freezing.csv": freezingTable(runs),
    "heads.csv": headsTable(runs),
    "losses.csv": lossTable(runs),
    "times.csv": timeTable(runs),
    "nights.csv": nightsTable(learners),
    "exams.csv": examsTable(learners),
  };
  return new Map(
    Object.entries(tables).filter(([, rows]) => rows.length > 1)
      .map(([name, rows]) => [name, csvText(rows)]),
  );
}

/** Each run of the parts that has a folder, with what it is called. */
function recordsOf(parts: readonly RunsPart[]) {
  return parts.flatMap(({ title, rows }) =>
    rows.flatMap(({ label, runs }) =>
      runs.flatMap(({ record }) =>
        record ? [{ record, about: [title, label, record.summary.seed] as const }] : []
      )
    )
  );
}

const ABOUT = ["part", "row", "seed"];

function runsTable(parts: readonly RunsPart[]): Cell[][] {
  const names = [
    ...["classIl", "taskIl", "forgetting", "forwardTransferClassIl", "forwardTransferTaskIl"],
    ...["images", "seconds"],
  ] as const;
  return [
    [...ABOUT, ...names, "folder"],
    ...parts.flatMap(({ title, rows }) =>
      rows.flatMap(({ label, runs }) =>
        runs.map(({ seed, measures, record }): Cell[] => [
          ...[title, label, seed],
          ...names.map((name) => measures[name]),
          record?.path,
        ])
      )
    ),
  ];
}

function accuracyTable(parts: readonly RunsPart[]): Cell[][] {
  return [
    [...ABOUT, "scenario", "afterTask", "task", "accuracy"],
    ...recordsOf(parts).flatMap(({ record: { summary }, about }) =>
      (["classIl", "taskIl"] as const).flatMap((scenario) =>
        summary[scenario].matrix.flatMap((row, after) =>
          row.flatMap((accuracy, task): Cell[][] =>
            accuracy === null ? [] : [[...about, scenario, after + 1, task + 1, accuracy]]
          )
        )
      )
    ),
  ];
}

function confusionTable(parts: readonly RunsPart[]): Cell[][] {
  return [
    [...ABOUT, "class", "answer", "images"],
    ...recordsOf(parts).flatMap(({ record: { summary: { confusion } }, about }) =>
      (confusion?.classes ?? []).flatMap((asked, i) => [
        ...confusion!.counts[i].flatMap((images, j): Cell[][] =>
          images === 0 ? [] : [[...about, asked, confusion!.classes[j], images]]
        ),
        ...confusion!.elsewhere[i] > 0 ? [[...about, asked, "", confusion!.elsewhere[i]]] : [],
      ])
    ),
  ];
}

function freezingTable(parts: readonly RunsPart[]): Cell[][] {
  return [
    [...ABOUT, "task", "frozen", "loss", "kept"],
    ...recordsOf(parts).flatMap(({ record: { summary }, about }) =>
      summary.freezing.flatMap(({ task, candidates, chosen }) =>
        candidates.map(({ frozen, loss }): Cell[] => [
          ...[...about, task + 1, frozen, loss],
          frozen === chosen,
        ])
      )
    ),
  ];
}

function headsTable(parts: readonly RunsPart[]): Cell[][] {
  return [
    [...ABOUT, "head", "dream", "class", "task"],
    ...recordsOf(parts).flatMap(({ record: { summary: { heads, dreams } }, about }) =>
      heads.flatMap(({ task, heads, classes }) =>
        heads.map((head, i): Cell[] => [...about, head, dreams?.[head], classes[i], task + 1])
      )
    ),
  ];
}

function lossTable(parts: readonly RunsPart[]): Cell[][] {
  return [
    [...ABOUT, "phase", "task", "step", "loss"],
    ...recordsOf(parts).flatMap(({ record, about }) =>
      [...record.log()?.losses ?? []].flatMap(([phase, points]) =>
        points.map(({ task, step, loss }): Cell[] => [...about, phase, task + 1, step, loss])
      )
    ),
  ];
}

function timeTable(parts: readonly RunsPart[]): Cell[][] {
  return [
    [...ABOUT, "phase", "task", "seconds"],
    ...recordsOf(parts).flatMap(({ record, about }) =>
      (record.log()?.times ?? []).map(({ stage, task, seconds }): Cell[] => [
        ...[...about, stage],
        task === null ? null : task + 1,
        seconds.toFixed(3),
      ])
    ),
  ];
}

function nightsTable(learners: readonly LearnerPart[]): Cell[][] {
  return [
    [
      ...["learner", "night", "at", "generation", "passed", "accepted", "fall", "steps", "images"],
      ...["seconds", "dreams", "dreamHeads", "frozen", "threshold"],
    ],
    ...learners.flatMap(({ path, nights }) =>
      nights.map((one): Cell[] => [
        ...[path, one.night, one.at, one.generation, one.passed, one.accepted ?? false],
        ...[fallOf(one.classes), one.steps, one.images, one.seconds, one.dreams.images],
        ...[one.dreams.heads, one.freezing?.chosen, one.threshold],
      ])
    ),
  ];
}

function examsTable(learners: readonly LearnerPart[]): Cell[][] {
  return [
    [
      ...["learner", "night", "class", "head", "learned", "apart", "remembered", "images", "right"],
      ...["imagesBefore", "rightBefore", "rightAfter"],
    ],
    ...learners.flatMap(({ path, nights }) =>
      nights.flatMap(({ night, classes }) =>
        classes.map((one): Cell[] => [
          ...[path, night, one.name, one.head, one.learned, one.apart, one.remembered],
          ...[one.exam.images, one.exam.right],
          ...[one.before?.images, one.before?.right, one.after?.right],
        ])
      )
    ),
  ];
}
