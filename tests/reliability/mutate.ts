/** Damages inputs as disks, networks and people do, and worse. */

import type { Random } from "../../src/random.ts";

/** Numbers that headers lie with. */
const EXTREMES = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A copy with one to four things done to it: bits flipped, ends cut, pieces removed, doubled, moved or overwritten. */
export function mutatedBytes(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  let result = new Uint8Array(bytes); // a copy, also of a Buffer, whose slice() is none
  for (let n = 1 + random.below(4); n > 0; n--) {
    const at = random.below(result.length + 1);
    const length = Math.min(random.below(1 << (1 + random.below(10))), result.length - at);
    const [head, piece, tail] = [
      result.slice(0, at),
      result.slice(at, at + length),
      result.slice(
        at + length,
      ),
    ];
    switch (random.below(7)) {
      case 0:
        if (at < result.length) result[at] ^= 1 << random.below(8);
        break;
      case 1:
        result = head;
        break;
      case 2:
        result = joined(head, tail);
        break;
      case 3:
        result = joined(head, piece, piece, tail);
        break;
      case 4:
        result = joined(head, piece.map(() => random.below(256)), tail);
        break;
      case 5: {
        const value = EXTREMES[random.below(EXTREMES.length)];
        const view = new DataView(result.buffer);
        if (at + 4 <= result.length) view.setUint32(at, value, random.below(2) === 0);
        break;
      }
      case 6:
        result = joined(tail, head, piece);
    }
  }
  return result;
}

/** A value of JSON with one to three of its parts replaced, renamed, removed or doubled. */
export function mutatedJson(value: unknown, random: Random): unknown {
  const copy = structuredClone(value);
  for (let n = 1 + random.below(3); n > 0; n--) {
    const places = placesIn(copy);
    const { parent, key } = places[random.below(places.length)];
    switch (random.below(4)) {
      case 0:
        delete parent[key];
        break;
      case 1:
        parent[`${key}x`] = parent[key];
        delete parent[key];
        break;
      case 2: {
        const other = places[random.below(places.length)];
        parent[key] = structuredClone(other.parent[other.key]);
        break;
      }
      case 3:
        parent[key] = STRANGE[random.below(STRANGE.length)];
    }
    if (typeof copy !== "object" || copy === null) break;
  }
  return copy;
}

const STRANGE: readonly unknown[] = [
  ...[0, -1, 0.5, 1e9, 1e308, -0, 2 ** 53, 1e-320],
  ...["", "x", "../../etc/passwd", "\u0000", "🙂".repeat(1000), "__proto__", "1"],
  ...[true, false, null, [], {}, [1, 2, 3], [[[]]], { constructor: 1 }],
];

type Container = Record<string, unknown>;

function placesIn(value: unknown): { parent: Container; key: string }[] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Container;
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...placesIn(parent[key])]);
}

function joined(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    result.set(piece, at);
    at += piece.length;
  }
  return result;
}
