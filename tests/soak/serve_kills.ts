/** A service killed fifty times under load. */

import { killServices } from "../serve/kills.ts";

Deno.test("a service killed fifty times", async () => {
  console.log(await killServices(50, 5, 2));
});
