/**
 * The page in a real browser, with its software WebGPU: taught, put to sleep, closed in mid-night, saved and opened.
 * A browser and what drives it have a lock file of their own in `tests/page/browser`.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildPage } from "../../src/cli/page.ts";
import { withFolder } from "../data/fixtures.ts";

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const BROWSER = "/usr/bin/chromium";
const hasBrowser = (() => {
  try {
    return Deno.statSync(BROWSER).isFile;
  } catch {
    return false;
  }
})();
if (!hasBrowser) {
  console.log(`ignored: there is no ${BROWSER}; on Debian apt-get install chromium`);
}

/** How far float32 may be apart on two adapters. */
const TOLERANCE = 1e-4;

/** What `drive.ts` found. */
interface Report {
  readonly losses: readonly number[];
  readonly lossesHere: readonly number[];
  readonly recognised: Readonly<Record<string, number>>;
  readonly savedDifference: number;
  readonly openedDifference: number;
  readonly commandLine: {
    readonly said: readonly { readonly class: string; readonly probability: number }[];
    readonly onPage: readonly { readonly name: string; readonly probability: number }[];
  };
  readonly goesOn: string;
  readonly learnedAfterAll: readonly string[];
  readonly recognisedAfterAll: Readonly<Record<string, number>>;
  readonly otherTab: number;
  readonly devicesLost: number;
  readonly learnedOnAnother: string;
  readonly given: readonly string[];
  readonly elsewhere: Readonly<Record<string, unknown>>;
  readonly axe: readonly string[];
  readonly axeAsleep: readonly string[];
  readonly axeDark: readonly string[];
  readonly overflow: number;
}

Deno.test({
  name: "the page, as a visitor uses it",
  ignore: !hasBrowser,
  fn: (t) =>
    withFolder(async (folder) => {
      await buildPage(folder);
      const report = await drive(folder);
      const step = (name: string, fn: () => void) => t.step(name, fn);
      await step("the first five losses are those of this process", () => {
        assert.equal(report.losses.length, 5);
        report.losses.forEach((loss, i) => {
          const here = report.lossesHere[i];
          assert(Math.abs(loss - here) <= TOLERANCE * here, `step ${i + 1}: ${loss}, here ${here}`);
        });
      });
      await step("two classes, a night, a third, a night: all three are recognised", () => {
        for (const [name, share] of Object.entries(report.recognised)) {
          assert(share >= 0.75, `${name}: ${share}`);
        }
        assert.equal(Object.keys(report.recognised).length, 3);
      });
      await step("what the page saves answers the same on the command line", () => {
        assert(report.savedDifference <= TOLERANCE, String(report.savedDifference));
        const { said, onPage } = report.commandLine;
        assert.equal(said.length, 3);
        said.forEach(({ class: name, probability }, i) => {
          assert.equal(name, onPage[i].name);
          assert(Math.abs(probability - onPage[i].probability) <= TOLERANCE);
        });
      });
      await step("what is made here answers the same on the page", () =>
        assert(report.openedDifference <= TOLERANCE, String(report.openedDifference)));
      await step("closed in mid-night, tab and browser, nothing that was taught is lost", () => {
        assert.match(report.goesOn, /It sleeps/);
        assert.equal(report.learnedAfterAll.length, 3);
        for (const text of report.learnedAfterAll) {
          assert.match(text, /^20 learned/);
        }
        for (const [name, share] of Object.entries(report.recognisedAfterAll)) {
          assert(share >= 0.5, `${name}: ${share}`);
        }
      });
      await step("a second tab waits, and goes on when the first is closed", () =>
        assert.equal(report.otherTab, 3));
      await step("a lost device is replaced in mid-night", () => {
        assert(report.devicesLost > 0);
        assert.match(report.learnedOnAnother, /^20 learned/);
      });
      await step("camera, folders and dropped pictures teach", () => {
        const [camera, ...others] = report.given;
        assert.match(camera, /^\d+ waits? for the night/);
        assert.deepEqual(others.toSorted(), ["10 wait for the night", "9 wait for the night"]);
      });
      await step("nothing reaches another server, from the page or its worker", () =>
        assert.deepEqual(report.elsewhere, { page: "refused", worker: "refused", reached: 0 }));
      await step(
        "the accessibility checker finds nothing, and nothing is wider than a phone",
        () => {
          assert.deepEqual([...report.axe, ...report.axeAsleep, ...report.axeDark], []);
          assert.equal(report.overflow, 0);
        },
      );
    }),
});

async function drive(site: string): Promise<Report> {
  const folder = pathOf("../page/browser");
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--quiet", "--frozen", "--config", join(folder, "deno.json")],
      ...[join(folder, "drive.ts"), site, pathOf("../../wscl")],
    ],
  }).output();
  const said = new TextDecoder().decode(stderr);
  console.log(said);
  assert(success, said);
  return JSON.parse(new TextDecoder().decode(stdout));
}
