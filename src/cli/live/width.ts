/** What a terminal shows in two columns: East Asian letters, pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** What takes no column: marks on the letter before, joiners. */
const NONE = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** What sets a colour, or a letter. */
// deno-lint-ignore no-control-regex
const PIECES = /\x1b\[[0-9;]*m|[^]/gu;

/** Columns that a line takes; what sets colours takes none. */
export function widthOf(line: string): number {
  return (line.match(PIECES) ?? []).reduce((sum, piece) => sum + columnsOf(piece), 0);
}

/** As much of a line as fits, and all that sets colours. */
export function cut(line: string, columns: number): string {
  let width = 0;
  let kept = "";
  for (const piece of line.match(PIECES) ?? []) {
    width += columnsOf(piece);
    if (width <= columns || columnsOf(piece) === 0) kept += piece;
  }
  return kept;
}

function columnsOf(piece: string): number {
  if (piece.length > 1 && piece.startsWith("\x1b") || NONE.test(piece)) return 0;
  return WIDE.test(piece) ? 2 : 1;
}
