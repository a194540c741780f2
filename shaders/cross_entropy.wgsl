// Softmax cross-entropy over the open heads, with weights: the loss of a step and its gradient.
//
//   l'[n, h]  = logits[n, h] if head h is open for row n, else -3.4028235e38 (the lowest finite f32)
//   ce[n]     = log sum_h exp(l'[n, h]) - l'[n, label[n]]
//   loss      = sum_n weight[n] ce[n]
//   g[n, h]   = weight[n] (softmax(l'[n])[h] - [h = label[n]])   for open heads, 0 for closed ones
//
// With the heads of the present and the coming classes open for stream rows and all heads open for replayed rows this
// is the asymmetric cross-entropy (ACE) of Caccia et al., ICLR 2022; weight = 1 / (rows of the segment) makes a
// segment's share its mean.
//
// logits, gLogits  f32 [rows, heads4] of vec4 (heads past `heads` are padding: gradient 0)
// rowLosses        f32 [rows]: weight[n] ce[n];  losses  f32: one number a step, written at the step's loss slot
// batch             see lib/batch.wgsl
//
// Who takes which rows, and how they are added up: lib/row_losses.wgsl.

// needs: lib/batch
// needs: lib/row_losses

const LOWEST = -3.4028234663852886e38;

@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read_write> gLogits: array<f32>;
@group(0) @binding(4) var<storage, read_write> rowLosses: array<f32>;
@group(0) @binding(5) var<storage, read_write> losses: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  let stride = 4u * dims.heads4;
  var total = 0.0;
  for (var row = local; row < dims.rows; row += 64u) {
    let mask = rowWord(row, ROW_MASK);
    let label = rowWord(row, ROW_LABEL);
    let weight = bitcast<f32>(rowWord(row, ROW_WEIGHT));
    let base = row * stride;
    var highest = LOWEST;
    for (var h = 0u; h < dims.heads; h++) {
      if (headIsOpen(mask, h)) {
        highest = max(highest, logits[base + h]);
      }
    }
    var sum = 0.0;
    for (var h = 0u; h < dims.heads; h++) {
      if (headIsOpen(mask, h)) {
        sum += exp(logits[base + h] - highest);
      }
    }
    let ofLabel = select(LOWEST, logits[base + label], headIsOpen(mask, label));
    let loss = weight * (log(sum) + (highest - ofLabel));
    for (var h = 0u; h < stride; h++) {
      var g = 0.0;
      if (h < dims.heads && headIsOpen(mask, h)) {
        g = weight * (exp(logits[base + h] - highest) / sum - f32(h == label));
      }
      gLogits[base + h] = g;
    }
    rowLosses[row] = loss;
    total += loss;
  }
  let sum = sumOfThreads(total, local);
  if (local == 0u) {
    losses[lossSlot()] = sum;
  }
}
