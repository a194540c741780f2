/**
 * Damaged files: each reader says what is wrong, or takes what it can stand for. `wscl test --soak` does it at
 * length.
 */

import { withFolder } from "../data/fixtures.ts";
import { attack, readers } from "./readers.ts";

Deno.test("damaged inputs are refused with a message, by every reader", () =>
  withFolder(async (folder) => {
    for (const reader of await readers(folder)) await attack(reader, 60);
  }));
