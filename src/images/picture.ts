import type { Random } from "../random.ts";
import type { Figure, Inside } from "./figures.ts";

type Color = readonly [red: number, green: number, blue: number];

/** Something drawn: `inside` takes image coordinates, -1 to 1 from left to right and top to bottom. */
interface Layer {
  readonly inside: Inside;
  readonly color: Color;
  /** Nothing of it is farther than `reach` from (`x`, `y`). */
  readonly x: number;
  readonly y: number;
  readonly reach: number;
}

// Euclidean distance in RGB. Below it a figure is hard to see even for a reader.
const LEAST_CONTRAST = 140;

/**
 * Draws one picture: a textured background, a few short strokes as clutter, the figure in a random
 * colour, place, size, stretch and rotation, perhaps one stroke across it, and noise.
 *
 * @param pixels RGB bytes, `[size, size, 3]`, overwritten.
 */
export function drawPicture(
  pixels: Uint8Array,
  size: number,
  figure: Figure,
  random: Random,
): void {
  const canvas = new Float32Array(size * size * 3);
  const ground = anyColor(random);
  const color = contrasting(ground, random);
  paintGround(canvas, size, ground, random);
  for (let n = random.below(3); n > 0; n--) paint(canvas, size, stroke(anyColor(random), random));
  paint(canvas, size, placed(figure, color, random));
  if (random.below(4) === 0) paint(canvas, size, stroke(anyColor(random), random));
  develop(canvas, pixels, random);
}

function anyColor(random: Random): Color {
  return [random.range(20, 235), random.range(20, 235), random.range(20, 235)];
}

function contrasting(other: Color, random: Random): Color {
  while (true) {
    const color = anyColor(random);
    if (Math.hypot(...color.map((c, i) => c - other[i])) >= LEAST_CONTRAST) return color;
  }
}

/** The figure as it stands in the image, large and far enough inside to be recognised at 16 pixels. */
function placed({ shape }: Figure, color: Color, random: Random): Layer {
  const inside = shape(random);
  const radius = random.range(0.6, 0.95);
  const room = 1 - radius;
  const x = random.range(-room, room);
  const y = random.range(-room, room);
  const stretch = random.range(0.85, 1.15);
  const angle = random.range(-0.4, 0.4);
  const mirror = random.below(2) === 0 ? 1 : -1;
  const cos = Math.cos(angle) / radius;
  const sin = Math.sin(angle) / radius;
  return {
    inside: (px, py) => {
      const dx = px - x;
      const dy = py - y;
      return inside((cos * dx + sin * dy) * stretch, (cos * dy - sin * dx) * mirror / stretch);
    },
    color,
    x,
    y,
    reach: radius * 1.2,
  };
}

/** A short straight stroke with round ends. */
function stroke(color: Color, random: Random): Layer {
  const x = random.range(-1, 1);
  const y = random.range(-1, 1);
  const angle = random.range(0, Math.PI);
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const half = random.range(0.05, 0.35);
  const pen = random.range(0.05, 0.11);
  return {
    inside: (px, py) => {
      const along = (px - x) * dx + (py - y) * dy;
      const rest = along - Math.min(half, Math.max(-half, along));
      const across = (py - y) * dx - (px - x) * dy;
      return rest * rest + across * across < pen * pen;
    },
    color,
    x,
    y,
    reach: half + pen,
  };
}

/** A slope of brightness and two plane waves of random direction, length and colour. */
function paintGround(canvas: Float32Array, size: number, ground: Color, random: Random): void {
  const waves = [0.8, 3, 6].map((most) => {
    const angle = random.range(0, 2 * Math.PI);
    const frequency = random.range(0.3, 1) * most;
    return {
      x: frequency * Math.cos(angle),
      y: frequency * Math.sin(angle),
      phase: random.range(0, 2 * Math.PI),
      color: Array.from({ length: 3 }, () => random.range(-22, 22)),
    };
  });
  for (let row = 0, at = 0; row < size; row++) {
    const y = (2 * row + 1) / size - 1;
    for (let column = 0; column < size; column++, at += 3) {
      const x = (2 * column + 1) / size - 1;
      for (let c = 0; c < 3; c++) canvas[at + c] = ground[c];
      for (const wave of waves) {
        const height = Math.sin(wave.x * x + wave.y * y + wave.phase);
        for (let c = 0; c < 3; c++) canvas[at + c] += height * wave.color[c];
      }
    }
  }
}

/** Blends the layer in by the share of each pixel's samples that lie on it. */
function paint(canvas: Float32Array, size: number, layer: Layer): void {
  const { color } = layer;
  // Fewer samples suffice for larger images: an edge's share of all pixels falls as they grow.
  const samples = size <= 16 ? 4 : size <= 32 ? 3 : 2;
  const toPixel = (place: number) => Math.floor((place + 1) / 2 * size);
  const clip = (index: number) => Math.min(size - 1, Math.max(0, index));
  const [left, right] = [layer.x - layer.reach, layer.x + layer.reach].map(toPixel).map(clip);
  const [top, bottom] = [layer.y - layer.reach, layer.y + layer.reach].map(toPixel).map(clip);
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const share = covered(layer.inside, row, column, size, samples);
      if (share === 0) continue;
      const at = (row * size + column) * 3;
      for (let c = 0; c < 3; c++) canvas[at + c] += share * (color[c] - canvas[at + c]);
    }
  }
}

/** The share of a pixel's `samples` x `samples` points that lie inside. */
function covered(
  inside: Inside,
  row: number,
  column: number,
  size: number,
  samples: number,
): number {
  const step = 2 / (size * samples);
  const x = (column * samples + 0.5) * step - 1;
  const y = (row * samples + 0.5) * step - 1;
  const last = (samples - 1) * step;
  // Most pixels are all in or all out, and nothing drawn is thinner than the corners are apart.
  const corner = inside(x, y);
  const even = inside(x + last, y) === corner && inside(x, y + last) === corner &&
    inside(x + last, y + last) === corner;
  if (even) return corner ? 1 : 0;
  let hits = 0;
  for (let sy = 0; sy < samples; sy++) {
    for (let sx = 0; sx < samples; sx++) if (inside(x + sx * step, y + sy * step)) hits++;
  }
  return hits / (samples * samples);
}

/** Adds noise, uniform and of a strength of the picture's own, and rounds to bytes. */
function develop(canvas: Float32Array, pixels: Uint8Array, random: Random): void {
  const strength = random.range(4, 32) / 256;
  for (let at = 0; at < canvas.length; at += 3) {
    // One word holds three bytes of noise: drawing is half the time otherwise.
    const word = random.uint32();
    for (let c = 0; c < 3; c++) {
      const noise = (word >>> (8 * c) & 255) - 127.5;
      pixels[at + c] = Math.min(255, Math.max(0, Math.round(canvas[at + c] + noise * strength)));
    }
  }
}
