/** Runs that compute with kernels of one's own: to the same bits, to an end of their own, or not at all. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ops } from "../../src/check/table.ts";
import { InputError } from "../../src/errors.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import type { Summary } from "../../src/experiment/summary.ts";
import { trainingRows } from "../../src/experiment/training_rows.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { ownKernelsOf, readKernelFile } from "../../src/host/own_kernels.ts";
import { runExperiment } from "../../src/host/run.ts";
import { readOrigin } from "../../src/host/run_folder.ts";
import type { KernelText } from "../../src/lab/own_kernel.ts";
import { starterOf } from "../../src/lab/starters.ts";
import { withFolder } from "../data/fixtures.ts";
import { outcome, tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

const starter = (name: string): KernelText => ({
  name: `${name}.wgsl`,
  code: starterOf(ops.find((op) => op.name === name)!),
});

async function run(
  out: string,
  kernels: readonly KernelText[],
  { stopAt = Infinity, resume = false, changes = {} } = {},
): Promise<Summary> {
  Deno.mkdirSync(out, { recursive: true });
  let reached = 0;
  return await runExperiment(resolveConfig({ ...tinyOptions, method: "er_ace", ...changes }, []), {
    ...{ dataRoot: ".", cacheDir: join(out, "cache"), out, init: null, kernels, resume },
    ...{ skipSelfTest: true, checkpointEvery: "never", emit: () => {} },
    atPoint: (point) => void (reached = point),
    shouldStop: () => reached >= stopAt,
  });
}

/** What a run has come to, whichever kernels it says it was computed by. */
async function learned(out: string) {
  const { summary, log, ...rest } = await outcome(out);
  const { kernels: _, ...results } = summary as Summary;
  const events = (log as { text?: string }[])
    .filter(({ text }) => !text?.startsWith("kernel  "));
  return { ...rest, results, events };
}

function test(name: string, body: (path: (name: string) => string) => Promise<void>) {
  Deno.test({
    name,
    ignore: adapter === null,
    fn: () => withFolder((folder) => body((name) => join(folder, name))),
  });
}

test("kernels that give our bits train to the same bits, cut and resumed as well", async (path) => {
  const own = [starter("sgd_masked"), starter("linear_weight_gradient"), starter("augment")];
  const plain = await run(path("plain"), []);
  assert.equal(plain.kernels, undefined);
  const summary = await run(path("own"), own);
  assert.deepEqual(summary.kernels!.map(({ op, file, sameBits }) => [op, file, sameBits]), [
    ["sgd_masked", "sgd_masked.wgsl", true],
    ["linear_weight_gradient", "linear_weight_gradient.wgsl", true],
    ["augment", "augment.wgsl", true],
  ]);
  assert.match(summary.kernels![0].hash, /^[\da-f]{64}$/);
  assert.deepEqual(await learned(path("own")), await learned(path("plain")));

  assert.equal((await run(path("cut"), own, { stopAt: 20 })).completed, false);
  assert.deepEqual(readOrigin(path("cut")).kernels, own.map(({ name }) => name));
  const [first, ...others] = own;
  const changed = [{ ...first, code: `${first.code}\n// another text` }, ...others];
  await assert.rejects(
    run(path("cut"), changed, { resume: true }),
    /Cannot resume .*: the kernel of sgd_masked is not what it was/,
  );
  await assert.rejects(
    run(path("cut"), others, { resume: true }),
    /the kernel of sgd_masked is not/,
  );
  await run(path("cut"), own, { resume: true });
  assert.deepEqual(await learned(path("cut")), await learned(path("plain")));
});

test("a kernel within tolerance trains to an end of its own", async (path) => {
  const own = [starter("conv2d_forward"), starter("conv2d_weight_gradient")];
  const summary = await run(path("own"), own);
  assert.equal(summary.completed, true);
  assert(summary.kernels!.some(({ sameBits }) => !sameBits));
  assert(summary.classIl.finalAverage !== null);
});

test("a kernel that is wrong, or of no use to the run, ends it before its first step", async (path) => {
  const { name, code } = starter("conv2d_forward");
  const wrong = { name, code: code.replace("= sum;", "= sum * 1.001;") };
  await assert.rejects(run(path("wrong"), [wrong]), ({ constructor, message }: Error) => {
    assert.equal(constructor, InputError);
    assert.match(
      message,
      /Cannot compute with conv2d_forward\.wgsl: it is refused at conv2d_forward/,
    );
    assert.match(message, /relative error 1\.0e-3 of y/);
    return true;
  });
  await assert.rejects(
    run(path("pool"), [starter("max_pool_forward")]),
    /launches no max_pool_forward/,
  );
  await assert.rejects(
    run(path("half"), [{ name, code }], { changes: { precision: "mixed" } }),
    /activations are stored as f16 here, and it has no form for that/,
  );
  await assert.rejects(
    run(path("twice"), [{ name, code }, { name: "other.wgsl", code }]),
    /conv2d_forward\.wgsl and other\.wgsl together: both compute conv2d_forward/,
  );
});

/** The pooling, wrong where a condition on its rows holds. */
const wrongWhere = (condition: string): KernelText => {
  const { name, code } = starter("pool_forward");
  const sum = "features[id.x] = sum";
  assert(code.includes(sum));
  return { name, code: code.replace(sum, `if (${condition}) { sum = vec4f(); }\n  ${sum}`) };
};

test("a batch that is neither whole nor a step's is tried before the first step; nothing is left to resume", async (path) => {
  // 24 images: the last batch of an epoch has 3, and 8 replays.
  const changes = { batchSize: 7 };
  const config = resolveConfig({ ...tinyOptions, method: "er_ace", ...changes }, []);
  const usual = [trainingRows(config), config.batchSize, config.evaluation.batchSize];
  const condition = usual.map((rows) => `dims.rows != ${rows}u`).join(" && ");
  await assert.rejects(
    run(path("run"), [wrongWhere(`dims.rows > 4u && ${condition}`)], { changes }),
    /refused at pool_forward pool batch=11,/,
  );
  assert.throws(() => Deno.statSync(path("run")), Deno.errors.NotFound);
});

test("a batch that was not foreseen is tried before its first launch, once", async () => {
  const config = resolveConfig({ ...tinyOptions, method: "er_ace" }, []);
  const own = ownKernelsOf([wrongWhere("dims.rows == 7u")])!;
  const gpu = await openGpu();
  try {
    const batch = { segments: [6], inference: true };
    await own.tryBatch(gpu, config, batch);
    const { memory } = gpu;
    await own.tryBatch(gpu, config, batch);
    assert.deepEqual(gpu.memory, memory);
    await assert.rejects(
      own.tryBatch(gpu, config, { segments: [3, 4], inference: false }),
      ({ constructor, message }: Error) => {
        assert.equal(constructor, InputError);
        assert.match(message, /refused at pool_forward pool batch=7,/);
        return true;
      },
    );
  } finally {
    gpu.destroy();
  }
});

test("a kernel with a form for both storages trains in mixed precision", async (path) => {
  const changes = { precision: "mixed" };
  await run(path("plain"), [], { changes });
  const { kernels } = await run(path("own"), [starter("augment")], { changes });
  assert.equal(kernels![0].sameBits, true);
  assert.deepEqual(await learned(path("own")), await learned(path("plain")));
});

Deno.test("a kernel's file that is not there is named, with what to do", () => {
  assert.throws(
    () => readKernelFile("nowhere.wgsl"),
    /Cannot read kernel nowhere\.wgsl: no such file/,
  );
});
