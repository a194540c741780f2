/**
 * Learning without Forgetting (Li and Hoiem, ECCV 2016) as a method of one's own: before a task its images are shown to
 * the network once, and while it learns the new classes its answers for the old ones are held to what they were.
 * The squared distance of logits stands in for the cross-entropy of softened answers (Hinton et al.: the limit of high
 * temperature).
 */
import { batchesOf, type Method, NOTHING_NEEDED, shuffled } from "wscl/method";

const method: Method = {
  name: "lwf",
  options: { distillation: 1 },
  needs: () => NOTHING_NEEDED,
  async learn(session, task, { config }) {
    const { learner, heads, options, random } = session;
    const open = new Set([...task.heads, ...heads.free]);
    const old = heads.all.size - open.size;

    // What the network answers now, an image a row; the first task has nothing to keep.
    const table = old > 0 ? learner.logitsTable("lwf", task.train.length) : null;
    const images = task.train.map((sample, row) => ({ ...sample, target: row }));
    if (table) {
      const written = images.map((sample, slot) => ({ ...sample, slot }));
      await learner.rememberLogits(written, table.targets);
    }

    const weight = Number(config.methodOptions.distillation);
    const distillation = table
      ? { weight, heads: old, over: "closed" as const, targets: table.targets }
      : undefined;
    try {
      const steps = options.epochs * Math.ceil(images.length / options.batchSize);
      session.begin("stream", steps);
      for (let epoch = 0; epoch < options.epochs; epoch++) {
        for (const samples of batchesOf(shuffled(images, random.order), options.batchSize)) {
          await learner.step("stream", [{ samples, open, distillation }]);
        }
      }
    } finally {
      table?.destroy();
    }
  },
};

export default method;
