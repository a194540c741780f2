// Distillation: the squared distance of a row's logits to logits remembered from earlier, added to loss and gradient.
//
//   d[n, h]    = logits[n, h] - targets[target[n], h]        for rows with a target; CLOSED 1: closed heads only
//   loss      += sum_n distillation[n] sum_h d[n, h]^2
//   g[n, h]   += 2 distillation[n] d[n, h]
//
// With distillation = alpha / (rows of the segment x heads) a segment adds alpha times its mean squared error: the
// second term of DER++ (Buzzega et al., NeurIPS 2020). Runs after cross_entropy.wgsl, which writes what this adds to.
//
// logits, gLogits  f32 [rows, 4 heads4];  targets  f32 [slots, 4 heads4] (heads past `heads` are padding, not read)
// rowLosses        f32 [rows];  losses  f32: one number a step, at the step's loss slot
// batch             see lib/batch.wgsl
//
// Who takes which rows, and how they are added up: lib/row_losses.wgsl.

// needs: lib/batch
// needs: lib/row_losses

override CLOSED: u32 = 0u; // 1: only heads that the row's mask keeps out of the softmax, as in LwF; 0: all, as in DER++

@group(0) @binding(2) var<storage, read> logits: array<f32>;
@group(0) @binding(3) var<storage, read> targets: array<f32>;
@group(0) @binding(4) var<storage, read_write> gLogits: array<f32>;
@group(0) @binding(5) var<storage, read_write> rowLosses: array<f32>;
@group(0) @binding(6) var<storage, read_write> losses: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  let stride = 4u * dims.heads4;
  var total = 0.0;
  for (var row = local; row < dims.rows; row += 64u) {
    let slot = rowWord(row, ROW_TARGET);
    if (slot != NO_SLOT) {
      let factor = bitcast<f32>(rowWord(row, ROW_DISTILLATION));
      var squares = 0.0;
      for (var h = 0u; h < dims.heads; h++) {
        if (CLOSED == 1u && headIsOpen(rowWord(row, ROW_MASK), h)) {
          continue;
        }
        let d = logits[row * stride + h] - targets[slot * stride + h];
        squares += d * d;
        gLogits[row * stride + h] += 2.0 * factor * d;
      }
      rowLosses[row] += factor * squares;
      total += factor * squares;
    }
  }
  let sum = sumOfThreads(total, local);
  if (local == 0u) {
    losses[lossSlot()] += sum;
  }
}
