/** The runtime: what it refuses, and that it says which kernel and why. */

import assert from "node:assert/strict";
import { Gpu, guarded } from "../../src/gpu/device.ts";
import { openGpu } from "../../src/host/open_gpu.ts";
import type { Dispatch } from "../../src/gpu/dispatch.ts";
import { defineKernel, type Kernel, pipelineOf } from "../../src/gpu/kernel.ts";
import { Program } from "../../src/gpu/program.ts";
import {
  Arena,
  copyTensor,
  download,
  downloadF32,
  downloadU32,
  range,
  upload,
} from "../../src/gpu/tensor.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";

const test = await gpuTests();

const scaleCode = `
override FACTOR: f32;
struct Dims { count: u32, offset: f32 }
@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < dims.count) { y[id.x] = FACTOR * x[id.x] + dims.offset; }
}`;

/** y = FACTOR x + offset */
const scale = defineKernel({ name: "scale", code: scaleCode });

function broken(code: string): Kernel {
  return defineKernel({ name: "broken_kernel", code });
}

/** A dispatch of `scale` over 4 values, ready to be spoilt. */
function scaled(bench: Workbench, changes: Partial<Dispatch> = {}): Dispatch {
  return {
    kernel: scale,
    constants: { FACTOR: 2 },
    uniform: { count: 4, offset: 0.5 },
    buffers: { x: bench.f32([1, 2, 3, 4]), y: bench.f32(4) },
    workgroups: [1],
    label: "four numbers",
    ...changes,
  };
}

test("a program runs its launches in order, as often as it is asked to", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const [x, y] = [bench.f32([1, 2, 3, 4]), bench.f32(4)];
    const program = await Program.build(gpu, "twice", [
      scaled(bench, { buffers: { x, y } }),
      scaled(bench, {
        buffers: { x: y, y: x },
        constants: { FACTOR: -1 },
        uniform: { count: 4, offset: 0 },
      }),
    ]);
    program.run();
    assert.deepEqual([...await downloadF32(gpu, x)], [-2.5, -4.5, -6.5, -8.5]);
    program.run();
    assert.deepEqual([...await downloadF32(gpu, x)], [4.5, 8.5, 12.5, 16.5]);
    program.destroy();
  });
});

test("each launch has a uniform record of its own", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const outputs = Array.from({ length: 40 }, () => bench.f32(4));
    await bench.run(
      outputs.map((y, i) =>
        scaled(bench, {
          buffers: { x: bench.f32([0, 0, 0, 0]), y },
          uniform: { count: 4, offset: i },
        })
      ),
    );
    const read = await bench.read(...outputs);
    assert.deepEqual(read.map((values) => values[3]), [...outputs.keys()]);
  });
});

test("a program lists its launches as text", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const program = await Program.build(gpu, "listed", [
      scaled(bench),
      scaled(bench, { workgroups: [2, 3], label: undefined }),
    ]);
    assert.equal(program.length, 2);
    assert.equal(
      program.toString(),
      "0\tscale\t[1 x 1 x 1]\tfour numbers\n1\tscale\t[2 x 3 x 1]\tscale",
    );
    program.destroy();
  });
});

test("wrong bindings are refused with the kernel's name", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const wrong = (changes: Partial<Dispatch>, message: RegExp) =>
      assert.rejects(Program.build(gpu, "wrong", [scaled(bench, changes)]), message);
    const [x, y] = [bench.f32([1, 2, 3, 4]), bench.f32(4)];
    const z = { buffers: { x, z: y } };
    await wrong(z, /record scale \(four numbers\): it binds \[x,y\]; missing \[y\], unknown \[z\]/);
    await wrong({ buffers: { x, y, dims: x } }, /missing \[\], unknown \[dims\]/);
    await wrong(
      { buffers: { x: bench.u32([1]), y } },
      /x is f32 in the kernel, test\/u32 holds u32/,
    );
    await wrong({ buffers: { x: bench.stored("f16", 4), y } }, /test\/f16 holds f16/);
    await wrong({ uniform: undefined }, /record scale .*: its uniform record dims is missing/);
    await wrong({ uniform: { count: 4 } }, /record scale .*: dims\.offset is missing/);
    await wrong({ uniform: { count: 0.5, offset: 0 } }, /dims\.count is 0\.5, not u32/);
    await wrong({ uniform: { count: 1, offset: 0, rows: 1 } }, /dims has no rows/);
    await wrong({ constants: {} }, /kernel scale: constants missing \[FACTOR\]/);
    for (const workgroups of [[0], [1.5], [65536], [1, 0]] as unknown as [number][]) {
      await wrong({ workgroups }, /record scale .*: \[.*\] workgroups, each must lie in 1\.\./);
    }
  });
});

