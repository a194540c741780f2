import { type Content, Html, markup } from "./html.ts";
import type { Tools } from "./figure.ts";

/** A square picture. */
interface Thumbnail {
  /** RGB bytes, `[size, size, 3]`. */
  readonly pixels: Uint8Array;
}

/** A PNG file as an address that needs no network. */
export function dataUrl(png: Uint8Array<ArrayBuffer>): string {
  return `data:image/png;base64,${png.toBase64()}`;
}

/** Pictures side by side, which are told of as one. */
export function thumbnails(
  tools: Tools,
  pictures: readonly Thumbnail[],
  size: number,
  about: string,
): Html {
  if (pictures.length === 0) return markup`<span class="note">none kept</span>`;
  return markup`<span class="thumbs" role="img" aria-label="${about}">${
    pictures.map(({ pixels }) => image(tools, pixels, size, ""))
  }</span>`;
}

/** Pictures with what there is to say of each. */
export function gallery(
  tools: Tools,
  pictures: readonly (Thumbnail & { readonly about: string; readonly caption: Content })[],
  size: number,
): Html {
  return markup`<ul class="gallery">${
    pictures.map(({ pixels, about, caption }) =>
      markup`<li>${image(tools, pixels, size, about)}<span>${caption}</span></li>`
    )
  }</ul>`;
}

function image(tools: Tools, pixels: Uint8Array, size: number, about: string): Html {
  const address = new Html(dataUrl(tools.png(pixels, size, size, 3)));
  return markup`<img src="${address}" width="${size}" height="${size}" alt="${about}">`;
}
