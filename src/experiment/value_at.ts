/** What stands at a dot-separated path; `""` is the whole. Undefined: nothing does. */
export function valueAt(whole: unknown, path: string): unknown {
  return path.split(".").filter(Boolean).reduce<unknown>(
    (section, key) => Object(section)[key],
    whole,
  );
}
