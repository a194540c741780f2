import type { View } from "../messages.ts";
import type { Link } from "./link.ts";

/** What is taught on each day. */
const DAYS = [["disc", "cross"], ["star", "arrow"], ["ring", "dumbbell"]];

/** What a GPU has time for, and what a CPU that plays one. */
const SIZES = {
  fast: { pictures: 32, size: 32, changed: [] },
  slow: { pictures: 20, size: 16, changed: [{ path: "wscl.sleepEpochs", value: 5 }] },
};

/** Milliseconds for which a picture and its answers can be looked at. */
const LOOK = 1400;

/** What the demo does with the page. */
export interface DemoStage {
  readonly link: Link;
  readonly signal: AbortSignal;
  show(view: View): void;
  sleep(): Promise<void>;
  ask(pixels: Uint8Array<ArrayBuffer>, name: string): Promise<void>;
  say(text: string): void;
}

/** Plays by itself: three days of two drawn figures each, with a night behind each, and questions between them. */
export async function playDemo(stage: DemoStage, small: boolean): Promise<void> {
  const { link, signal, show, sleep, ask, say } = stage;
  const { pictures: count, ...sizes } = small ? SIZES.slow : SIZES.fast;
  show(
    await link.ask("demo", {
      wishes: { ...sizes, start: true, maxClasses: 20, memory: 120, drawnDreams: 12 },
    }),
  );
  const known: string[] = [];
  for (const [i, day] of DAYS.entries()) {
    for (const name of day) {
      if (signal.aborted) return;
      say(`Day ${i + 1}: it is taught ${name}, ${count} drawn pictures`);
      const { pixels } = await link.ask("draw", { name, count, part: "train" });
      const pictures = pixels.map((image, n) => ({ image, from: `${name} ${n}` }));
      show((await link.ask("teach", { place: "demo", name, pictures })).view);
      await wait(LOOK / 2, signal);
    }
    if (signal.aborted) return;
    say(`Night ${i + 1}: it learns ${day.join(" and ")}`);
    await sleep();
    known.push(...day);
    for (const name of known) {
      const { pixels } = await link.ask("draw", { name, count: i + 1, part: "test" });
      if (signal.aborted) return;
      say(`Asked about a new picture: ${name}`);
      await ask(pixels[i], name);
      await wait(LOOK, signal);
    }
  }
  say(
    "That was the demo; nothing of it stays. Now add a class of your own: that ends the demo and teaches your own learner, which is kept.",
  );
}

async function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