test("a program that is refused leaves no buffer behind", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const dispatches = [scaled(bench), scaled(bench, { workgroups: [0] })];
    const before = gpu.memory;
    await assert.rejects(Program.build(gpu, "refused", dispatches), RangeError);
    assert.deepEqual(gpu.memory, before);
  });
});

test("missing and unknown constants are refused with the kernel's name", async (gpu) => {
  await assert.rejects(pipelineOf(gpu, scale, {}), /kernel scale: constants missing \[FACTOR\]/);
  await assert.rejects(
    pipelineOf(gpu, scale, { FACTOR: 1, FACTER: 1 }),
    /kernel scale: constants missing \[\], unknown \[FACTER\]/,
  );
});

test("a pipeline is compiled once for each set of constants", async (gpu) => {
  const two = await pipelineOf(gpu, scale, { FACTOR: 2 });
  assert.equal(await pipelineOf(gpu, scale, { FACTOR: 2 }), two);
  assert.notEqual(await pipelineOf(gpu, scale, { FACTOR: 3 }), two);
});

test("a WGSL error names kernel, line and reason", async (gpu) => {
  const code = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n" +
    "@compute @workgroup_size(64)\nfn main() { x[0] = 1u; }\n";
  await assert.rejects(pipelineOf(gpu, broken(code), {}), (error: Error) => {
    assert.match(error.message, /compile kernel broken_kernel/);
    assert.match(error.message, /broken_kernel\.wgsl:3:\d+ /);
    assert.equal(error.message.split("x[0] = 1u;").length, 2, "the line is shown once");
    return true;
  });
});

test("an impossible workgroup is refused with the kernel's name", async (gpu) => {
  const binding = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n";
  const huge = `${binding}@compute @workgroup_size(100000) fn main() { x[0] = 1; }`;
  await assert.rejects(pipelineOf(gpu, broken(huge), {}), /compile kernel broken_kernel/);
});

test("reading and writing one buffer in a launch is refused, and said at the next call", async (gpu) => {
  // A device of its own: its first error stays with it for good.
  const own = await openGpu();
  try {
    await Workbench.with(own, async (bench) => {
      const x = bench.f32([1, 2, 3, 4]);
      await assert.rejects(
        async () => {
          await bench.run([scaled(bench, { buffers: { x, y: x } })]);
          await bench.read(x);
        },
        /Cannot (run on the GPU|build program)/,
      );
    });
    await assert.rejects(own.settle(), /Cannot run on the GPU/);
    assert.throws(() => own.check(), /Cannot run on the GPU/);
  } finally {
    own.destroy();
  }
  assert.equal(gpu.memory.buffers, 0);
});

test("guarded() throws what WebGPU refuses, and passes results and exceptions on", async (gpu) => {
  assert.equal(await guarded(gpu, "add", () => 1 + 1), 2);
  await assert.rejects(
    guarded(gpu, "make a buffer", () => {
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE;
      gpu.device.createBuffer({ size: 16, usage });
    }),
    /^Error: Cannot make a buffer: /,
  );
  const error = new RangeError("from inside");
  await assert.rejects(
    guarded(gpu, "throw", () => {
      throw error;
    }),
    error,
  );
  // No scope is left open: the device goes on working.
  await gpu.settle();
});

