/** A code of up to 16 bits for each of some bytes, as the tables of a JPEG file define it. */
export class HuffmanCode {
  /** By the next 9 bits: length << 8 | byte; 0 where the code is longer. */
  readonly short = new Uint16Array(512);
  /** The last code of each length, -1 for none, and what to add to a code for the place of its byte. */
  readonly last = new Int32Array(17).fill(-1);
  readonly offset = new Int32Array(17);
  readonly symbols: Uint8Array;

  /**
   * @param counts Number of codes of 1 to 16 bits.
   * @param symbols The bytes, in the order of their codes.
   */
  constructor(counts: Uint8Array, symbols: Uint8Array) {
    this.symbols = symbols;
    for (let length = 1, code = 0, n = 0; length <= 16; length++, code <<= 1) {
      this.offset[length] = n - code;
      for (let i = 0; i < counts[length - 1]; i++, code++, n++) {
        if (length > 9) continue;
        const from = code << (9 - length);
        this.short.fill(length << 8 | symbols[n], from, from + (1 << (9 - length)));
      }
      if (counts[length - 1] > 0) this.last[length] = code - 1;
    }
  }
}

/** Reads the bits of packed pixels, up to the next marker; behind that they are zeros, which are counted. */
export class EntropyBits {
  readonly #bytes: Uint8Array;
  #at: number;
  /** The lowest `#count` are still to be read, the lowest `#made` of them made up. */
  #bits = 0;
  #count = 0;
  #made = 0;

  /** @param at Where in `bytes` the packed pixels begin. */
  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /**
   * The byte that the next bits stand for.
   *
   * @throws {SyntaxError} If they stand for none.
   */
  symbol(code: HuffmanCode): number {
    this.#need(16);
    const short = code.short[this.#bits >>> (this.#count - 9) & 511];
    if (short !== 0) {
      this.#count -= short >> 8;
      return short & 255;
    }
    for (let length = 10; length <= 16; length++) {
      const bits = this.#bits >>> (this.#count - length) & ((1 << length) - 1);
      if (bits > code.last[length]) continue;
      this.#count -= length;
      return code.symbols[bits + code.offset[length]];
    }
    throw new SyntaxError("bits of its pixels are in no Huffman table");
  }

  /** The next `n` bits, 0 to 16. */
  read(n: number): number {
    this.#need(n);
    this.#count -= n;
    return this.#bits >>> this.#count & ((1 << n) - 1);
  }

  /** @throws {SyntaxError} If more was read than there is. */
  checkEnd(): void {
    if (this.#count < this.#made) throw new SyntaxError("its pixels end early");
  }

  /**
   * Stops reading.
   *
   * @returns The whole bytes that were not read; whether what was read ran into zeros that stand in the
   *   place of others; and where the next marker is.
   */
  finish(): { unread: number[]; inZeros: boolean; at: number } {
    this.checkEnd();
    const left = this.#count - this.#made;
    const unread: number[] = [];
    for (let bits = left & ~7; bits > 0; bits -= 8) {
      unread.push(this.#bits >>> (this.#made + bits - 8) & 255);
    }
    const end = this.#at - unread.length;
    for (let byte = this.#next(); byte >= 0; byte = this.#next()) unread.push(byte);
    // An encoder fills its last byte up with ones; some fill with zeros instead, others add whole bytes of zeros.
    // What would be both, or more than the eight zeros that the last blocks' colours may take, is damage.
    const signs = Number((left & 7) > 0) + Number(unread.length > 0);
    const [before, last, veryLast] = this.#bytes.subarray(end - 3, end);
    const zeros = veryLast !== 0 || last === 0xff ? 0 : last !== 0 || before === 0xff ? 1 : 2;
    return { unread, inZeros: signs > 0 && zeros + signs > 2, at: this.#at };
  }

  #need(n: number): void {
    while (this.#count < n) {
      const byte = this.#next();
      if (byte < 0) this.#made += 8;
      this.#bits = this.#bits << 8 | Math.max(0, byte);
      this.#count += 8;
    }
  }

  /** The next byte, negative at a marker and at the end of the file. A byte 0xff has a 0 behind it. */
  #next(): number {
    if (this.#at >= this.#bytes.length) return -1;
    const byte = this.#bytes[this.#at];
    if (byte !== 0xff) {
      this.#at++;
      return byte;
    }
    let behind = this.#at + 1;
    while (this.#bytes[behind] === 0xff) behind++;
    if (this.#bytes[behind] !== 0) return -1;
    this.#at = behind + 1;
    return 0xff;
  }
}
