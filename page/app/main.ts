import type { GivenPicture, News, View, Wishes } from "../messages.ts";
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
let demo: AbortController | null = null;
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
  }
  view = next;
  classes.show(next?.classes ?? []);
  sleepPanel.show(next);
  scores.show(next);
  const playing = next?.place === "demo";
  byId<HTMLButtonElement>("save").disabled = next === null;
  document.documentElement.classList.toggle("playing", playing);
}

function notice(text: string | null): void {
  const box = byId("notice");
  box.hidden = text === null;
  if (text !== null) box.replaceChildren(el("p", {}, text));
}

// ---- Teaching ---------------------------------------------------------------------------------

/** The learner is made when it is first taught. */
async function ensureLearner(): Promise<void> {
  if (view !== null) return;
  show(await link.ask("create", { place: "kept", wishes: wishesOf() }));
  // Without it a browser that needs room may clear what was taught.
  await navigator.storage?.persist?.();
}

async function teach(name: string, pictures: readonly GivenPicture[]): Promise<void> {
  await ensureLearner();
  if (sleepPanel.asleep) complain("It sleeps, and takes these pictures when it wakes up.");
  const bitmaps = pictures.flatMap(({ image }) => image instanceof ImageBitmap ? [image] : []);
  const { kept, known, failed, view } = await link.ask("teach", { name, pictures }, bitmaps);
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
  if (sleepPanel.asleep) throw new Error("It sleeps: stop the night first.");
  if (!await isSure(`Forget ${name} and all its pictures?`, "Forget it")) return;
  show(await link.ask("forget", { name }));
}

// ---- Sleeping ---------------------------------------------------------------------------------

async function sleep(accept: boolean): Promise<void> {
  sleepPanel.begin();
  // Nothing else may move in meanwhile.
  byId("keep").inert = true;
  let text = "The night was broken off: what it was taught is safe.";
  try {
    const outcome = await link.ask("sleep", { accept });
    text = outcome.kind === "kept"
      ? "Good morning: it has learned."
      : outcome.kind === "refused"
      ? "It woke up as it was."
      : "Stopped and saved: the button goes on with the night.";
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
  const isOther = view?.place === "kept" && (view.classes.length > 0);
  if (isOther && !await isSure(`Put ${file.name} in the place of this learner?`, "Open it")) return;
  show(await link.ask("load", { file, name: file.name }));
  say(`${file.name} is open`);
}

async function beginAnew(): Promise<void> {
  const isOther = view !== null && view.classes.length > 0;
  if (isOther && !await isSure("Make a new learner in the place of this one?", "Begin anew")) {
    return;
  }
  show(await link.ask("create", { place: "kept", wishes: wishesOf() }));
  byId<HTMLDetailsElement>("anew").open = false;
  say("A new learner is there: teach it.");
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
  if (demo) {
    demo.abort();
    link.stop();
    return;
  }
  const controller = demo = new AbortController();
  stopCamera();
  setText(byId("demo"), "End the demo");
  try {
    await playDemo({
      link,
      show,
      signal: controller.signal,
      sleep: () => sleep(false),
      ask: async (image, from) => {
        askPanel.show(await link.ask("predict", { image, from }), false);
      },
      say: (text) => notice(text),
    }, isSlow);
    if (!controller.signal.aborted) {
      await new Promise((done) => controller.signal.addEventListener("abort", done));
    }
  } finally {
    demo = null;
    setText(byId("demo"), "Watch a demo");
    notice(null);
    show(await link.ask("open", { place: "kept" }));
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
    classes.draft(name);
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
    attempt(async () => {
      const found = await pictures;
      const learner = [...dataTransfer.files].find(({ name }) => name.endsWith(".wscl"));
      if (learner) return await load(learner);
      await take(found, at.closest("#ask") ? null : classes.nameAt(at));
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
  show(await link.ask("open", { place: "kept" }));
  notice(null);
  byId<HTMLButtonElement>("demo").disabled = false;
  document.documentElement.dataset.ready = "true";
  // A night that was cut off by closing the page goes on.
  if (view?.waiting.night || view?.waiting.twin) await sleep(false);
}

attempt(main);
