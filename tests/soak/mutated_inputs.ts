/** Ten thousand damaged inputs through each reader. */

import { withFolder } from "../data/fixtures.ts";
import { attack, readers } from "../reliability/readers.ts";

const INPUTS = 10_000;

Deno.test(`${INPUTS} damaged inputs through each reader`, () =>
  withFolder(async (folder) => {
    for (const reader of await readers(folder)) {
      const { refused, accepted, slowestMilliseconds } = await attack(reader, INPUTS, Date.now());
      console.log(
        `inputs: ${reader.name}: ${refused} refused, ${accepted} accepted and sound, slowest ` +
          `${slowestMilliseconds.toFixed(0)} ms`,
      );
    }
  }));
