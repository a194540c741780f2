/** What README and docs name is there: files, and pages that links lead to. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const namesIn = (folder: string) =>
  [...Deno.readDirSync(join(root, folder))].map(({ name }) => name);
const pages = [
  ...["README.md", "bench/README.md"],
  ...namesIn("docs").filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`),
];

/** Where a file may be counted from, as a page says it. */
const places = ["", "src", "tests", "shaders"];

function isThere(path: string): boolean {
  try {
    return Deno.statSync(join(root, path)) !== null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("every file of the repository that a page names is there", () => {
  const missing: string[] = [];
  let named = 0;
  for (const page of pages) {
    const text = Deno.readTextFileSync(join(root, page));
    // Words in capitals stand for a name.
    for (const [, path] of text.matchAll(/`([a-z][\w./]*\/\w+\.(?:ts|wgsl|md|json|lock))`/g)) {
      if (/\b[A-Z]+\b/.test(path)) continue;
      named++;
      if (!places.some((place) => isThere(join(place, path)))) missing.push(`${page}: ${path}`);
    }
  }
  assert.ok(named > 100, `only ${named} files were found in the pages`);
  assert.deepEqual(missing, []);
});

Deno.test("every link from page to page leads somewhere", () => {
  const lost: string[] = [];
  for (const page of pages) {
    const text = Deno.readTextFileSync(join(root, page));
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)) {
      if (!isThere(join(dirname(page), target))) lost.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(lost, []);
});
