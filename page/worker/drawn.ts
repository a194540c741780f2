import { drawImages } from "../../src/core.ts";
import type { ImageSet } from "../../src/core.ts";
import type { Drawn } from "../messages.ts";

const CLASSES = 10;
const MOST = 64;

/** Drawn pictures of a figure, the same each time. */
export function drawFigures(
  name: string,
  count: number,
  part: "train" | "test",
  size: number,
): Drawn {
  const perClass = { trainPerClass: MOST, testPerClass: MOST };
  const { classNames, pixels } = drawImages(
    { format: "drawn", drawn: { kind: "shapes", classes: CLASSES, ...perClass }, size },
    part,
  );
  const area = size * size * 3;
  const first = classNames.indexOf(name) * MOST;
  return {
    pixels: Array.from(
      { length: count },
      (_, i) => pixels.slice((first + i) * area, (first + i + 1) * area),
    ),
  };
}

/** Figures to dream of: none of them is ever taught. */
export function drawDreams(classes: number, size: number): ImageSet {
  const drawn = { kind: "dreams", classes, trainPerClass: 24, testPerClass: 1 } as const;
  return drawImages({ format: "drawn", drawn, size }, "train");
}
