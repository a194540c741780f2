import assert from "node:assert/strict";
import fc from "fast-check";
import { InputError } from "../../src/errors.ts";
import {
  decodeSafetensors,
  type Dtype,
  encodeSafetensors,
  type HostTensor,
} from "../../src/net/safetensors.ts";
import { readSafetensors, writeSafetensors } from "../../src/host/safetensors_files.ts";

const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U32: Uint32Array,
  U8: Uint8Array,
  I64: BigInt64Array,
};

/** Any tensor: random bits are its values, so that NaN payloads and infinities occur. */
const anyTensor: fc.Arbitrary<HostTensor> = fc
  .tuple(
    fc.constantFrom(...Object.keys(ARRAYS) as Dtype[]),
    fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    fc.infiniteStream(fc.nat({ max: 255 })),
  )
  .map(([dtype, shape, stream]) => {
    const size = shape.reduce((a, b) => a * b, 1) * ARRAYS[dtype].BYTES_PER_ELEMENT;
    const bytes = Uint8Array.from(stream.take(size));
    return { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) } as HostTensor;
  });

const anyName = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.constantFrom("__proto__", "constructor", "", "\ud800", 'a"b\\'),
).filter((name) => name !== "__metadata__");

const anyTensors = fc.array(fc.tuple(anyName, anyTensor), { maxLength: 5 })
  .map((entries) => new Map(entries));

const anyMetadata = fc.array(fc.tuple(anyName, fc.string({ unit: "binary" })), { maxLength: 3 })
  .map((entries): Record<string, string> => Object.fromEntries(entries));

/** A file with the given header and values, its header length taken from the text unless lied about. */
function fileOf(header: unknown, values = 0, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + values);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function bits(tensor: HostTensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

Deno.test("decodeSafetensors() gives back what encodeSafetensors() was given", () => {
  fc.assert(fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
    const file = decodeSafetensors(encodeSafetensors(tensors, metadata));
    assert.deepEqual(Object.entries(file.metadata).sort(), Object.entries(metadata).sort());
    assert.deepEqual([...file.tensors.keys()].sort(), [...tensors.keys()].sort());
    for (const [name, tensor] of tensors) {
      const copy = file.tensors.get(name)!;
      assert.equal(copy.dtype, tensor.dtype);
      assert.deepEqual(copy.shape, tensor.shape);
      assert.deepEqual(bits(copy), bits(tensor));
    }
  }));
});

Deno.test("encodeSafetensors() writes the same bytes whatever the order of the tensors", () => {
  fc.assert(fc.property(anyTensors, (tensors) => {
    const reversed = new Map([...tensors].reverse());
    assert.deepEqual(encodeSafetensors(reversed), encodeSafetensors(tensors));
  }));
});

Deno.test("encodeSafetensors() aligns the values to 8 bytes", () => {
  fc.assert(fc.property(anyTensors, anyMetadata, (tensors, metadata) => {
    const bytes = encodeSafetensors(tensors, metadata);
    assert.equal(new DataView(bytes.buffer).getBigUint64(0, true) % 8n, 0n);
  }));
});

Deno.test("decodeSafetensors() reads a file from an unaligned part of a buffer", () => {
  const tensors = new Map<string, HostTensor>([
    ["a", { dtype: "F64", shape: [2], data: Float64Array.of(1.5, -2) }],
    ["b", { dtype: "U8", shape: [], data: Uint8Array.of(7) }],
  ]);
  const bytes = encodeSafetensors(tensors);
  const around = new Uint8Array(bytes.length + 3);
  around.set(bytes, 3);
  assert.deepEqual([...decodeSafetensors(around.subarray(3)).tensors], [...tensors]);
});

Deno.test("decodeSafetensors() reads a header written by another program", () => {
  const bytes = fileOf(
    '{"__metadata__": {"format": "pt"}, "x" : {"data_offsets":[0,2],"shape":[2],"dtype":"U8"}}   ',
    2,
  );
  const file = decodeSafetensors(bytes);
  assert.deepEqual(file.metadata, { format: "pt" });
  assert.deepEqual(file.tensors.get("x")?.data, Uint8Array.of(0, 0));
});

