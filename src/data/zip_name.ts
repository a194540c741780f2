/** What the bytes 128 to 255 are in the code page of the first personal computers, which zip began with. */
const CODE_PAGE_437 = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐" +
  "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/**
 * A name in a zip archive. One that is not marked as UTF-8 is taken for it where it can be, as most programs
 * mean it, and for code page 437 otherwise, as the format has it: in either case names stay different.
 */
export function nameIn(bytes: Uint8Array, isUtf8: boolean): string {
  try {
    return new TextDecoder("utf-8", { fatal: !isUtf8, ignoreBOM: true }).decode(bytes);
  } catch {
    const letter = (byte: number) =>
      byte < 128 ? String.fromCharCode(byte) : CODE_PAGE_437[byte - 128];
    return Array.from(bytes, letter).join("");
  }
}
