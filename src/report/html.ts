import { nameText } from "../images/look_alike.ts";
import { visibleText } from "../text.ts";

/** Text of HTML: whatever is put into it as a string has been escaped. */
export class Html {
  readonly text: string;

  /** Of a text that is HTML already. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in HTML; nothing is shown of null, undefined and false. */
export type Content = Html | string | number | null | undefined | false | readonly Content[];

/** HTML of a template: values that are not HTML themselves are escaped, in texts and in quoted attributes. */
export function markup(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.reduce((text, part, i) => text + textOf(values[i - 1]) + part));
}

/** Content as HTML. */
export function all(content: Content): Html {
  return new Html(textOf(content));
}

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (content instanceof Html) return content.text;
  if (typeof content === "number") return String(content);
  if (typeof content === "string") return escaped(content);
  return content.map(textOf).join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return visibleText(text).replace(/[&<>"']/g, (letter) => ESCAPES[letter]);
}

/** Longer names are cut in tables. */
const LONGEST = 60;

/** The name of a class, a file or a run: on its own in its direction, cut where it is very long, whole in its title. */
export function name(text: string): Html {
  const shown = nameText(text);
  const cut = shortened(shown, LONGEST);
  const title = cut === shown ? "" : markup` title="${shown}"`;
  // Escapes of what cannot be seen are read from the left.
  const direction = shown === text ? "" : markup` dir="ltr"`;
  return markup`<bdi class="name"${direction}${title}>${cut}</bdi>`;
}

/** A name for a label in a picture. */
export function label(text: string, longest = 16): string {
  return visibleText(shortened(nameText(text), longest));
}

function shortened(text: string, longest: number): string {
  const letters = [...text];
  if (letters.length <= longest) return text;
  // Names are often told apart by their ends.
  const end = Math.floor(longest / 3);
  return `${letters.slice(0, longest - 1 - end).join("")}…${letters.slice(-end).join("")}`;
}
