/**
 * Drives the page in a browser as a visitor would: `deno run -A drive.ts SITE WSCL`, with the page's folder and the
 * launcher. Prints what was found as JSON, for the test to judge; what is kept while the demo plays it judges itself.
 */

import assert from "node:assert/strict";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { packLearner, unpackLearner } from "../../../src/continual/learner_file.ts";
import { ContinualLearner } from "../../../src/continual/continual_learner.ts";
import { MemoryLearnerStore } from "../../../src/continual/store.ts";
import { testHost } from "../../continual/small_learner.ts";
import {
  type Answered,
  ask,
  cardOf,
  FIGURES,
  figures,
  filesOf,
  makeSmall,
  morning,
  openFile,
  openPage,
  sleep,
  teach,
  told,
  visit,
} from "./chromium.ts";

const [site, launcher] = Deno.args;
const folder = Deno.makeTempDirSync();
const profile = `${folder}/profile`;
const say = (text: string) => console.error(`${(performance.now() / 1000).toFixed(0)} s: ${text}`);

const SETTINGS = { size: 16, width: 4, maxClasses: 8, memory: 40, seed: 0 };
const COUNT = 20;
const asText = Object.fromEntries(
  Object.entries(SETTINGS).map(([key, value]) => [key, String(value)]),
);
const asked = FIGURES.flatMap((name) =>
  figures(name, 8, COUNT).map((pixels) => ({ name, pixels }))
);

/** What stands in the report; the test says what it should be. */
const report: Record<string, unknown> = {};

let visiting = await visit(site, profile);
let page = await openPage(visiting);

say("a night from the small start, in which the device is lost");
await page.click("#anew summary");
await page.selectOption("[name=size]", "16");
await page.click("#wishes button");
await page.locator("#anew:not([open])").waitFor();
for (const name of FIGURES.slice(0, 2)) await teach(page, name, figures(name, COUNT));
await page.click("#sleep-button");
await firstStep(page);
report.losses = (await lossesTold(page)).slice(0, 5);
report.axeAsleep = await problems(page);
const devtools = await visiting.context.browser()!.newBrowserCDPSession();
await devtools.send("Browser.crashGpuProcess" as "Browser.close");
await morning(page);
report.devicesLost =
  (await told(page)).filter((message) => JSON.stringify(message).includes("going on with another"))
    .length;
report.learnedOnAnother = await cardOf(page, FIGURES[0]).locator(".hint").textContent();
report.lossesHere = await firstLossesHere();

say("two classes, a night, a third, a night");
await makeSmall(page, asText);
for (const name of FIGURES.slice(0, 2)) await teach(page, name, figures(name, COUNT));
await sleep(page);
await teach(page, FIGURES[2], figures(FIGURES[2], COUNT));
await sleep(page);
const answers = await askAll(page);
report.recognised = shareRight(answers);
report.axe = await problems(page);

say("from the page to the command line");
const download = page.waitForEvent("download");
await page.click("#save");
const file = `${folder}/learner.wscl`;
await (await download).saveAs(file);
const saved = await ContinualLearner.open(
  await unpackLearner(Deno.readFileSync(file), file),
  testHost(),
);
const again = await saved.predict(asked.map(({ pixels }) => pixels));
report.savedDifference = largestDifference(answers, again);
const picture = `${folder}/picture.png`;
Deno.writeFileSync(picture, filesOf("x", [asked[0].pixels])[0].buffer);
const predicted = JSON.parse(await wscl("predict", file, picture, "--json"));
const [{ answers: onPage }] = answers;
report.commandLine = { said: predicted[0].answers, onPage };

say("from here to the page");
const store = new MemoryLearnerStore();
const here = await ContinualLearner.create(store, { settings: SETTINGS }, testHost());
for (const name of FIGURES) await here.observe(figures(name, COUNT), name);
await here.sleep();
const made = `${folder}/made.wscl`;
Deno.writeFileSync(made, await packLearner(store));
await openFile(page, made);
report.openedDifference = largestDifference(
  await askAll(page),
  await here.predict(asked.map(({ pixels }) => pixels)),
);
here.close();
saved.close();

