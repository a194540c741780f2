import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { parseJson } from "../../src/experiment/json.ts";

function messageFor(text: string): string {
  try {
    parseJson(text, "a.json");
  } catch (error) {
    assert(error instanceof InputError);
    return error.message;
  }
  throw new Error("nothing was thrown");
}

Deno.test("parseJson names file, line and column of a syntax error", () => {
  for (
    const [text, place] of [
      ['{\n  "a": 1,\n  "b": x\n}', "line 3, column 8"], // V8 gives no position here
      ['{"a": tru}', "line 1, column 10"],
      ['{"a": 1,}', "line 1, column 9"],
      ["[1 2]", "line 1, column 4"],
      ["{a: 1}", "line 1, column 2"],
      ['{"a": 1} x', "line 1, column 10"],
      ['{"a": "b', "line 1, column 9"],
      ["", "line 1, column 1"],
      ['{\n "a":', "line 2, column 6"],
    ]
  ) {
    assert.match(messageFor(text), /^Cannot parse a\.json: [a-z]/);
    assert(messageFor(text).includes(`at ${place};`), messageFor(text));
  }
});

Deno.test("parseJson knows the two usual mistakes", () => {
  assert.match(messageFor('{\n// why\n"a": 1}'), /column 1; remove the comment, JSON has none$/);
  assert.match(messageFor('{"a": 1,}'), /; remove the comma or add the value before it$/);
});
