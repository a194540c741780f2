// The ceiling of arithmetic in vectors: 2 or 8 independent chains of vec4f multiply-adds in registers, unrolled
//
//   a[i] = a[i] * m + b        16 times a round, i below CHAINS; 8 floating-point operations each
//
//   seed  f32 [4]            m: something the compiler cannot know
//   y     f32 [threads, 4]   the sum of the chains, so that none can be left out
//
// 2 chains are 8 of single numbers where a vector is four of them, and leave registers free; 8 hide the latency of
// adapters whose vectors are one.

override CHAINS: u32; // 2 or 8

struct Dims {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> seed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

struct Two {
  a0: vec4f, a1: vec4f,
}

struct Eight {
  a0: vec4f, a1: vec4f, a2: vec4f, a3: vec4f, a4: vec4f, a5: vec4f, a6: vec4f, a7: vec4f,
}

fn twice(c: Two, m: vec4f, b: vec4f) -> Two {
  return Two(fma(fma(c.a0, m, b), m, b), fma(fma(c.a1, m, b), m, b));
}

fn once(c: Eight, m: vec4f, b: vec4f) -> Eight {
  return Eight(
    fma(c.a0, m, b), fma(c.a1, m, b), fma(c.a2, m, b), fma(c.a3, m, b),
    fma(c.a4, m, b), fma(c.a5, m, b), fma(c.a6, m, b), fma(c.a7, m, b),
  );
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = seed[0];
  let b = vec4f(f32(id.x));
  if (CHAINS == 2u) {
    var c = Two(b, b + 1.0);
    for (var round = 0u; round < dims.rounds; round++) {
      c = twice(twice(twice(twice(c, m, b), m, b), m, b), m, b);
      c = twice(twice(twice(twice(c, m, b), m, b), m, b), m, b);
    }
    y[id.x] = c.a0 + c.a1;
    return;
  }
  var c = Eight(b, b + 1.0, b + 2.0, b + 3.0, b + 4.0, b + 5.0, b + 6.0, b + 7.0);
  for (var round = 0u; round < dims.rounds; round++) {
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
  }
  y[id.x] = c.a0 + c.a1 + c.a2 + c.a3 + c.a4 + c.a5 + c.a6 + c.a7;
}
