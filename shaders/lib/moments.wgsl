// Merging of the moments that batch_norm_statistics leaves. The kernel has a binding
//   partials  f32 [segments, chunks, 2, channels4] of vec4: mean, m2

// needs: lib/batch_norm

struct Moments {
  n: f32,
  mean: vec4f,
  m2: vec4f,
}

var<workgroup> counts: array<f32, 64>;
var<workgroup> means: array<vec4f, 64>;
var<workgroup> m2s: array<vec4f, 64>;

// Moments of the thread's channel group over a segment, by the formula of Chan, Golub and LeVeque (1979): each pixel
// lane takes chunks in order, then lanes are merged pairwise: always the same order. All threads of a workgroup must
// call it.
fn mergeChunks(segment: u32, channel: u32, local: u32) -> Moments {
  let c4 = dims.channels4;
  let lane = local / dims.lanes;
  let pixelLanes = 64u / dims.lanes;
  let pixels = dims.ends[segment] - segmentStart(segment);
  var n = 0.0;
  var mean = vec4f();
  var m2 = vec4f();
  if (channel < c4) {
    for (var k = lane; k * dims.chunk < pixels; k += pixelLanes) {
      let source = partialsAt(segment, k, channel);
      let count = f32(min(dims.chunk, pixels - k * dims.chunk));
      let delta = partials[source] - mean;
      let total = n + count;
      mean += delta * (count / total);
      m2 += partials[source + c4] + delta * delta * (n * count / total);
      n = total;
    }
  }
  workgroupBarrier(); // the sums of the segment before have been read
  counts[local] = n;
  means[local] = mean;
  m2s[local] = m2;
  mergeLanes(local);
  let at = local % dims.lanes;
  return Moments(counts[at], means[at], m2s[at]);
}

// Merges the pixel lanes in workgroup memory into lane 0, pairwise, by the formula of Chan, Golub and LeVeque (1979).
// All threads of a workgroup must call it.
fn mergeLanes(local: u32) {
  let lane = local / dims.lanes;
  for (var step = 32u / dims.lanes; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = local + step * dims.lanes;
      let n = counts[local] + counts[other];
      if (counts[other] > 0.0) {
        let delta = means[other] - means[local];
        means[local] += delta * (counts[other] / n);
        m2s[local] += m2s[other] + delta * delta * (counts[local] * counts[other] / n);
        counts[local] = n;
      }
    }
  }
  workgroupBarrier();
}