test("buffers are counted from creation to destruction, once", (gpu) => {
  const arena = new Arena(gpu, "counted");
  const tensor = arena.tensor("five", [5]);
  arena.tensor("six by two", [6, 2], "u32");
  assert.deepEqual(gpu.memory, { buffers: 2, bytes: 32 + 48 });
  assert.equal(arena.bytes, 80);
  assert.equal(tensor.length, 5);
  gpu.destroyBuffer(tensor.buffer);
  gpu.destroyBuffer(tensor.buffer);
  assert.deepEqual(gpu.memory, { buffers: 1, bytes: 48 });
  arena.destroy();
  arena.destroy();
  assert.deepEqual(gpu.memory, { buffers: 0, bytes: 0 });
});

test("closing a device destroys what its owners forgot", async () => {
  const own = await openGpu();
  new Arena(own, "forgotten").tensor("x", [4]);
  own.destroy();
  assert.deepEqual(own.memory, { buffers: 0, bytes: 0 });
});

test("a tensor that no kernel could bind is refused with its size", (gpu) => {
  const arena = new Arena(gpu, "large");
  const tooMany = gpu.limits.maxStorageBufferBindingSize / 4 + 1;
  assert.throws(
    () => arena.tensor("activations", [tooMany]),
    /large\/activations: .*lower the batch size/,
  );
  assert.throws(() => arena.tensor("x", [2, -1]), /shape \[2,-1\] is not a list of sizes/);
  assert.throws(() => arena.tensor("x", [0.5]), TypeError);
});

test("values of the wrong type or past the end are not uploaded", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const floats = bench.f32([1, 2, 3, 4]);
    const integers = bench.u32([1, 2, 3, 4]);
    assert.throws(() => upload(gpu, floats, new Uint32Array(4)), /holds f32, got Uint32Array/);
    assert.throws(() => upload(gpu, integers, new Float32Array(4)), /holds u32, got Float32Array/);
    assert.throws(() => upload(gpu, floats, new Float32Array(5)), /5 elements from 0 on, it has 4/);
    assert.throws(() => upload(gpu, floats, new Float32Array(2), 3), /2 elements from 3 on/);
    upload(gpu, floats, Float32Array.of(9), 3);
    assert.deepEqual([...await downloadF32(gpu, floats)], [1, 2, 3, 9]);
    await assert.rejects(downloadF32(gpu, integers), /as f32: it holds u32/);
    await assert.rejects(downloadU32(gpu, floats), /as u32: it holds f32/);
  });
});

test("several tensors are read back at once, each with its type and length", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const tensors = [bench.f32([1.5]), bench.u32([7, 8, 9]), bench.f32([-0, Infinity, 3, 4, 5])];
    const before = gpu.memory;
    const read = await download(gpu, tensors);
    assert.deepEqual(gpu.memory, before);
    assert.deepEqual(read, [
      Float32Array.of(1.5),
      Uint32Array.of(7, 8, 9),
      Float32Array.of(-0, Infinity, 3, 4, 5),
    ]);
  });
});

test("tensors are copied only to others of their length", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const [x, y, short] = [bench.f32([1, 2]), bench.f32(2), bench.f32(1)];
    copyTensor(gpu, [[x, y]]);
    assert.deepEqual([...await downloadF32(gpu, y)], [1, 2]);
    assert.throws(() => copyTensor(gpu, [[x, short]]), /2 elements against 1/);
  });
});

test("f16 is written and read two by two, rounded to the nearest, and is no state", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const half = bench.stored("f16", [
      1,
      -2.5,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65520,
      NaN,
      2e-8,
      7,
    ]);
    assert.equal(bench.arena.bytes, 16);
    upload(gpu, half, Float32Array.of(3, 4), 6);
    assert.throws(() => upload(gpu, half, Float32Array.of(3, 4), 1), /not pairs of f16/);
    assert.throws(() => upload(gpu, half, Float32Array.of(3)), /not pairs of f16/);
    assert.throws(() => upload(gpu, half, new Uint32Array(2)), /holds f16, got Uint32Array/);
    const [values, other] = await download(gpu, [half, bench.u32([5])]);
    assert.deepEqual([...values], [1, -2.5, 1, 1 + 2 ** -9, Infinity, NaN, 3, 4]);
    assert.deepEqual([...other], [5]);
    const copy = bench.stored("f16", 8);
    copyTensor(gpu, [[half, copy]]);
    assert.deepEqual(await downloadF32(gpu, copy), values);
    assert.throws(() => copyTensor(gpu, [[half, bench.f32(8)]]), /f16 against f32/);
    const long = bench.stored("f16", 1000);
    assert.deepEqual(range(long, 128, 10), { tensor: long, offset: 256, size: 32 });
    assert.throws(() => range(long, 64), /element 64 is not at a multiple of 256 bytes/);
    assert.throws(() => bench.stored("f16", 6), /6 elements of f16 are not groups of 4/);
    const state = new Arena(gpu, "state");
    assert.throws(() => state.tensor("x", [4], "f16"), /state is not kept in f16/);
  });
});

