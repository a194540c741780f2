// The ceiling of arithmetic in single numbers: 12 or 24 independent chains of multiply-adds in registers, unrolled
//
//   a[i] = a[i] * m + b        16 times a round, i below CHAINS; 2 floating-point operations each
//
//   seed  f32 [4]            m: something the compiler cannot know
//   y     f32 [threads, 4]   the sum of the chains, so that none can be left out
//
// A loop with one multiply-add of each chain measures its counter and its jump as well: on a CPU adapter it comes to
// half of what this does. 12 chains fit into the registers of some adapters, 24 hide the latency of others.

override CHAINS: u32; // 12 or 24

struct Dims {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> seed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

struct Chains {
  a0: f32, a1: f32, a2: f32, a3: f32, a4: f32, a5: f32, a6: f32, a7: f32, a8: f32, a9: f32, a10: f32, a11: f32,
}

fn begin(b: f32) -> Chains {
  return Chains(b, b + 1.0, b + 2.0, b + 3.0, b + 4.0, b + 5.0, b + 6.0, b + 7.0, b + 8.0, b + 9.0, b + 10.0, b + 11.0);
}

fn once(c: Chains, m: f32, b: f32) -> Chains {
  return Chains(
    fma(c.a0, m, b), fma(c.a1, m, b), fma(c.a2, m, b), fma(c.a3, m, b), fma(c.a4, m, b), fma(c.a5, m, b),
    fma(c.a6, m, b), fma(c.a7, m, b), fma(c.a8, m, b), fma(c.a9, m, b), fma(c.a10, m, b), fma(c.a11, m, b),
  );
}

fn sum(c: Chains) -> f32 {
  return c.a0 + c.a1 + c.a2 + c.a3 + c.a4 + c.a5 + c.a6 + c.a7 + c.a8 + c.a9 + c.a10 + c.a11;
}

// Both halves by turns, so that all chains are under way at once.
struct Both {
  first: Chains,
  second: Chains,
}

fn onceBoth(c: Both, m: f32, b: f32) -> Both {
  return Both(once(c.first, m, b), once(c.second, m, b));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = seed[0].x;
  let b = f32(id.x);
  var c = begin(b);
  if (CHAINS == 24u) {
    var both = Both(c, begin(b + 12.0));
    for (var round = 0u; round < dims.rounds; round++) {
      both = onceBoth(onceBoth(onceBoth(onceBoth(both, m, b), m, b), m, b), m, b);
      both = onceBoth(onceBoth(onceBoth(onceBoth(both, m, b), m, b), m, b), m, b);
      both = onceBoth(onceBoth(onceBoth(onceBoth(both, m, b), m, b), m, b), m, b);
      both = onceBoth(onceBoth(onceBoth(onceBoth(both, m, b), m, b), m, b), m, b);
    }
    y[id.x] = vec4f(sum(both.first) + sum(both.second));
    return;
  }
  for (var round = 0u; round < dims.rounds; round++) {
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
    c = once(once(once(once(c, m, b), m, b), m, b), m, b);
  }
  y[id.x] = vec4f(sum(c));
}
