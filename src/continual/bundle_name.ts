/** The name of a numbered bundle, `000012`; changed afterwards, as by forgetting: `000012-1`. */
export function bundleName(number: number, digits: number, revision = 0): string {
  const name = String(number).padStart(digits, "0");
  return revision === 0 ? name : `${name}-${revision}`;
}

/** The two numbers of such a name. */
export function parseBundleName(name: string): { number: number; revision: number } {
  const [number, revision = 0] = name.split("-").map(Number);
  return { number, revision };
}

/** What the same bundle is called once it has been changed. */
export function nextRevision(name: string): string {
  const [number] = name.split("-");
  return `${number}-${parseBundleName(name).revision + 1}`;
}
