/** `learn` and `forget` killed at thirty random moments each. */

import assert from "node:assert/strict";
import { killLearner } from "../reliability/learner_kills.ts";

Deno.test("a learner killed thirty times", async () => {
  const { moments, forgetting } = await killLearner(30, 2);
  console.log(`killed while learning: ${JSON.stringify(moments)}; in forgetting: ${forgetting}`);
  assert(moments.waiting > 0, "no kill came while images waited");
});
