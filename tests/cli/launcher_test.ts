import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FASHION_MNIST } from "../../src/data/fashion_mnist.ts";
import { DOWNLOADS } from "../../src/data/downloads.ts";

const launcher = fileURLToPath(new URL("../../wscl", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** What the launcher may use of the system; all else in its PATH is made by the test. */
const TOOLS = ["awk", "chmod", "dirname", "mkdir", "mktemp", "readlink", "sed", "tail", "uname"];

/** What a Deno of these tests is, in a `case` over `$1,$*`, for the question what to permit: the real one. */
const ASKED = `*src/cli/permissions.ts*) exec '${Deno.execPath()}' "$@" ;;`;

/** A Deno that shows how it was started; it finds a GPU where the file `gpu` is. */
const DENO = (version: string) =>
  `#!/bin/sh
case $1,$* in
  --version,*) echo "deno ${version} (stable)" ;;
  eval,*) [ -e "$(dirname "$0")/gpu" ] ;;
  ${ASKED}
  *) printf '%s\\n' "$@" ;;
esac`;

/** An apt-get that notes its arguments; to install drivers makes the file `gpu`. */
const APT_GET = `#!/bin/sh
echo "$*" >>"$(dirname "$0")/apt-get.log"
case $1 in install) : >"$(dirname "$0")/gpu" ;; esac`;

const AS_ROOT = "#!/bin/sh\necho 0";
const AS_USER = "#!/bin/sh\necho 1000";

/** Starts the launcher with nothing on its PATH but TOOLS and these scripts. */
async function launch(
  args: readonly string[],
  scripts: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
) {
  const folder = Deno.realPathSync(Deno.makeTempDirSync());
  const bin = join(folder, "bin");
  Deno.mkdirSync(bin);
  const tools = TOOLS.map((tool) => {
    const path = ["/bin", "/usr/bin"].map((place) => join(place, tool)).find(exists);
    return [tool, `#!/bin/sh\nexec ${path} "$@"`]; // links would need every permission
  });
  for (const [name, text] of [...tools, ...Object.entries(scripts)]) {
    Deno.writeTextFileSync(join(bin, name), text + "\n", { mode: 0o755 });
  }
  const { code, stdout, stderr } = await new Deno.Command(launcher, {
    args: [...args],
    cwd: folder,
    // No driver files: an adapter answers if the Deno above says so.
    env: { PATH: bin, HOME: folder, VK_DRIVER_FILES: "none", ...environment },
    clearEnv: true,
    stdin: "null",
  }).output();
  const log = join(bin, "apt-get.log");
  const aptGet = exists(log) ? Deno.readTextFileSync(log).trim().split("\n") : [];
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  Deno.removeSync(folder, { recursive: true });
  return { code, stdout: decode(stdout), stderr: decode(stderr), aptGet, folder };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

const linuxOnly = { ignore: Deno.build.os !== "linux" };

Deno.test("without Deno and npx the launcher says how to get one", async () => {
  const { code, stderr } = await launch(["--help"], {});
  assert.equal(code, 1);
  assert.match(stderr, /neither deno nor npx is on the PATH; install Deno .* or Node/);
});

Deno.test("an old Deno without npx is named with what is needed", async () => {
  const { code, stderr } = await launch(["--help"], { deno: DENO("2.9.5") });
  assert.equal(code, 1);
  assert.match(stderr, /2\.9\.5 is on the PATH, 2\.9\.6 or newer is needed; run deno upgrade/);
});

Deno.test("Deno 2.9.6 and anything newer is taken from the PATH", async () => {
  for (const version of ["2.9.6", "2.10.0", "3.0.0", "2.9.7-rc.1"]) {
    const { code, stdout } = await launch(["--help"], { deno: DENO(version) });
    assert.equal(code, 0, version);
    assert.match(stdout, /^run\n/);
  }
});

Deno.test("npx fetches Deno when the one on the PATH is too old", async () => {
  const npx = `#!/bin/sh
echo "$*" >&2
echo "$(dirname "$0")/new-deno"`;
  const scripts = { deno: DENO("1.46.0"), npx, "new-deno": DENO("2.9.6") };
  const { code, stdout, stderr } = await launch(["--help"], scripts);
  assert.equal(code, 0);
  assert.match(stderr, /^-y deno@2\.9\.6 eval/);
  assert.match(stdout, /^run\n/);
});

Deno.test("the launcher permits no more than the command needs", async () => {
  const scripts = { deno: DENO("2.9.6"), gpu: "", id: AS_USER };
  const run = async (...args: string[]) => {
    const { stdout, folder } = await launch(args, scripts);
    const lines = stdout.split("\n");
    const permitted = (name: string) =>
      lines.find((line) => line.startsWith(`--allow-${name}=`))?.split("=").slice(1).join("=")
        .replaceAll(folder, "~").split(",");
    for (const flag of ["-A", "--allow-all", "--allow-run", "--allow-net", "--allow-ffi"]) {
      assert(!lines.some((line) => line.startsWith(flag)), flag);
    }
    assert(!lines.includes("--allow-read") && !lines.includes("--allow-write"));
    return { read: permitted("read"), write: permitted("write") };
  };
  const always = [root, "~/.cache/wscl", "~/.cache/deno"];
  const installed = FASHION_MNIST.installed.path;
  const demo = await run("demo");
  assert.deepEqual(demo.write, ["runs", "~/.cache/wscl"]);
  assert.deepEqual(demo.read, [...always, "data", "runs", installed]);
  const train = await run("train", "--config", "c.json", "--data=../images", "--out", "my runs/1");
  assert.deepEqual(train.write, ["my runs/1", "~/.cache/wscl"]);
  assert.deepEqual(train.read, [...always, "../images", "c.json", "my runs/1", installed]);
  const origin = `${Deno.makeTempDirSync()}/run`;
  Deno.mkdirSync(origin);
  const paths = { dataRoot: "/images", init: "w.safetensors" };
  Deno.writeTextFileSync(`${origin}/run.json`, JSON.stringify(paths, null, 2));
  const resumed = await run("train", "--resume", origin);
  assert.deepEqual(resumed.write, [origin, "~/.cache/wscl"]);
  assert.deepEqual(resumed.read?.slice(-2), ["/images", "w.safetensors"]);
  // Dreams may lie elsewhere.
  const sources = { train: { folder: "pets" }, dreams: { folder: "../others/dreams" } };
  Deno.writeTextFileSync(`${origin}/config.json`, JSON.stringify({ data: sources }));
  const dreaming = await run("train", "--resume", origin);
  assert.deepEqual(dreaming.read?.slice(-3), ["/images", "w.safetensors", "/others/dreams"]);
  const own = await run("train", "--images", "../pets", "--dreams", "../others", "--out", "o");
  assert.deepEqual(own.write, ["o", "~/.cache/wscl"]);
  assert.deepEqual(own.read, [...always, "../pets", "../others", "data", "o", installed]);
  assert.deepEqual((await run("evaluate", "runs/demo-0")).write, ["~/.cache/wscl"]);
  const report = await run("report", "runs/a", "--", "-b");
  assert.equal(report.write, undefined);
  assert.deepEqual(report.read, [...always, "runs/a", "-b"]);
  assert.deepEqual((await run("export", "runs/a")).write, ["model.safetensors"]);
  assert.deepEqual((await run("export", "runs/a", "--format", "onnx")).write, ["model.onnx"]);
  const files = ["--out", "my/a.onnx", "--card=my/README.md"];
  const exported = await run("export", "runs/a", "--format", "onnx", ...files);
  assert.deepEqual(exported.write, ["my/a.onnx", "my/README.md"]);
  const asked = await run("train", "--config", "c.json", "--out", "o", "--help");
  assert.deepEqual(asked, { read: always, write: undefined });
});

Deno.test("the folder of a method of one's own may be read, however it is named", async () => {
  const folder = `${Deno.makeTempDirSync()}/it's my method`;
  Deno.mkdirSync(folder);
  const file = (name: string, text: string) => {
    Deno.writeTextFileSync(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  const module = file("mine.ts", "");
  const config = file("c.json", '{"method": "./mine.ts"}');
  const plain = file("plain.json", '{"method": "er"}');
  file("config.json", JSON.stringify({ method: module }));
  const reads = async (...args: string[]) => {
    const { stdout } = await launch(args, { deno: DENO("2.9.6"), gpu: "", id: AS_USER });
    return stdout.match(/^--allow-read=(.*)$/m)?.[1].split(",").includes(folder);
  };
  assert.equal(await reads("train", "--config", config), true);
  assert.equal(await reads("tune", "--config", plain, "--set", `method=${module}`), true);
  assert.equal(await reads("train", "--config", plain), false);
  assert.equal(await reads("evaluate", folder), true);
  assert.equal(await reads("train", "--resume", folder), true);
});

Deno.test("any text survives the way to the program and its permissions", async () => {
  const scripts = { deno: DENO("2.9.6"), id: AS_USER };
  const odd = ["it's", 'a "b"', "$HOME `id`", "*", "two\nlines", "back\\slash", " ", "-x=y"];
  const args = ["report", "--", ...odd, "end\n"];
  const { code, stdout } = await launch(args, scripts);
  assert.equal(code, 0);
  assert(stdout.endsWith(`/src/cli/main.ts\n${args.join("\n")}\n`), stdout);
  assert(stdout.includes(`,${odd.join(",")},end\n\n`), stdout);
});

Deno.test("where links lead is permitted as well", async () => {
  // A Deno that makes a link on its way, which a test may not.
  const deno = `#!/bin/sh
case $1,$* in
  --version,*)
    mkdir results && /bin/ln -s results link && : >results/c.json && /bin/ln -s later/on dangling
    echo "deno 2.9.6 (stable)" ;;
  eval,*) ;;
  ${ASKED}
  *) printf '%s\\n' "$@" ;;
esac`;
  const args = ["train", "--config", "link/c.json", "--out", "link/runs/1", "--init", "dangling/w"];
  const { stdout, folder } = await launch(args, { deno });
  const lines = stdout.replaceAll(folder, "~").split("\n");
  const cache = "~/.cache/wscl";
  assert(lines.includes(`--allow-write=link/runs/1,~/results/runs/1,${cache}`), stdout);
  const read = lines.find((line) => line.startsWith("--allow-read="));
  const paths = read?.split("=")[1].split(",") ?? [];
  for (const path of ["link/c.json", "link/runs/1"]) {
    assert(paths.includes(path) && paths.includes(path.replace("link", "~/results")), read);
  }
  assert(paths.includes("dangling/w") && paths.includes("~/later/on/w"), read);
});

/** A Deno that fetches Dawn, or does not, and shows how it was started. */
const FETCHING_DENO = (fetched: boolean) =>
  `#!/bin/sh
case $1,$* in
  --version,*) echo "deno 2.9.6 (stable)" ;;
  eval,*) exit 0 ;;
  cache,*) echo "fetch $*" >&2; ${fetched ? "mkdir -p dd/npm/a.b/webgpu/0.6.2" : "exit 1"} ;;
  ${ASKED}
  *) printf '%s\\n' "$@" ;;
esac`;

Deno.test("Dawn is fetched, and may be loaded, where --provider dawn asks for it and nowhere else", async () => {
  const scripts = { deno: FETCHING_DENO(true), id: AS_USER };
  const run = async (...args: string[]) => {
    const { code, stdout, stderr, folder } = await launch(args, scripts, { DENO_DIR: "dd" });
    assert.equal(code, 0, stderr);
    const flags = stdout.split("\n").filter((line) => /^--(lock|allow-ffi|allow-all)/.test(line));
    return { flags, stderr: stderr.replaceAll(folder, "~") };
  };
  const loaded = [`--lock=${root}/dawn.lock`, "--allow-ffi=dd/npm/a.b/webgpu/0.6.2"];
  for (const [command, ...rest] of [["demo"], ["doctor"], ["evaluate", "a"], ["bench", "step"]]) {
    for (const asked of [["--provider", "dawn"], ["--provider=dawn"]]) {
      const { flags, stderr } = await run(command, ...rest, ...asked);
      assert.deepEqual(flags, loaded, command);
      assert.match(
        stderr,
        /^Fetching Dawn \(npm:webgpu@0\.6\.2, 25 MB\)\nfetch cache .*dawn\.lock/,
      );
    }
    for (const other of [[], ["--provider", "deno"], ["--provider=dawn", "--provider=deno"]]) {
      assert.deepEqual(await run(command, ...rest, ...other), { flags: [], stderr: "" });
    }
  }
  assert.deepEqual((await run("report", "--provider", "dawn")).flags, []);
});

Deno.test("Dawn that cannot be fetched is an error that says what to do", async () => {
  const scripts = { deno: FETCHING_DENO(false), id: AS_USER };
  const { code, stdout, stderr } = await launch(["demo", "--provider", "dawn"], scripts);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /error: Cannot use Dawn: .* could not be fetched; .* leave --provider dawn out/,
  );
});

Deno.test("what draws a report has a lock file of its own, where --out asks for it and nowhere else", async () => {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await launch(args, { deno: DENO("2.9.6"), id: AS_USER });
    assert.deepEqual([code, stderr], [0, ""]);
    return stdout.split("\n").filter((line) => /^--(lock|frozen|allow-(?!read|env))/.test(line));
  };
  assert.deepEqual(await run("report", "runs", "--out", "page.html", "--csv=tables"), [
    ...["--allow-write=page.html,tables", `--lock=${root}/report.lock`, "--frozen"],
  ]);
  assert.deepEqual(await run("report", "runs"), []);
  assert.deepEqual(await run("report", "runs", "--csv", "tables"), ["--allow-write=tables"]);
});

/** The flags for writing and the network that a command is started with. */
async function permitted(...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await launch(args, { deno: DENO("2.9.6"), id: AS_USER });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /src\/cli\/main\.ts\ndata\n/, "the program gets the arguments as they were");
  return stdout.split("\n").filter((line) => /^--allow-(write|net|run|all)/.test(line)).sort();
}

Deno.test("data check writes nothing, data download one folder, from the hosts of the data set", async () => {
  assert.deepEqual(await permitted("data", "check", "some/folder"), []);
  for (const [name, { files }] of Object.entries(DOWNLOADS)) {
    for (const { hosts } of files) {
      assert.deepEqual(
        await permitted("data", "download", name, "--data", "my data"),
        [`--allow-net=${hosts.join(",")}`, "--allow-write=my data"],
      );
    }
  }
  assert.deepEqual(
    await permitted("data", "download", "--data=d", "tiny-imagenet"),
    ["--allow-net=*.stanford.edu,*.image-net.org", "--allow-write=d"],
  );
  assert.deepEqual(await permitted("data", "download", "mnist"), ["--allow-write=data"]);
  const args = ["data", "download", "cifar10", "--data", "a,b"];
  const { code, stderr } = await launch(args, { deno: DENO("2.9.6"), id: AS_USER });
  assert.deepEqual([code, /path with a comma/.test(stderr)], [2, true]);
});

Deno.test("data download --from reaches that host, at that port, and no other", async () => {
  const net = async (...args: string[]) =>
    (await permitted("data", "download", "cifar10", ...args)).filter((flag) => /net/.test(flag));
  assert.deepEqual(await net("--from", "https://a.org/x/"), ["--allow-net=a.org:443"]);
  assert.deepEqual(await net("--from=http://a.org:8080/x"), ["--allow-net=a.org:8080"]);
  assert.deepEqual(await net("--from", "http://A.org"), ["--allow-net=a.org:80,a.org:443"]);
  assert.deepEqual(await net("--from", "http://[::1]:81/"), ["--allow-net=[::1]:81"]);
  for (const text of ["ftp://a.org/", "a.org", "https://a@b.org/", "http://a,b/", "http://*/"]) {
    assert.deepEqual(await net("--from", text), [], text);
  }
});

Deno.test("serve listens at one address, reaches its storage and nothing else, and has a lock file and little garbage of its own", async () => {
  const flags = async (...args: string[]) => {
    const scripts = { deno: DENO("2.9.6"), gpu: "", id: AS_USER };
    const { code, stdout, stderr, folder } = await launch(["serve", ...args], scripts);
    assert.equal(code, 0, stderr);
    return stdout.replaceAll(folder, "~").split("\n")
      .filter((line) => /^--(allow-(net|write|run|ffi|all)|lock|frozen|v8)/.test(line)).sort();
  };
  const always = [
    ...["--frozen", `--lock=${root}/serve.lock`, "--v8-flags=--max-semi-space-size=1,--expose-gc"],
  ];
  assert.deepEqual(await flags("pets"), [
    ...["--allow-net=127.0.0.1:8717", "--allow-write=pets,~/.cache/wscl", ...always],
  ]);
  const object = ["--snapshot-object", "https://s3.example.org/bucket/key"];
  assert.deepEqual(await flags("pets", "--host", "::1", "--port=80", ...object), [
    ...["--allow-net=[::1]:80,s3.example.org:443", "--allow-write=pets,~/.cache/wscl", ...always],
  ]);
  const folder = await flags("pets", "--snapshots", "away", "--host", "a,b");
  assert.deepEqual(folder, ["--allow-write=pets,away,~/.cache/wscl", ...always]);
});

Deno.test("the program is told whether it was started with SIGHUP ignored, as by nohup", async () => {
  // A Deno that starts the launcher again with SIGHUP ignored.
  const deno = `#!/bin/sh
case $1,\${WSCL_IGNORES_HANGUP:-},$* in
  --version,*) echo "deno 2.9.6 (stable)" ;;
  ${ASKED}
  run,0,*) trap '' HUP; echo 0; exec '${launcher}' demo ;;
  run,*) echo "$WSCL_IGNORES_HANGUP" ;;
esac`;
  const { stdout, stderr } = await launch(["demo"], { deno });
  assert.deepEqual([stdout, stderr], ["0\n1\n", ""]);
});

Deno.test("a list in --set does not end up among the permissions", async () => {
  const scripts = { deno: DENO("2.9.6"), gpu: "", id: AS_USER };
  const { code, stdout } = await launch(["demo", "--set", "data.mean=[0,,0]"], scripts);
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /--allow-.*mean/);
});

Deno.test("an output folder with a comma is refused", async () => {
  const scripts = { deno: DENO("2.9.6"), gpu: "", id: AS_USER };
  const { code, stderr } = await launch(["demo", "--out", "a,b"], scripts);
  assert.equal(code, 2);
  assert.match(stderr, /Cannot use a,b: Deno cannot permit a path with a comma/);
});

Deno.test({
  name: "root gets Vulkan drivers installed, and is told so",
  ...linuxOnly,
  fn: async () => {
    const scripts = { deno: DENO("2.9.6"), id: AS_ROOT, "apt-get": APT_GET };
    const { code, stdout, stderr, aptGet } = await launch(["doctor"], scripts);
    assert.equal(code, 0);
    assert.match(stderr, /installing libvulkan1 mesa-vulkan-drivers with apt-get/);
    assert.deepEqual(aptGet, [
      "update -q",
      "install -y -q --no-install-recommends libvulkan1 mesa-vulkan-drivers",
    ]);
    assert.match(stdout, /^run\n/);
  },
});

Deno.test({
  name: "WSCL_NO_INSTALL=1, and any user but root, gets the command to type instead",
  ...linuxOnly,
  fn: async () => {
    const scripts = { deno: DENO("2.9.6"), id: AS_ROOT, "apt-get": APT_GET };
    for (
      const result of [
        await launch(["demo"], scripts, { WSCL_NO_INSTALL: "1" }),
        await launch(["demo"], { ...scripts, id: AS_USER }),
      ]
    ) {
      assert.equal(result.code, 1);
      assert.match(result.stderr, /sudo apt-get .*install -y libvulkan1 mesa-vulkan-drivers/);
      assert.deepEqual(result.aptGet, []);
      assert.equal(result.stdout, "");
    }
  },
});

Deno.test({
  name: "Mesa's shader cache is switched off where its disk is full",
  ...linuxOnly,
  fn: async () => {
    const deno = `#!/bin/sh
case $1,$* in
  --version,*) echo "deno 2.9.6 (stable)" ;;
  ${ASKED}
  *) echo "\${MESA_SHADER_CACHE_DISABLE:-used}" ;;
esac`;
    const df = (free: number) =>
      `#!/bin/sh
printf '%s\\n' "Filesystem 1024-blocks Used Available" "tmpfs 9000 9000 ${free}"`;
    const full = await launch(["doctor"], { deno, df: df(16) });
    assert.match(full.stderr, /^There is no room in .*\.cache: compiling shaders anew/);
    assert.equal(full.stdout, "true\n");
    assert.equal((await launch(["doctor"], { deno, df: df(9000) })).stdout, "used\n");
  },
});

Deno.test({
  name: "help and report need no GPU",
  ...linuxOnly,
  fn: async () => {
    const scripts = { deno: DENO("2.9.6"), id: AS_ROOT, "apt-get": APT_GET };
    for (const args of [["train", "--help"], ["report", "runs"], ["--version"], []]) {
      const { code, aptGet } = await launch(args, scripts);
      assert.deepEqual([code, aptGet], [0, []], args.join(" "));
    }
  },
});
