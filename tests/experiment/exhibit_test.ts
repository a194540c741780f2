/** What a run leaves to be looked at agrees with what it measured. */

import assert from "node:assert/strict";
import { resolveConfig } from "../../src/experiment/config.ts";
import {
  decodeGallery,
  encodeGallery,
  type Gallery,
  thumbnail,
  thumbnailSize,
} from "../../src/experiment/gallery.ts";
import { driveRun } from "../../src/experiment/run.ts";
import { memoryHost, MemoryStore } from "../../src/experiment/run_in_memory.ts";
import { encodeSafetensors } from "../../src/net/safetensors.ts";
import { tinyOptions } from "../reliability/tiny.ts";

const adapter = await (navigator.gpu as GPU | undefined)?.requestAdapter() ?? null;

class GalleryStore extends MemoryStore {
  gallery: Gallery | null = null;

  writeGallery(bytes: Uint8Array<ArrayBuffer>): void {
    this.gallery = decodeGallery(bytes, "the gallery");
  }
}

async function run(changes: Record<string, unknown>) {
  const store = new GalleryStore();
  const config = resolveConfig({ ...tinyOptions, ...changes });
  const summary = await driveRun(config, memoryHost({ store }));
  const { confusion, classIl, heads } = summary;
  const { classes, counts, elsewhere } = confusion!;
  assert.deepEqual(classes, heads.flatMap(({ classes }) => classes));
  // Each class has 4 test images, each task 2 classes.
  classes.forEach((_, i) => {
    assert.equal(counts[i].reduce((a, b) => a + b, 0) + elsewhere[i], 4);
  });
  classIl.matrix.at(-1)!.forEach((accuracy, task) => {
    const right = counts[2 * task][2 * task] + counts[2 * task + 1][2 * task + 1];
    assert.equal(100 * right / 8, accuracy, "the diagonal is the last row of the matrix");
  });
  return { summary, pictures: store.gallery!.pictures, size: store.gallery!.size };
}

Deno.test({
  name: "a run of WSCL leaves its confusion, memory, dreams, and what misled it",
  ignore: adapter === null,
  async fn() {
    const { summary, pictures, size } = await run({});
    assert.equal(size, 8);
    const { remembered, dreams, confusion } = summary;
    assert.equal(
      remembered!.reduce((sum, { images }) => sum + images, 0),
      16,
      "the memory is full",
    );
    const memory = pictures.filter(({ kind }) => kind === "memory");
    for (const { class: name, images } of remembered!) {
      const own = memory.filter((picture) => picture.class === name);
      assert.equal(own.length, Math.min(8, images), name);
      for (const { pixels } of own) assert.ok(new Set(pixels).size > 10, "a picture");
    }
    const dreamt = pictures.filter(({ kind }) => kind === "dream");
    assert.deepEqual(dreamt.map((one) => one.class), dreams);
    assert.deepEqual(dreamt.map(({ head }) => head), [0, 1, 2, 3, 4, 5]);
    const misleading = pictures.filter(({ kind }) => kind === "misleading");
    const { counts, classes, elsewhere } = confusion!;
    const wrong = counts.flatMap((row, i) => row.filter((_, j) => i !== j))
      .concat(elsewhere).reduce((a, b) => a + b, 0);
    assert.equal(misleading.length, Math.min(24, wrong), "every mistake, up to 24");
    const confidences = misleading.map(({ confidence }) => confidence!);
    assert.deepEqual(confidences, confidences.toSorted((a, b) => b - a));
    assert.ok(confidences.every((value) => value > 1 / 6 && value <= 1));
    for (const { class: name, answer } of misleading) {
      const [i, j] = [classes.indexOf(name), classes.indexOf(answer!)];
      assert.ok(counts[i][j] > 0, `${name} is taken for ${answer}`);
    }
  },
});

Deno.test({
  name: "a method without memory and dreams leaves its confusion and what misled it",
  ignore: adapter === null,
  async fn() {
    const { summary, pictures } = await run({ method: "finetune", epochs: 1 });
    assert.deepEqual([summary.remembered, summary.dreams], [undefined, undefined]);
    assert.deepEqual([...new Set(pictures.map(({ kind }) => kind))], ["misleading"]);
  },
});

Deno.test("a gallery is read as it was written; what is something else is none", () => {
  const pixels = Uint8Array.from({ length: 12 }, (_, i) => i);
  const gallery: Gallery = {
    size: 2,
    pictures: [{ kind: "misleading", class: "<a>", answer: null, confidence: 0.5, pixels }],
  };
  assert.deepEqual(decodeGallery(encodeGallery(gallery), "it"), gallery);
  const nothing: Gallery = { size: 2, pictures: [] };
  assert.deepEqual(decodeGallery(encodeGallery(nothing), "it"), nothing);
  const other = (shape: number[]) =>
    encodeSafetensors(
      new Map([["images", { dtype: "U8", shape, data: new Uint8Array(12) }]]),
      { pictures: '[{"class": "a"}]' },
    );
  assert.equal(decodeGallery(other([12]), "it"), null);
  assert.equal(decodeGallery(other([1, 4, 1, 3]), "it"), null);
});

Deno.test("a thumbnail is the image itself, or means of squares of it", () => {
  const small = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => i);
  assert.deepEqual(thumbnail(small, 8), small);
  assert.deepEqual([8, 64, 65, 128, 224].map(thumbnailSize), [8, 64, 32, 64, 56]);
  const large = new Uint8Array(128 * 128 * 3).map((_, i) => Math.floor(i / 3) % 2 === 0 ? 10 : 30);
  assert.deepEqual([...new Set(thumbnail(large, 128))], [20]);
});
