import type { Random } from "../random.ts";

/** Whether the point (x right, y down) lies on a figure that fills the circle of radius 1 around 0. */
export type Inside = (x: number, y: number) => boolean;

/** A class of drawn pictures: each call gives the figure with proportions of its own. */
export interface Figure {
  readonly name: string;
  readonly shape: (random: Random) => Inside;
}

/**
 * The ten figures of the tasks. Neighbours differ clearly, so that a task of two is learnt in a few
 * hundred images; the look-alikes (disc and square, cross and star) meet only across tasks.
 */
export const SHAPES: readonly Figure[] = [
  { name: "disc", shape: disc },
  { name: "cross", shape: cross },
  { name: "ring", shape: ring },
  { name: "arrow", shape: arrow },
  { name: "square", shape: square },
  { name: "crescent", shape: crescent },
  { name: "triangle", shape: triangle },
  { name: "dumbbell", shape: dumbbell },
  { name: "star", shape: star },
  { name: "striped disc", shape: stripedDisc },
];

/** Twelve other figures, of the same edges, corners and strokes, to be dreamt of. */
export const DREAMS: readonly Figure[] = [
  { name: "spiral", shape: spiral },
  { name: "tee", shape: tee },
  { name: "hourglass", shape: hourglass },
  { name: "wave", shape: wave },
  { name: "dots", shape: dots },
  { name: "comb", shape: comb },
  { name: "teardrop", shape: teardrop },
  { name: "percent", shape: percent },
  { name: "pinwheel", shape: pinwheel },
  { name: "aitch", shape: aitch },
  { name: "chevron", shape: chevron },
  { name: "grid", shape: grid },
];

const within = (x: number, y: number, radius: number) => x * x + y * y < radius * radius;
const inBox = (x: number, y: number, halfWidth: number, halfHeight: number) =>
  Math.abs(x) < halfWidth && Math.abs(y) < halfHeight;

function disc(random: Random): Inside {
  const radius = random.range(0.75, 0.95);
  return (x, y) => within(x, y, radius);
}

function square(random: Random): Inside {
  const half = random.range(0.65, 0.8);
  return (x, y) => inBox(x, y, half, half);
}

function ring(random: Random): Inside {
  const hole = random.range(0.4, 0.6);
  return (x, y) => within(x, y, 0.95) && !within(x, y, hole);
}

function crescent(random: Random): Inside {
  const shift = random.range(0.4, 0.6);
  return (x, y) => within(x, y, 0.95) && !within(x - shift, y, 0.75);
}

function triangle(random: Random): Inside {
  const slope = random.range(0.55, 0.7);
  return (x, y) => y < 0.65 && Math.abs(x) < slope * (y + 1);
}

function arrow(random: Random): Inside {
  const shaft = random.range(0.14, 0.22);
  const head = random.range(0.65, 0.85);
  return (x, y) =>
    inBox(x + 0.4, y, 0.58, shaft) || (x > 0 && Math.abs(y) < head * (0.95 - x) / 0.95);
}

function cross(random: Random): Inside {
  const arm = random.range(0.2, 0.3);
  return (x, y) => inBox(x, y, 0.95, arm) || inBox(x, y, arm, 0.95);
}

function star(random: Random): Inside {
  const inner = random.range(0.38, 0.48);
  const half = Math.PI / 5;
  const innerX = inner * Math.cos(half);
  const innerY = inner * Math.sin(half);
  return (x, y) => {
    // Folded into the half sector between a tip, at (1, 0), and the notch beside it.
    const angle = Math.abs(Math.atan2(y, x));
    const folded = Math.abs(angle - 2 * half * Math.round(angle / (2 * half)));
    const radius = Math.sqrt(x * x + y * y);
    const dx = radius * Math.cos(folded) - 1;
    const dy = radius * Math.sin(folded);
    // On the centre's side of the edge from tip to notch.
    return (1 - innerX) * dy + innerY * dx < 0;
  };
}

