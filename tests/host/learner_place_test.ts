/** A learner's file on disk: asked as it is, made of a folder and back. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { LearnerFolder, lockLearner } from "../../src/host/learner_folder.ts";
import { learnerAt, packTo, unpackTo } from "../../src/host/learner_place.ts";
import { recordingTerminal } from "../cli/recording_terminal.ts";
import { figures, names, smallLearner } from "../continual/small_learner.ts";
import { withFolder } from "../data/fixtures.ts";

Deno.test("a folder becomes a file and a folder again; neither takes the place of another", () =>
  withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    Deno.mkdirSync(at("pets"));
    const learner = await smallLearner({ store: new LearnerFolder(at("pets")) });
    await learner.observeAll(figures(names[0], 4));
    await packTo(at("pets"), at("pets.wscl"), () => {});
    await assert.rejects(packTo(at("pets"), at("pets.wscl"), () => {}), /it is there already/);
    const again = await unpackTo(at("pets.wscl"), at("others"));
    for (const shelf of ["generations", "day"] as const) {
      const [name] = await again.names(shelf);
      const from = new LearnerFolder(at("pets"));
      assert.deepEqual(await again.read(shelf, name), await from.read(shelf, name));
    }
    await assert.rejects(unpackTo(at("pets.wscl"), at("others")), /something is there already/);
    await assert.rejects(
      unpackTo(at("nowhere.wscl"), at("x")),
      /Cannot open the learner .*nowhere/,
    );
    assert.deepEqual(await (await learnerAt(at("pets.wscl"))).names("day"), ["000000001"]);
    assert.throws(
      () => lockLearner(at("pets.wscl")),
      /a file, which can be asked, not changed; .*\.\/wscl unpack/,
    );
  }));

Deno.test("the commands: pack, unpack, and show of a file as of its folder", () =>
  withFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    const said = async (...args: string[]) => {
      const { terminal, printed } = recordingTerminal();
      const errors: string[] = [];
      const printError = (text: string) => void errors.push(text);
      const code = await main(args, { terminal, printError, cacheDir: at("cache") });
      return { code, text: printed.join("\n"), errors: errors.join("\n") };
    };
    const size = ["--size", "16", "--width", "4", "--max-classes", "4", "--memory", "8"];
    await said("new", at("pets"), "--start", "none", ...size);
    assert.match((await said("pack", at("pets"), at("p.wscl"))).text, /p\.wscl: 0\.\d MB; ask it/);
    assert.match(
      (await said("unpack", at("p.wscl"), at("q"))).text,
      /q: generation 0, which knows no class/,
    );
    const withoutPath = (text: string) => text.replace(/^learner .*/, "");
    assert.equal(
      withoutPath((await said("show", at("p.wscl"))).text),
      withoutPath((await said("show", at("pets"))).text),
    );
    const refused = await said("learn", at("p.wscl"), folder);
    assert.equal(refused.code, 2);
    assert.match(refused.errors, /unpack/);
    assert.match(
      (await said("predict", at("p.wscl"), folder)).errors,
      /it has learned nothing yet/,
    );
  }));
