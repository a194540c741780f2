import { el } from "./dom.ts";

/**
 * Paints a picture.
 *
 * @param pixels RGB bytes, `[size, size, 3]`
 * @param turns quarter turns counterclockwise
 */
export function paint(canvas: HTMLCanvasElement, pixels: Uint8Array, turns = 0): void {
  const size = Math.round(Math.sqrt(pixels.length / 3));
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    image.data[to] = pixels[from];
    image.data[to + 1] = pixels[from + 1];
    image.data[to + 2] = pixels[from + 2];
    image.data[to + 3] = 255;
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  canvas.style.rotate = turns === 0 ? "" : `${-90 * turns}deg`;
}

/** Fills a strip with so many small pictures, those that are there repainted. */
export function paintStrip(
  strip: Element,
  pictures: readonly { readonly pixels: Uint8Array; readonly turns?: number }[],
): void {
  while (strip.children.length > pictures.length) strip.lastElementChild!.remove();
  pictures.forEach(({ pixels, turns }, i) => {
    const canvas = strip.children[i] ?? strip.appendChild(el("canvas", { "aria-hidden": "true" }));
    paint(canvas as HTMLCanvasElement, pixels, turns);
  });
}