say("closed in mid-night");
await makeSmall(page, asText);
for (const name of FIGURES) await teach(page, name, figures(name, COUNT));
await page.click("#sleep-button");
await firstStep(page);
await page.close();
page = await openPage(visiting);
report.goesOn = await page.locator("#sleep-why").textContent();
await firstStep(page);
say("the whole browser closed in mid-night");
await visiting.close();
visiting = await visit(site, profile, { port: visiting.port });
page = await openPage(visiting);
await morning(page);
report.learnedAfterAll = await Promise.all(
  FIGURES.map((name) => cardOf(page, name).locator(".hint").textContent()),
);
report.recognisedAfterAll = shareRight(await askAll(page));

say("another tab");
const other = await visiting.context.newPage();
await other.goto(visiting.url);
await other.locator("#notice", { hasText: "another tab" }).waitFor();
await page.close();
await other.waitForSelector("html[data-ready]");
page = other;
report.otherTab = await page.locator("#classes > li").count();

say("the demo, and what is kept meanwhile");
await page.click("#demo");
await page.waitForSelector("html.playing");
await cardOf(page, "disc").getByText("wait for the night").waitFor();
// Nothing can be taught that is gone when the demo ends.
assert.equal(
  await page.locator("#classes").locator("button, label").filter({ visible: true }).count(),
  0,
);
await page.setInputFiles("#load", made);
await page.locator("#sure[open]").waitFor();
assert.match(
  await page.locator("#sure-text").textContent() ?? "",
  /It was taught disc, square, star/,
);
await page.click("#sure button[value=no]");
await cardOf(page, FIGURES[1]).getByText("20 learned").waitFor();
await page.click("#demo");
await page.locator("#sleep-why", { hasText: "It sleeps." }).waitFor();
await teach(page, "mine", figures(FIGURES[0], 8, 40));
assert.equal(await page.locator("#classes > li").count(), 4);
await page.reload();
await cardOf(page, "mine").getByText("8 wait for the night").waitFor();
await cardOf(page, FIGURES[1]).getByText("20 learned").waitFor();

say("the camera, by keyboard; a folder of folders; a picture dropped on a class");
await makeSmall(page, asText);
await page.fill("#class-name", "camera");
await page.keyboard.press("Enter");
await page.locator("#camera").press("Enter");
const hold = cardOf(page, "camera").getByRole("button", { name: "Hold to capture camera" });
await hold.focus();
await page.keyboard.down("Space");
await page.waitForTimeout(3000);
await page.keyboard.up("Space");
await cardOf(page, "camera").getByText(/\d+ waits? for the night/).waitFor();
await page.locator("#camera").press("Enter");
const folders = `${folder}/folders`;
for (const name of FIGURES.slice(0, 2)) {
  Deno.mkdirSync(`${folders}/${name}`, { recursive: true });
  for (const file of filesOf(name, figures(name, 9))) {
    Deno.writeFileSync(`${folders}/${name}/${file.name}`, file.buffer);
  }
}
await page.setInputFiles("#folder", folders);
await cardOf(page, FIGURES[1]).getByText("9 wait for the night").waitFor();
const [dropped] = filesOf("dropped", figures(FIGURES[0], 1, 30));
await page.evaluate(`
  const dataTransfer = new DataTransfer();
  const bytes = new Uint8Array(${JSON.stringify([...dropped.buffer])});
  dataTransfer.items.add(new File([bytes], "dropped.png", { type: "image/png" }));
  const title = [...document.querySelectorAll("#classes h3")]
    .find(({ textContent }) => textContent === "${FIGURES[0]}");
  title.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
`);
await cardOf(page, FIGURES[0]).getByText("10 wait for the night").waitFor();
report.given = await page.locator("#classes .hint").allTextContents();

