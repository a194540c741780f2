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

/** A user's options without the keys that were there once, where they say nothing. */
export function withoutRetired(options: unknown): unknown {
  return Object.entries(RETIRED).reduce((rest, [path, neutral]) => {
    const [section, key] = path.split(".");
    const held = (rest as Record<string, unknown> | null)?.[section];
    if (typeof held !== "object" || held === null || !Object.hasOwn(held, key)) return rest;
    const { [key]: value, ...others } = held as Record<string, unknown>;
    return value === neutral ? { ...rest as object, [section]: others } : rest;
  }, options);
}
