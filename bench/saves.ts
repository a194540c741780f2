/**
 * Yields whenever a file has been saved. It is looked at again and again, since an editor may put a new file in the
 * place of the old one, which whoever watches the old one does not hear of.
 *
 * @param every milliseconds between two looks.
 */
export async function* saves(path: string, every = 200): AsyncGenerator<void> {
  let last = stamp(path);
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, every));
    const now = stamp(path);
    // An editor saves in several steps: a file that is missing or empty is not yet there.
    if (now === null || now === last) continue;
    last = now;
    yield;
  }
}

/** Changes with every save; null where there is no file, or nothing in it. */
function stamp(path: string): string | null {
  try {
    const { mtime, size, ino } = Deno.statSync(path);
    return size === 0 ? null : `${mtime?.getTime()} ${size} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
