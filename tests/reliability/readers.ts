/** Every reader of files from outside: sound examples, and what must hold for whatever it accepts. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { crc32, gunzipSync, gzipSync } from "node:zlib";
import { cifarFolder } from "../../src/data/cifar_files.ts";
import { CIFAR10 } from "../../src/data/cifar_format.ts";
import { decodeAny } from "../../src/data/decode_image.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { readTarGz } from "../../src/data/tar.ts";
import { zipTree } from "../../src/data/zip_tree.ts";
import { readPlace } from "../../src/data/file_tree.ts";
import { InputError } from "../../src/errors.ts";
import {
  readCheckpoint,
  readLastCheckpoint,
  writeCheckpoint,
} from "../../src/host/checkpoint_files.ts";
import { resolveConfig } from "../../src/experiment/config.ts";
import { parseJson } from "../../src/experiment/json.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/net/safetensors.ts";
import { Random } from "../../src/random.ts";
import { tarGz, zip } from "../data/archives.ts";
import { cifarRecord, contextIn, joined, plainJpeg, plainPng, write } from "../data/fixtures.ts";
import { writeIdx } from "../data/idx_files.ts";
import { mutatedBytes, mutatedJson } from "./mutate.ts";
import { tinyOptions } from "./tiny.ts";

/** What is done to inputs. */
export interface Damage {
  readonly bytes: typeof mutatedBytes;
  readonly json: typeof mutatedJson;
}

const none: Damage = { bytes: (bytes) => new Uint8Array(bytes), json: (value) => value };
const some: Damage = { bytes: mutatedBytes, json: mutatedJson };

/** A reader under attack. */
export interface Reader {
  readonly name: string;
  /**
   * Damages an input by `random` and reads it: throws what the reader throws, and AssertionError for accepted
   * nonsense.
   */
  attack(random: Random, damage: Damage): Promise<void>;
}

/** How the inputs of one reader fared. */
export interface Figures {
  readonly inputs: number;
  readonly refused: number;
  readonly accepted: number;
  readonly slowestMilliseconds: number;
}

/** Slower than this is a hang. */
export const HANG = 20_000;

/** Attacks a reader so many times; fails for a crash, a hang, or nonsense that was accepted. */
export async function attack(
  reader: Reader,
  inputs: number,
  seed = 0,
  progress: (done: number) => void = () => {},
): Promise<Figures> {
  const random = Random.stream(seed, `attack on ${reader.name}`);
  // Or a reader that refuses everything would look safe.
  await reader.attack(random, none);
  let refused = 0;
  let slowestMilliseconds = 0;
  for (let n = 0; n < inputs; n++) {
    progress(n);
    const state = random.state();
    const started = performance.now();
    try {
      await reader.attack(random, some);
    } catch (error) {
      const kind = error instanceof Error ? error.name : typeof error;
      const text = error instanceof Error ? error.message : String(error);
      if (!(error instanceof InputError)) {
        throw new Error(`${reader.name}, input ${n} (random state [${state}]): ${kind}: ${text}`, {
          cause: error,
        });
      }
      assert.match(text, /^Cannot /, `${reader.name} says: ${text}`);
      refused++;
    }
    const milliseconds = performance.now() - started;
    assert(milliseconds < HANG, `${reader.name}, input ${n}: ${milliseconds} ms`);
    slowestMilliseconds = Math.max(slowestMilliseconds, milliseconds);
  }
  return { inputs, refused, accepted: inputs - refused, slowestMilliseconds };
}

