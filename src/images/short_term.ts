import type { Draws } from "../random.ts";
import { ImageMemory, type RememberedExample } from "./image_memory.ts";

/** Episodes of the current task: written while awake, replayed in sleep, emptied at dawn (paper: 5000). */
export class ShortTermMemory extends ImageMemory {
  /** All episodes in a fresh random order: one pass of sleep. */
  pass(random: Draws<"permutation">): RememberedExample[] {
    return Array.from(random.permutation(this.filled), (slot) => this.example(slot));
  }

  /** All episodes in slot order, as they are offered to the long-term memory. */
  episodes(): RememberedExample[] {
    return Array.from({ length: this.filled }, (_, slot) => this.example(slot));
  }
}
