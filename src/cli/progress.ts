import { nameText } from "../images/look_alike.ts";
import type { HeadsEvent, RunEvent, StartEvent, StepEvent } from "../experiment/events.ts";
import type { Terminal } from "./terminal.ts";

/** What progress lines need to know of the experiment. */
export interface ProgressOptions {
  /** Null: a learner's nights, which are not counted. */
  readonly tasks: number | null;
  /** Milliseconds; replaced in tests. */
  readonly now?: () => number;
}

/** Least time between two plain lines, in milliseconds. */
const PLAIN_INTERVAL = 5000;

/** Turns events into a live line on a terminal, into a line every five seconds otherwise. */
export function progressPrinter(
  terminal: Terminal,
  { tasks, now = Date.now }: ProgressOptions,
): (event: RunEvent) => void {
  const started = now();
  let lastLine = started;
  const show = (text: string) => {
    if (terminal.isLive) return terminal.live(text);
    if (now() - lastLine < PLAIN_INTERVAL) return;
    lastLine = now();
    terminal.print(text);
  };
  const where = (task: number | null) => {
    if (task === null) return "";
    return tasks === null ? `night ${task + 1} ` : `task ${task + 1}/${tasks} `;
  };

  return (event) => {
    switch (event.type) {
      case "start":
        return terminal.print(startText(event));
      case "phase":
        return show(`${where(event.task)}${event.phase} ...`);
      case "step":
        return show(where(event.task) + stepText(event, now() - started));
      case "freezing":
        return terminal.print(
          `${where(event.task)}freezing: ${blocks(event.chosen)} (loss by frozen blocks: ${
            event.candidates.map(({ frozen, loss }) => `${frozen}: ${loss.toFixed(3)}`).join(", ")
          })`,
        );
      case "heads":
        return terminal.print(`${where(event.task)}heads: ${headsText(event)}`);
      case "evaluation":
        return terminal.print(
          `${where(event.task)}evaluation: Class-IL ${percents(event.classIl)}, Task-IL ${
            percents(event.taskIl)
          }`,
        );
      case "message":
        return event.passing ? show(event.text) : terminal.print(event.text);
      case "end":
      case "error":
        return terminal.live("");
    }
  };
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

function stepText(event: StepEvent, elapsed: number): string {
  const { phase, step, steps, loss, samplesPerSecond, milliseconds, done } = event;
  const eta = done
    ? `ETA ${duration(elapsed * (1 - done) / done)}`
    : `phase ETA ${duration((steps - step) * milliseconds)}`;
  return `${phase} ${step}/${steps}  loss ${loss.toFixed(4)}  ` +
    `${samplesPerSecond.toFixed(0)} samples/s  ${eta}`;
}

/** `1:05`, `2:00:09` */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes}:${two(seconds % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function blocks(count: number): string {
  return count === 0 ? "nothing frozen" : `first ${count} block${count === 1 ? "" : "s"} frozen`;
}

/** Mean of the tasks, then each: `61.25 % (81.00 41.50)` */
function percents(values: readonly number[]): string {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const each = values.map((value) => value.toFixed(2)).join(" ");
  return values.length === 1 ? `${each} %` : `${mean.toFixed(2)} % (${each})`;
}
