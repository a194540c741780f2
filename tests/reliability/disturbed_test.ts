/** What others do to a run that goes on: remove its folder, set the clock. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { RunEvent } from "../../src/experiment/events.ts";
import { withFolder } from "../data/fixtures.ts";
import { gpuTests } from "../support/gpu.ts";
import { outcome, runTiny } from "./tiny.ts";

const gpuTest = await gpuTests();
const short = {
  method: "er_ace",
  epochs: 1,
};

function made(folder: string, name: string) {
  const out = join(folder, name);
  Deno.mkdirSync(out);
  return { out, changes: short };
}

const messages = (events: readonly RunEvent[]) =>
  events.flatMap((event) => event.type === "message" ? [event.text] : []).join("\n");

gpuTest(
  "a run whose folder is removed keeps what it learned, and can be gone on with",
  () =>
    withFolder(async (folder) => {
      const whole = made(folder, "whole");
      await runTiny(whole);
      const { log: _, ...expected } = await outcome(whole.out);

      const run = made(folder, "run");
      let points = 0;
      const removing = {
        atPoint: () => {
          if (++points === 3) Deno.removeSync(run.out, { recursive: true });
        },
      };
      const { events } = await runTiny({
        ...run,
        options: { ...removing, checkpointEvery: "never" },
      });
      assert.match(messages(events), /^Somebody removed .*run: made again, without the log/m);
      assert(Deno.statSync(join(run.out, "config.json")).isFile);
      const summary = Deno.readTextFileSync(join(run.out, "summary.json"));
      assert.equal(JSON.parse(summary).completed, true);

      points = 0;
      const cut = made(folder, "cut");
      const stopping = {
        atPoint: () => {
          if (++points === 3) Deno.removeSync(cut.out, { recursive: true });
        },
        shouldStop: () => points >= 5,
      };
      assert.equal((await runTiny({ ...cut, options: stopping })).summary.stopped, "request");
      assert(Deno.statSync(join(cut.out, "run.json")).isFile);
      await runTiny({ ...cut, options: { resume: true } });
      const { log: __, ...found } = await outcome(cut.out);
      assert.deepEqual(found, expected);
    }),
);

gpuTest(
  "a clock that is set ahead or back ends no run, and delays no checkpoint",
  () =>
    withFolder(async (folder) => {
      const { now } = Date;
      for (const days of [365, -365]) {
        const run = made(folder, `${days} days`);
        let points = 0;
        try {
          const { summary, events } = await runTiny({
            ...run,
            options: {
              deadline: now() + 600_000,
              checkpointEvery: { seconds: 0.001 },
              atPoint: () => {
                if (++points === 3) Date.now = () => now() + days * 86_400_000;
              },
            },
          });
          assert.equal(summary.completed, true);
          assert(messages(events).match(/^checkpoint /gm)!.length > 4);
        } finally {
          Date.now = now;
        }
      }
    }),
);

gpuTest(
  "the copies of a freezing search are counted before the run trains",
  () =>
    withFolder(async (folder) => {
      const told = async (name: string, changes: Record<string, unknown>) => {
        const out = join(folder, name);
        Deno.mkdirSync(out);
        const options = { shouldStop: () => trains, emit: (event: RunEvent) => void look(event) };
        let [text, trains] = ["", false];
        const look = (event: RunEvent) => {
          if (event.type !== "message" || !/^GPU memory/.test(event.text)) return;
          [text, trains] = [event.text, true];
        };
        await runTiny({ out, changes, options });
        return text;
      };
      assert.match(await told("staged", {}), /freezing search \d/);
      assert.match(
        await told("merged", { wscl: { freezing: true, schedule: "merged", sleepEpochs: 1 } }),
        /freezing search \d/,
      );
      assert.doesNotMatch(await told("none", { method: "er_ace" }), /freezing search/);
      // Of 4000 images of 256 bytes and their logits, 32 bytes each, a merged search holds two copies.
      const memory = { longTerm: 4000, shortTerm: 16 };
      const remembers = (freezing: boolean) => {
        const wscl = { freezing, schedule: "merged", base: "derpp" };
        return told(`remembers, ${freezing}`, { wscl, memory });
      };
      assert.match(await remembers(false), /memories 1\.2 MB/);
      assert.match(await remembers(true), /memories 3\.5 MB/);
    }),
);
