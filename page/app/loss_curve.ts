import type { Who } from "../messages.ts";
import { byId } from "./dom.ts";

const [WIDTH, HEIGHT, MARGIN] = [400, 120, 4];

/** Points of a curve; more are joined. */
const MOST = 400;

/** The losses of a night, the learner's and its twin's. */
export class LossCurve {
  readonly #image = byId<SVGSVGElement>("loss");
  #losses: Record<Who, number[]> = { learner: [], twin: [] };

  clear(): void {
    this.#losses = { learner: [], twin: [] };
    this.#draw();
  }

  add(who: Who, losses: readonly number[]): void {
    this.#losses[who].push(...losses);
    this.#draw();
  }

  #draw(): void {
    const { learner, twin } = this.#losses;
    const highest = Math.max(1e-6, ...thinned(learner), ...thinned(twin));
    const longest = Math.max(2, learner.length, twin.length);
    const path = (losses: readonly number[]) => {
      const shown = thinned(losses);
      const across = (WIDTH - 2 * MARGIN) * losses.length / longest / Math.max(1, shown.length - 1);
      return shown.map((loss, i) => {
        const x = MARGIN + i * across;
        const y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * Math.min(1, loss / highest);
        return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
      }).join("");
    };
    this.#image.querySelector(".own")!.setAttribute("d", path(learner));
    this.#image.querySelector(".twin")!.setAttribute("d", path(twin));
    const [first, last] = [learner[0], learner.at(-1)];
    this.#image.setAttribute(
      "aria-label",
      first === undefined
        ? "Loss: no step yet"
        : `Loss with sleep: from ${first.toFixed(2)} to ${
          last!.toFixed(2)
        } in ${learner.length} steps`,
    );
  }
}

/** Means of neighbours, so that there are not more than can be seen. */
function thinned(losses: readonly number[]): number[] {
  const each = Math.ceil(losses.length / MOST);
  if (each <= 1) return [...losses];
  return Array.from({ length: Math.ceil(losses.length / each) }, (_, i) => {
    const some = losses.slice(i * each, (i + 1) * each);
    return some.reduce((sum, loss) => sum + loss, 0) / some.length;
  });
}
