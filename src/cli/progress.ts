import { nameText } from "../images/look_alike.ts";
import type {
  HeadsEvent,
  LoggedEvent,
  RunEvent,
  StartEvent,
  StepEvent,
} from "../experiment/events.ts";
import { mean } from "../experiment/metrics.ts";
import { duration } from "./duration.ts";
import { lossesText, panel, placeText } from "./live/panel.ts";
import { Story } from "./live/story.ts";
import { TimeLeft } from "./live/time_left.ts";
import type { Drawing } from "./live/screen.ts";
import type { Terminal } from "./terminal.ts";

/** What progress lines need to know of the experiment. */
export interface ProgressOptions {
  /** Null: a learner's nights, which are not counted. */
  readonly tasks: number | null;
  /** Which run it is, where there are several. */
  readonly title?: string;
  /** Milliseconds that other runs will take behind this one; null: not known. */
  readonly others?: () => number | null;
  /** What the log of a run that goes on has of before. */
  readonly before?: readonly LoggedEvent[];
  /** Milliseconds; replaced in tests. */
  readonly now?: () => number;
}

/** Least time between two plain lines, in milliseconds. */
const PLAIN_INTERVAL = 5000;

/**
 * Shows what is told of a run: as it is, where a terminal takes events; else decisions and evaluations as lines, and
 * where the run is in live lines, or in a line every five seconds.
 */
export function progressPrinter(
  terminal: Terminal,
  options: ProgressOptions,
): (event: RunEvent) => void {
  const { event: take } = terminal;
  if (take) return (event) => take(withoutPictures(event));
  return terminal.isLive ? liveProgress(terminal, options) : plainProgress(terminal, options);
}

/** Pixels are nothing to print. */
function withoutPictures(event: RunEvent): object {
  if (event.type !== "memory") return event;
  return { ...event, classes: event.classes.map(({ name, count }) => ({ name, count })) };
}

function liveProgress(
  terminal: Terminal,
  { tasks, title = "", others, before = [], now = Date.now }: ProgressOptions,
): (event: RunEvent) => void {
  const story = new Story();
  const time = new TimeLeft();
  for (const { at, event } of before) {
    story.observe(event, at);
    time.observe(event, at);
  }
  const began = now() - (before.at(-1)?.at ?? 0);
  const draw: Drawing = (screen) => {
    const at = now();
    const left = time.left(at);
    const rest = others?.() ?? null;
    const all = left === null || rest === null ? null : left + rest;
    const facts = { title, tasks, gone: at - began, left, all, share: time.share(at) };
    return panel(story, facts, screen);
  };
  return (event) => {
    story.observe(event, now());
    time.observe(event, now());
    if (event.type === "end" || event.type === "error") return terminal.live("");
    const lines = linesOf(event, tasks);
    if (lines !== null) terminal.print(lines);
    terminal.live(draw);
  };
}

function plainProgress(
  terminal: Terminal,
  { tasks, now = Date.now }: ProgressOptions,
): (event: RunEvent) => void {
  let lastLine = now();
  const show = (text: string) => {
    if (now() - lastLine < PLAIN_INTERVAL) return;
    lastLine = now();
    terminal.print(text);
  };
  return (event) => {
    const lines = linesOf(event, tasks);
    if (lines !== null) return terminal.print(lines);
    switch (event.type) {
      case "phase":
        return show(`${where(event.task, tasks)}${event.phase} ...`);
      case "step":
        return show(where(event.task, tasks) + stepText(event));
      case "message":
        return show(event.text);
      case "end":
      case "error":
        return terminal.live("");
    }
  };
}

/** What is printed of an event and stays; null: nothing. */
function linesOf(event: RunEvent, tasks: number | null): string | null {
  switch (event.type) {
    case "start":
      return startText(event);
    case "freezing":
      return `${where(event.task, tasks)}freezing: ${
        blocks(event.chosen)
      } (loss by frozen blocks: ${lossesText(event.candidates)})`;
    case "heads":
      return `${where(event.task, tasks)}heads: ${headsText(event)}`;
    case "evaluation":
      return `${where(event.task, tasks)}evaluation: Class-IL ${percents(event.classIl)}, Task-IL ${
        percents(event.taskIl)
      }`;
    case "message":
      return event.passing ? null : event.text;
    default:
      return null;
  }
}

/** `task 2/5 `, `night 3 `; nothing outside of tasks. */
function where(task: number | null, tasks: number | null): string {
  return task === null ? "" : `${placeText(task, tasks)} `;
}

function startText({ adapter, data, parameters }: StartEvent): string {
  const n = (count: number) => count.toLocaleString("en-US");
  return [
    `adapter        ${adapter}`,
    `data           ${data.name}: ${n(data.classes)} classes, ${n(data.train)} training images, ` +
    `${n(data.test)} test images, ${n(data.dreams)} dream images`,
    `network        ResNet-18, ${n(parameters)} parameters`,
  ].join("\n");
}

/** `4 (cat), 2 (dog)` */
function headsText({ heads, classes }: HeadsEvent): string {
  return heads.map((head, i) => `${head} (${nameText(classes[i])})`).join(", ");
}

function stepText(
  { phase, step, steps, loss, samplesPerSecond, milliseconds }: StepEvent,
): string {
  return `${phase} ${step}/${steps}  loss ${loss.toFixed(4)}  ` +
    `${samplesPerSecond.toFixed(0)} samples/s  phase ETA ${
      duration((steps - step) * milliseconds)
    }`;
}

function blocks(count: number): string {
  return count === 0 ? "nothing frozen" : `first ${count} block${count === 1 ? "" : "s"} frozen`;
}

/** Mean of the tasks, then each: `61.25 % (81.00 41.50)` */
function percents(values: readonly number[]): string {
  const each = values.map((value) => value.toFixed(2)).join(" ");
  return values.length === 1 ? `${each} %` : `${mean(values).toFixed(2)} % (${each})`;
}
