/**
 * Keys that were tried and are not there any more, with the value at which they did nothing: configurations and runs of
 * earlier versions have them so. `docs/method.md` says what they did otherwise.
 */
const RETIRED: Readonly<Record<string, unknown>> = { "optimizer.schedule": "constant" };

/** What is said of a key that was there once; null: it never was. */
export function retirementOf(path: string): string | null {
  if (!Object.hasOwn(RETIRED, path)) return null;
  return `${path} is not there any more: docs/method.md says what it did; leave it out`;
}

/** Whether a key was there once, and has the value at which it did nothing. */
export function isNeutral(
  { path, value }: { readonly path: string; readonly value: unknown },
): boolean {
  return Object.hasOwn(RETIRED, path) && RETIRED[path] === value;
}

/** Retired keys with the values at which they did nothing: what a configuration without them means. */
export function neutralLeaves(): [path: string, text: string][] {
  return Object.entries(RETIRED).map(([path, value]) => [path, JSON.stringify(value)]);
}

/**
 * A user's options without the keys that were there once, where they say nothing.
 *
 * @param anyValue whatever they say: of a run that has ended, they are how it was trained, which is past.
 */
export function withoutRetired(
  options: unknown,
  { anyValue = false }: { readonly anyValue?: boolean } = {},
): unknown {
  return Object.entries(RETIRED).reduce((rest, [path, neutral]) => {
    const [section, key] = path.split(".");
    const held = (rest as Record<string, unknown> | null)?.[section];
    if (typeof held !== "object" || held === null || !Object.hasOwn(held, key)) return rest;
    const { [key]: value, ...others } = held as Record<string, unknown>;
    return anyValue || value === neutral ? { ...rest as object, [section]: others } : rest;
  }, options);
}