/** All readers, with their files below `folder`. */
export async function readers(folder: string): Promise<Reader[]> {
  const checkpoints = join(folder, "checkpoints");
  await writeCheckpoint(checkpoints, example, 2);
  const whole = join(checkpoints, "000000007");
  const files = ["DONE", "checkpoint.json", "state.safetensors"];
  const sound = new Map(files.map((name) => [name, Deno.readFileSync(join(whole, name))]));
  const images = [
    plainPng(16, [10, 200, 30]),
    await plainJpeg(16, [10, 200, 30]),
  ];
  const tar = tarGz({ "a/one.bin": new Uint8Array(700).fill(1), "two.txt": Uint8Array.of(1, 2) });
  const zipped = zip({ "top/one.png": images[0], "top/two.txt": new Uint8Array(300).fill(7) });
  const weights = encodeSafetensors(
    new Map([
      ["a", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["b", { dtype: "I64", shape: [], data: BigInt64Array.of(5n) }],
    ]),
  );
  const config = new TextEncoder().encode(JSON.stringify(tinyOptions, null, 2));
  const names = new TextEncoder().encode("abcdefghij".split("").join("\n"));
  const batch = joined([0, 1, 2, 1].map((label) => cifarRecord([label], [9, 8, 7])));

  return [
    {
      name: "config, its values",
      // deno-lint-ignore require-await -- like the others
      async attack(random, damage) {
        checkConfig(resolveConfig(damage.json(tinyOptions, random)));
      },
    },
    {
      name: "config, its text",
      // deno-lint-ignore require-await -- like the others
      async attack(random, damage) {
        const text = new TextDecoder().decode(damage.bytes(config, random));
        checkConfig(resolveConfig(parseJson(text, "config.json")));
      },
    },
    {
      name: "safetensors",
      // deno-lint-ignore require-await -- like the others
      async attack(random, damage) {
        const { tensors } = decodeSafetensors(damage.bytes(weights, random), "model.safetensors");
        for (const { shape, data } of tensors.values()) {
          assert.equal(data.length, shape.reduce((a, b) => a * b, 1));
        }
        encodeSafetensors(tensors);
      },
    },
    {
      name: "checkpoint, one file damaged",
      async attack(random, damage) {
        const file = files[random.below(files.length)];
        const damaged = damage.bytes(sound.get(file)!, random);
        Deno.writeFileSync(join(whole, file), damaged);
        try {
          assert.deepEqual(await readCheckpoint(whole), example, "accepted, so it is as it was");
        } finally {
          Deno.writeFileSync(join(whole, file), sound.get(file)!);
        }
      },
    },
    {
      name: "checkpoint, damaged with fitting checksums",
      async attack(random, damage) {
        const path = join(folder, "lying");
        const at = join(path, "000000007");
        Deno.mkdirSync(at, { recursive: true });
        const done: Record<string, unknown> = {};
        for (const file of files.slice(1)) {
          const bytes = random.below(2) ? damage.bytes(sound.get(file)!, random) : sound.get(file)!;
          Deno.writeFileSync(join(at, file), bytes);
          const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
          done[file] = { bytes: bytes.length, sha256: digest };
        }
        Deno.writeTextFileSync(join(at, "DONE"), JSON.stringify(done));
        const warnings: string[] = [];
        const read = await readLastCheckpoint(path, (text) => warnings.push(text));
        if (read === null) throw new InputError(warnings[0]);
        assert(Number.isSafeInteger(read.run.points) && read.run.points > 0);
        for (const { words, shape } of read.run.state) {
          assert.equal(words.length, shape.reduce((a, b) => a * b, 1));
        }
      },
    },
    {
      name: "CIFAR",
      async attack(random, damage) {
        const root = join(folder, "data", "cifar");
        const put = (name: string, bytes: Uint8Array) => write(join(root, name), bytes);
        const which = random.below(3);
        put("batches.meta.txt", which === 0 ? damage.bytes(names, random) : names);
        for (const name of CIFAR10.train.files) put(name, batch);
        for (const name of CIFAR10.test.files) put(name, batch);
        const damaged = damage.bytes(batch, random);
        if (which === 1) put(CIFAR10.train.files[random.below(5)], damaged);
        if (which === 2) put(CIFAR10.test.files[0], damaged);
        await cifarFolder(root, CIFAR10).read([...CIFAR10.train.files], () => {});
        const { context } = contextIn(folder);
        const cacheDir = join(folder, "cifar-cache");
        const source = { format: "cifar10", folder: "cifar", size: 32 } as const;
        try {
          const set = await openDataset(source as never, { ...context, cacheDir });
          for (const { labels, classNames, count } of [set.train, set.test]) {
            assert.equal(labels.length, count);
            assert(labels.every((label) => label < classNames.length));
          }
        } finally {
          await Deno.remove(cacheDir, { recursive: true }).catch(() => {});
        }
      },
    },
    {
      name: "idx files",
      async attack(random, damage) {
        const root = join(folder, "data", "digits");
        writeIdx(root, { train: [0, 1, 2, 1], test: [2, 0] });
        const name = [...Deno.readDirSync(root)].map(({ name }) => name).sort()[random.below(4)];
        const packed = Deno.readFileSync(join(root, name));
        // What gzip's checksum would refuse anyway is half of it; the other half is damaged before packing.
        const damaged = random.below(2)
          ? damage.bytes(packed, random)
          : gzipSync(damage.bytes(gunzipSync(packed), random));
        write(join(root, name), damaged);
        const { context } = contextIn(folder);
        const cacheDir = join(folder, "idx-cache");
        const source = { format: "idx", folder: "digits", size: 8 } as const;
        try {
          const set = await openDataset(source as never, { ...context, cacheDir });
          for (const { labels, classNames, count, pixels } of [set.train, set.test]) {
            assert.deepEqual([labels.length, pixels.length], [count, count * 8 * 8 * 3]);
            assert(labels.every((label) => label < classNames.length));
          }
        } finally {
          await Deno.remove(cacheDir, { recursive: true }).catch(() => {});
        }
      },
    },
    {
      name: "images",
      async attack(random, damage) {
        const bytes = damage.bytes(images[random.below(images.length)], random);
        // Every second PNG lies about its size with the right checksum.
        if (bytes.length > 33 && bytes[1] === 0x50 && random.below(2)) {
          new DataView(bytes.buffer).setUint32(29, crc32(Buffer.from(bytes.slice(12, 29))));
        }
        const { height, width, pixels } = await decodeAny(bytes, "image");
        assert.equal(pixels.length, height * width * 3);
      },
    },
    {
      name: "tar archives",
      async attack(random, damage) {
        const path = join(folder, "archive.tar.gz");
        // What gzip's checksum would refuse anyway is half of it; the other half is damaged before packing.
        const damaged = random.below(2)
          ? damage.bytes(tar, random)
          : gzipSync(damage.bytes(gunzipSync(tar), random));
        Deno.writeFileSync(path, damaged);
        const limits = { fileBytes: 1000, totalBytes: 10_000 };
        const found = await readTarGz(path, new Set(["a/one.bin", "two.txt"]), limits);
        for (const bytes of found.values()) assert(bytes.length <= limits.fileBytes);
      },
    },
    {
      name: "zip archives",
      // deno-lint-ignore require-await -- like the others
      async attack(random, damage) {
        const path = join(folder, "archive.zip");
        Deno.writeFileSync(path, damage.bytes(zipped, random));
        const tree = zipTree(path);
        for (const name of tree.images("top")) {
          assert(readPlace(tree.place(`top/${name}`)).length < 10_000);
        }
      },
    },
  ];
}

/** What is accepted is complete, and accepted again when it is read back. */
function checkConfig(config: ReturnType<typeof resolveConfig>): void {
  const again = JSON.parse(JSON.stringify(config));
  assert.deepEqual(JSON.parse(JSON.stringify(resolveConfig(again))), again);
  for (const count of [config.batchSize, config.data.tasks, config.network.width, config.epochs]) {
    assert(Number.isSafeInteger(count) && count > 0);
  }
}

const example = {
  info: {
    format: 1,
    point: 7,
    steps: 5,
    task: 1,
    phase: "sleep",
    seconds: 1.5,
    logBytes: 100,
    adapter: "none",
    identity: { "the configuration": "1" },
    fingerprint: { "the random stream": "1,2,3,4" },
  },
  run: {
    points: 7,
    journal: [Uint32Array.of(1), Uint32Array.of(2, 3, 4)],
    state: [
      { label: "a/values", shape: [2, 2], type: "f32", words: Uint32Array.of(1, 2, 3, 4) },
      { label: "a/mask", shape: [3], type: "u32", words: Uint32Array.of(5, 6, 7) },
    ],
  },
} as const;
