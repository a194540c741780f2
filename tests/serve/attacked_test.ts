/** Damaged requests, some hundred; `tests/soak` sends ten thousand. */

import { attackService } from "./attack.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

Deno.test({
  name: "damaged requests end in no crash, no hang and no wrong answer",
  ignore: adapter === null,
  fn: async () => console.log(await attackService(300, 1)),
});
