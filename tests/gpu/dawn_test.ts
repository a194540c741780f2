/** Dawn runs what Deno's own WebGPU runs. Without its package, or a driver that it accepts, this is ignored. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { DawnFindings } from "./dawn_program.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

async function program(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "-A", "--config", at("../../deno.json")],
      ...["--lock", at("../../dawn.lock"), at("dawn_program.ts"), ...args],
    ],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

const probe = await program("probe");
const reason = probe.stderr.match(/(?:Cannot|Failed) .*/)?.[0] ?? `it ended with ${probe.code}`;

Deno.test({
  name: `Dawn: kernels, errors and training${probe.code === 0 ? "" : ` (ignored: ${reason})`}`,
  ignore: probe.code !== 0,
  fn: async (t) => {
    const { code, stdout, stderr } = await program();
    assert.equal(code, 0, stderr);
    const findings: DawnFindings = JSON.parse(stdout);
    const { adapter, checks, messages, readBack, runs } = findings;

    await t.step("every kernel is right, those with subgroups as well", () => {
      assert.equal(adapter.provider, "dawn");
      assert.deepEqual(checks.filter(({ ok }) => !ok), []);
      const kernels = checks.map(({ kernel }) => kernel);
      for (const kernel of ["conv2d_forward", "conv2d_weight_gradient_f16"]) {
        assert(kernels.includes(kernel), kernel);
      }
    });

    await t.step("parts of arrays are uploaded to where they belong", () => {
      assert.deepEqual(readBack, [0, 0, 1, 2, 3, 0]);
    });

    await t.step("errors name kernel and line, or the lack of memory, and are never lost", () => {
      assert.match(messages.wgsl, /Cannot compile kernel broken/);
      assert.match(messages.wgsl, /^broken\.wgsl:2:\d+ /m);
      assert.match(messages.memory, /^DeviceError: Cannot fill it: .* out of memory/);
      assert.match(messages.uncaptured, /^Error: Cannot run on the GPU: .*usage/i);
    });

    await t.step("a run in a worker ends like the same run on Deno's own WebGPU", () => {
      const { deno, dawn } = runs;
      assert.equal(dawn.summary.completed, true);
      assert.deepEqual([deno.summary.provider, dawn.summary.provider], ["deno", "dawn"]);
      assert.match(dawn.summary.adapter, /, by Dawn$/);
      assert.equal(dawn.losses.length, deno.losses.length);
      // Rounding that differs grows from step to step: only the first ones must be near.
      for (const [i, loss] of dawn.losses.slice(0, 4).entries()) {
        const off = Math.abs(loss - deno.losses[i]);
        assert(off < 1e-3 * deno.losses[i], `losses ${loss} and ${deno.losses[i]}`);
      }
      assert(dawn.losses.every((loss) => loss > 0 && loss < 20));
      const same = deno.digest === dawn.digest ? "the same bits" : "other bits";
      console.log(`${adapter.description}: ${same} after ${dawn.summary.steps} steps`);
    });
  },
});
