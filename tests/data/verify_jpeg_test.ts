import assert from "node:assert/strict";
import { decodeAny } from "../../src/data/decode_image.ts";
import { verifyJpeg } from "../../src/data/verify_jpeg.ts";
import { Random } from "../../src/random.ts";
import { cmykJpeg } from "./cmyk_jpeg.ts";
import { jpegFile, placesOf, scansIn, spliced } from "./jpeg_files.ts";
import * as samples from "./jpeg_samples.ts";

const soundSamples = Object.entries({ ...samples, baselineCmykJpeg: cmykJpeg });

/** A picture with slopes, edges and noise. */
function picture(seed: number) {
  const random = Random.stream(seed, "picture");
  return (x: number, y: number) => [
    (5 * x + random.below(30)) & 255,
    x * y % 37 < 12 ? 230 : 20,
    128 + 100 * Math.sin((x + 2 * y) / 9),
  ];
}

Deno.test("sound JPEG files are accepted: sizes, qualities, sampling, one scan and many", async () => {
  for (const [width, height] of [[1, 1], [3, 17], [8, 8], [40, 25]]) {
    for (const quality of [1, 40, 75, 100]) {
      for (const progressive of [true, false]) {
        for (const [color_space, chroma_subsample] of [[1, 1], [2, 1], [3, 1], [3, 2]]) {
          const kind = { quality, progressive, baseline: !progressive };
          const colors = { color_space, chroma_subsample, auto_subsample: false };
          const file = await jpegFile(width, height, picture(quality), { ...kind, ...colors });
          verifyJpeg(file);
          assert.equal((await decodeAny(file, "x")).width, width);
        }
      }
    }
  }
});

Deno.test("sound JPEG files of one colour, which are hardly more than zeros, are accepted", async () => {
  for (const progressive of [true, false]) {
    for (const level of [0, 127, 255]) {
      const options = { quality: 50, progressive, baseline: !progressive };
      verifyJpeg(await jpegFile(300, 200, () => [level, level, level], options));
    }
  }
});

Deno.test("sound JPEG files of faint dots, whose coefficients are nearly alike, are accepted", async () => {
  for (const quality of [75, 95, 100]) {
    for (let strength = 1; strength < 60; strength++) {
      // Each block has a dot at another place; at a corner all coefficients have the same sign.
      const colorAt = (x: number, y: number) => {
        const isDot = x % 8 === Math.floor(x / 8) && y % 8 === Math.floor(y / 8);
        return Array(3).fill(128 + (isDot ? strength % 2 === 0 ? strength : -strength : 0));
      };
      const options = { quality, progressive: false, baseline: true, color_space: 1 };
      verifyJpeg(await jpegFile(64, 64, colorAt, options));
    }
  }
});

for (const [name, file] of soundSamples) {
  Deno.test(`a sound JPEG file of another kind is accepted: ${name}`, async () => {
    verifyJpeg(file);
    await decodeAny(file, "x");
  });

  Deno.test(`a JPEG file that ends early is refused, with an end marker or without: ${name}`, async () => {
    for (let at = scansIn(file)[0]; at < file.length - 2; at++) {
      const cut = spliced(file, at, file.length, [0xff, 0xd9]);
      assert.throws(() => verifyJpeg(cut), SyntaxError, `cut at ${at}`);
      assert.throws(() => verifyJpeg(file.slice(0, at)), SyntaxError, `cut at ${at}`);
      if (at % 16 > 0) continue;
      await assert.rejects(decodeAny(cut, "x"), /^InputError: Cannot decode x: .* damaged or cut/);
    }
  });

  Deno.test(`a JPEG file is accepted with what may stand beside its pixels: ${name}`, async () => {
    const end = file.length - 2;
    const segment = [0xff, 0xe5, 0, 8, 0xff, 0xd8, 0xff, 0xda, 0xff, 0xd9];
    for (
      const variant of [
        spliced(file, file.length, file.length, [...file, 1, 2, 3]), // behind its end
        spliced(file, end, end, [0xff, 0xff, 0xff]), // filling bytes
        spliced(file, end, end, [0, 0, 0, 0, 0, 0, 0]), // up to a round address
        spliced(file, 2, 2, segment), // looks like markers, and is of an application
        spliced(file, 2, 2, [0xff, 0xff]),
        spliced(file, 2, 2, [7, 8, 9]), // stray bytes
      ]
    ) {
      verifyJpeg(variant);
      // The decoder of CMYK files does not pass stray bytes over.
      if (!/cmyk/i.test(name) || variant[2] === 0xff) await decodeAny(variant, "x");
    }
  });

  Deno.test(`a JPEG file with bytes of no block is refused: ${name}`, () => {
    const end = file.length - 2;
    for (const bytes of [[1], [0, 0, 5], Array(17).fill(0)]) {
      assert.throws(() => verifyJpeg(spliced(file, end, end, bytes)), /are of no block|of more/);
    }
  });

  const restarts = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((n) =>
    placesOf(file, 0xd0 + n, scansIn(file)[0])
  );
  if (restarts.length > 0) {
    Deno.test(`a JPEG file that lacks a restart marker, or has another, is refused: ${name}`, () => {
      for (const at of restarts) {
        assert.throws(() => verifyJpeg(spliced(file, at, at + 2)), SyntaxError, `at ${at}`);
        const other = file.with(at + 1, 0xd0 + (file[at + 1] + 1) % 8);
        assert.throws(() => verifyJpeg(other), /lacks a restart marker/);
      }
    });
  }
}

