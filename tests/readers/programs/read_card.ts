/** Reads the head of a model card as YAML: `read_card.ts README.md`. Prints it as JSON. */

import { parse } from "yaml";

const [, head] = /^---\n([^]*?)\n---\n/.exec(await Deno.readTextFile(Deno.args[0]))!;
console.log(JSON.stringify(parse(head)));
