/** A disk of every size that is too small: each run says so, and goes on once there is room. */

import assert from "node:assert/strict";
import { TinyProcess } from "../reliability/process.ts";

/** KiB; a checkpoint of the run takes some 400. */
const SIZES = [8, 16, 24, 48, 100, 200, 380, 420, 500, 700, 800, 900, 1000, 1200, 1300, 1400];

Deno.test({
  name: "a full disk at every write",
  ignore: Deno.build.os !== "linux" || !(await mayMount()),
  fn: async () => {
    using undisturbed = new TinyProcess();
    assert.equal((await undisturbed.start("--checkpoint-every", "never")).code, 0);
    const { log: _, ...expected } = await undisturbed.outcome();
    const where: string[] = [];
    for (const size of SIZES) {
      using run = new TinyProcess();
      Deno.mkdirSync(run.out);
      await mount("mount", "-t", "tmpfs", "-o", `size=${size}k`, "tmpfs", run.out);
      try {
        const full = await run.start("--checkpoint-every", "1steps");
        assert.doesNotMatch(full.output, /\n +at /, "no stack trace");
        if (full.code !== 0) {
          const said = /Cannot write \S*\/run\/(\S+): No space left on device.*free some space/
            .exec(full.output);
          assert(said, full.output);
          where.push(`${size} KiB: ${said[1]}`);
        }
        await mount("mount", "-o", "remount,size=64m", run.out);
        const again = exists(`${run.out}/run.json`)
          ? await run.resume()
          : await run.start("--overwrite");
        assert.equal(again.code, 0, again.output);
        // The log also holds what was said of checkpoints that found no room.
        const { log: _, ...found } = await run.outcome();
        assert.deepEqual(found, expected, `${size} KiB`);
      } finally {
        await mount("umount", run.out);
      }
    }
    console.log(
      `full disk: ${where.length} runs stopped at it and went on to the same end: ${
        where.join("; ")
      }`,
    );
  },
});

async function mount(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  assert(success, new TextDecoder().decode(stderr));
}

async function mayMount(): Promise<boolean> {
  const folder = Deno.makeTempDirSync();
  try {
    await mount("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", folder);
    await mount("umount", folder);
    return true;
  } catch {
    return false;
  } finally {
    Deno.removeSync(folder);
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