Deno.test("a JPEG file whose last scans are missing is refused", async () => {
  for (const file of [samples.progressiveJpeg, samples.scansJpeg, samples.cmykJpeg]) {
    const scans = placesOf(file, 0xda);
    assert(scans.length > 2);
    for (const at of scans.slice(1)) {
      // Where the tables of the next scan begin, or the scan itself.
      const tables = placesOf(file, 0xc4, scansIn(file).findLast((scan) => scan < at));
      const cut = spliced(file, Math.min(at, ...tables), file.length, [0xff, 0xd9]);
      assert.throws(() => verifyJpeg(cut), /^SyntaxError: its last scans are missing$/);
      await assert.rejects(decodeAny(cut, "x"), /its last scans are missing/);
    }
  }
});

Deno.test("a JPEG file without Huffman tables is read with those of the standard", async () => {
  const file = samples.restartsJpeg;
  let without = file;
  for (let [at] = placesOf(without, 0xc4); at !== undefined; [at] = placesOf(without, 0xc4)) {
    without = spliced(without, at, at + 2 + (without[at + 2] << 8 | without[at + 3]));
  }
  assert(without.length < file.length - 400);
  assert.deepEqual(await decodeAny(without, "x"), await decodeAny(file, "x"));
});

for (const progressive of [true, false]) {
  const way = progressive ? "progressive" : "baseline";
  Deno.test(`JPEG files with zeros, or a hole, in their middle are refused: ${way}`, async () => {
    for (let seed = 0; seed < 6; seed++) {
      const options = { quality: 75, progressive, baseline: !progressive };
      const file = await jpegFile(96, 80, picture(seed), options);
      const [first] = scansIn(file);
      for (const length of [40, 150, 500, 1500]) {
        for (let part = 0; part < 6; part++) {
          const at = first + Math.floor((file.length - 2 - first - length) * part / 5);
          // A small hole may leave as many blocks as before, of other pixels.
          for (const bytes of [new Uint8Array(length), ...(length < 100 ? [] : [[]])]) {
            const damaged = spliced(file, at, at + length, bytes);
            const what = `${length} bytes at ${at}, ${bytes.length} in their place`;
            await assert.rejects(decodeAny(damaged, "x"), /damaged or cut short/, what);
          }
        }
      }
    }
  });
}

Deno.test("a JPEG file whose pixels are brighter or darker than 8 bits can be is refused", async () => {
  for (const level of [0, 255]) {
    const file = await jpegFile(16, 16, () => [level, level, level], { quality: 90 });
    verifyJpeg(file);
    // What one step of brightness stands for.
    const step = placesOf(file, 0xdb)[0] + 5;
    const damaged = file.with(step, 2 * file[step]);
    assert.throws(() => verifyJpeg(damaged), /brighter or darker than 8 bits can be/);
  }
});

Deno.test("whatever its bytes, a file is read to an end, or refused with a SyntaxError", () => {
  const random = Random.stream(0, "damaged JPEG files");
  let refused = 0;
  for (const [, file] of soundSamples) {
    for (let n = 0; n < 300; n++) {
      const damaged = file.slice();
      for (let k = 1 + random.below(4); k > 0; k--) {
        damaged[2 + random.below(file.length - 2)] = random.below(256);
      }
      try {
        verifyJpeg(damaged);
      } catch (error) {
        assert((error as Error).name === "SyntaxError", String(error));
        refused++;
      }
    }
  }
  assert(refused > 1000, `${refused} refused`);
});

Deno.test("a JPEG file that ends in zeros, which are also the code of flat blocks, is refused", async () => {
  let accepted = 0;
  for (let seed = 0; seed < 4; seed++) {
    // In tables made for the picture the most frequent symbols, those of a flat block, are all zeros.
    const colorAt = (x: number, y: number) =>
      x > 20 + seed && x < 50 && y > 18 && y < 45 - seed ? [40, 230, 90] : [20, 60, 90];
    const options = { quality: 75, color_space: 1, progressive: false, baseline: false };
    const file = await jpegFile(64, 48, colorAt, options);
    const { pixels } = await decodeAny(file, "x");
    for (let zeros = 2; zeros < file.length - 2 - scansIn(file)[0]; zeros++) {
      const end = file.length - 2;
      const damaged = spliced(file, end - zeros, end, new Uint8Array(zeros));
      const decoded = await decodeAny(damaged, "x").then((image) => image.pixels, () => pixels);
      if (decoded.some((value, i) => value !== pixels[i])) accepted++;
    }
  }
  // Where the blocks end with a byte, nothing tells their zeros from others.
  assert(accepted <= 7, `${accepted} accepted`);
});

Deno.test("a progressive JPEG file that lacks a scan before its last is refused", async () => {
  for (const file of [samples.progressiveJpeg, await jpegFile(64, 48, picture(1))]) {
    const scans = placesOf(file, 0xda);
    const ends = scans.map((_, i) => scans[i + 1] ?? file.length - 2);
    for (const [i, at] of scans.entries()) {
      // Its tables stay: a later one may go on with them. Stray bytes are what the decoder passes over.
      const tables = placesOf(file, 0xc4, at).find((table) => table < ends[i]) ?? ends[i];
      for (const bytes of [[], Array(tables - at).fill(0)]) {
        const lacking = spliced(file, at, tables, bytes);
        assert.throws(() => verifyJpeg(lacking), SyntaxError, `scan ${i} of ${scans.length}`);
        await assert.rejects(decodeAny(lacking, "x"), /damaged or cut short/);
      }
    }
  }
});