say("connections elsewhere");
let reached = 0;
const elsewhere = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
  reached++;
  return new Response("", { headers: { "access-control-allow-origin": "*" } });
});
const address = `http://127.0.0.1:${elsewhere.addr.port}/`;
const tries = async (address: string) => {
  try {
    await fetch(address);
    return "reached";
  } catch {
    return "refused";
  }
};
report.elsewhere = {
  page: await page.evaluate(tries, address),
  worker: await page.workers()[0].evaluate(tries, address),
  reached,
};
await elsewhere.shutdown();

say("dark, and as narrow as a phone");
await page.emulateMedia({ colorScheme: "dark" });
await page.setViewportSize({ width: 360, height: 740 });
await page.click("#anew summary");
report.axeDark = await problems(page);
report.overflow = await page.evaluate(
  "document.documentElement.scrollWidth - document.documentElement.clientWidth",
);
await visiting.close();
Deno.removeSync(folder, { recursive: true });
console.log(JSON.stringify(report));
Deno.exit(0); // adapters are left to the end of the process

/** The first losses of the same night from the small start, in this process. */
async function firstLossesHere(): Promise<number[]> {
  const losses: number[] = [];
  const host = testHost({
    watch: { losses: (read) => void losses.push(...read.map(({ loss }) => loss)) },
    shouldStop: () => losses.length >= 5,
  });
  const start = new URL("../../../starts/small.safetensors", import.meta.url);
  const learner = await ContinualLearner.create(new MemoryLearnerStore(), {
    settings: { size: 16 },
    start: { bytes: Deno.readFileSync(start), name: "the small start" },
  }, host);
  for (const name of FIGURES.slice(0, 2)) await learner.observe(figures(name, COUNT), name);
  await learner.sleep();
  return losses.slice(0, 5);
}

async function lossesTold(page: Page): Promise<number[]> {
  return (await told(page)).flatMap(({ news }) => {
    const { kind, who, losses } = Object(news);
    return kind === "losses" && who === "learner"
      ? losses.map(({ loss }: { loss: number }) => loss)
      : [];
  });
}

/** Resolves when a step of the learner's night was read back since the page was opened last. */
async function firstStep(page: Page): Promise<void> {
  const count = (await lossesTold(page)).length;
  await page.waitForFunction((count) => {
    const told: { news?: { kind: string; who: string; losses: unknown[] } }[] = Reflect.get(
      globalThis,
      "told",
    );
    const losses = told.flatMap(({ news }) =>
      news?.kind === "losses" && news.who === "learner" ? news.losses : []
    );
    return losses.length > count;
  }, count);
}

async function askAll(page: Page): Promise<Answered[]> {
  const all: Answered[] = [];
  for (const { pixels } of asked) all.push(await ask(page, pixels));
  return all;
}

function shareRight(answers: readonly Answered[]): Record<string, number> {
  return Object.fromEntries(FIGURES.map((name) => {
    const own = answers.filter((_, i) => asked[i].name === name);
    return [name, own.filter(({ answers }) => answers[0].name === name).length / own.length];
  }));
}

/**
 * The largest difference of logits: those of a class to the likeliest one, and of the likeliest one to all heads, the
 * free ones included.
 */
function largestDifference(some: readonly Answered[], others: readonly Answered[]): number {
  const logits = ({ answers, familiarity }: Answered) => {
    const [{ probability: most }] = answers;
    const byName = answers.toSorted((a, b) => a.name < b.name ? -1 : 1);
    const all = Math.log(familiarity / (1 - familiarity));
    return [all, ...byName.map(({ probability }) => Math.log(probability / most))];
  };
  return Math.max(...some.flatMap((one, i) => {
    const other = logits(others[i]);
    return logits(one).map((logit, k) => Math.abs(logit - other[k]) / Math.max(1, Math.abs(logit)));
  }));
}

/** What the accessibility checker finds. */
async function problems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (Reflect.get(globalThis, "axe") as typeof axe).run()
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

async function wscl(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(launcher, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
