import type { PlotLibrary, Tools } from "../report/figure.ts";

/**
 * What draws charts and packs pictures, pinned here and, with checksums, in report.lock. Not in deno.json and
 * deno.lock: what is there is fetched at every first start, and one command needs these.
 */
export const REPORT_PACKAGES = [
  "npm:@observablehq/plot@0.6.17",
  "npm:linkedom@0.18.12",
  "npm:fast-png@8.0.0",
] as const;

/** What is used of the package for PNG files. */
interface PngPackage {
  encode(
    image: {
      readonly width: number;
      readonly height: number;
      readonly channels: number;
      readonly depth: number;
      readonly data: Uint8Array;
    },
  ): Uint8Array<ArrayBuffer>;
}

/** What is used of the document without a browser. */
interface DomPackage {
  parseHTML(text: string): { readonly document: unknown };
}

/**
 * Loads the packages. They need no permission.
 *
 * @throws {Error} where they cannot be fetched, with what to do.
 */
export async function openReportTools(): Promise<Tools> {
  const [plotPackage, domPackage, pngPackage] = REPORT_PACKAGES;
  // Not as literals, which Deno would look up, and fetch, before the program starts.
  const plot: PlotLibrary = await load(plotPackage);
  const { parseHTML }: DomPackage = await load(domPackage);
  const { encode }: PngPackage = await load(pngPackage);
  return {
    plot,
    document: parseHTML("<!doctype html><html><body></body></html>").document,
    png: (data, width, height, channels) => encode({ width, height, channels, depth: 8, data }),
  };
}

async function load<T>(name: string): Promise<T> {
  try {
    return await import(`${name}`);
  } catch (error) {
    const [reason] = String((error as Error).message).split("\n");
    throw new Error(
      `Cannot draw the report: ${name} could not be had (${reason}); see to the network, or leave --out out`,
    );
  }
}
