import assert from "node:assert/strict";
import { InputError } from "../src/errors.ts";
import { readText } from "../src/data/file_tree.ts";
import { decodeText } from "../src/text.ts";
import { withFolder } from "./data/fixtures.ts";

/** Text in 2 or 4 bytes a unit, with or without a byte order mark. */
function wide(text: string, unit: 2 | 4, littleEndian: boolean, mark: boolean): Uint8Array {
  const codes = Array.from(text, (letter) => letter.codePointAt(0)!);
  if (mark) codes.unshift(0xfeff);
  const bytes = new Uint8Array(unit * codes.length);
  const view = new DataView(bytes.buffer);
  codes.forEach((code, i) =>
    unit === 2
      ? view.setUint16(2 * i, code, littleEndian)
      : view.setUint32(4 * i, code, littleEndian)
  );
  return bytes;
}

function refused(bytes: Uint8Array, found: string): void {
  assert.throws(
    () => decodeText(bytes, "a.json"),
    new InputError(`Cannot read a.json: it is ${found}; save it as UTF-8`),
  );
}

Deno.test("decodeText() names UTF-16 and UTF-32, with and without a byte order mark", () => {
  for (const text of ['{"name": "été"}', "3", "\r\n[]", "n01440764\nn01443537\n"]) {
    for (const littleEndian of [true, false]) {
      for (const mark of [true, false]) {
        refused(wide(text, 2, littleEndian, mark), "UTF-16 text");
        refused(wide(text, 4, littleEndian, mark), "UTF-32 text");
      }
    }
  }
  refused(Uint8Array.of(0xff, 0xfe), "UTF-16 text");
});

Deno.test("decodeText() names the first byte that is no UTF-8, and where it is", () => {
  const bytes = (...parts: (string | number)[]) =>
    Uint8Array.from(
      parts.flatMap((part) =>
        typeof part === "string" ? [...new TextEncoder().encode(part)] : [part]
      ),
    );
  const at = (byte: string, line: number, column: number) =>
    `not UTF-8 text (byte ${byte} at line ${line}, column ${column})`;
  refused(bytes('{\n "n": "caf', 0xe9, '"}'), at("0xE9", 2, 11)); // Latin-1
  refused(bytes("é\u{1f600}", 0x80), at("0x80", 1, 4)); // a column is a UTF-16 unit, as in editors
  refused(bytes(0xc0, 0x80), at("0xC0", 1, 1)); // an overlong zero
  refused(bytes("a", 0xed, 0xa0, 0x80), at("0xED", 1, 2)); // half of a surrogate pair
  refused(bytes("ab\n", 0xf0, 0x9f), at("0xF0", 2, 1)); // cut in the middle of a letter
  refused(bytes("\ufeffa", 0xfc), at("0xFC", 1, 2));
});

Deno.test("decodeText() takes UTF-8, with and without its byte order mark", () => {
  for (const text of ["", "a", "{}", "é\u{1f600}\ufffd"]) {
    for (const mark of ["", "\ufeff"]) {
      assert.equal(decodeText(new TextEncoder().encode(mark + text), "a.json"), text);
    }
  }
});

Deno.test("class lists and other texts of a data set are read so, too", () =>
  withFolder(async (folder) => {
    const path = `${folder}/classes.txt`;
    await Deno.writeFile(path, wide("one\ntwo\n", 2, true, true));
    assert.throws(
      () => readText(path),
      new InputError(`Cannot read ${path}: it is UTF-16 text; save it as UTF-8`),
    );
  }));
