import type { FreezingEvent } from "../../experiment/events.ts";
import { mean } from "../../experiment/metrics.ts";
import { duration } from "../duration.ts";
import type { Screen } from "./screen.ts";
import type { Night, Story } from "./story.ts";

/** What is shown beside the story. */
export interface PanelFacts {
  /** Which run it is, where there are several; empty: there is one. */
  readonly title: string;
  /** Null: nights, which are not counted. */
  readonly tasks: number | null;
  /** Milliseconds since it began. */
  readonly gone: number;
  /** Milliseconds that are left; null: nobody knows. */
  readonly left: number | null;
  /** Milliseconds that all runs together have left; null: there is one. */
  readonly all: number | null;
  /** Done, 0 to 1; null: nobody knows. */
  readonly share: number | null;
}

/** Lines below which there is only room for where the run is. */
const LEAST_ROWS = 8;

/**
 * Where a run is and what has become of it, in lines that fit a screen: first what is most worth knowing, so that a low
 * screen shows as much of it as there is room for.
 */
export function panel(story: Story, facts: PanelFacts, screen: Screen): string {
  const head = [
    ...facts.title === "" ? [] : [facts.title],
    whereLine(story, facts),
    timeLine(story, facts, screen),
  ];
  const last = [freezingLine(story), nightLine(story.night, facts), story.note]
    .filter((line) => line !== "")
    .flatMap((line) => wrapped(line, screen.columns - 1));
  if (screen.rows < LEAST_ROWS) return head.slice(-Math.max(1, screen.rows - 2)).join("\n");
  const room = screen.rows - head.length - last.length - 2;
  return [...head, ...matrixLines(story.classIl, screen, room), ...last]
    .slice(0, screen.rows - 1).join("\n");
}

/** `task 2/5`, `night 3`; nothing outside of tasks. */
export function placeText(task: number | null, tasks: number | null): string {
  if (task === null) return "";
  return tasks === null ? `night ${task + 1}` : `task ${task + 1}/${tasks}`;
}

/** `task 3/5  sleep 120/400  nrem loss 0.4312  312 images/s` */
function whereLine({ task, phase, step }: Story, { tasks }: PanelFacts): string {
  const doing = phase === null
    ? "begins"
    : step === null
    ? `${phase} ...`
    : `${phase} ${step.step}/${step.steps}`;
  const kind = step !== null && step.phase !== phase ? `${step.phase} ` : "";
  const speed = step === null
    ? []
    : [`${kind}loss ${step.loss.toFixed(4)}`, `${step.samplesPerSecond.toFixed(0)} images/s`];
  return [placeText(task, tasks), doing, ...speed].filter((part) => part !== "").join("  ");
}

/** `[#######.......]  47 %  3:12 gone, about 3:40 left` */
function timeLine(
  { step }: Story,
  { gone, left, all, share }: PanelFacts,
  { columns }: Screen,
): string {
  const ofPhase = step === null ? null : (step.steps - step.step) * step.milliseconds;
  const rest = left !== null
    ? `about ${duration(left)} left`
    : ofPhase !== null
    ? `${duration(ofPhase)} left of this phase`
    : "";
  const times = [
    `${duration(gone)} gone`,
    rest,
    all === null ? "" : `all runs about ${duration(all)}`,
  ]
    .filter((part) => part !== "").join(", ");
  if (share === null) return times;
  const percent = `${Math.floor(100 * share)} %`.padStart(5);
  const width = Math.min(40, columns - times.length - percent.length - 7);
  if (width < 8) return `${percent.trim()}, ${times}`;
  const done = Math.round(share * width);
  return `[${"#".repeat(done)}${".".repeat(width - done)}] ${percent}  ${times}`;
}

/** Class-IL accuracies: a row behind each task, a column for each; as many of them as fit, the last ones. */
function matrixLines(
  matrix: Story["classIl"],
  { columns, colour }: Screen,
  room: number,
): string[] {
  const tasks = Math.max(0, ...matrix.map((row) => row?.length ?? 0));
  if (tasks === 0 || room < 2) return [];
  const label = "Class-IL % ";
  const fits = (width: number) => Math.floor((columns - 1 - label.length) / width) - 1;
  // Whole numbers where decimals do not fit.
  const digits = fits(6) >= tasks ? 1 : 0;
  const width = digits === 1 ? 6 : 4;
  const first = Math.max(0, tasks - fits(width));
  const known = [...matrix.entries()].filter(([, row]) => row !== undefined);
  const rows = known.slice(-(room - 1));
  const cell = (text: string) => text.padStart(width);
  const numbers = Array.from({ length: tasks - first }, (_, i) => cell(`t${first + i + 1}`));
  const head = `${label}${numbers.join("")}${cell(digits === 1 ? "mean" : "avg")}`;
  return [
    head,
    ...rows.map(([task, row]) => {
      const shown = row.slice(first).map((value) =>
        shade(cell(value.toFixed(digits)), value, colour)
      );
      const empty = cell("").repeat(Math.max(0, tasks - Math.max(first, row.length)));
      return `${` after t${task + 1}`.padEnd(label.length)}${shown.join("")}${empty}${
        cell(mean(row).toFixed(digits))
      }`;
    }),
  ];
}

/** Red, yellow and green as the terminal has them: the number says the same. */
function shade(text: string, percent: number, colour: boolean): string {
  if (!colour) return text;
  const code = percent < 40 ? 31 : percent < 70 ? 33 : 32;
  return `\x1b[${code}m${text}\x1b[0m`;
}

/** `0: 0.512, 2: 0.498` */
export function lossesText(candidates: FreezingEvent["candidates"]): string {
  return candidates.map(({ frozen, loss }) => `${frozen}: ${loss.toFixed(3)}`).join(", ");
}

function freezingLine({ freezing }: Story): string {
  if (freezing === null) return "";
  const { task, chosen, candidates } = freezing;
  const blocks = chosen === 0 ? "nothing" : `first ${chosen} block${chosen === 1 ? "" : "s"}`;
  return `frozen     t${task + 1} ${blocks} (loss by blocks ${lossesText(candidates)})`;
}

function nightLine(night: Night | null, { tasks }: PanelFacts): string {
  if (night === null) return "";
  const { task, steps, milliseconds, losses } = night;
  const kinds = [...losses].map(([phase, loss]) => `${phase} ${loss.toFixed(3)}`).join(", ");
  const which = tasks === null ? `night ${task + 1}` : `t${task + 1}`;
  return `sleep      ${which} ${steps} steps in ${duration(milliseconds)}, loss ${kinds}`;
}

/** A line as several, broken between words; all but the first begin below the second word. */
function wrapped(line: string, columns: number): string[] {
  const indent = " ".repeat(11);
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    if (space <= indent.length) break; // a word as long as a line is cut
    lines.push(rest.slice(0, space));
    rest = indent + rest.slice(space + 1);
  }
  return [...lines, rest];
}