Deno.test("decodeSafetensors() meets changed bytes with InputError or a file, nothing else", () => {
  const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(
      anyTensors,
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.nat(),
      (tensors, changes, cut) => {
        const bytes = encodeSafetensors(tensors, { note: "x" });
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        for (const input of [bytes, bytes.subarray(0, cut % bytes.length)]) {
          try {
            decodeSafetensors(input);
          } catch (error) {
            assert.ok(error instanceof InputError, String(error));
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});

Deno.test("decodeSafetensors() meets any header with InputError or a file, nothing else", () => {
  const offsets = fc.oneof(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 9 })), fc.jsonValue());
  const entry = fc.record({
    dtype: fc.oneof(fc.constantFrom("U8", "F32", "I64", "BF16", "toString"), fc.jsonValue()),
    shape: fc.oneof(fc.array(fc.nat({ max: 4 }), { maxLength: 3 }), fc.jsonValue()),
    data_offsets: offsets,
  }, { requiredKeys: [] });
  const header = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())),
  );
  fc.assert(
    fc.property(header, fc.nat({ max: 16 }), (value, size) => {
      try {
        decodeSafetensors(fileOf(value, size));
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("decodeSafetensors() names other kinds of files", () => {
  const starts: [string, string, RegExp][] = [
    ["PK\x03\x04\x00\x00\x08\x08", "zip", /it is a zip archive, as PyTorch's \.pt and \.pth files/],
    ["\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19", "pickle", /it is a pickle/],
    ["\x93NUMPY\x01\x00v\x00", "npy", /it is a NumPy array/],
    ["\x89HDF\r\n\x1a\n", "hdf5", /it is an HDF5 file/],
  ];
  for (const [start, name, message] of starts) {
    const bytes = Uint8Array.from(start.padEnd(64, "\0"), (letter) => letter.charCodeAt(0));
    assert.throws(() => decodeSafetensors(bytes, name), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      assert.match(error.message, /; save the tensors with safetensors \(PyTorch: /);
      return true;
    });
  }
});

Deno.test("decodeSafetensors() reads a header as long as the number that a pickle begins with", () => {
  const bytes = fileOf("{}".padEnd(0x0280));
  assert.deepEqual([...bytes.subarray(0, 2)], [0x80, 0x02]);
  assert.equal(decodeSafetensors(bytes).tensors.size, 0);
});

const u8 = (begin: number, end: number, shape = [end - begin]) => ({
  dtype: "U8",
  shape,
  data_offsets: [begin, end],
});

const refused: [string, Uint8Array, RegExp][] = [
  ["an empty file", new Uint8Array(), /0 bytes, its header length alone takes 8/],
  ["a header longer than the file", fileOf({}, 0, 900n), /claims 900 bytes, the file has 2/],
  ["a giant header", fileOf({}, 0, 2n ** 63n), /claims 9223372036854775808 bytes, at most/],
  ["text that is not JSON", fileOf("GIF89a,"), /its header is not JSON/],
  ["bytes that are not UTF-8", fileOf("{}").fill(0xff, 8), /its header is not JSON/],
  ["a header that is a list", fileOf([]), /its header is not a JSON object/],
  ["a header that is null", fileOf("null"), /its header is not a JSON object/],
  ["metadata that is a number", fileOf({ __metadata__: 3 }), /its metadata is not a JSON object/],
  ["a metadata value", fileOf({ __metadata__: { epoch: 3 } }), /metadata "epoch" is not a string/],
  ["an entry that is null", fileOf({ w: null }), /"w" is not described by a JSON object/],
  [
    "half values that fill too few bytes",
    fileOf({ w: { dtype: "BF16", shape: [2], data_offsets: [0, 2] } }, 2),
    /"w" of type BF16 and shape \[2\] needs 4 bytes, its offsets give 2/,
  ],
  [
    "an unknown dtype in a file that is damaged",
    fileOf({ w: { ...u8(0, 9), dtype: "F8_E4M3" } }, 2),
    /"w" ends at byte 9, the file holds 2/,
  ],
  ["a missing dtype", fileOf({ w: { shape: [] } }), /"w" has dtype missing/],
  ["a negative size", fileOf({ w: u8(0, 2, [-1, -2]) }, 2), /"w" has shape \[-1,-2\]/],
  ["a fractional size", fileOf({ w: u8(0, 2, [0.5, 4]) }, 2), /"w" has shape \[0.5,4\]/],
  ["offsets in the wrong order", fileOf({ w: u8(2, 0, [0]) }, 2), /has offsets \[2,0\]/],
  ["a tensor past the end", fileOf({ w: u8(0, 9) }, 2), /"w" ends at byte 9, the file holds 2/],
  [
    "a wrong shape",
    fileOf({ w: u8(0, 4, [3]) }, 4),
    /shape \[3\] needs 3 bytes, its offsets give 4/,
  ],
  [
    "a shape whose product overflows",
    fileOf({ w: u8(0, 0, [2 ** 53 - 1, 2 ** 53 - 1]) }),
    /needs 8.1\d+e\+31 bytes, its offsets give 0/,
  ],
  ["overlapping tensors", fileOf({ v: u8(0, 4), w: u8(2, 6) }, 6), /"w" overlaps the one before/],
  ["a gap between tensors", fileOf({ v: u8(0, 2), w: u8(3, 4) }, 4), /bytes 2 to 3 before "w"/],
  ["values without a tensor", fileOf({ w: u8(0, 2) }, 3), /take 2 bytes, the file holds 3/],
  [
    "a name used twice",
    fileOf('{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0077":{}}'),
    /its header names "w" twice/,
  ],
  [
    "an offset given twice",
    fileOf('{"w":{"dtype":"U8","shape":[0],"shape":[0],"data_offsets":[0,0]}}'),
    /its header names "shape" twice/,
  ],
];

for (
  const dtype of [
    ...["BOOL", "I8", "U16", "I16", "U64", "C64", "F4", "F6_E2M3", "F8_E5M2", "F8_E4M3"],
    ...["F8_E8M0", "F8_E4M3FNUZ", "A_TYPE_TO_COME", "toString", "f32", ""],
  ]
) {
  Deno.test(`decodeSafetensors() names the type "${dtype}" as one that is not taken`, () => {
    const bytes = fileOf({ w: { ...u8(0, 2), dtype } }, 2);
    assert.throws(
      () => decodeSafetensors(bytes, "model.safetensors"),
      new InputError(
        `Cannot read model.safetensors: tensor "w" is of type "${dtype}", which this program does not take ` +
          "(it takes F64, I64, F32, I32, U32, U8, F16, BF16); convert it to float32 and save the file again",
      ),
    );
  });
}

/** The value of a half number by its definition: sign, exponent and fraction of so many bits. */
function halfValue(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

for (const [dtype, exponentBits] of [["F16", 5], ["BF16", 8]] as const) {
  Deno.test(`decodeSafetensors() widens each of the 65536 values of ${dtype} to its own`, () => {
    const count = 2 ** 16;
    const bytes = fileOf(
      { one: u8(0, 1), w: { dtype, shape: [2, count / 2], data_offsets: [1, 1 + 2 * count] } },
      1 + 2 * count,
    );
    const view = new DataView(bytes.buffer, bytes.length - 2 * count);
    for (let bits = 0; bits < count; bits++) view.setUint16(2 * bits, bits, true);
    const tensor = decodeSafetensors(bytes).tensors.get("w")!;
    assert.equal(tensor.dtype, "F32");
    assert.deepEqual(tensor.shape, [2, count / 2]);
    for (let bits = 0; bits < count; bits++) {
      assert(Object.is(tensor.data[bits], halfValue(bits, exponentBits)), `${dtype} ${bits}`);
    }
  });
}

for (const [what, bytes, message] of refused) {
  Deno.test(`decodeSafetensors() refuses ${what}`, () => {
    assert.throws(() => decodeSafetensors(bytes, "model.safetensors"), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /^Cannot read model.safetensors: /);
      assert.match(error.message, message);
      assert.match(error.message, /write or download the file again/);
      return true;
    });
  });
}

Deno.test("decodeSafetensors() survives a long string and a deep nesting", () => {
  const long = fileOf(`{"__metadata__":{"a":"${"\\n".repeat(5e6)}"}}`);
  assert.equal(decodeSafetensors(long).metadata.a.length, 5e6);
  const deep = fileOf(`{"w":{"dtype":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`);
  assert.throws(() => decodeSafetensors(deep), InputError);
});

Deno.test("encodeSafetensors() refuses a tensor that contradicts itself", () => {
  const encode = (tensor: unknown, name = "w") => () =>
    encodeSafetensors(new Map([[name, tensor as HostTensor]]));
  const data = new Float32Array(6);
  assert.throws(
    encode({ dtype: "F32", shape: [2, 2], data }),
    /shape \[2,2\] does not hold 6 valu/,
  );
  assert.throws(encode({ dtype: "I32", shape: [6], data }), /dtype I32 needs a Int32Array/);
  assert.throws(encode({ dtype: "F32", shape: [6], data }, "__metadata__"), /reserved/);
});

Deno.test("writeSafetensors() leaves the file and no temporary one", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/weights.safetensors`;
    for (const value of [1, 2]) { // the second time the file is replaced
      const tensor: HostTensor = { dtype: "I64", shape: [], data: BigInt64Array.of(BigInt(value)) };
      await writeSafetensors(path, new Map([["step", tensor]]), { run: "a" });
      const file = await readSafetensors(path);
      assert.deepEqual(file.tensors.get("step"), tensor);
      assert.deepEqual(file.metadata, { run: "a" });
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), [
      "weights.safetensors",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("readSafetensors() and writeSafetensors() name the path they cannot use", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const missing = `${folder}/none/x.safetensors`;
    await assert.rejects(readSafetensors(missing), InputError);
    await assert.rejects(readSafetensors(folder), InputError);
    await assert.rejects(writeSafetensors(missing, new Map()), (error) => {
      assert.ok(error instanceof InputError);
      assert.ok(error.message.startsWith(`Cannot write ${missing}: `), error.message);
      return true;
    });
    await Deno.mkdir(`${folder}/taken`);
    await assert.rejects(writeSafetensors(`${folder}/taken`, new Map()), InputError);
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name), ["taken"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
