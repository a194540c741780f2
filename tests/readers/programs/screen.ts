/**
 * What a terminal shows: `screen.ts BYTES COLUMNS ROWS [AT COLUMNS ROWS]...`. BYTES holds what a program wrote; behind
 * its first AT bytes the terminal is resized. Prints the lines that it shows at the end, with those that have scrolled
 * out above, as JSON.
 */

import xterm from "@xterm/headless";

const [file, columns, rows, ...resizes] = Deno.args;
const bytes = await Deno.readFile(file);
const terminal = new xterm.Terminal({
  cols: Number(columns),
  rows: Number(rows),
  scrollback: 10_000,
  allowProposedApi: true,
  convertEol: true,
});
const write = (part: Uint8Array) => new Promise<void>((done) => terminal.write(part, done));
let at = 0;
for (let i = 0; i < resizes.length; i += 3) {
  const [until, cols, lines] = resizes.slice(i, i + 3).map(Number);
  await write(bytes.subarray(at, until));
  terminal.resize(cols, lines);
  at = until;
}
await write(bytes.subarray(at));
const { active } = terminal.buffer;
const lines = Array.from({ length: active.length }, (_, i) => active.getLine(i)!.translateToString(true));
console.log(JSON.stringify(lines));
Deno.exit(0);
