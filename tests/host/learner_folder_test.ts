/** A learner's folder: bundles are whole or not there, and nobody changes it beside another. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { copyStore, MemoryLearnerStore } from "../../src/continual/store.ts";
import { InputError } from "../../src/errors.ts";
import {
  createLearnerFolder,
  isLearner,
  LearnerFolder,
  lockLearner,
} from "../../src/host/learner_folder.ts";
import { withFolder } from "../data/fixtures.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("a bundle is read as it was written, replaced as a whole, and removed", () =>
  withFolder(async (folder) => {
    const store = new LearnerFolder(folder);
    await store.write("day", "000000002", { a: bytes("two") });
    await store.write("day", "000000001", { a: bytes("one"), b: bytes("and") });
    assert.deepEqual(await store.names("day"), ["000000001", "000000002"]);
    assert.deepEqual(await store.read("day", "000000001", ["b"]), { b: bytes("and") });
    await store.write("day", "000000001", { c: bytes("other") });
    assert.deepEqual(await store.read("day", "000000001"), { c: bytes("other") });
    await store.remove("day", "000000001");
    await store.remove("day", "000000001"); // there is nothing to remove
    assert.deepEqual(await store.names("day"), ["000000002"]);
    assert.deepEqual(await store.names("refused"), []);
  }));

Deno.test("what was cut while it was written is not there, but a generation that is not whole is told", () =>
  withFolder(async (folder) => {
    const store = new LearnerFolder(folder);
    for (const shelf of ["day", "generations"] as const) {
      await store.write(shelf, "000001", { a: bytes("whole") });
      await store.write(shelf, "000002", { a: bytes("cut") });
      Deno.removeSync(join(folder, shelf, "000002", "DONE"));
      Deno.mkdirSync(join(folder, shelf, "000003.part"));
    }
    assert.deepEqual(await store.names("day"), ["000001"]);
    assert.deepEqual(await store.names("generations"), ["000001", "000002"]);
    await assert.rejects(
      store.read("generations", "000002"),
      /Cannot use generation .*: it has no DONE, so writing it did not come to its end/,
    );
    // Whoever writes next clears away what was left.
    await store.write("day", "000004", { a: bytes("next") });
    const left = [...Deno.readDirSync(join(folder, "day"))].map(({ name }) => name);
    assert(!left.includes("000003.part"));
  }));

Deno.test("damage of any file is found, and named", () =>
  withFolder(async (folder) => {
    const store = new LearnerFolder(folder);
    const at = (file: string) => join(folder, "generations", "000001", file);
    const damages: [string, (path: string) => void, RegExp][] = [
      ["a", (path) => Deno.writeFileSync(path, bytes("wholF")), /a is damaged: its checksum is/],
      ["a", (path) => Deno.writeFileSync(path, bytes("whol")), /a has 4 bytes, 5 were written/],
      ["a", (path) => Deno.removeSync(path), /it has no a, so writing it did not/],
      ["DONE", (path) => Deno.writeFileSync(path, bytes("{}")), /DONE is not as it was written/],
      ["DONE", (path) => Deno.writeFileSync(path, bytes('{"a":')), /DONE is not as it was written/],
    ];
    for (const [file, damage, message] of damages) {
      await store.write("generations", "000001", { a: bytes("whole") });
      damage(at(file));
      await assert.rejects(
        store.read("generations", "000001", ["a"]),
        (error) => error instanceof InputError && message.test(error.message),
      );
    }
  }));

Deno.test("what is damaged is set aside under a name of its own, until it is cleared", () =>
  withFolder(async (folder) => {
    const store = new LearnerFolder(folder);
    for (const suffix of ["", "+"]) {
      await store.write("generations", "000001", { a: bytes("whole") });
      const place = await store.setAside("generations", "000001");
      assert.equal(place, join(folder, "aside", `generations-000001${suffix}`));
      assert.equal(Deno.readTextFileSync(join(place, "a")), "whole");
      assert.deepEqual(await store.names("generations"), []);
    }
    assert.equal(await store.clearAside(), 2);
    assert.equal(await store.clearAside(), 0);
    assert.throws(() => Deno.statSync(join(folder, "aside")));
  }));

Deno.test("a copy has all but what is damaged, which is told", () =>
  withFolder(async (folder) => {
    const store = new LearnerFolder(folder);
    for (const name of ["000001", "000002"]) {
      await store.write("generations", name, { a: bytes(name) });
    }
    Deno.writeFileSync(join(folder, "generations", "000001", "a"), bytes("000009"));
    const copy = new MemoryLearnerStore();
    const problems = await copyStore(store, copy);
    assert.equal(problems.length, 1);
    assert.match(problems[0], /Cannot use generation .*000001: a is damaged/);
    assert.deepEqual(await copy.names("generations"), ["000002"]);
  }));

Deno.test("the history goes on behind a line that was cut", () =>
  withFolder(async (folder) => {
    const store = new LearnerFolder(folder);
    assert.deepEqual(await store.lines(), []);
    await store.append("one");
    Deno.writeTextFileSync(join(folder, "nights.jsonl"), "hal", { append: true });
    await store.append("two");
    assert.deepEqual(await store.lines(), ["one", "hal", "two"]);
  }));

Deno.test("a folder that is no learner's is refused with the fix, and so is one that is changed already", () =>
  withFolder(async (folder) => {
    const path = join(folder, "pets");
    assert.throws(() => lockLearner(path), /there is no such folder; make one with \.\/wscl new/);
    createLearnerFolder(path);
    assert.throws(() => lockLearner(path), /no learner is in this folder/);
    Deno.writeTextFileSync(join(path, "config.json"), "{}");
    assert.throws(() => lockLearner(path), /it is the folder of a run/);
    assert.throws(() => createLearnerFolder(path), /something is there already; choose another/);
    Deno.removeSync(join(path, "config.json"));
    await new LearnerFolder(path).write("generations", "000000", { a: bytes("born") });
    assert(isLearner(path));
    {
      using _lock = lockLearner(path);
      assert.throws(
        () => lockLearner(path),
        /another run is writing to it.*wait until it has ended, or choose another learner/,
      );
    }
    lockLearner(path)[Symbol.dispose]();
  }));

Deno.test("a learner that could not be made leaves nothing where nothing was", () =>
  withFolder(async (folder) => {
    for (const wasThere of [false, true]) {
      const path = join(folder, "pets");
      if (wasThere) Deno.mkdirSync(path);
      const undo = createLearnerFolder(path);
      await new LearnerFolder(path).write("generations", "000000", { a: bytes("half") });
      undo();
      const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
      assert.deepEqual(left, wasThere ? ["pets"] : []);
      if (wasThere) assert.deepEqual([...Deno.readDirSync(path)], []);
    }
  }));

Deno.test("a learner that may not be written is to be made writable", () =>
  withFolder(async (folder) => {
    await new LearnerFolder(folder).write("generations", "000000", { a: bytes("born") });
    const root = new URL("../../", import.meta.url);
    const script = join(folder, "lock.ts");
    Deno.writeTextFileSync(
      script,
      `import { lockLearner } from "${new URL("src/host/learner_folder.ts", root)}";
       lockLearner(${JSON.stringify(folder)});`,
    );
    const config = fileURLToPath(new URL("deno.json", root));
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--config", config, "--allow-read", script],
    }).output();
    assert.match(
      new TextDecoder().decode(stderr),
      /Cannot write to the folder .*; make the folder writable, or choose another learner/,
    );
  }));

Deno.test("a store that cannot be written says what to do", () =>
  withFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "day"), "a file in its way");
    const store = new LearnerFolder(folder);
    await assert.rejects(
      store.write("day", "000000001", { a: bytes("one") }),
      /Cannot write .*day.*; check the disk/,
    );
  }));
