/** The images that a learner is asked about and taught, wherever links in their folders lead. */

import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { checkTree } from "../../src/data/check_tree.ts";
import { folderTree } from "../../src/data/file_tree.ts";
import { surveyImages } from "../../src/data/survey.ts";
import { readAsked, readTaught } from "../../src/host/learner_images.ts";
import { makeLinks, plainPng, withFolder, write } from "../data/fixtures.ts";

const ignore = Deno.build.os === "windows"; // where links need a right of their own
const size = 16;

/** What is read of a folder, relative to it, and what is said of the rest. */
async function ask(folder: string) {
  const failed: string[] = [];
  const noted: string[] = [];
  const images = await readAsked(folder, {
    ...{ size, progress: () => {} },
    failed: (text) => void failed.push(text),
    note: (text) => void noted.push(text),
  });
  const paths = images.map(({ from }) => relative(folder, from!));
  return { paths, failed: failed.join("\n"), noted: noted.join("\n") };
}

Deno.test({
  name: "each folder is looked into once, whatever links lead to it, and none leads up for ever",
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const at = (...names: string[]) => join(folder, ...names);
      write(at("img", "cat", "0.png"), plainPng(size, [1, 2, 3]));
      write(at("img", "cat", "1.png"), plainPng(size, [4, 5, 6]));
      write(at("others", "2.png"), plainPng(size, [7, 8, 9]));
      write(at("beside", "3.png"), plainPng(size, [7, 8, 9]));
      await makeLinks({
        [at("img", "up")]: "..",
        [at("img", "cat", "top")]: "../..",
        [at("img", "here")]: ".",
        [at("img", "pets")]: "cat",
        [at("img", "root")]: "/",
        [at("img", "others")]: "../others",
        [at("others", "back")]: "../img",
      });
      const { paths, failed, noted } = await ask(at("img"));
      assert.deepEqual(paths, ["cat/0.png", "cat/1.png", "others/2.png"]);
      assert.equal(failed, "");
      for (const name of ["up", "here", "root", "top"]) {
        assert.match(noted, new RegExp(`Passed over: .*/${name} leads back to a folder`));
      }
    }),
});

Deno.test({
  name: "links that lead up do not keep images from being taught, examined or checked",
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      for (const [label, name] of ["cat", "dog"].entries()) {
        for (let n = 0; n < 5; n++) {
          write(join(folder, name, `${n}.png`), plainPng(size, [label, n, 7]));
        }
        await makeLinks({ [join(folder, name, "up")]: "..", [join(folder, name, "images")]: "." });
      }
      const noted: string[] = [];
      const reading = { size, progress: () => {}, note: (text: string) => void noted.push(text) };
      assert.equal((await readTaught(folder, undefined, reading)).length, 10);
      const report = await checkTree(folderTree(folder), folder, () => {});
      assert.equal(report!.parts[0].classes.size, 2);
      assert.equal((await surveyImages(folder, 0.1, () => {})).classNames.length, 2);
      // A class that leads up has no images of its own.
      await makeLinks({ [join(folder, "up")]: ".." });
      await assert.rejects(readTaught(folder, undefined, reading), /class up has 0 JPEG or PNG/);
      assert((await checkTree(folderTree(folder), folder, () => {}))!.problems.length > 0);
    }),
});

Deno.test("images without class folders are checked as what they are, unless folders lie beside them", () =>
  withFolder(async (folder) => {
    for (let n = 0; n < 3; n++) write(join(folder, "cat", `${n}.png`), plainPng(size, [1, n, 7]));
    const check = (path: string) => checkTree(folderTree(path), path, () => {});
    const report = await check(join(folder, "cat"));
    assert.match(report!.title, /images without class folders \(to learn with .* --class NAME\)/);
    assert.deepEqual([...report!.parts[0].classes.keys()], ["cat"]);
    assert.deepEqual(report!.problems, []);
    Deno.mkdirSync(join(folder, "sets", "empty"), { recursive: true });
    write(join(folder, "sets", "0.png"), plainPng(size, [1, 2, 7]));
    assert.equal(await check(join(folder, "sets")), null);
  }));

Deno.test({
  name: "what is not read of a folder that is asked about is said",
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      write(join(folder, "0.png"), plainPng(size, [1, 2, 3]));
      write(join(folder, "a.gif"), "GIF89a");
      write(join(folder, "b.gif"), "GIF89a");
      write(join(folder, "notes.txt"), "");
      await makeLinks({
        [join(folder, "gone.png")]: "nowhere",
        [join(folder, "gone")]: "nowhere",
        [join(folder, "loop")]: "loop",
      });
      const { paths, failed, noted } = await ask(folder);
      assert.deepEqual(paths, ["0.png"]);
      assert.match(failed, /Cannot read .*gone\.png: it is a link to nowhere, which is not there/);
      assert.match(noted, /Passed over: Cannot read .*gone: it is a link to nowhere/);
      assert.match(noted, /loop: it is a link that leads in a circle/);
      assert.match(noted, /Passed over in .*: 2 \.gif, 1 \.txt; JPEG and PNG files are read/);
    }),
});
