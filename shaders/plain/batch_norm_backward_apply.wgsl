// Backward batch norm, second pass, plainly: the gradient of its input, and those of gamma and beta
//
//   With the sums over the M pixels of segment s, x = (z - mean) inverseStd and a = gamma inverseStd:
//   gz = a (g - sumG / M - x sumGx / M)
//   gBeta[c]  = sum_s sumG[s, c],   gGamma[c] = sum_s sumGx[s, c]
//
// g = gy, already masked (MASK 0 and 1), or gy masked by y > 0, with y computed again from z (MASK 2). A thread takes 4
// channels of 32 pixels of a segment; the first one of its channels writes their `gradients`.

override MASK: u32;

struct Dims {
  channels4: u32, // groups of 4 channels
  chunk: u32, // pixels
  chunks: u32, // of the longest segment
  segments: u32,
  ends: vec4u, // of each segment, in pixels
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> z: array<vec4f>; // [pixels, channels4], as gy and gz
@group(0) @binding(2) var<storage, read> gy: array<vec4f>;
@group(0) @binding(3) var<storage, read> partials: array<vec4f>; // [segments, chunks, 2, channels4]: sumG, sumGx
@group(0) @binding(4) var<storage, read> statistics: array<vec4f>; // [segments, 4, channels4]: mean, inverseStd, scale, beta
@group(0) @binding(5) var<storage, read_write> gradients: array<vec4f>; // [2, channels4]: gGamma, gBeta
@group(0) @binding(6) var<storage, read_write> gz: array<vec4f>;

struct Sums {
  g: vec4f,
  gx: vec4f,
}

fn startOf(segment: u32) -> u32 {
  return select(0u, dims.ends[max(segment, 1u) - 1u], segment > 0u);
}

fn sumsOf(segment: u32, channel: u32) -> Sums {
  let pixels = dims.ends[segment] - startOf(segment);
  var sums = Sums();
  for (var k = 0u; k * dims.chunk < pixels; k++) {
    let source = (segment * dims.chunks + k) * 2u * dims.channels4 + channel;
    sums = Sums(sums.g + partials[source], sums.gx + partials[source + dims.channels4]);
  }
  return sums;
}

@compute @workgroup_size(4, 16)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c4 = dims.channels4;
  let channel = id.x;
  let segment = id.z;
  if (channel >= c4) {
    return;
  }
  if (id.y == 0u && segment == 0u) {
    var total = Sums();
    for (var s = 0u; s < dims.segments; s++) {
      let own = sumsOf(s, channel);
      total = Sums(total.g + own.g, total.gx + own.gx);
    }
    gradients[channel] = total.gx;
    gradients[c4 + channel] = total.g;
  }
  let row = segment * 4u * c4 + channel;
  let mean = statistics[row];
  let inverseStd = statistics[row + c4];
  let scale = statistics[row + 2u * c4];
  let beta = statistics[row + 3u * c4];
  let count = f32(dims.ends[segment] - startOf(segment));
  let sums = sumsOf(segment, channel);
  let start = startOf(segment) + 32u * id.y;
  for (var p = start; p < min(start + 32u, dims.ends[segment]); p++) {
    let at = p * c4 + channel;
    let centered = z[at] - mean;
    var g = gy[at];
    if (MASK == 2u) {
      g = select(vec4f(), g, centered * scale + beta > vec4f());
    }
    gz[at] = scale * (g - sums.g / count - centered * inverseStd * sums.gx / count);
  }
}
