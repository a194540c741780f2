import type { Drawing, Screen } from "./screen.ts";
import { cut, widthOf } from "./width.ts";

/** To the first column of the line so many lines above. */
const upBy = (lines: number) => `\r\x1b[${lines}A`;

/** All from the cursor on. */
const ERASE = "\x1b[J";

/**
 * Lines at the end of a terminal that are drawn again and again; what is printed goes above them. Lines are cut so that
 * none wraps; where the terminal has become narrower since they were drawn, it has wrapped them by itself, and they take
 * as many rows more. The cursor is on an empty line behind them: not all terminals wrap the line that it is on.
 */
export class LiveArea {
  readonly #write: (text: string) => void;
  readonly #screen: () => Screen;
  #shown: string | Drawing = "";
  /** Widths of the lines that stand there. */
  #widths: readonly number[] = [];

  /** @param screen asked each time that something is drawn */
  constructor(write: (text: string) => void, screen: () => Screen) {
    this.#write = write;
    this.#screen = screen;
  }

  /** Something that stays, above what is shown. */
  print(text: string): void {
    const erase = this.#erase();
    this.#write(`${erase}${text}\n${this.#draw()}`);
  }

  /** Replaces what is shown; "" shows nothing. */
  show(shown: string | Drawing): void {
    this.#shown = shown;
    this.redraw();
  }

  /** Shows the same again, as the screen is now. */
  redraw(): void {
    const text = this.#erase() + this.#draw();
    if (text !== "") this.#write(text);
  }

  #erase(): string {
    if (this.#widths.length === 0) return "";
    const { columns } = this.#screen();
    const rows = this.#widths.reduce(
      (sum, width) => sum + Math.max(1, Math.ceil(width / columns)),
      0,
    );
    this.#widths = [];
    return upBy(rows) + ERASE;
  }

  #draw(): string {
    const screen = this.#screen();
    const text = typeof this.#shown === "string" ? this.#shown : this.#shown(screen);
    if (text === "") return "";
    // Behind the last column a terminal may or may not have begun the next line.
    const lines = text.split("\n").slice(0, Math.max(1, screen.rows - 1))
      .map((line) => cut(line, Math.max(1, screen.columns - 1)));
    this.#widths = lines.map(widthOf);
    return `${lines.join("\n")}\n`;
  }
}
