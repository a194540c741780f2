/** What the page says it has kept is kept: the worker, with a browser's databases and locks that only pretend. */

import assert from "node:assert/strict";
import { figures, names } from "../continual/small_learner.ts";
import { FakeBrowser, type Mishap, type Tab } from "./fake_browser.ts";

const NOTHING = {
  ...{ start: false, size: 16, width: 4, maxClasses: 8, memory: 24, seed: 0 },
  ...{ dreams: "none", changed: [] },
};
const SMALL_START = { ...NOTHING, start: true, width: undefined };
const ROOMLESS = { ...NOTHING, memory: 0 };

/** What is looked at of a view. */
interface View {
  readonly place: string;
  readonly classes: readonly { readonly name: string; readonly waiting: number }[];
}

const offline = () => Promise.reject(new TypeError("Failed to fetch"));

/** Pictures of a learner's size: the worker takes them as they are. */
const picturesOf = (name: string) =>
  figures(name, 8).map(({ pixels, from }) => ({ image: pixels, from }));

async function teach(tab: Tab, place: string, name: string, figure = names[0]): Promise<void> {
  await tab.ask("teach", { place, name, pictures: picturesOf(figure) });
}

/** `my cat 8`: classes, each with the pictures that wait. */
function classesIn(view: View | null): string[] | null {
  return view && view.classes.map(({ name, waiting }) => `${name} ${waiting}`);
}

async function kept(tab: Tab): Promise<string[] | null> {
  return classesIn(await tab.ask<View | null>("open"));
}

/** A tab in whose browser a learner was taught a cat. */
async function withCat(browser: FakeBrowser): Promise<Tab> {
  const tab = await browser.openTab();
  await tab.ask("begin", { wishes: NOTHING });
  await teach(tab, "kept", "my cat");
  return tab;
}

/** The file of a learner that was taught a dog. */
async function dogFile(): Promise<Blob> {
  const tab = await new FakeBrowser(offline).openTab();
  await tab.ask("begin", { wishes: NOTHING });
  await teach(tab, "kept", "my dog", names[1]);
  return new Blob([await tab.ask<Uint8Array<ArrayBuffer>>("save")]);
}

const CAT = ["my cat 8"];
const DOG = ["my dog 8"];

Deno.test("a learner that was taught makes way only for who is sure, also while the demo plays", async () => {
  const file = await dogFile();
  const browser = new FakeBrowser(offline);
  const tab = await withCat(browser);
  await tab.ask("demo", { wishes: NOTHING });
  await teach(tab, "demo", "disc");
  const obstacle = { inTheWay: ["my cat"] };
  const load = (sure: boolean) => tab.ask<View>("load", { file, name: "dog.wscl", sure });
  assert.deepEqual(await load(false), obstacle);
  assert.deepEqual(await tab.ask("create", { wishes: NOTHING, sure: false }), obstacle);
  assert.deepEqual(await kept(tab), CAT);
  assert.deepEqual(await tab.ask("create", { wishes: NOTHING, sure: false }), obstacle);

  await tab.ask("demo", { wishes: NOTHING });
  assert.deepEqual(classesIn(await load(true)), DOG);
  assert.equal(browser.databases.learners, 1);
  assert.deepEqual(classesIn(await tab.ask("create", { wishes: NOTHING, sure: true })), []);
  // Of one that was taught nothing there is nothing to ask.
  assert.deepEqual(classesIn(await load(false)), DOG);
  tab.close();
  assert.deepEqual(await kept(await browser.openTab()), DOG);
});

Deno.test("a visitor teaches what is kept and never the demo, and the demo never what is kept", async () => {
  const tab = await new FakeBrowser(offline).openTab();
  assert.equal(await kept(tab), null);
  await tab.ask("demo", { wishes: NOTHING });
  await assert.rejects(teach(tab, "kept", "my cat"), /another learner has come/);
  const { place } = await tab.ask<View>("begin", { wishes: NOTHING });
  assert.equal(place, "kept");
  await assert.rejects(teach(tab, "demo", "disc"), /another learner has come/);
  await teach(tab, "kept", "my cat");
  await tab.ask("demo", { wishes: NOTHING });
  assert.deepEqual(classesIn(await tab.ask("begin", { wishes: NOTHING })), CAT);
});

