// Activations as a network of precision "mixed" stores them: four f16 in two u32, the first in the lowest bits. Only
// storage is narrow, all arithmetic is f32, so that no optional feature is needed. Stands where storage_f32.wgsl
// would.

alias Stored = vec2u;

fn widen(stored: Stored) -> vec4f {
  return vec4f(unpack2x16float(stored.x), unpack2x16float(stored.y));
}

// The nearest f16, of two equally near ones the even one; NaN for all that is beyond the largest f16, so that an
// overflow can hide nowhere (infinity may: the ReLU makes 0 of its negative). pack2x16float leaves the rounding to
// the adapter and says nothing about overflow, hence by hand, on the bits (sign 1, exponent 5, mantissa 10 of f32's
// 1, 8, 23):
fn narrow(value: vec4f) -> Stored {
  let bits = bitcast<vec4u>(value);
  let size = bits & vec4u(0x7fffffffu);
  // Exponent from bias 127 to 15; half a step less one is added before 13 bits of the mantissa go, one if it is odd.
  let odd = (size >> vec4u(13u)) & vec4u(1u);
  let normal = (size - vec4u((112u << 23u) - 0xfffu) + odd) >> vec4u(13u);
  // Below 2^-14 the steps are those of f32 between 0.5 and 1, so an addition rounds to them.
  let tiny = bitcast<vec4u>(bitcast<vec4f>(size) + vec4f(0.5)) - bitcast<vec4u>(vec4f(0.5));
  let finite = select(normal, tiny, size < vec4u(113u << 23u));
  // 65520 = 65504 and half a step: the smallest that rounds to more than the largest f16.
  let half = select(finite, vec4u(0x7e00u), size >= bitcast<vec4u>(vec4f(65520.0)));
  let signed = half | ((bits >> vec4u(16u)) & vec4u(0x8000u));
  return signed.xz | (signed.yw << vec2u(16u));
}
