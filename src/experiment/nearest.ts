/** Number of insertions, deletions, substitutions and swaps of neighbours from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(current[j - 1] + 1, previous[j] + 1, previous[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforePrevious[j - 2] + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length];
}

/**
 * The known key path nearest to a wrong one: by the last key first (so that a key given in the wrong
 * section is found), then by the whole path. `undefined` if nothing is near.
 */
export function nearestPath(wrong: string, known: readonly string[]): string | undefined {
  const last = (path: string) => path.slice(path.lastIndexOf(".") + 1).toLowerCase();
  let best: { path: string; key: number; whole: number } | undefined;
  for (const path of known) {
    const key = editDistance(last(wrong), last(path));
    const whole = editDistance(wrong.toLowerCase(), path.toLowerCase());
    if (!best || key < best.key || (key === best.key && whole < best.whole)) {
      best = { path, key, whole };
    }
  }
  return best && best.key <= Math.max(2, last(wrong).length / 2) ? best.path : undefined;
}
