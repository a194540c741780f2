/** `learn` and `forget` killed at random moments, a few times; `tests/soak` does it more often. */

import { killLearner } from "./learner_kills.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

Deno.test({
  name: "a learner whose learning and forgetting are killed loses nothing, and ends the same",
  ignore: adapter === null || Deno.build.os === "windows",
  fn: async () => {
    const { moments, forgetting } = await killLearner(4, 1);
    console.log(`killed while learning: ${JSON.stringify(moments)}; in forgetting: ${forgetting}`);
  },
});
