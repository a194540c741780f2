import assert from "node:assert/strict";
import { decodeImage } from "../../src/data/decode_image.ts";
import { imageKind, KIND_BYTES, otherImageKind } from "../../src/data/image_kind.ts";
import { plainJpeg, plainPng } from "./fixtures.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

Deno.test("the first bytes tell JPEG and PNG files, whole or cut behind them", async () => {
  for (const [kind, file] of [["JPEG", await plainJpeg(2, [1, 2, 3])], ["PNG", plainPng(2, [1])]]) {
    for (const bytes of [file, file.slice(0, KIND_BYTES)]) {
      assert.equal(imageKind(bytes as Uint8Array), kind);
      assert.equal(otherImageKind(bytes as Uint8Array), null);
    }
  }
});

Deno.test("other image formats are known by name, and anything else by none", () => {
  for (
    const [kind, start] of [
      ["WebP", "RIFF\x12\x34\0\0WEBPVP8 "],
      ["GIF", "GIF89a\x01\0\x01\0"],
      ["BMP", "BM\x36\0\0\0"],
      ["TIFF", "II*\0\x08\0\0\0"],
      ["TIFF", "MM\0*\0\0\0\x08"],
      ["AVIF", "\0\0\0\x1cftypavif\0\0\0\0"],
      ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0"],
      ["JPEG XL", "\0\0\0\x0cJXL \r\n\x87\n"],
      [null, "<html>"],
      [null, "RIFF\x12\x34\0\0WAVEfmt "],
      [null, "\x89PN"],
      [null, ""],
    ] as const
  ) {
    assert.equal(imageKind(bytesOf(start)), null);
    assert.equal(otherImageKind(bytesOf(start)), kind);
  }
});

Deno.test("a file of another format is refused with its name", async () => {
  await assert.rejects(
    decodeImage(bytesOf("RIFF\x12\x34\0\0WEBPVP8 "), "a/b.png", 2),
    /^InputError: Cannot decode a\/b\.png: it starts with 52 49 46 46 \(WebP\), which is neither JPEG nor PNG, /,
  );
});
