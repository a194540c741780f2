import { readDay } from "../../continual/day.ts";
import type { LearnerState } from "../../continual/state.ts";
import { generationsOf, readState } from "../../continual/generation.ts";
import {
  type DatedRecord,
  missingText,
  parseHistory,
  standingNights,
} from "../../continual/record.ts";
import type { LearnerStore } from "../../continual/store.ts";
import { textTable } from "../../experiment/report.ts";
import { waitingAtService } from "../../host/served_backlog.ts";
import { learnerAt } from "../../host/learner_place.ts";
import { nameText } from "../../images/look_alike.ts";
import type { Terminal } from "../terminal.ts";
import { marksText, togetherText } from "./night_report.ts";
import { quotedPath } from "../../text.ts";

/** Nights that are listed: the last ones. */
const MOST_NIGHTS = 20;

/** Generations of which each class's exam is told: the last ones. */
const MOST_COLUMNS = 3;

/** Tells what a learner knows and how it came to it. */
export async function show(path: string, terminal: Terminal): Promise<void> {
  const store = await learnerAt(path);
  const state = await readState(store, (text) => terminal.print(text));
  const { settings, classes, generation, nights, images, dreams, threshold } = state;
  const { size, width, maxClasses, memory } = settings;
  const line = (name: string, text: string) => terminal.print(`${name.padEnd(15)}${text}`);
  line("learner", `${path}, generation ${generation}`);
  line("kept", `generations ${(await generationsOf(store)).join(", ")} (./wscl rollback)`);
  line("network", `ResNet-18 of width ${width}, ${size} x ${size} pixels`);
  line("classes", `${classes.length} of ${maxClasses}`);
  const remembered = classes.reduce((sum, one) => sum + one.remembered, 0);
  line("memory", `${remembered} of ${memory} images`);
  line("dreams", dreams ? `${dreams.images} images in ${dreams.from}` : settings.dreams);
  line("nights", `${nights}, ${images} images through training steps`);
  if (threshold !== null) {
    line(
      "none of these",
      `below a familiarity of ${threshold.toFixed(2)}, which 19 of 20 exam images reach`,
    );
  }
  line("dawn gate", `earlier classes may lose ${settings.margin} points of their exam`);
  for (const { path, value } of settings.changed) line("set", `${path} = ${JSON.stringify(value)}`);
  const waits = await waitingText(store, state, path, (text) => terminal.print(text));
  if (waits !== "") line("waiting", waits);
  const served = waitingAtService(path);
  if (served !== null) line("not taken yet", `${served} (./wscl serve ${quotedPath(path)})`);
  if (classes.length === 0) return;

  const records = parseHistory(await store.lines(), (text) => terminal.print(text));
  const missing = missingText(nights, records);
  if (missing !== null) terminal.print(missing);
  const made = standingNights(records);
  const dawns = [...made].filter(([number]) => number <= generation).sort(([a], [b]) => a - b)
    .map(([number, { classes }]) => ({ title: `gen. ${number}`, exams: classes }));
  // No dawn made what a rollback came back to.
  const shown = [...dawns, ...made.has(generation) ? [] : [{ title: "now", exams: classes }]]
    .slice(-MOST_COLUMNS);
  const header = ["class", "taught", "remembered", ...shown.map(({ title }) => title)];
  const rows = classes.map(({ name, taught, remembered }) => [
    nameText(name),
    String(taught),
    String(remembered),
    ...shown.map(({ exams }) => marksText(exams.find((one) => one.name === name)?.exam ?? null)),
  ]);
  const together = [
    "all",
    "",
    "",
    ...shown.map(({ exams }) => togetherText(exams.map(({ exam }) => exam))),
  ];
  terminal.print(`\nExam of each class at dawn:\n\n${textTable([header, ...rows, together], 1)}`);
  const last = records.slice(-MOST_NIGHTS);
  if (last.length > 0) terminal.print(`\n${last.map(nightLine).join("\n")}`);
}

/** What waits for a night, and what to do about it; empty where nothing does. */
async function waitingText(
  store: LearnerStore,
  { settings: { size }, taken }: LearnerState,
  path: string,
  warn: (text: string) => void,
): Promise<string> {
  const damaged = (_: string, problem: string) => warn(problem);
  const day = await readDay(store, size, { after: taken, until: Infinity, damaged });
  const counts = [...Map.groupBy(day, ({ label }) => label)]
    .map(([name, { length }]) => `${nameText(name)} ${length}`);
  const images = day.length > 0 ? [`${day.length} images: ${counts.join(", ")}`] : [];
  const isRefused = (await store.names("refused")).length > 0;
  const isStopped = (await store.names("night")).length > 0;
  const night = isRefused
    ? [`a night that was refused (./wscl learn ${quotedPath(path)} --accept)`]
    : isStopped || day.length > 0
    ? [
      `${isStopped ? "a night that was stopped" : "a night to come"} (./wscl learn ${
        quotedPath(path)
      })`,
    ]
    : [];
  return [...images, ...night].join("; ");
}

/** `2026-11-26 11:20  night 3: dog 90, cat 12; 240 steps, 12.3 s; generation 3` */
function nightLine(record: DatedRecord): string {
  const { at, night, classes, steps, seconds, generation, passed, accepted, lost } = record;
  const when = at.slice(0, 16).replace("T", " ");
  if (lost) return `${when}  night ${night}: lost, generation ${generation} was damaged`;
  if (accepted) return `${when}  night ${night}: accepted; generation ${generation}`;
  const taught = classes.filter(({ learned, apart }) => learned + apart > 0)
    .map(({ name, learned, apart }) => `${nameText(name)} ${learned + apart}`);
  return `${when}  night ${night}: ${
    taught.join(", ") || "nothing new"
  }; ${steps} steps, ${seconds} s; ${passed ? `generation ${generation}` : "refused at dawn"}`;
}