Deno.test("a learner that cannot be made, or read, takes nobody's place", async () => {
  const browser = new FakeBrowser(offline);
  const tab = await withCat(browser);
  const tries: [string, Record<string, unknown>, RegExp][] = [
    ["create", { wishes: SMALL_START }, /the server cannot be reached; try again, or begin from/],
    ["create", { wishes: ROOMLESS }, /memory/],
    ["load", { file: new Blob(["no learner"]), name: "dog.wscl" }, /dog\.wscl/],
  ];
  for (const [name, asked, message] of tries) {
    await assert.rejects(tab.ask(name, { ...asked, sure: true }), message);
    // The learner that was there goes on being taught, and is there again in another tab.
    assert.deepEqual(classesIn(await tab.ask("look")), CAT);
    assert.deepEqual(await kept(tab), CAT);
  }
  tab.close();
  assert.deepEqual(await kept(await browser.openTab()), CAT);
});

/** Opens the dog's file in the place of the cat, with a mishap at the n-th change; null: there are fewer changes. */
async function mishapAt(kind: Mishap, n: number, file: Blob): Promise<string[] | null> {
  const browser = new FakeBrowser(offline);
  const tab = await withCat(browser);
  const met = browser.databases.meet(kind, n).then(() => "met");
  const loaded = tab.ask("load", { file, name: "dog.wscl", sure: true });
  const refused = loaded.then(() => "opened", (error) => error.message);
  const first = await Promise.race([kind === "full" ? refused : met, refused]);
  if (kind === "full" && first !== "opened") {
    assert.match(first, /no room left for this page; free some space/);
    assert.deepEqual(classesIn(await tab.ask("look")), CAT);
  }
  browser.databases.mend();
  tab.close();
  const found = await kept(await browser.openTab());
  assert.equal(browser.databases.learners, 1, `${kind} at ${n}: what is of no use is cleared`);
  if (first === "opened") assert.deepEqual(found, DOG);
  return first === "opened" ? null : found;
}

for (const kind of ["full", "cut"] as const) {
  Deno.test(`a file that is opened is whole, or the learner before it is: ${kind}`, async () => {
    const file = await dogFile();
    const found: string[] = [];
    for (let n = 0;; n++) {
      const classes = await mishapAt(kind, n, file);
      if (classes === null) break;
      assert(classes.length === 1, `at ${n}: ${classes}`);
      found.push(classes[0]);
    }
    // The move is one change: before it all have the cat, behind it all the dog.
    const cats = found.filter((name) => name === CAT[0]).length;
    assert(cats >= 4, `${found}`);
    assert.deepEqual(found, [...Array(cats).fill(CAT[0]), ...found.slice(cats).fill(DOG[0])]);
    assert.equal(found.length > cats, kind === "cut");
  });
}

Deno.test("what a move that failed has left is no part of the learner that comes next", async () => {
  const file = await dogFile();
  for (let n = 0;; n++) {
    const browser = new FakeBrowser(offline);
    const tab = await withCat(browser);
    const load = () => tab.ask<View>("load", { file, name: "dog.wscl", sure: true });
    const met = browser.databases.meet("broken", n).then(() => true);
    const loaded = load().then(() => false, () => false);
    const isMet = await Promise.race([met, loaded]);
    await loaded;
    browser.databases.mend();
    const { classes } = await tab.ask<View>("create", { wishes: NOTHING, sure: true });
    assert.deepEqual(classes, [], `at ${n}`);
    assert.deepEqual(classesIn(await load()), DOG, `at ${n}`);
    assert.equal(browser.databases.learners, 1);
    if (!isMet) break;
  }
});

Deno.test("a second tab waits, and then opens what is there instead of beginning anew", async () => {
  const browser = new FakeBrowser(offline);
  const first = await withCat(browser);
  const second = await browser.openTab();
  const opened = kept(second);
  const begun = second.ask<View>("begin", { wishes: NOTHING });
  const made = second.ask("create", { wishes: NOTHING, sure: false });
  await teach(first, "kept", "my dog", names[1]);
  assert(browser.told.includes("elsewhere"));
  first.close();
  assert.deepEqual(await opened, [...CAT, ...DOG]);
  assert.deepEqual(classesIn(await begun), [...CAT, ...DOG]);
  assert.deepEqual(await made, { inTheWay: ["my cat", "my dog"] });
});

Deno.test("databases that could not be opened are tried again, without waiting for this very tab", async () => {
  const browser = new FakeBrowser(offline);
  const tab = await browser.openTab();
  browser.databases.refused = true;
  await assert.rejects(kept(tab), /cannot be opened/);
  browser.databases.refused = false;
  assert.equal(await kept(tab), null);
});
