import type { GivenPicture, InTheWay, News, View, Wishes } from "../messages.ts";
import { AskPanel } from "./ask_panel.ts";
import { Camera } from "./camera.ts";
import { ClassesPanel } from "./classes_panel.ts";
import { playDemo } from "./demo.ts";
import { attempt, byId, complain, el, isSure, say, setText } from "./dom.ts";
import { chosenPictures, droppedPictures, type FoundFile } from "./dropped.ts";
import { Link } from "./link.ts";
import { ScoresPanel } from "./scores_panel.ts";
import { SleepPanel } from "./sleep_panel.ts";

/** Milliseconds between two frames that are captured, and frames that are kept together. */
const CAPTURE_EVERY = 150;
const CAPTURED_TOGETHER = 8;

/** Files that are sent to the worker together. */
const SENT_TOGETHER = 16;

/** Classes that are named of a learner that would be lost. */
const NAMED = 3;

/** Least milliseconds between two frames that are asked about. */
const ASK_EVERY = 120;

const camera = new Camera(byId<HTMLVideoElement>("video"));
const link = new Link(listen);
const classes = new ClassesPanel({
  add: (name, files) =>
    attempt(() => teachFiles(name, files.map((file) => ({ file, folder: "" })))),
  capture: (name, signal) => attempt(() => capture(name, signal)),
  forget: (name) => attempt(() => forget(name)),
});
const sleepPanel = new SleepPanel({
  sleep: (accept) => attempt(() => sleep(accept)),
  stop: () => link.stop(),
  accept: () => attempt(async () => show(await link.ask("accept", {}))),
  discard: () => attempt(async () => show(await link.ask("discard", {}))),
});
const askPanel = new AskPanel();
const scores = new ScoresPanel();

let view: View | null = null;
/** The demo, while it is there. */
let demo: { readonly end: AbortController; readonly ended: Promise<void> } | null = null;
/** A software adapter: what is chosen by itself is smaller. */
let isSlow = false;

function listen(news: News): void {
  if (news.kind === "view") show(news.view);
  else if (news.kind === "event") sleepPanel.hear(news.who, news.event);
  else if (news.kind === "losses") sleepPanel.addLosses(news.who, news.losses);
  else if (news.kind === "pictures") sleepPanel.showPictures(news.pictures);
  else {
    notice(
      "This learner is open in another tab. Close it there, and it goes on here.",
    );
  }
}

function show(next: View | null): void {
  if (next?.place !== view?.place) {
    classes.forgetDrafts();
    askPanel.clear();
    sleepPanel.clear();
  }
  view = next;
  classes.show(next?.classes ?? []);
  sleepPanel.show(next);
  scores.show(next);
  byId<HTMLButtonElement>("save").disabled = next === null;
  document.documentElement.classList.toggle("playing", next?.place === "demo");
}

/** Shows a learner that is kept from now on. */
function showKept(next: View): void {
  show(next);
  // Without it a browser that needs room may clear what was taught. A visitor may be asked, and teach meanwhile.
  navigator.storage?.persist?.().catch(console.warn);
}

function notice(text: string | null): void {
  const box = byId("notice");
  box.hidden = text === null;
  if (text !== null) box.replaceChildren(el("p", {}, text));
}

// ---- Teaching ---------------------------------------------------------------------------------

/** What visitors teach goes to a learner that is kept; it is made when it is first taught. */
async function ensureKept(): Promise<void> {
  await endDemo();
  if (view?.place !== "kept") showKept(await link.ask("begin", { wishes: wishesOf() }));
}

async function teach(name: string, pictures: readonly GivenPicture[]): Promise<void> {
  await ensureKept();
  if (sleepPanel.asleep) {
    complain(
      "It sleeps, and takes these pictures when it wakes up: leave this page open until then.",
    );
  }
  const bitmaps = pictures.flatMap(({ image }) => image instanceof ImageBitmap ? [image] : []);
  const asked = { place: "kept", name, pictures } as const;
  const { kept, known, failed, view } = await link.ask("teach", asked, bitmaps);
  show(view);
  if (failed.length > 0) {
    complain(failed.length === 1 ? failed[0] : `${failed[0]}; and ${failed.length - 1} more`);
  } else if (kept === 0 && known > 0) complain("It has these pictures already.");
  say(`${kept} pictures of ${name} kept`);
}

async function teachFiles(name: string, files: readonly FoundFile[]): Promise<void> {
  for (let i = 0; i < files.length; i += SENT_TOGETHER) {
    const some = files.slice(i, i + SENT_TOGETHER);
    await teach(name, some.map(({ file }) => ({ image: file, from: file.name })));
  }
}

/** Pictures in folders are taught by the folder's name; others are asked about. */
async function take(found: readonly FoundFile[], fallback: string | null): Promise<void> {
  if (found.length === 0) return complain("There are no pictures in what was given.");
  const groups = Map.groupBy(found, ({ folder }) => fallback ?? folder);
  for (const [name, files] of groups) {
    if (name !== "") await teachFiles(name, files);
    else await askFile(files[0].file);
  }
}

