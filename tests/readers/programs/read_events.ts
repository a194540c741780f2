/**
 * Reads TensorBoard's event files in a folder, in the order of their names: `read_events.ts FOLDER`. Checks lengths and
 * checksums of each record, and unpacks pictures. Prints a list of events for each file, as JSON.
 */

import { Crc32c } from "@aws-crypto/crc32c";
import { Buffer } from "node:buffer";
import { PNG } from "pngjs";
import protobuf from "protobufjs";

const [folder] = Deno.args;
const schema = await Deno.readTextFile(new URL("../tensorboard.proto", import.meta.url));
const Event = protobuf.parse(schema).root.lookupType("tensorboard.Event");

function check(bytes: Uint8Array, stored: number): void {
  const crc = new Crc32c().update(bytes).digest() >>> 0;
  const masked = Number((BigInt((crc >>> 15 | crc << 17) >>> 0) + 0xa282ead8n) & 0xffffffffn);
  if (masked !== stored) throw new Error(`checksum is ${stored}, should be ${masked}`);
}

function* records(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true));
    check(bytes.subarray(at, at + 8), view.getUint32(at + 8, true));
    const data = bytes.subarray(at + 12, at + 12 + length);
    check(data, view.getUint32(at + 12 + length, true));
    yield data;
    at += 12 + length + 4;
  }
}

function plain(data: Uint8Array): unknown {
  const event = Event.toObject(Event.decode(data), { longs: Number, enums: String, defaults: false });
  const values = event.summary?.value?.map(({ tag, simpleValue, image }: any) => {
    if (!image) return { tag, scalar: simpleValue };
    const { width, height, data } = PNG.sync.read(Buffer.from(image.encodedImageString));
    if (width !== image.width || height !== image.height) throw new Error(`${tag} is ${width}x${height}`);
    const rgb = data.filter((_: number, i: number) => i % 4 < 3);
    return { tag, width, height, colorspace: image.colorspace, pixels: [...rgb] };
  });
  const { wallTime, step = 0, fileVersion, sessionLog } = event;
  return { wallTime, step, fileVersion, session: sessionLog?.status, values };
}

const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const files = names.map((name) => [...records(Deno.readFileSync(`${folder}/${name}`))].map(plain));
console.log(JSON.stringify(files));
