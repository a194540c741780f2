/** The page's folder: small, whole, served on loopback, and right by its own types. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { buildPage, serve } from "../../src/cli/page.ts";
import { withFolder } from "../data/fixtures.ts";

/** Of the bundled scripts, compressed as a page is sent. */
const MOST_BYTES = 100_000;

const root = fileURLToPath(new URL("../..", import.meta.url));

Deno.test("the page is small, names no other server, and is served as it is", () =>
  withFolder(async (folder) => {
    const { "start.safetensors": start, ...files } = await buildPage(folder);
    const sizeOf = (names: readonly string[]) =>
      names.reduce((sum, name) => sum + files[name].sent, 0);
    const scripts = sizeOf(Object.keys(files).filter((name) => name.endsWith(".js")));
    const all = sizeOf(Object.keys(files));
    console.log(`scripts ${scripts} bytes compressed, with markup ${all}, the start ${start.sent}`);
    assert(scripts > 0 && scripts < MOST_BYTES, `${scripts} bytes are more than ${MOST_BYTES}`);

    // Made again in its own folder, and in no other's place.
    const html = Deno.readTextFileSync(`${folder}/index.html`);
    Deno.writeTextFileSync(`${folder}/index.html`, "<title>My own page</title>");
    await assert.rejects(buildPage(folder), /index\.html is there already, and not of this page/);
    assert.equal(Deno.readTextFileSync(`${folder}/index.html`), "<title>My own page</title>");
    Deno.writeTextFileSync(`${folder}/index.html`, html);
    await buildPage(folder);
    for (const [, address] of html.matchAll(/\b(?:src|href)="([^"]*)"/g)) {
      // Relative, so that it can lie in any folder of a server; a link that is followed is the visitor's choice.
      assert(!address.startsWith("/"), address);
      if (/^\w+:/.test(address)) assert(html.includes(`<a href="${address}"`), address);
      else assert(Deno.statSync(`${folder}/${address}`).isFile, address);
    }
    assert.match(html, /http-equiv="Content-Security-Policy"\s+content="default-src 'none';/);

    const stop = new AbortController();
    const server = serve(folder, 0, stop.signal);
    const get = (path: string) => fetch(`http://127.0.0.1:${server.addr.port}${path}`);
    const index = await get("/");
    assert.match(index.headers.get("content-type")!, /^text\/html/);
    assert.equal(await index.text(), html);
    const script = await get("/worker.js");
    assert.match(script.headers.get("content-type")!, /^text\/javascript/);
    await script.body?.cancel();
    for (const path of ["/deno.json", "/..%2fdeno.json", "/x"]) {
      const missing = await get(path);
      assert.equal(missing.status, 404);
      await missing.body?.cancel();
    }
    stop.abort();
    await server.finished;
  }));

Deno.test("the page and what drives it are formatted, linted and, the page, typed", async () => {
  const checks = [
    ["fmt", "--check", "--quiet", "--config", "page/deno.json", "page"],
    ["lint", "--quiet", "--config", "page/deno.json", "page"],
    ["check", "--quiet", "--config", "page/deno.json", "page/app/main.ts", "page/worker/main.ts"],
    ["fmt", "--check", "--quiet", "--config", "tests/page/browser/deno.json", "tests/page/browser"],
    ["lint", "--quiet", "--config", "tests/page/browser/deno.json", "tests/page/browser"],
  ];
  for (const args of checks) {
    const command = new Deno.Command(Deno.execPath(), { args, cwd: root });
    const { success, stderr } = await command.output();
    assert(success, `deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
});
