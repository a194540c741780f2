// m * v + sum as a chain of sixteen fused multiply-adds. Written as `sum += m * v` a CPU adapter rounds and adds once
// more, and `v * m` becomes dot products there, which are not fused at all.
fn multiplyAdd(m: mat4x4f, v: vec4f, sum: vec4f) -> vec4f {
  return fma(m[3], vec4f(v.w), fma(m[2], vec4f(v.z), fma(m[1], vec4f(v.y), fma(m[0], vec4f(v.x), sum))));
}
