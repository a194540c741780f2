/** The page, in a process that has its packages: they are in a lock file of their own. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { REPORT_PACKAGES } from "../../src/host/report_tools.ts";

const root = new URL("../../", import.meta.url);
const at = (path: string) => fileURLToPath(new URL(path, root));
const read = (path: string) => JSON.parse(Deno.readTextFileSync(at(path)));

Deno.test("the page of a report tells what the records say", async () => {
  const args = [
    ...["test", "--quiet", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"],
    ...["--no-check", "--config", at("deno.json"), "--lock", at("report.lock"), "--frozen"],
    at("tests/report/page_checks.ts"),
  ];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  assert(success, said);
  assert.match(said, /\d+ passed/);
});

Deno.test("what draws is pinned once, stays out of everybody's first start, and beside it are the program's packages", () => {
  const [program, report] = [read("deno.lock"), read("report.lock")];
  for (const name of REPORT_PACKAGES) {
    assert.equal(report.specifiers[name], name.match(/@(\d+\.\d+\.\d+)$/)?.[1], name);
    assert.equal(program.specifiers[name], undefined, name);
  }
  assert.deepEqual(report.workspace, program.workspace);
  for (const part of ["specifiers", "npm"]) {
    for (const [name, entry] of Object.entries(program[part])) {
      const why = `${name}: copy deno.lock's packages into report.lock`;
      assert.deepEqual(report[part][name], entry, why);
    }
  }
});
