// Activations as a network of precision "full" stores them. A kernel that is declared for both ways of storing
// (src/ops/storage.ts) says array<Stored> for a tensor of activations and widen() and narrow() where it reads and
// writes it, and chooses between this file and storage_f16.wgsl.

alias Stored = vec4f;

fn widen(stored: Stored) -> vec4f {
  return stored;
}

fn narrow(value: vec4f) -> Stored {
  return value;
}
