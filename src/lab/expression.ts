import { InputError } from "../errors.ts";

/**
 * The value of an arithmetic expression over names: numbers, + - * / %, parentheses, ceil, floor, min and max.
 *
 * @throws {InputError} for anything else.
 */
export function evaluateExpression(
  text: string,
  names: Readonly<Record<string, number>>,
): number {
  const tokens = text.match(/\d+(?:\.\d+)?|[A-Za-z_]\w*|[-+*/%(),]|\S/g) ?? [];
  let next = 0;
  const fail = (found: string | undefined): never => {
    throw new InputError(
      `Cannot read the expression "${text.trim()}": unexpected ${found ?? "end"}; known are ` +
        `${Object.keys(names).join(", ")}, ceil, floor, min, max and + - * / %`,
    );
  };
  const expect = (token: string) => {
    if (tokens[next] !== token) fail(tokens[next]);
    next++;
  };
  const primary = (): number => {
    const token = tokens[next++];
    if (token === "(") {
      const value = sum();
      expect(")");
      return value;
    }
    if (token === "-") return -primary();
    if (/^\d/.test(token ?? "")) return Number(token);
    if (Object.hasOwn(functions, token ?? "") && tokens[next] === "(") {
      next++;
      const values = [sum()];
      while (tokens[next] === ",") {
        next++;
        values.push(sum());
      }
      expect(")");
      return functions[token](...values);
    }
    return Object.hasOwn(names, token ?? "") ? names[token] : fail(token);
  };
  const product = (): number => {
    let value = primary();
    while (["*", "/", "%"].includes(tokens[next])) {
      const operator = tokens[next++];
      const right = primary();
      value = operator === "*" ? value * right : operator === "/" ? value / right : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (["+", "-"].includes(tokens[next])) {
      value = tokens[next++] === "+" ? value + product() : value - product();
    }
    return value;
  };
  const value = sum();
  if (next < tokens.length) fail(tokens[next]);
  return value;
}

const functions: Readonly<Record<string, (...values: number[]) => number>> = {
  ceil: Math.ceil,
  floor: Math.floor,
  min: Math.min,
  max: Math.max,
};

/** Splits at commas that stand outside of parentheses. */
export function splitAtCommas(text: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}
