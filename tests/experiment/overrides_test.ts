import assert from "node:assert/strict";
import { InputError } from "../../src/errors.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { applyOverrides, parseOverride } from "../../src/experiment/overrides.ts";
import { exampleOptions } from "./example_options.ts";

Deno.test("parseOverride reads JSON, and text otherwise", () => {
  assert.deepEqual(parseOverride("seed=3"), { path: "seed", value: 3 });
  assert.deepEqual(parseOverride("wscl.rem=false"), { path: "wscl.rem", value: false });
  assert.deepEqual(parseOverride("data.mean=[0,0,0]"), { path: "data.mean", value: [0, 0, 0] });
  assert.deepEqual(parseOverride("data.dreams=null"), { path: "data.dreams", value: null });
  assert.deepEqual(parseOverride("method=er_ace"), { path: "method", value: "er_ace" });
  assert.deepEqual(parseOverride('name="7"'), { path: "name", value: "7" });
  assert.deepEqual(parseOverride("name=a=b"), { path: "name", value: "a=b" });
});

Deno.test("parseOverride asks for path.to.key=value", () => {
  for (const text of ["seed", "=3", ""]) {
    assert.throws(
      () => parseOverride(text),
      (error) =>
        error instanceof InputError && /expected path\.to\.key=value, as in/.test(error.message),
    );
  }
});

Deno.test("parseOverride names the nearest key of an unknown one", () => {
  assert.throws(
    () => parseOverride("optimizer.learnRate=1"),
    /unknown key optimizer\.learnRate; the nearest known key is optimizer\.learningRate$/,
  );
  assert.throws(() => parseOverride("shedule=merged"), /nearest known key is wscl\.schedule$/);
});

Deno.test("parseOverride refuses a key that an object in its value has twice", () => {
  const cases: [value: string, key: string][] = [
    ['{"width": 4, "width": 8}', "network.width"],
    ['{"width": 4, "\\u0077idth": 8}', "network.width"],
    ['[{"a": 1, "a": 1}]', "network[0].a"],
  ];
  for (const [value, key] of cases) {
    assert.throws(
      () => parseOverride(`network=${value}`),
      new InputError(
        `Cannot use --set network=${value}: ${key} is given twice; remove one of them`,
      ),
    );
  }
  // No JSON, so a text.
  assert.equal(parseOverride('name={"a": 1, "a": ').value, '{"a": 1, "a": ');
});

Deno.test("applyOverrides makes missing sections, and the last override wins", () => {
  const overrides = ["wscl.schedule=merged", "seed=1", "seed=2"].map(parseOverride);
  const config = resolveConfig(exampleOptions(), overrides);
  assert.equal(config.wscl.schedule, "merged");
  assert.equal(config.seed, 2);
});

Deno.test("applyOverrides leaves what is not an object to the schema", () => {
  assert.equal(applyOverrides(3, [parseOverride("seed=1")]), 3);
});

Deno.test("an override is checked like a key of the file", () => {
  assert.throws(
    () => resolveConfig(exampleOptions(), [parseOverride("batchSize=many")]),
    /batchSize is "many", expected a number$/,
  );
});