test("a range must lie inside its tensor, at a multiple of 256 bytes", async (gpu) => {
  await Workbench.with(gpu, (bench) => {
    const x = bench.f32(130);
    assert.deepEqual(range(x, 64, 10), { tensor: x, offset: 256, size: 48 });
    assert.deepEqual(range(x, 128), { tensor: x, offset: 512, size: 16 });
    assert.throws(() => range(x, 64, 67), /elements 64 to 131 lie outside its 130/);
    assert.throws(() => range(x, -64), RangeError);
    assert.throws(() => range(x, 4, 4), /element 4 is not at a multiple of 256 bytes/);
    return Promise.resolve();
  });
});

test("a kernel sees no more of a tensor than the range bound to it", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const x = bench.f32(Float32Array.from({ length: 80 }, (_, i) => i));
    const y = bench.f32(new Float32Array(80));
    // A count that lies: the uniform says 80, the ranges hold 8. Nothing beyond may be touched.
    await bench.run([
      scaled(bench, {
        buffers: { x: range(x, 64, 8), y: range(y, 64, 8) },
        uniform: { count: 80, offset: 0 },
        workgroups: [2],
      }),
    ]);
    const [found] = await bench.read(y);
    // WebGPU lets such writes vanish or land on any element inside the range, and nowhere else.
    assert(found.subarray(0, 64).every((value) => value === 0), "written in front of the range");
    assert(found.subarray(72).every((value) => value === 0), "written behind the range");
  });
});

test("profile() measures each launch where the adapter has timestamps", async (gpu) => {
  await Workbench.with(gpu, async (bench) => {
    const program = await Program.build(gpu, "timed", [scaled(bench), scaled(bench)]);
    const before = gpu.memory;
    if (gpu.features.has("timestamp-query")) {
      const times = await program.profile();
      assert.deepEqual(times.map(({ kernel, label }) => [kernel, label]), [
        ["scale", "four numbers"],
        ["scale", "four numbers"],
      ]);
      for (const { milliseconds } of times) assert(milliseconds >= 0 && milliseconds < 10_000);
    } else {
      await assert.rejects(program.profile(), /this adapter has no timestamp queries/);
    }
    assert.deepEqual(gpu.memory, before);
    program.destroy();
  });
});

test("the first failure is kept, and every run and read-back throws it", async (gpu) => {
  const own = new Gpu(gpu.device, gpu.adapter, gpu.features);
  own.check();
  own.fail(new Error("first"));
  own.fail(new Error("second"));
  assert.throws(() => own.check(), /^Error: first$/);
  await assert.rejects(own.settle(), /first/);
  const program = await Program.build(own, "empty", []);
  assert.throws(() => program.run(), /first/);
});

test("devices that are shared have one set of pipelines, and buffers and an end of their own", async (gpu) => {
  const [one, other] = [gpu.share(), gpu.share()];
  new Arena(one, "test").tensor("x", [4]);
  assert.deepEqual(other.memory, { buffers: 0, bytes: 0 });
  assert.equal(one.memory.buffers, 1);
  const pipeline = await pipelineOf(one, scale, { FACTOR: 7 });
  assert.equal(await pipelineOf(other, scale, { FACTOR: 7 }), pipeline);
  one.fail(new Error("what one has met"));
  other.check();
  one.destroy();
  assert.equal(one.memory.buffers, 0);
  const kept = new Arena(other, "test");
  const y = kept.tensor("y", [4]);
  upload(other, y, new Float32Array([1, 2, 3, 4]));
  assert.deepEqual([...await downloadF32(other, y)], [1, 2, 3, 4]);
  other.destroy();
});
