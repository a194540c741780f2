/** What `bench custom --watch` waits for. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { saves } from "../../bench/saves.ts";
import { withFolder } from "../data/fixtures.ts";

Deno.test("a save is heard of, also where an editor replaces the file or empties it first", () =>
  withFolder(async (folder) => {
    const path = join(folder, "my.wgsl");
    Deno.writeTextFileSync(path, "one");
    const heard = saves(path, 5);
    const next = async (save: () => void) => {
      setTimeout(save, 20);
      assert.equal((await heard.next()).done, false);
    };
    await next(() => Deno.writeTextFileSync(path, "longer"));
    await next(() => {
      Deno.writeTextFileSync(`${path}.new`, "second");
      Deno.renameSync(`${path}.new`, path);
    });
    await next(() => {
      Deno.removeSync(path);
      setTimeout(() => Deno.writeTextFileSync(path, ""), 20);
      setTimeout(() => Deno.writeTextFileSync(path, "again"), 60);
    });
    await heard.return(undefined);
  }));
