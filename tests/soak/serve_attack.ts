/** Ten thousand damaged requests. */

import { attackService } from "../serve/attack.ts";

Deno.test("ten thousand damaged requests", async () => {
  console.log(await attackService(10_000, Date.now() % 2 ** 31));
});
