/** Live lines: what they say, that they fit, and what a terminal shows of them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { LiveArea } from "../../src/cli/live/live_area.ts";
import { panel, type PanelFacts } from "../../src/cli/live/panel.ts";
import { Story } from "../../src/cli/live/story.ts";
import { TimeLeft } from "../../src/cli/live/time_left.ts";
import { cut, widthOf } from "../../src/cli/live/width.ts";
import type { PlannedPhase, RunEvent, StepEvent } from "../../src/experiment/events.ts";
import { withFolder } from "../data/fixtures.ts";
import { noReaders, read } from "../readers/readers.ts";

const step: StepEvent = {
  ...{ type: "step", task: 0, phase: "wake", step: 5, steps: 10, total: 5 },
  ...{ loss: 1.25, milliseconds: 100, samplesPerSecond: 80 },
};

const facts: PanelFacts = {
  title: "",
  tasks: 5,
  gone: 65_000,
  left: 125_000,
  all: null,
  share: 0.345,
};

/** What happens in a run of so many tasks until the last one sleeps. */
function storyOf(tasks: number): Story {
  const story = new Story();
  const tell = (event: RunEvent, at = 0) => story.observe(event, at);
  const candidates = Array.from({ length: 7 }, (_, frozen) => ({ frozen, loss: 2 + frozen / 8 }));
  for (let task = 0; task < tasks; task++) {
    tell({ type: "phase", task, phase: "wake" });
    tell({ ...step, task });
    if (task > 0) tell({ type: "freezing", task, candidates, chosen: 1 });
    tell({ type: "phase", task, phase: "sleep" }, 1000);
    tell({ ...step, task, phase: "nrem", step: 20, steps: 40, loss: 0.5 }, 3000);
    tell({ ...step, task, phase: "rem", step: 20, steps: 40, loss: 0.75 }, 3000);
    if (task === tasks - 1) return story;
    tell({ type: "phase", task, phase: "evaluation" }, 5000);
    const classIl = Array.from({ length: task + 1 }, (_, i) => 100 * (i + 1) / (task + 1));
    tell({ type: "evaluation", task, classIl, taskIl: classIl, gpuBytes: 0 });
  }
  return story;
}

Deno.test("the live lines tell where a run is, what is left, and what has become of it", () => {
  const lines = panel(storyOf(4), facts, { columns: 80, rows: 24, colour: false }).split("\n");
  assert.deepEqual(lines, [
    "task 4/5  sleep 20/40  rem loss 0.7500  80 images/s",
    "[##############..........................]  34 %  1:05 gone, about 2:05 left",
    "Class-IL %     t1    t2    t3  mean",
    " after t1   100.0             100.0",
    " after t2    50.0 100.0        75.0",
    " after t3    33.3  66.7 100.0  66.7",
    "frozen     t4 first 1 block (loss by blocks 0: 2.000, 1: 2.125, 2: 2.250, 3:",
    "           2.375, 4: 2.500, 5: 2.625, 6: 2.750)",
    "sleep      t4 20 steps in 0:02, loss nrem 0.500, rem 0.750",
  ]);
});

Deno.test("a sleep that is over keeps what it has come to", () => {
  const story = storyOf(2);
  story.observe({ type: "phase", task: 1, phase: "dawn" }, 11_000);
  story.observe({ ...step, task: 1, phase: "dawn" }, 12_000);
  const text = panel(story, facts, { columns: 80, rows: 24, colour: false });
  assert.match(text, /^sleep {6}t2 20 steps in 0:10, loss nrem 0.500, rem 0.750$/m);
});

Deno.test("live lines fit any screen, whatever the tasks; the last ones are shown", () => {
  for (const tasks of [1, 2, 5, 12, 20, 100]) {
    const story = storyOf(tasks);
    for (const columns of [20, 40, 60, 80, 120]) {
      for (const rows of [2, 5, 10, 24, 60]) {
        const title = "[3/25] er_ace_equal_compute seed 1";
        const shown = { ...facts, title, tasks, all: 3_600_000 };
        const lines = panel(story, shown, { columns, rows, colour: false }).split("\n");
        const where = `${tasks} tasks, ${columns} columns, ${rows} rows`;
        assert(lines.length < rows, `${where}: ${lines.length} lines`);
        if (columns < 60) continue;
        for (const line of lines) assert(line.length < columns, `${where}: ${line}`);
        if (rows < 24 || tasks === 1) continue;
        const matrix = lines.filter((line) => line.startsWith(" after"));
        assert(matrix.at(-1)!.startsWith(` after t${tasks - 1} `), where);
        assert(
          lines.find((line) => line.startsWith("Class-IL"))!.includes(`t${tasks - 1} `),
          where,
        );
      }
    }
  }
});

