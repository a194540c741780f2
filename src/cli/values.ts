import type { CheckpointEvery } from "../experiment/checkpoint.ts";

/** A value that an option cannot have; the message says what is expected. */
export class InvalidValue extends Error {}

/** A seed: a whole number of 32 bits. */
export function seed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32) {
    throw new InvalidValue("Expected a whole number from 0 to 4294967295.");
  }
  return Number(text);
}

const MOST_SEEDS = 1000;

/** `0-4`, `0,2,7`, `0-2,9` */
export function seeds(text: string): number[] {
  const listed = text.split(",").flatMap((part) => {
    const [, from, to = from] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to)];
    if (!(first <= last && last < 2 ** 32 && last - first < MOST_SEEDS)) {
      throw new InvalidValue("Expected seeds such as 0-4 or 0,2,7.");
    }
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return [...new Set(listed)];
}

/** Images of each class. */
export function perClass(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new InvalidValue("Expected a whole number of at least 1.");
  }
  return Number(text);
}

/** A size, a number of rounds and the like. */
export function number(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) {
    throw new InvalidValue("Expected a whole number from 1 to 999999.");
  }
  return Number(text);
}

/** A number that may be 0. */
export function count(text: string): number {
  if (!/^\d{1,6}$/.test(text)) {
    throw new InvalidValue("Expected a whole number from 0 to 999999.");
  }
  return Number(text);
}

/** A port that can be asked for. */
export function port(text: string): number {
  const value = number(text);
  if (value > 65535) throw new InvalidValue("Expected a port from 1 to 65535.");
  return value;
}

/** A port to listen at; 0: any that is free. */
export function anyPort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) {
    throw new InvalidValue("Expected a port from 0 to 65535.");
  }
  return Number(text);
}

/** `16,64` */
export function numbers(text: string): number[] {
  return text.split(",").map(number);
}

/** A precision that activations are stored in. */
export function precision(text: string): "full" | "mixed" {
  if (text !== "full" && text !== "mixed") throw new InvalidValue("Expected full or mixed.");
  return text;
}

/** `full,mixed` */
export function precisions(text: string): ("full" | "mixed")[] {
  return text.split(",").map(precision);
}

/** How many times as long something may take. */
export function factor(text: string): number {
  if (!(Number(text) > 0)) throw new InvalidValue("Expected a factor such as 1.1.");
  return Number(text);
}

/** A licence as the Hugging Face hub calls it. */
export function license(text: string): string {
  if (!/^[a-zA-Z0-9][a-zA-Z0-9.-]{0,60}$/.test(text)) {
    throw new InvalidValue("Expected a licence by its short name, such as mit or cc-by-4.0.");
  }
  return text.toLowerCase();
}

/** Words separated by commas. */
export function words(text: string): string[] {
  return text.split(",");
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `90s`, `9m`, `1.5h`: seconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smh])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNITS[unit] ?? NaN);
  if (!(seconds > 0 && seconds < 1e9)) {
    throw new InvalidValue("Expected a time such as 90s, 9m or 1.5h.");
  }
  return seconds;
}

/** A duration; `never` is infinite. */
export function durationOrNever(text: string): number {
  return text === "never" ? Infinity : duration(text);
}

/** `03:30`: minutes since midnight. */
export function timeOfDay(text: string): number {
  const [, hours, minutes] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined) throw new InvalidValue("Expected a time of the day such as 03:30.");
  return Number(hours) * 60 + Number(minutes);
}

/** `5m`, `500steps`, `task` or `never`. */
export function checkpointEvery(text: string): CheckpointEvery {
  if (text === "task" || text === "never") return text;
  const [, steps] = /^(\d{1,9})steps?$/.exec(text) ?? [];
  if (Number(steps) > 0) return { steps: Number(steps) };
  try {
    return { seconds: duration(text) };
  } catch {
    throw new InvalidValue("Expected a time such as 90s or 5m, 500steps, task or never.");
  }
}