async function capture(name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const pictures: GivenPicture[] = [];
    while (!signal.aborted && pictures.length < CAPTURED_TOGETHER) {
      pictures.push({ image: await camera.frame(), from: "camera" });
      await new Promise((resolve) => setTimeout(resolve, CAPTURE_EVERY));
    }
    await teach(name, pictures);
  }
}

async function forget(name: string): Promise<void> {
  refuseAsleep();
  if (!await isSure(`Forget ${name} and all its pictures?`, "Forget it")) return;
  show(await link.ask("forget", { name }));
}

// ---- Sleeping ---------------------------------------------------------------------------------

function refuseAsleep(): void {
  if (sleepPanel.asleep) throw new Error("It sleeps: stop the night first.");
}

async function sleep(accept: boolean): Promise<void> {
  sleepPanel.begin();
  // Nothing else may move in meanwhile.
  byId("keep").inert = true;
  const isKept = view?.place === "kept";
  let text = `The night was broken off${isKept ? ": what it was taught is safe" : ""}.`;
  try {
    const outcome = await link.ask("sleep", { accept });
    text = outcome.kind === "kept"
      ? "Good morning: it has learned."
      : outcome.kind === "refused"
      ? "It woke up as it was."
      : `Stopped${isKept ? " and saved" : ""}: the button goes on with the night.`;
  } finally {
    const next = await link.ask("look", {}).catch(() => view);
    byId("keep").inert = false;
    sleepPanel.end(text);
    show(next);
  }
}

// ---- Asking -----------------------------------------------------------------------------------

async function askFile(file: Blob): Promise<void> {
  if (view === null) throw new Error("It has learned nothing yet: teach it first.");
  stopCamera();
  askPanel.show(await link.ask("predict", { image: file, from: "the picture" }), false);
}

async function watchCamera(): Promise<void> {
  while (camera.isOn) {
    const began = performance.now();
    if (view !== null && view.nights.length > 0 && !document.hidden) {
      const image = await camera.frame();
      const seen = await link.ask("predict", { image, from: "camera" }, [image]);
      if (camera.isOn) askPanel.show(seen, true);
    }
    const rest = Math.max(ASK_EVERY / 2, ASK_EVERY - (performance.now() - began));
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}

function stopCamera(): void {
  camera.stop();
  showCamera();
}

function showCamera(): void {
  const button = byId("camera");
  button.setAttribute("aria-pressed", String(camera.isOn));
  setText(button, camera.isOn ? "Stop the camera" : "Use the camera");
  askPanel.live = camera.isOn;
  classes.cameraOn = camera.isOn;
}

// ---- Keeping ----------------------------------------------------------------------------------

async function save(): Promise<void> {
  const bytes = await link.ask("save", {});
  const address = URL.createObjectURL(new Blob([bytes]));
  el("a", { href: address, download: "learner.wscl" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function load(file: File): Promise<void> {
  const { name } = file;
  const isOpen = await replaceKept(
    name,
    "Open it",
    (sure) => link.ask("load", { file, name, sure }),
  );
  if (isOpen) say(`${name} is open`);
}

async function beginAnew(): Promise<void> {
  const wishes = wishesOf();
  const create = (sure: boolean) => link.ask("create", { wishes, sure });
  if (!await replaceKept("a new learner", "Begin anew", create)) return;
  byId<HTMLDetailsElement>("anew").open = false;
  say("A new learner is there: teach it.");
}

/** Puts another learner in the place of the one that is kept; false where the visitor would not lose that. */
async function replaceKept(
  other: string,
  yes: string,
  ask: (sure: boolean) => Promise<View | InTheWay>,
): Promise<boolean> {
  await endDemo();
  refuseAsleep();
  let answer = await ask(false);
  if ("inTheWay" in answer) {
    if (!await isSure(questionAbout(answer, other), yes)) return false;
    answer = await ask(true);
  }
  if ("inTheWay" in answer) return false;
  showKept(answer);
  return true;
}

function questionAbout({ inTheWay }: InTheWay, other: string): string {
  const question = `Put ${other} in the place of your learner in this browser?`;
  if (inTheWay.length === 0) return `${question} It is damaged, and is gone then.`;
  const names = inTheWay.slice(0, NAMED).join(", ");
  const more = inTheWay.length - NAMED;
  return `${question} It was taught ${names}${
    more > 0 ? ` and ${more} more` : ""
  }, and is gone then: save it as a file to have it again.`;
}

function wishesOf(): Wishes {
  const form = new FormData(byId<HTMLFormElement>("wishes"));
  const number = (name: string) => Number(form.get(name));
  const start = form.get("start") === "small";
  const dreams = form.get("dreams");
  return {
    start,
    size: number("size"),
    ...start ? {} : { width: number("width") },
    maxClasses: number("maxClasses"),
    memory: number("memory"),
    seed: number("seed"),
    dreams: dreams === "memory" ? "memory" : "none",
    ...dreams === "drawn" ? { drawnDreams: 12 } : {},
    changed: form.has("freezing") ? [{ path: "wscl.freezing", value: true }] : [],
  };
}

// ---- The demo ---------------------------------------------------------------------------------

async function toggleDemo(): Promise<void> {
  if (demo) return await endDemo();
  refuseAsleep();
  const end = new AbortController();
  demo = { end, ended: showDemo(end.signal) };
  await demo.ended;
}

/** Ends the demo, if it is there: what follows is about the learner that is kept. */
async function endDemo(): Promise<void> {
  if (demo === null) return;
  demo.end.abort();
  link.stop();
  notice("The demo ends with this step; then your own learner is here.");
  // What failed in it is told by whoever began it.
  await demo.ended.catch(() => {});
}

/** Plays the demo, and leaves it there to be looked at until it is ended. */
async function showDemo(signal: AbortSignal): Promise<void> {
  stopCamera();
  setText(byId("demo"), "End the demo");
  try {
    await playDemo({
      link,
      show,
      signal,
      sleep: () => sleep(false),
      ask: async (image, from) => {
        askPanel.show(await link.ask("predict", { image, from }), false);
      },
      say: (text) => notice(text),
    }, isSlow);
    if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done));
  } finally {
    notice(null);
    try {
      show(await link.ask("open", {}));
    } finally {
      demo = null;
      setText(byId("demo"), "Watch a demo");
    }
  }
}

// ---- The page ---------------------------------------------------------------------------------

function listenToPage(): void {
  byId("new-class").addEventListener("submit", (event) => {
    event.preventDefault();
    const input = byId<HTMLInputElement>("class-name");
    const name = input.value.trim();
    if (name === "") return input.focus();
    input.value = "";
    attempt(async () => {
      await endDemo();
      classes.draft(name);
    });
  });
  const files = (id: string, use: (files: FileList) => Promise<unknown>) => {
    const input = byId<HTMLInputElement>(id);
    input.addEventListener("change", () => {
      const chosen = input.files!;
      if (chosen.length === 0) return;
      attempt(async () => {
        try {
          await use(chosen);
        } finally {
          input.value = "";
        }
      });
    });
  };
  files("folder", (chosen) => take(chosenPictures(chosen), null));
  files("ask-file", ([file]) => askFile(file));
  files("load", ([file]) => load(file));
  byId("camera").addEventListener("click", () =>
    attempt(async () => {
      if (camera.isOn) return stopCamera();
      await camera.start();
      showCamera();
      try {
        await watchCamera();
      } finally {
        stopCamera();
      }
    }));
  byId("save").addEventListener("click", () => attempt(save));
  byId("wishes").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(beginAnew);
  });
  byId("demo").addEventListener("click", () => attempt(toggleDemo));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    const { dataTransfer, target } = event;
    if (!dataTransfer) return;
    const at = target instanceof Element ? target : document.body;
    const pictures = droppedPictures(dataTransfer);
    const isAsked = at.closest("#ask") !== null || view?.place === "demo";
    attempt(async () => {
      const found = await pictures;
      const learner = [...dataTransfer.files].find(({ name }) => name.endsWith(".wscl"));
      if (learner) return await load(learner);
      await take(found, isAsked ? null : classes.nameAt(at));
    });
  });
}

