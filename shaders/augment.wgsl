// Augmented network input from image bytes: quarter turns, zero padding, crop, mirror, scaling to 0..1, normalisation.
//
//   sx = flip ? width - 1 - x : x
//   b  = turned[y + top - padding, sx + left - padding]   (0 outside the image: black padding before scaling)
//   turned[y, x] = images[index, y, x], turned counterclockwise by `turns` quarters; square images only where turns > 0
//   input[row, y, x, c] = (b[c] / 255 - mean[c]) / std[c]          c = 0..2;  input[.., 3] = 0
//
// images  u32 [count, height, width]: RGBA8, red in the lowest byte
// input   f32 or f16 [rows, height, width, 4]
// batch   see lib/batch.wgsl; only rows whose source is dims.source are written
//
// One thread writes one pixel. The order of operations is that of the official train transform.

// needs: lib/batch
// needs: lib/storage_f32 or lib/storage_f16

struct Dims {
  rows: u32,
  height: u32,
  width: u32,
  padding: u32,
  source: u32,
  mean: vec3f,
  inverseStd: vec3f,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> images: array<u32>;
@group(0) @binding(3) var<storage, read_write> input: array<Stored>;

// Where (row, column) of a square image that was turned counterclockwise by so many quarters comes from.
fn unturned(place: vec2u, turns: u32) -> vec2u {
  let last = dims.height - 1u;
  switch turns {
    case 1u: { return vec2u(place.y, last - place.x); }
    case 2u: { return vec2u(last - place.x, last - place.y); }
    case 3u: { return vec2u(last - place.y, place.x); }
    default: { return place; }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let area = dims.height * dims.width;
  for (var i = id.x; i < dims.rows * area; i += groups.x * 64u) {
    let row = i / area;
    if (rowWord(row, ROW_SOURCE) != dims.source) {
      continue;
    }
    let pixel = i % area;
    let x = pixel % dims.width;
    let mirrored = select(x, dims.width - 1u - x, rowWord(row, ROW_FLIP) == 1u);
    let sy = i32(pixel / dims.width + rowWord(row, ROW_TOP)) - i32(dims.padding);
    let sx = i32(mirrored + rowWord(row, ROW_LEFT)) - i32(dims.padding);
    var bytes = 0u;
    if (sy >= 0 && sy < i32(dims.height) && sx >= 0 && sx < i32(dims.width)) {
      let place = unturned(vec2u(u32(sy), u32(sx)), rowWord(row, ROW_TURNS));
      bytes = images[(rowWord(row, ROW_INDEX) * dims.height + place.x) * dims.width + place.y];
    }
    let rgb = unpack4x8unorm(bytes).xyz;
    input[i] = narrow(vec4f((rgb - dims.mean) * dims.inverseStd, 0.0));
  }
}
