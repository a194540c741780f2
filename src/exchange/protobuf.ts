/**
 * The wire format of Protocol Buffers, as far as files are written in it that others read: ONNX models, TensorBoard's
 * events. A message is its fields, one behind the other: a tag (number and wire type), then the value.
 *
 * Source: https://protobuf.dev/programming-guides/encoding
 */

const VARINT = 0;
const FIXED_64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** A message that is being written; fields stand in the order of the calls, and repeated ones are further calls. */
export class Message {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  /** An int32, int64, bool or enum: a whole number, not negative. */
  integer(field: number, value: number | bigint): this {
    return this.#add(tag(field, VARINT), varint(value));
  }

  /** Four bytes, little-endian. */
  float(field: number, value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    return this.#add(tag(field, FIXED_32), bytes);
  }

  /** Eight bytes, little-endian. */
  double(field: number, value: number): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value, true);
    return this.#add(tag(field, FIXED_64), bytes);
  }

  /** UTF-8. */
  text(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  /** Not copied before {@linkcode encode}. */
  bytes(field: number, value: Uint8Array): this {
    return this.#add(tag(field, LENGTH_DELIMITED), varint(value.length), value);
  }

  /** A message within this one, as it is now. */
  message(field: number, value: Message): this {
    return this.#add(tag(field, LENGTH_DELIMITED), varint(value.#length), ...value.#parts);
  }

  /** The message without a length in front. */
  encode(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  #add(...parts: readonly Uint8Array[]): this {
    for (const part of parts) {
      this.#parts.push(part);
      this.#length += part.length;
    }
    return this;
  }
}

function tag(field: number, wireType: number): Uint8Array {
  return varint(field * 8 + wireType);
}

/** Seven bits a byte, lowest first; the eighth says that more follow. */
function varint(value: number | bigint): Uint8Array {
  let rest = BigInt(value);
  if (rest < 0n) throw new RangeError(`Cannot write ${value}: it is negative`);
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
