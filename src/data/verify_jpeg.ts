import { BlockReader, type ScanBand, type ScanPart, ZEROS } from "./jpeg_blocks.ts";
import { EntropyBits } from "./jpeg_entropy.ts";
import { frameIn, type JpegComponent, type JpegFrame, JpegTables } from "./jpeg_frame.ts";
import { DHT, DQT, DRI, EOI, isFrame, nextSegment, RST0, SOS, uint16 } from "./jpeg_segments.ts";

/** So many zeros some encoders write behind the pixels, to fill up to a round address. */
const MOST_PADDING = 16;

/**
 * Reads the packed pixels of a JPEG file as far as it takes to see that all are there: each block of each scan, each
 * restart marker, each bit of each coefficient, and nothing else. Decoders make up what is missing, and draw what
 * cannot be. A JPEG file has no checksum: damage that leaves another picture as well written is not seen.
 *
 * @throws {SyntaxError} If pixels are missing or damaged. Kinds of JPEG that are not decoded are not looked at.
 */
export function verifyJpeg(bytes: Uint8Array<ArrayBuffer>): void {
  const tables = new JpegTables();
  let frame: JpegFrame | null = null;
  for (let at = 2;;) {
    const segment = nextSegment(bytes, at);
    if (segment === null) throw new SyntaxError("it ends before its end marker");
    const { marker, data } = segment;
    at = segment.end;
    if (marker === EOI) break;
    if (marker === DHT) tables.addCodes(data);
    if (marker === DQT) tables.addSteps(data);
    if (marker === DRI) tables.interval = uint16(data, 0);
    if (isFrame(marker)) {
      frame = frameIn(marker, data);
      if (frame === null) return;
    }
    if (marker === SOS) {
      if (frame === null) throw new SyntaxError("its pixels come before their size");
      at = verifyScan(bytes, at, frame, data, tables);
    }
  }
  if (frame === null || frame.components.some(({ known }) => known.some((low) => low !== 0))) {
    throw new SyntaxError("its last scans are missing");
  }
}

/** @returns Where the marker behind the scan is. */
function verifyScan(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  frame: JpegFrame,
  header: Uint8Array,
  { dc, ac, steps, interval }: JpegTables,
): number {
  const components = Array.from({ length: header[0] }, (_, i) => {
    const component = frame.components.find(({ id }) => id === header[1 + 2 * i]);
    if (component === undefined) throw new SyntaxError("a scan of it is of no component");
    return component;
  });
  const band = bandIn(header.subarray(1 + 2 * components.length), frame);
  const parts = components.map((component, i): ScanPart => {
    addBits(component, band);
    const numbers = header[2 + 2 * i];
    return {
      dc: dc[numbers >> 4],
      ac: ac[numbers & 15],
      step: steps[component.table],
      nonzero: component.nonzero,
    };
  });
  const needsDc = band.first === 0 && band.above === 0;
  const needsAc = band.last > 0;
  if (parts.some(({ dc, ac }) => needsDc && !dc || needsAc && !ac)) {
    throw new SyntaxError("a scan of it lacks its Huffman table");
  }
  const units = unitsOf(frame, components);
  let reader = new BlockReader(new EntropyBits(bytes, at), band);
  for (let unit = 0; unit < units.count; unit++) {
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      const restart = RST0 + (unit / interval - 1) % 8;
      const segment = nextSegment(bytes, finish(reader));
      if (segment?.marker !== restart) throw new SyntaxError("it lacks a restart marker");
      reader = new BlockReader(new EntropyBits(bytes, segment.end), band);
    }
    units.read(unit, (part, block) => reader.read(parts[part], block));
    reader.checkEnd();
  }
  return finish(reader);
}

/** Enters what a scan tells: upper bits of coefficients that no scan told before, or the next bit of those one did. */
function addBits({ known }: JpegComponent, band: ScanBand): void {
  const { progressive, first, last, above, low } = band;
  const bits = known.subarray(first, last + 1);
  if (progressive && bits.some((bit) => Math.max(0, bit) !== above)) {
    throw new SyntaxError("a scan before its last is missing");
  }
  bits.fill(low);
}

function bandIn(header: Uint8Array, { progressive }: JpegFrame): ScanBand {
  if (!progressive) return { progressive, first: 0, last: 63, above: 0, low: 0 };
  const [first, last, bits] = header;
  if (!(last <= 63)) throw new SyntaxError("a scan of it is of no coefficients");
  return { progressive, first, last, above: bits >> 4, low: bits & 15 };
}

/** The blocks of a scan, unit by unit: of one component each block is a unit. */
function unitsOf(frame: JpegFrame, components: readonly JpegComponent[]): {
  count: number;
  read(unit: number, read: (part: number, block: number) => void): void;
} {
  if (components.length === 1) {
    const [{ blocksAcross, blocksDown, stride }] = components;
    return {
      count: blocksAcross * blocksDown,
      read: (unit, read) => read(0, Math.floor(unit / blocksAcross) * stride + unit % blocksAcross),
    };
  }
  const { unitsAcross, unitsDown } = frame;
  return {
    count: unitsAcross * unitsDown,
    read(unit, read) {
      const row = Math.floor(unit / unitsAcross);
      const column = unit % unitsAcross;
      for (const [part, { across, down, stride }] of components.entries()) {
        for (let y = 0; y < down; y++) {
          const first = (row * down + y) * stride + column * across;
          for (let x = 0; x < across; x++) read(part, first + x);
        }
      }
    },
  };
}

/** Where the marker behind the pixels read is. */
function finish(reader: BlockReader): number {
  const { unread, inZeros, at } = reader.finish();
  if (inZeros) throw new SyntaxError(ZEROS);
  if (unread.length > MOST_PADDING || unread.some((byte) => byte !== 0)) {
    throw new SyntaxError(`${unread.length} bytes of its pixels are of no block`);
  }
  return at;
}
