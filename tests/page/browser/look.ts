/**
 * Makes pictures of the page to look at, at each width, light and dark: `deno run -A look.ts SITE OUT LEARNER...`, of a
 * page without a learner and of each of some files of learners.
 */

import { openFile, openPage, visit } from "./chromium.ts";

const [site, out, ...learners] = Deno.args;
Deno.mkdirSync(out, { recursive: true });

for (const colorScheme of ["light", "dark"] as const) {
  const profile = Deno.makeTempDirSync();
  const visiting = await visit(site, profile, { colorScheme });
  const page = await openPage(visiting);
  for (const learner of ["", ...learners]) {
    if (learner !== "") {
      await openFile(page, learner);
      await page.evaluate("document.getElementById('live').textContent = ''");
    }
    const name = learner === "" ? "empty" : learner.replace(/^.*\/|\.\w+$/g, "");
    for (const width of [360, 768, 1600]) {
      await page.setViewportSize({ width, height: 900 });
      await page.waitForTimeout(500); // or parts are not painted yet
      await page.screenshot({ path: `${out}/${name}_${width}_${colorScheme}.png`, fullPage: true });
    }
  }
  await visiting.close();
  Deno.removeSync(profile, { recursive: true });
}
Deno.exit(0);
