import type { ExperimentConfig } from "../experiment/config_types.ts";

/** Of a terminal that is not wide. */
const COLUMNS = 100;

/** The resolved configuration, a line per section: `optimizer: learningRate 0.03, momentum 0`. */
export function describeConfig(config: ExperimentConfig): string {
  const plain: string[] = [];
  const sections: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    if (typeof value === "object") sections.push(...describeSection(key, value));
    else plain.push(`${key} ${value}`);
  }
  return [plain.join(", "), ...sections].map(folded).join("\n");
}

/** A line of items, indented, in as many lines as a terminal needs. */
function folded(line: string): string {
  return line.split(", ").reduce((text, item) => {
    const last = text.slice(text.lastIndexOf("\n") + 1);
    return last.length + item.length + 3 > COLUMNS ? `${text},\n    ${item}` : `${text}, ${item}`;
  }, "").replace(/^, /, "  ");
}

function describeSection(name: string, section: Record<string, unknown>): string[] {
  const plain: string[] = [];
  const nested: string[] = [];
  for (const [key, value] of Object.entries(section)) {
    if (isObject(value)) nested.push(`${name}.${key}: ${inOneLine(value)}`);
    else plain.push(`${key} ${inOneLine(value)}`);
  }
  return [...plain.length > 0 ? [`${name}: ${plain.join(", ")}`] : [], ...nested];
}

function inOneLine(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.join("/");
  if (!isObject(value)) return value === null ? "none" : String(value);
  return Object.entries(value)
    .map(([key, child]) => isObject(child) ? inOneLine(child) : `${key} ${inOneLine(child)}`)
    .join(", ");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
