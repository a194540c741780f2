/** Activations in f16, number by number: widened exactly, narrowed to the nearest, overflows never hidden. */

import assert from "node:assert/strict";
import { shader } from "../../src/ops/shader.ts";
import { storedAs } from "../../src/ops/storage.ts";
import { Random } from "../../src/random.ts";
import { gpuTests, Workbench } from "../support/gpu.ts";

const test = await gpuTests();

const code = `// needs: lib/storage_f16
@group(0) @binding(0) var<storage, read> values: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> stored: array<Stored>;
@group(0) @binding(2) var<storage, read_write> widened: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < arrayLength(&values)) {
    stored[id.x] = narrow(values[id.x]);
    widened[id.x] = widen(stored[id.x]);
  }
}`;
const kernel = shader("narrow_and_widen", code);

const bits = (values: Float32Array<ArrayBuffer>) => new Uint32Array(values.buffer);

/** Every f16 that is a number, those halfway between two of them, what lies just beside both, and random bits. */
function numbers(): Float32Array<ArrayBuffer> {
  const finite = new Float16Array(Uint16Array.from({ length: 0x7c00 }, (_, i) => i).buffer);
  const halfway = Array.from(finite, (value, i) => (value + (finite[i + 1] ?? 65536)) / 2);
  const exact = Float32Array.from([...finite, ...halfway]);
  const beside = [-1, 1].flatMap((step) => {
    const words = bits(exact).map((word) => Math.max(0, word + step));
    return [...new Float32Array(Uint32Array.from(words).buffer)];
  });
  const random = Random.stream(0, "storage test");
  const any = new Float32Array(Uint32Array.from({ length: 4096 }, () => random.uint32()).buffer);
  const positive = [...exact, ...beside, Infinity, NaN, 1e38, ...any];
  const all = positive.flatMap((value) => [value, -value]);
  return Float32Array.from([...all, ...new Array(4 - all.length % 4).fill(0)]);
}

test("f32 is narrowed to the nearest f16, ties to even, overflows to NaN, and widened exactly", async (gpu) => {
  const values = numbers();
  await Workbench.with(gpu, async (bench) => {
    const stored = bench.stored("f16", values.length);
    const widened = bench.f32(values.length);
    await bench.run([{
      kernel,
      buffers: { values: bench.f32(values), stored, widened },
      workgroups: [Math.ceil(values.length / 256)],
    }]);
    const [found, wide] = await bench.read(stored, widened);
    const nearest = new Float16Array(values);
    values.forEach((value, i) => {
      const expected = Number.isFinite(nearest[i]) ? nearest[i] : NaN;
      assert(Object.is(found[i], expected), `${value} is stored as ${found[i]}, not ${expected}`);
      // Adapters may take the smallest numbers, below 2^-14, for 0.
      const zero = Math.abs(expected) < 2 ** -14 && wide[i] === 0;
      assert(zero || Object.is(wide[i], expected), `${expected} is read as ${wide[i]}`);
    });
    assert(values.length > 4 * 0x7c00);
  });
});

test("activations of one launch are stored in one way", async (gpu) => {
  await Workbench.with(gpu, (bench) => {
    const [full, half] = [bench.f32(4), bench.stored("f16", 4)];
    assert.equal(storedAs(full, full), "f32");
    assert.equal(storedAs(half), "f16");
    assert.throws(() => storedAs(half, full), /test\/f16 is f16, test\/f32 f32; activations are/);
    assert.throws(() => storedAs(bench.u32([1])), /test\/u32 is u32; activations are/);
    return Promise.resolve();
  });
});
