import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { loadConfig } from "../../src/host/load_config.ts";
import { parseJson, readJson } from "../../src/experiment/json.ts";
import { readOrigin, readSummary } from "../../src/host/run_folder.ts";
import { withFolder } from "../data/fixtures.ts";

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

const twice = (path: string, first: string, second: string) =>
  `Cannot parse a.json: ${path} is given twice, at ${first} and at ${second}; remove one of them`;

Deno.test("parseJson refuses a key that an object has twice, with its path and both places", () => {
  const at = (line: number, column: number) => `line ${line}, column ${column}`;
  const cases: [text: string, path: string, first: string, second: string][] = [
    ['{"epochs": 1, "epochs": 3}', "epochs", at(1, 2), at(1, 15)],
    ['{\n  "a": 1,\n  "b": 2,\n  "a": 1\n}', "a", at(2, 3), at(4, 3)],
    ['{"a": {"b": {"c": 1,\n"c": 2}}}', "a.b.c", at(1, 14), at(2, 1)],
    ['{"a": [0, {"b": 1}, {"b": 1, "x": 2, "b": 3}]}', "a[2].b", at(1, 22), at(1, 38)],
    ['{"a": [[{"a b": 1, "a b": 2}]]}', 'a[0][0]["a b"]', at(1, 10), at(1, 20)],
    ['{"epochs": 1, "\\u0065pochs": 2}', "epochs", at(1, 2), at(1, 15)],
    ['{"a/b": 1, "a\\/b": 2}', '["a/b"]', at(1, 2), at(1, 12)],
    ['{"": 1, "": 2}', '[""]', at(1, 2), at(1, 9)],
    ['{"__proto__": 1, "__proto__": 2}', "__proto__", at(1, 2), at(1, 18)],
    ['{"a": 1, "a" \r\n : 2}', "a", at(1, 2), at(1, 10)],
    ['{"a": 1, "a": 2, "a": 3}', "a", at(1, 2), at(1, 10)],
  ];
  for (const [text, path, first, second] of cases) {
    assert.equal(messageFor(text), twice(path, first, second));
  }
});

Deno.test("parseJson takes one key in several objects, and keys among the values", () => {
  for (
    const text of [
      '{"a": {"a": {"a": "a"}}, "b": {"a": 1}}',
      '[{"a": 1}, {"a": 1}]',
      '{"a": "\\"a\\": 1, \\"a\\": 2", "b": ["a", "a"]}',
      '{"a": 1, "A": 2, "a ": 3}',
    ]
  ) {
    assert.deepEqual(parseJson(text, "a.json"), JSON.parse(text));
  }
});

Deno.test("configuration, run.json and summary.json are refused in another encoding, and with a key twice", () =>
  withFolder(async (folder) => {
    const sound = '{"name": "t"}';
    const utf16 = Uint8Array.of(
      0xff,
      0xfe,
      ...new Uint8Array(Uint16Array.from(sound, code).buffer),
    );
    const latin1 = Uint8Array.from('{"name": "\xe9t\xe9"}', code);
    const double = Uint8Array.from('{"name": "t",\n "name": "t"}', code);
    const readers: [file: string, read: () => unknown][] = [
      ["config.json", () => loadConfig(`${folder}/config.json`)],
      ["run.json", () => readOrigin(folder)],
      ["summary.json", () => readSummary(folder)],
    ];
    for (const [name, read] of readers) {
      const file = `${folder}/${name}`;
      const refused = async (bytes: Uint8Array, message: string) => {
        Deno.writeFileSync(file, bytes);
        await assert.rejects(async () => await read(), new InputError(message));
      };
      await refused(utf16, `Cannot read ${file}: it is UTF-16 text; save it as UTF-8`);
      await refused(
        latin1,
        `Cannot read ${file}: it is not UTF-8 text (byte 0xE9 at line 1, column 11); save it as UTF-8`,
      );
      await refused(
        double,
        `Cannot parse ${file}: name is given twice, at line 1, column 2 and at line 2, column 2; ` +
          "remove one of them",
      );
    }
  }));

Deno.test("readJson takes the byte order mark of UTF-8", () => {
  assert.deepEqual(readJson(new TextEncoder().encode('\ufeff{"a": "\xe9"}'), "a.json"), { a: "é" });
});

function code(letter: string): number {
  return letter.charCodeAt(0);
}
