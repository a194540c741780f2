import assert from "node:assert/strict";
import { quotedPath } from "../../src/text.ts";
import { csvText } from "../../src/report/csv.ts";
import { all, label, markup, name } from "../../src/report/html.ts";

Deno.test("values in markup are escaped, markup in it is not, and nothing is shown of nothing", () => {
  const value = `<a href="x" title='y'>&amp;`;
  const escaped = "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;";
  assert.equal(
    markup`<p title="${value}">${value}</p>`.text,
    `<p title="${escaped}">${escaped}</p>`,
  );
  assert.equal(
    markup`${markup`<b>${1.5}</b>`}${[null, undefined, false, "x", ["<"]]}`.text,
    "<b>1.5</b>x&lt;",
  );
  assert.equal(all("\u0000\u202e\ud800ok").text, "\ufffd\ufffd\ufffdok");
});

Deno.test("names are cut in the middle, and whole in their titles", () => {
  const long = `${"a".repeat(100)}z`;
  assert.equal(name("cat").text, '<bdi class="name">cat</bdi>');
  const text = name(long).text;
  assert.match(text, new RegExp(`^<bdi class="name" title="a{100}z">a+…a+z</bdi>$`));
  assert.equal([...label("🦄".repeat(40))].length, 16);
  assert.equal(label("short"), "short");
  // What cannot be seen is escaped, and read from the left.
  assert.equal(name("a\u202eb").text, '<bdi class="name" dir="ltr">&quot;a\\u{202E}b&quot;</bdi>');
});

Deno.test("CSV quotes what would break a line or a cell", () => {
  assert.equal(
    csvText([["a,b", 'say "x"', "c\nd", " e"], [1.25, null, undefined, true]]),
    '"a,b","say ""x""","c\nd"," e"\r\n1.25,,,true\r\n',
  );
});

Deno.test("paths are quoted for a shell where they need it", () => {
  assert.equal(quotedPath("runs/demo-0"), "runs/demo-0");
  assert.equal(quotedPath("it's here"), `'it'\\''s here'`);
  assert.equal(quotedPath("$(rm)"), `'$(rm)'`);
});
