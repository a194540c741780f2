/** A service killed under load, a few times; `tests/soak` does it more often. */

import { killServices } from "./kills.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

Deno.test({
  name: "a service that is killed loses nothing that it acknowledged, and its nights end the same",
  ignore: adapter === null || Deno.build.os === "windows",
  fn: async () => console.log(await killServices(3, 3, 1)),
});
