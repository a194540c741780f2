/** The process takes no more memory after ten thousand steps than after the first thousand. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { runTiny } from "../reliability/tiny.ts";

const STEPS = 10_000;

Deno.test(`memory stays flat over ${STEPS} steps`, async () => {
  const folder = Deno.makeTempDirSync();
  const out = join(folder, "run");
  Deno.mkdirSync(out);
  const sizes: number[] = [];
  let points = 0;
  try {
    const { summary } = await runTiny({
      out,
      changes: { method: "er_ace", epochs: Math.ceil(STEPS / 9), log: { every: 10 } },
      options: {
        checkpointEvery: { steps: 1000 },
        atPoint: () => {
          if (points++ % 500 === 0) sizes.push(Deno.memoryUsage().rss);
        },
      },
    });
    const early = Math.max(...sizes.slice(0, Math.ceil(sizes.length / 5)));
    const late = Math.max(...sizes.slice(-3));
    const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
    console.log(
      `memory: ${summary.steps} steps, ${mb(early)} MB in the first fifth, ${
        mb(late)
      } MB at the end`,
    );
    assert(summary.steps >= STEPS * 0.9);
    assert(late < early * 1.1 + 20e6, sizes.map(mb).join(" "));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
