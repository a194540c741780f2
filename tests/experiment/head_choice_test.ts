import assert from "node:assert/strict";
import { splitTasks } from "../../src/images/task_stream.ts";
import { headChoiceImages } from "../../src/experiment/head_choice.ts";

const trainLabels = Uint16Array.from({ length: 400 }, (_, image) => image % 4);
const split = (compat: "paper" | "official") =>
  splitTasks({
    trainLabels,
    testLabels: trainLabels,
    tasks: 2,
    classesPerTask: 2,
    validation: 20,
    freezingBuffer: 10,
    compat,
  });

Deno.test("headChoiceImages() takes what a task trains on, and nothing set apart", () => {
  const tasks = split("paper");
  const chosen = headChoiceImages(trainLabels, tasks, "paper");
  assert.deepEqual(chosen, tasks.map(({ train }) => train));
});

Deno.test("headChoiceImages() takes nine tenths of all images officially, held-out ones included", () => {
  const tasks = split("official");
  const chosen = headChoiceImages(trainLabels, tasks, "official");
  assert.equal(chosen[0].length + chosen[1].length, 360);
  chosen.forEach((images, task) => {
    assert(images.every((image) => tasks[task].classes.includes(trainLabels[image])));
    assert.equal(new Set(images).size, images.length);
  });
  const heldOut = new Set([...tasks[1].validation, ...tasks[1].freezingBuffer]);
  assert(chosen[1].filter((image) => heldOut.has(image)).length > 0.7 * heldOut.size);
});
