import { Buffer } from "node:buffer";
import { type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { serve } from "../../../src/cli/page.ts";
import { drawImages } from "../../../src/images/drawn.ts";
import { imagePixels } from "../../../src/images/image_set.ts";
import { pngFile } from "../../data/png_files.ts";

/** A page on a server of its own, in a browser with a profile of its own. */
export interface Visit {
  readonly context: BrowserContext;
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Milliseconds for what a software adapter on a busy machine takes. */
export const PATIENCE = 400_000;

/** Opens a browser with Chromium's own software WebGPU, and a camera that shows a test picture. */
export async function visit(
  site: string,
  profile: string,
  { colorScheme = "light", port = 0 }: {
    readonly colorScheme?: "light" | "dark";
    /** What a page keeps belongs to its address. */
    readonly port?: number;
  } = {},
): Promise<Visit> {
  const stop = new AbortController();
  const server = serve(site, port, stop.signal);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium",
    headless: true,
    viewport: { width: 1280, height: 900 },
    colorScheme,
    args: [
      "--no-sandbox",
      "--enable-unsafe-webgpu",
      "--use-webgpu-adapter=swiftshader",
      "--enable-features=Vulkan",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
    ],
  });
  context.setDefaultTimeout(PATIENCE);
  // Losses are shown as a curve only: what the worker tells is kept for the test.
  await context.addInitScript(() => {
    const told: unknown[] = Reflect.set(globalThis, "told", [])
      ? Reflect.get(globalThis, "told")
      : [];
    const Original = Worker;
    Reflect.set(
      globalThis,
      "Worker",
      class extends Original {
        constructor(url: string, options: WorkerOptions) {
          super(url, options);
          this.addEventListener("message", ({ data }) => told.push(data));
        }
      },
    );
  });
  return {
    context,
    port: server.addr.port,
    url: `http://127.0.0.1:${server.addr.port}/`,
    async close() {
      await context.close();
      stop.abort();
      await server.finished;
    },
  };
}

/** Opens the page, and resolves when it can be used. */
export async function openPage({ context, url }: Visit): Promise<Page> {
  const page = await context.newPage();
  page.on("pageerror", ({ message }) => console.error(`in the page: ${message}`));
  await page.goto(url);
  await page.waitForSelector("html[data-ready]");
  return page;
}

/** What the worker has told the page so far, oldest first. */
export async function told(page: Page): Promise<Record<string, unknown>[]> {
  return await page.evaluate(() => Reflect.get(globalThis, "told"));
}

/** Figures of which each has a colour of its own: a small network tells them apart after a night. */
export const FIGURES = ["disc", "square", "star"] as const;

const SIZE = 16;
const MOST = 60;

/** RGB bytes `[16, 16, 3]` of such figures. */
export function figures(name: string, count: number, first = 0): Uint8Array<ArrayBuffer>[] {
  const drawn = drawImages({
    format: "drawn",
    drawn: { kind: "shapes", classes: 10, trainPerClass: MOST, testPerClass: 1 },
    size: SIZE,
  }, "train");
  const label = drawn.classNames.indexOf(name);
  const channel = FIGURES.findIndex((figure) => figure === name);
  return Array.from({ length: count }, (_, i) => {
    const pixels = imagePixels(drawn, label * MOST + first + i).slice();
    return channel < 0
      ? pixels
      : pixels.map((value, at) => at % 3 === channel ? value : Math.round(value / 4));
  });
}

/** Pictures as files that a visitor chooses. */
export function filesOf(name: string, pictures: readonly Uint8Array<ArrayBuffer>[]) {
  return pictures.map((samples, i) => ({
    name: `${name} ${i}.png`,
    mimeType: "image/png",
    buffer: Buffer.from(
      pngFile({ width: SIZE, height: SIZE, colorType: 2, depth: 8, samples }),
    ),
  }));
}

/** Makes a small learner in place of what is there. */
export async function makeSmall(page: Page, settings: Readonly<Record<string, string>>) {
  await page.click("#anew summary");
  await page.selectOption("[name=start]", "none");
  for (const name of ["size", "width", "dreams"]) {
    if (settings[name]) await page.selectOption(`[name=${name}]`, settings[name]);
  }
  for (const name of ["maxClasses", "memory", "seed"]) {
    if (settings[name]) await page.fill(`[name=${name}]`, settings[name]);
  }
  await page.click("#wishes button");
  await sayYes(page, page.locator("#anew:not([open])"));
}

/** Opens the file of a learner in place of what is there. */
export async function openFile(page: Page, file: string): Promise<void> {
  await page.evaluate("document.getElementById('live').textContent = ''");
  await page.setInputFiles("#load", file);
  await sayYes(page, page.locator("#live", { hasText: "is open" }));
}

/** Takes the place of a learner that was taught, about which the page asks, and of one that was not. */
async function sayYes(page: Page, done: Locator): Promise<void> {
  const yes = page.locator("#sure[open] #sure-yes");
  await yes.or(done).first().waitFor({ state: "attached" });
  if (await yes.count() > 0) await yes.click();
  await done.waitFor({ state: "attached" });
}

/** Teaches a class that is new to the page. */
export async function teach(
  page: Page,
  name: string,
  pictures: readonly Uint8Array<ArrayBuffer>[],
) {
  await page.fill("#class-name", name);
  await page.click("#new-class button");
  const card = cardOf(page, name);
  await card.locator("input").setInputFiles(filesOf(name, pictures));
  await card.getByText(`${pictures.length} wait for the night`).waitFor();
}

export function cardOf(page: Page, name: string) {
  return page.locator("#classes > li").filter({
    has: page.getByRole("heading", { name, exact: true }),
  });
}

/** Presses the button that lets it sleep, and waits for the morning. */
export async function sleep(page: Page): Promise<void> {
  await page.click("#sleep-button");
  await morning(page);
}

export async function morning(page: Page): Promise<void> {
  await page.locator("#progress-text", { hasText: "Good morning" }).waitFor();
}

/** Probabilities by class, as the worker answers. */
export interface Answered {
  readonly answers: readonly { readonly name: string; readonly probability: number }[];
  readonly familiarity: number;
}

/** What page's learner answers to a picture. */
export async function ask(page: Page, picture: Uint8Array<ArrayBuffer>): Promise<Answered> {
  const before = (await told(page)).length;
  await page.setInputFiles("#ask-file", filesOf("asked", [picture])[0]);
  const answer = await page.waitForFunction((before) => {
    const told: { answer?: { learner?: unknown } }[] = Reflect.get(globalThis, "told");
    return told.slice(before).find(({ answer }) => answer?.learner)?.answer?.learner;
  }, before);
  return await answer.jsonValue() as Answered;
}
