import assert from "node:assert/strict";
import type { DownloadSet } from "../../src/data/downloads.ts";
import { atMirror, mirrorHosts, readMirror } from "../../src/data/mirror.ts";
import { InputError } from "../../src/errors.ts";

const file = (file: string) => ({
  ...{ file, url: `http://official.org/${file}`, hosts: ["official.org"], md5: "0", size: 1 },
});
const ONE: DownloadSet = { files: [file("set.zip")] };
const TWO: DownloadSet = { files: [file("a.gz"), file("b.gz")] };

const urls = (set: DownloadSet, mirror: string) =>
  atMirror(set, readMirror(mirror)).files.map(({ url }) => url);

Deno.test("a mirror is the address of the file, or of its folder", () => {
  assert.deepEqual(urls(ONE, "https://a.org/pub/other.zip"), ["https://a.org/pub/other.zip"]);
  assert.deepEqual(urls(ONE, "https://a.org/get?id=3#x"), ["https://a.org/get?id=3"]);
  assert.deepEqual(urls(ONE, "https://a.org/pub/"), ["https://a.org/pub/set.zip"]);
  assert.deepEqual(urls(ONE, "HTTP://A.org:8080"), ["http://a.org:8080/set.zip"]);
  assert.deepEqual(urls(TWO, "http://a.org/x/?key=1"), [
    "http://a.org/x/a.gz?key=1",
    "http://a.org/x/b.gz?key=1",
  ]);
  assert.throws(() => urls(TWO, "http://a.org/x/a.gz"), (error: Error) => {
    assert.match(
      error.message,
      /has 2 files, and this names one; name the folder .* slash at its end/,
    );
    return error instanceof InputError;
  });
});

Deno.test("checksum and size of a file stay those that are published, and its host is the mirror alone", () => {
  const [{ file, md5, size, hosts }] = atMirror(ONE, readMirror("https://a.org/")).files;
  assert.deepEqual({ file, md5, size }, { file: "set.zip", md5: "0", size: 1 });
  assert.deepEqual(hosts, ["a.org:443"]);
});

Deno.test("a mirror stands for its host and port; with http: also for its https:", () => {
  const hosts = (text: string) => mirrorHosts(readMirror(text));
  assert.deepEqual(hosts("https://a.org/x"), ["a.org:443"]);
  assert.deepEqual(hosts("https://a.org:443/x"), ["a.org:443"]);
  assert.deepEqual(hosts("http://a.org/x"), ["a.org:80", "a.org:443"]);
  assert.deepEqual(hosts("http://a.org:8080/x"), ["a.org:8080"]);
  assert.deepEqual(hosts("http://[::1]:8080/x"), ["[::1]:8080"]);
  assert.deepEqual(hosts("http://127.1:8080/x"), ["127.0.0.1:8080"]);
  assert.deepEqual(hosts("https://münchen.de/"), ["xn--mnchen-3ya.de:443"]);
});

Deno.test("what is no mirror is told with what is one", () => {
  const cases: readonly [string, RegExp][] = [
    ["", /it is no web address; name one, such as https:/],
    ["example.org/data", /it is no web address/],
    ["//example.org/", /it is no web address/],
    ["http://", /it is no web address/],
    ["http://a.org:99999/", /it is no web address/],
    [
      "file:///data/set.zip",
      /it begins with file:; only http: and https: .* put into the data folder/,
    ],
    ["ftp://a.org/set.zip", /it begins with ftp:/],
    ["localhost:8000/set.zip", /it begins with localhost:/],
    ["https://me@a.org/", /has a user name or a password.*; download the file by hand/],
    [
      "https://me:secret@a.org/",
      /^Cannot use --from https:\/\/\.\.\.@a\.org\/: it has a user name or a/,
    ],
    ["https://me:secret@[", /it is no web address/],
    [
      "http://a.org,evil.net/",
      /host a\.org,evil\.net has other characters .*; name the host by its/,
    ],
    ["http://*.org/", /host \*\.org has other characters/],
    ["http://a..org/", /host a\.\.org has other characters/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => readMirror(text), (error: Error) => {
      assert(error instanceof InputError, text);
      assert.match(error.message, message, text);
      assert(!error.message.includes("secret"), "passwords are not printed");
      return true;
    }, text);
  }
});
