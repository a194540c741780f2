import { InvalidArgumentError } from "@commander-js/extra-typings";
import type { CheckpointEvery } from "../experiment/checkpoint.ts";

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `90s`, `9m`, `1.5h`: seconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? NaN);
  if (!(seconds > 0 && seconds < 1e9)) {
    throw new InvalidArgumentError("Expected a time such as 90s, 9m or 1.5h.");
  }
  return seconds;
}

/** `5m`, `500steps`, `task` or `never`. */
export function checkpointEvery(text: string): CheckpointEvery {
  if (text === "task" || text === "never") return text;
  const [, steps] = /^(\d{1,9})steps?$/.exec(text) ?? [];
  if (Number(steps) > 0) return { steps: Number(steps) };
  try {
    return { seconds: duration(text) };
  } catch {
    throw new InvalidArgumentError("Expected a time such as 90s or 5m, 500steps, task or never.");
  }
}
