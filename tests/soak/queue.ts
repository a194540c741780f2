/** Twelve runs over two workers of a queue, of which one is killed, and Redis as well; three times. */

import { redisMissing, sweepWithKills } from "../sweep/queued.ts";

Deno.test({
  name: "a sweep of twelve runs over workers and a Redis that are killed",
  ignore: redisMissing() !== null,
  fn: async () => {
    for (let round = 0; round < 3; round++) {
      const folder = Deno.makeTempDirSync();
      try {
        const { takenOver, seconds } = await sweepWithKills(folder, 6);
        console.log(`round ${round}: taken over ${takenOver}, ${seconds.toFixed(0)} s`);
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    }
  },
});