function stripedDisc(random: Random): Inside {
  const width = random.range(0.28, 0.36);
  const phase = random.uniform();
  return (x, y) => within(x, y, 0.95) && (Math.floor(x / width + 2 * phase) & 1) === 0;
}

function dumbbell(random: Random): Inside {
  const radius = random.range(0.34, 0.42);
  const bar = random.range(0.1, 0.16);
  return (x, y) => within(Math.abs(x) - 0.58, y, radius) || inBox(x, y, 0.5, bar);
}

function spiral(random: Random): Inside {
  const turns = random.range(1.1, 1.4);
  return (x, y) => {
    const radius = Math.sqrt(x * x + y * y);
    const along = Math.atan2(y, x) / (2 * Math.PI) + radius * turns + 2;
    return radius < 0.95 && along - Math.floor(along) < 0.5;
  };
}

function tee(random: Random): Inside {
  const pen = random.range(0.17, 0.24);
  return (x, y) => inBox(x, y + 0.65, 0.75, pen) || inBox(x, y - 0.05, pen, 0.8);
}

function hourglass(random: Random): Inside {
  const slope = random.range(0.7, 0.9);
  return (x, y) => Math.abs(y) < 0.8 && Math.abs(x) < 0.06 + slope * Math.abs(y);
}

function wave(random: Random): Inside {
  const height = random.range(0.35, 0.5);
  const pen = random.range(0.2, 0.28);
  return (x, y) => Math.abs(x) < 0.95 && Math.abs(y - height * Math.sin(4.5 * x)) < pen;
}

function dots(random: Random): Inside {
  const radius = random.range(0.3, 0.38);
  const side = 0.6 * Math.sqrt(0.75);
  return (x, y) =>
    within(x, y + 0.6, radius) || within(x - side, y - 0.3, radius) ||
    within(x + side, y - 0.3, radius);
}

function comb(random: Random): Inside {
  const pen = random.range(0.14, 0.18);
  return (x, y) =>
    inBox(x + 0.5, y, pen, 0.8) ||
    (Math.abs(x - 0.05) < 0.6 && (Math.abs(y) < pen || Math.abs(Math.abs(y) - 0.65) < pen));
}

function teardrop(random: Random): Inside {
  const radius = random.range(0.5, 0.58);
  return (x, y) =>
    within(x, y - 0.4, radius) ||
    (y > -0.95 && y < 0.25 && Math.abs(x) < radius * (y + 0.95) / 1.2);
}

function percent(random: Random): Inside {
  const pen = random.range(0.12, 0.18);
  const radius = random.range(0.28, 0.34);
  return (x, y) =>
    inBox(x, y, 0.95, pen) || within(x - 0.4, y - 0.6, radius) || within(x + 0.4, y + 0.6, radius);
}

function pinwheel(random: Random): Inside {
  const blades = 3 + random.below(2);
  return (x, y) => {
    const around = blades * Math.atan2(y, x) / (2 * Math.PI);
    return within(x, y, 0.95) && around - Math.floor(around) < 0.5;
  };
}

function aitch(random: Random): Inside {
  const pen = random.range(0.16, 0.22);
  return (x, y) => inBox(Math.abs(x) - 0.52, y, pen, 0.8) || inBox(x, y, 0.5, pen);
}

function chevron(random: Random): Inside {
  const slope = random.range(0.9, 1.3);
  const pen = random.range(0.26, 0.34);
  return (x, y) => Math.abs(x) < 0.8 && Math.abs(y + 0.5 - slope * Math.abs(x)) < pen;
}

function grid(random: Random): Inside {
  const pen = random.range(0.12, 0.16);
  return (x, y) =>
    inBox(x, y, 0.85, 0.85) &&
    (Math.abs(Math.abs(x) - 0.36) < pen || Math.abs(Math.abs(y) - 0.36) < pen);
}