/** Why nothing can be learned here; null: it can. */
async function whyNot(): Promise<string | null> {
  if (!isSecureContext) {
    return "This page needs a secure address (https, or localhost) to use the GPU.";
  }
  if (!("gpu" in navigator)) {
    return "This browser has no WebGPU. Chrome and Edge 140, Safari 26 and Firefox 141 or newer have it on most machines.";
  }
  if (!("toHex" in Uint8Array.prototype)) {
    return "This browser is too old for this page: Chrome and Edge 140, Safari 26 and Firefox 141 or newer will do.";
  }
  const adapter = await navigator.gpu.requestAdapter();
  if (adapter === null) {
    return "This browser has WebGPU, but found no GPU that it may use. Its settings may forbid hardware acceleration, or the driver is too old.";
  }
  const { description, vendor, architecture, isFallbackAdapter } = adapter.info;
  isSlow = isFallbackAdapter;
  const name = description || [vendor, architecture].filter((part) => part !== "").join(" ");
  setText(
    byId("adapter"),
    `It runs on ${name || "your GPU"}${isSlow ? ", a CPU that plays a GPU: slowly" : ""}.`,
  );
  return null;
}

async function main(): Promise<void> {
  const reason = await whyNot();
  if (reason !== null) {
    notice(reason);
    for (const button of document.querySelectorAll<HTMLButtonElement>("button, input, select")) {
      button.disabled = true;
    }
    return;
  }
  listenToPage();
  if (isSlow) {
    byId<HTMLSelectElement>("wishes").querySelector<HTMLSelectElement>("[name=size]")!.value = "32";
  }
  show(await link.ask("open", {}));
  notice(null);
  byId<HTMLButtonElement>("demo").disabled = false;
  document.documentElement.dataset.ready = "true";
  // A night that was cut off by closing the page goes on.
  if (view?.waiting.night || view?.waiting.twin) await sleep(false);
}

attempt(main);
