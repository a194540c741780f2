/** How a row of one's own is written, and what is refused of it. */
import assert from "node:assert/strict";
import { rowsOf } from "../../../src/experiment/comparison/rows.ts";
import { parseVariation, variedRows } from "../../../src/experiment/comparison/variations.ts";
import { resolveConfig } from "../../../src/experiment/config.ts";
import { exampleOptions } from "../example_options.ts";

const config = resolveConfig(exampleOptions());
const known = rowsOf(config, 3);
const rows = (...texts: string[]) =>
  variedRows(texts.map(parseVariation), config, [...known.main, ...known.ablation]);

Deno.test("a variation has a name and keys, whose lists and texts may have commas", () => {
  assert.deepEqual(
    parseVariation(
      " even-2 :  memory.selection=balanced,wscl.dreamsPerEpisode=0.5,  calibration=3 ",
    ),
    {
      name: "even-2",
      overrides: [
        { path: "memory.selection", value: "balanced" },
        { path: "wscl.dreamsPerEpisode", value: 0.5 },
        { path: "calibration", value: 3 },
      ],
    },
  );
  const { overrides } = parseVariation(
    'a: methodOptions={"a, b": [1, 2]}, wscl={"rem":false, "nrem": true}, wscl.base=er_ace',
  );
  assert.deepEqual(overrides.map(({ value }) => value), [
    { "a, b": [1, 2] },
    { rem: false, nrem: true },
    "er_ace",
  ]);
});

Deno.test("a variation that cannot be used is refused with the fix", () => {
  const refused: readonly [text: string, message: RegExp][] = [
    ["", /^Cannot use --vary : expected NAME: key=value, key=value, as in --vary "even: /],
    ["memory.selection=balanced", /expected NAME: key=value/],
    ["a/b: epochs=1", /expected NAME: .* because it names run folders$/],
    ["a:", /expected NAME/],
    ["a: balanced", /^Cannot use --vary balanced: expected path\.to\.key=value/],
    [
      "a: memory.selction=balanced",
      /unknown key memory\.selction; the nearest .* memory\.selection$/,
    ],
    ["a: calibration=1, calibration=2", /calibration is given twice; remove one of them$/],
    ["a: seed=1", /all rows share seed; change it with --set or --seeds, for all of them$/],
    ["a: data.tasks=2", /all rows share data\.tasks/],
    ["a: epochs=3", /epochs is chosen so that .*; leave it out$/],
    ["a: wscl.sleepEpochs=3", /wscl\.sleepEpochs is chosen so that/],
    ["a: method=./mine.ts", /names a module; compare it with --config or --set, as the first row$/],
  ];
  for (const [text, message] of refused) {
    assert.throws(() => parseVariation(text), { name: "InputError", message });
  }
});

Deno.test("rows of one's own say what they are, and have names of their own", () => {
  const [preset, baseline] = rows(
    "story: wscl.preset=best, wscl.transfer=dusk",
    "base: method=er_ace, evaluation.logitAdjustment=1",
  );
  assert.deepEqual(preset.overrides, [
    { path: "method", value: "wscl" },
    { path: "evaluation.logitAdjustment", value: 1 },
    { path: "wscl.transfer", value: "dusk" },
  ]);
  assert.equal(
    preset.about,
    "WSCL with wscl.preset=best wscl.transfer=dusk, as many images through training steps",
  );
  assert.deepEqual(baseline.overrides, [
    { path: "method", value: "er_ace" },
    { path: "evaluation.logitAdjustment", value: 1 },
  ]);
  for (
    const texts of [["joint: calibration=1"], ["all: calibration=1"], [
      "a: calibration=1",
      "a: calibration=2",
    ]]
  ) {
    assert.throws(
      () => rows(...texts),
      /^InputError: Cannot vary \w+: another row .*; choose another one$/,
    );
  }
});
