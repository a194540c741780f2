// The ceiling of arithmetic: eight independent chains of vec4f multiply-adds in registers
//
//   a[i] = a[i] * m + b                `rounds` times, i = 0 .. 7; 64 floating-point operations per thread and round
//
//   seed  f32 [4]            m: something the compiler cannot know
//   y     f32 [threads, 4]   the sum of the chains, so that none can be left out

struct Dims {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> seed: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = seed[0];
  let b = vec4f(f32(id.x));
  var a0 = b;
  var a1 = b + 1.0;
  var a2 = b + 2.0;
  var a3 = b + 3.0;
  var a4 = b + 4.0;
  var a5 = b + 5.0;
  var a6 = b + 6.0;
  var a7 = b + 7.0;
  for (var round = 0u; round < dims.rounds; round++) {
    a0 = fma(a0, m, b);
    a1 = fma(a1, m, b);
    a2 = fma(a2, m, b);
    a3 = fma(a3, m, b);
    a4 = fma(a4, m, b);
    a5 = fma(a5, m, b);
    a6 = fma(a6, m, b);
    a7 = fma(a7, m, b);
  }
  y[id.x] = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7;
}
