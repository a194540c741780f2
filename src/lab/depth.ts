import { InputError } from "../errors.ts";
import { codeOf } from "../gpu/wgsl_tokens.ts";

/** A compiler that follows a text by recursion dies of deeper ones, and the process with it. */
const DEEPEST = 100;
/** Operators in a row that are not in brackets: each is a level of a compiler's tree, too. */
const LONGEST = 1000;

/** @throws {InputError} for a text that is nested so deeply that compilers cannot be trusted with it. */
export function refuseDeep(name: string, code: string): void {
  const refuse = (what: string): never => {
    throw new InputError(
      `Cannot compile ${name}: ${what}, which compilers do not survive; divide it`,
    );
  };
  /** Operators so far in each bracket that is open. */
  const operators = [0];
  let branches = 0;
  for (const [token] of codeOf(code).matchAll(/[A-Za-z_]\w*|\d[\w.]*|\S/g)) {
    if (token === "(" || token === "[" || token === "{") {
      operators[operators.length - 1]++;
      if (operators.push(0) > DEEPEST + 1) {
        refuse(`it has brackets in brackets, more than ${DEEPEST} deep`);
      }
      if (token === "{") operators[operators.length - 2] = 0;
    } else if (token === ")" || token === "]" || token === "}") {
      if (operators.length > 1) operators.pop();
    } else if (token === ";" || token === ",") {
      operators[operators.length - 1] = 0;
    } else if (token === "else") {
      if (++branches > LONGEST) refuse(`it has more than ${LONGEST} times "else"`);
    } else if (/\W/.test(token[0]) && ++operators[operators.length - 1] > LONGEST) {
      refuse(`it has an expression of more than ${LONGEST} operators`);
    }
  }
}