Deno.test("colours say nothing that numbers do not, and take no room", () => {
  const screen = { columns: 80, rows: 24 };
  const plain = panel(storyOf(4), facts, { ...screen, colour: false });
  const coloured = panel(storyOf(4), facts, { ...screen, colour: true });
  assert.notEqual(coloured, plain);
  // deno-lint-ignore no-control-regex
  assert.equal(coloured.replace(/\x1b\[\d+m/g, ""), plain);
  assert.deepEqual(coloured.split("\n").map(widthOf), plain.split("\n").map(widthOf));
});

Deno.test("lines are cut by what a terminal shows, and colours are ended", () => {
  assert.equal(widthOf("猫 é\u0301 a"), 6);
  assert.equal(cut("猫猫猫", 5), "猫猫");
  assert.equal(cut("\x1b[31mabcdef\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
});

Deno.test("the time left follows from what phases took, the exact rest of a run that goes on so", () => {
  const part = (
    task: number,
    phase: PlannedPhase["phase"],
    trained: number,
    judged = 0,
  ): PlannedPhase => ({
    ...{ task, phase, steps: trained / 10, trained, judged },
  });
  const phases = [0, 1, 2].flatMap((task) => [
    part(task, "wake", 100),
    part(task, "sleep", 200),
    part(task, "evaluation", 0, 300 * (task + 1)),
  ]);
  // Milliseconds that an image takes.
  const speeds: Record<string, number> = { wake: 10, sleep: 20, evaluation: 3 };
  const time = new TimeLeft();
  let now = 1000;
  const tell = (event: RunEvent) => time.observe(event, now);
  assert.equal(time.left(now), null);
  tell({ type: "plan", phases });
  assert.equal(time.left(now), null);
  const seconds = (from: number) =>
    phases.slice(from).reduce(
      (sum, { phase, trained, judged }) => sum + speeds[phase] * (trained + judged),
      0,
    );
  for (const [i, { task, phase, trained, judged, steps }] of phases.entries()) {
    tell({ type: "phase", task, phase });
    const took = speeds[phase] * (trained + judged);
    if (steps > 0) {
      now += took / 2;
      tell({ ...step, task: task!, phase, step: steps / 2, steps });
      if (i > 2) {
        assert(
          Math.abs(time.left(now)! - (took / 2 + seconds(i + 1))) < 1,
          `${phase} of task ${task}`,
        );
        assert(Math.abs(time.left(now + 100)! - (took / 2 - 100 + seconds(i + 1))) < 1);
        const share = (seconds(0) - seconds(i) + took / 2) / seconds(0);
        assert(Math.abs(time.share(now)! - share) < 1e-3, `${time.share(now)}, not ${share}`);
      } else if (i === 0) {
        assert.equal(time.left(now), null); // kernels were compiled until then
      }
      now += took / 2;
      tell({ ...step, task: task!, phase, step: steps, steps });
    } else {
      now += took;
    }
  }
  tell({ type: "phase", task: null, phase: "saving" });
  assert(Math.abs(time.left(now)!) < 1);
});

Deno.test("a run that goes on knows from its log what phases took", () => {
  const time = new TimeLeft();
  time.observe({ type: "phase", task: 0, phase: "wake" }, -9000);
  time.observe({ ...step, step: 1, steps: 4 }, 1000); // with what was compiled
  time.observe({ ...step, step: 4, steps: 4 }, 4000);
  time.observe({ type: "phase", task: 1, phase: "wake" }, 4000);
  const wake = (task: number): PlannedPhase => ({
    task,
    phase: "wake",
    steps: 4,
    trained: 40,
    judged: 0,
  });
  time.observe({ type: "plan", phases: [wake(0), wake(1), wake(2)] }, 1e9);
  time.observe({ type: "resume", task: 1, phase: "wake", steps: 4, logBytes: 0 }, 1e9 + 500);
  assert.equal(time.left(1e9 + 500)! > 4000, true);
  // It was half done, and the rest takes as long as it did in the task before.
  time.observe({ ...step, task: 1, step: 2, steps: 4 }, 1e9 + 500);
  assert.equal(time.left(1e9 + 500), 2000 + 4000);
});

/** What is written to a terminal that changes its size, and what it shows then. */
async function shown(
  act: (area: LiveArea, resize: (columns: number, rows: number) => void) => void,
): Promise<string[]> {
  let size = { columns: 80, rows: 24 };
  let text = "";
  const resizes: number[] = [];
  const area = new LiveArea((part) => text += part, () => ({ ...size, colour: false }));
  act(area, (columns, rows) => {
    size = { columns, rows };
    resizes.push(new TextEncoder().encode(text).length, columns, rows);
  });
  let lines: string[] = [];
  await withFolder(async (folder) => {
    const file = join(folder, "bytes");
    Deno.writeTextFileSync(file, text);
    lines = await read<string[]>("screen.ts", file, "80", "24", ...resizes.map(String));
  });
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
}

Deno.test({
  name: "a terminal shows live lines once, below what is printed, narrower, wider and low",
  ignore: noReaders !== null,
  async fn() {
    const draw = ({ columns, rows }: { columns: number; rows: number }) =>
      panel(storyOf(5), facts, { columns, rows, colour: true });
    const lines = await shown((area, resize) => {
      area.print("first");
      area.show(draw);
      area.print("second");
      area.redraw();
      resize(47, 24); // the lines that stand there wrap
      area.redraw();
      area.print("third");
      resize(120, 24);
      area.redraw();
      resize(120, 12);
      area.redraw();
      area.print("fourth");
      resize(80, 24);
      area.redraw();
    });
    assert.deepEqual(lines.slice(0, 4), ["first", "second", "third", "fourth"]);
    const expected = panel(storyOf(5), facts, { columns: 80, rows: 24, colour: false });
    assert.deepEqual(lines.slice(4), expected.split("\n"));

    // Lower than what it shows: the line that has scrolled out is out of reach, all below is right.
    const low = await shown((area, resize) => {
      area.show(draw);
      resize(80, 6);
      area.redraw();
      area.print("stays");
    });
    const few = panel(storyOf(5), facts, { columns: 80, rows: 6, colour: false }).split("\n");
    assert.deepEqual(low.slice(-few.length - 1), ["stays", ...few]);

    const after = await shown((area) => {
      area.show(draw);
      area.print("stays");
      area.show("");
      area.print("the end");
    });
    assert.deepEqual(after, ["stays", "the end"]);
  },
});
