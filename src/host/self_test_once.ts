import { join } from "node:path";
import type { Gpu } from "../gpu/device.ts";
import type { Stem } from "../net/resnet18.ts";
import { type Precision, storedTypes } from "../ops/storage.ts";
import { selfTest } from "../check/self_test.ts";
import { sha256 } from "../digest.ts";
import type { RunEvent } from "../experiment/events.ts";
import { digestOfKernels } from "../experiment/run_identity.ts";
import { isThere } from "./durable.ts";
import { writeJson } from "./run_folder.ts";

/** What decides which kernels a run launches. */
interface Launches {
  readonly precision: Precision;
  readonly stem: Stem;
}

/** What the run that waits for the test wants of it. */
interface SelfTestHooks {
  readonly emit: (event: RunEvent) => void;
  /** Called before each kernel; what it throws ends the test. */
  readonly proceed: () => void;
}

/**
 * Tests every kernel of a run of this precision and stem against its reference before the run trusts it, once for each
 * adapter and each text of the kernels; the cache folder remembers that it went well.
 *
 * @throws {Error} naming the kernels that are wrong.
 */
export async function testKernelsOnce(
  gpu: Gpu,
  network: Launches,
  cacheDir: string,
  { emit, proceed }: SelfTestHooks,
  test: typeof selfTest = selfTest,
): Promise<void> {
  const { precision, stem } = network;
  const passed = join(cacheDir, `kernels-${(await keyOf(gpu, network)).slice(0, 24)}.json`);
  if (isThere(passed)) return;
  emit({ type: "phase", task: null, phase: "kernels" });
  const checks = await test(gpu, [storedTypes[precision]], undefined, proceed, stem);
  const wrong = checks.filter(({ ok }) => !ok).map(({ kernel }) => kernel);
  if (wrong.length > 0) {
    throw new Error(
      `Cannot trust this adapter: ${wrong.length} of ${checks.length} kernels compute wrong results (${
        wrong.join(", ")
      }); ./wscl doctor says more, --skip-self-test trains all the same`,
    );
  }
  try {
    Deno.mkdirSync(cacheDir, { recursive: true });
    writeJson(passed, { adapter: gpu.adapter, kernels: checks });
  } catch (error) {
    const { message } = error as Error;
    const text = `Cannot remember the kernels' test: ${message}; it is repeated next time`;
    emit({ type: "message", text });
  }
}

async function keyOf({ adapter, features }: Gpu, { precision, stem }: Launches): Promise<string> {
  const about = JSON.stringify([
    precision,
    stem,
    adapter,
    [...features],
    Deno.version.deno,
    await digestOfKernels(),
  ]);
  return await sha256(new TextEncoder().encode(about));
}
