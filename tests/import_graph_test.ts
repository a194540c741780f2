import assert from "node:assert/strict";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The rooms of `src`, each with those that it may import from, types included (docs/architecture.md): those before it
 * in the list, but for some that have nothing to do with it.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  reference: [],
  gpu: [],
  ops: ["gpu"],
  net: ["gpu", "ops"],
  check: ["reference", "gpu", "ops", "net"],
  lab: ["gpu", "ops", "net", "check"],
  images: ["gpu"],
  learner: ["gpu", "ops", "net", "images"],
  method: ["gpu", "images", "learner"],
  experiment: ["gpu", "ops", "net", "check", "images", "learner", "method"],
  continual: ["gpu", "ops", "net", "images", "learner", "method", "experiment"],
  report: ["images", "method", "experiment", "continual"],
  exchange: ["net", "experiment", "continual"],
  data: ["images"],
  host: [
    ...["gpu", "ops", "net", "check", "lab", "images", "learner", "method", "experiment"],
    ...["continual", "report", "exchange", "data"],
  ],
  serve: ["gpu", "net", "experiment", "continual", "data", "host"],
  cli: [
    ...["gpu", "ops", "net", "check", "lab", "images", "learner", "method", "experiment"],
    ...["continual", "report", "exchange", "data", "host", "serve"],
  ],
};

/** The rooms that know Deno, Node's modules and where files lie; the others run in a page, too. */
const HOST_ROOMS = ["data", "host", "serve", "cli"];

/** Files of `src` itself that every room may import. */
const SHARED = ["random.ts", "errors.ts", "text.ts", "digest.ts"];

/** The face of the rooms that run anywhere; for those outside. */
const CORE = "src/core.ts";

/** What the command line loads when it is asked for it, by a dynamic import; nobody else does. */
const ON_DEMAND = /^(bench|fidelity)\//;

const root = fileURLToPath(new URL("..", import.meta.url));

/** Paths of all TypeScript files below `folder`, relative to the root, with forward slashes. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(posix.join(root, folder))].flatMap(({ name, isDirectory }) => {
    const path = posix.join(folder, name);
    return isDirectory ? filesBelow(path) : name.endsWith(".ts") ? [path] : [];
  }).sort();
}

/** The module at `path` without its comments. */
function codeOf(path: string): string {
  return Deno.readTextFileSync(posix.join(root, path))
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "");
}

/** What the module at `path` imports or re-exports: specifiers and worker or asset URLs. */
function specifiers(path: string, { dynamic = true } = {}): string[] {
  const code = codeOf(path);
  const patterns = [
    /^\s*import\s+"([^"]+)"/gm,
    /\b(?:import|export)\b[^;"'`]*?\bfrom\s*"([^"]+)"/g,
    ...(dynamic ? [/\bimport\(\s*"([^"]+)"/g] : []),
    /\bnew URL\(\s*"(\.[^"]+\.ts)"/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]));
}

/** What the module at `path` imports or re-exports when it is loaded, and whether for types alone. */
function staticImports(path: string): { readonly specifier: string; readonly isType: boolean }[] {
  const pattern = /^\s*(?:import|export)\s+(?:(type)\s)?(?:[^;"'`]*?\bfrom\s*)?"([^"]+)"/gm;
  return [...codeOf(path).matchAll(pattern)]
    .map(([, type, specifier]) => ({ specifier, isType: type !== undefined }));
}

/** `gpu` for `src/gpu/device.ts`, `errors.ts` for `src/errors.ts`. */
const place = (path: string) => path.split("/")[1];

const sources = filesBelow("src");
const localImports = allLocalImports();

function allLocalImports(options?: { dynamic?: boolean }) {
  return sources.flatMap((from) =>
    specifiers(from, options)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => ({ from, to: posix.join(dirname(from), specifier) }))
  );
}

Deno.test("every folder of src is a room of the table", () => {
  const unknown = sources.filter((path) =>
    !(place(path) in ROOMS) && !SHARED.includes(place(path)) && path !== CORE
  );
  assert.deepEqual(unknown, []);
});

Deno.test("a room imports only from rooms before it, and nobody in src the core's face", () => {
  const upward = localImports
    .filter(({ from }) => from !== CORE)
    .filter(({ to }) => to.startsWith("src/"))
    .filter(({ from, to }) =>
      place(from) !== place(to) && !SHARED.includes(place(to)) &&
      !(ROOMS[place(from)] ?? []).includes(place(to))
    );
  assert.deepEqual(upward.map(({ from, to }) => `${from} imports ${to}`), []);
});

Deno.test("src imports no tests and not its own public face, and only its commands load benches and fidelity", () => {
  const outside = (imports: typeof localImports) =>
    imports.filter(({ to }) => !/^(src|shaders)\/|^deno\.json$/.test(to))
      .map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(outside(allLocalImports({ dynamic: false })), []);
  const loaded = localImports.filter(({ from, to }) =>
    !(place(from) === "cli" && ON_DEMAND.test(to))
  );
  assert.deepEqual(outside(loaded), []);
});

Deno.test("the page imports the core's face and nothing else of the program", () => {
  const others = ["page/app", "page/worker"].flatMap(filesBelow).concat("page/messages.ts")
    .flatMap((from) =>
      specifiers(from).map((to) => to.startsWith(".") ? posix.join(dirname(from), to) : to)
        .filter((to) => to !== CORE && !/^page\/(app|worker|messages\.ts|webgpu\.d\.ts)/.test(to))
        .map((to) => `${from} imports ${to}`)
    );
  assert.deepEqual(others, []);
});

Deno.test("packages come from npm, pinned in deno.json, or are built into Deno", () => {
  const config = JSON.parse(Deno.readTextFileSync(posix.join(root, "deno.json")));
  for (const [name, target] of Object.entries(config.imports)) {
    if (name.startsWith("wscl")) continue; // the program's own faces, for modules from elsewhere
    assert.match(String(target), /^npm:(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+(\/.*)?$/, name);
  }
  const names = Object.keys(config.imports);
  const unpinned = sources.flatMap((from) =>
    specifiers(from)
      .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
      .filter((specifier) =>
        !names.some((name) => specifier === name || specifier.startsWith(`${name}/`))
      )
      .map((specifier) => `${from} imports ${specifier}`)
  );
  assert.deepEqual(unpinned, []);
});

Deno.test("what the launcher starts first needs no package: it has no configuration yet", () => {
  const found = new Set<string>();
  const packages: string[] = [];
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    for (const { specifier, isType } of staticImports(path)) {
      if (isType) continue;
      if (specifier.startsWith(".")) visit(posix.join(dirname(path), specifier));
      else if (!specifier.startsWith("node:")) packages.push(`${path} imports ${specifier}`);
    }
  };
  visit("src/cli/permissions.ts");
  assert.ok(found.size > 10);
  assert.deepEqual(packages, []);
});

Deno.test("no module imports itself in a circle, not even for types", () => {
  const targets = Map.groupBy(localImports, ({ from }) => from);
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    assert(!trail.includes(path), `circle: ${[...trail, path].join(" -> ")}`);
    if (done.has(path)) return;
    for (const { to } of targets.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of sources) visit(path, []);
});

Deno.test("what is not the host's names no host: no Deno, no module of Node, no place of a file, no worker", () => {
  const named = sources.filter((path) => !HOST_ROOMS.includes(place(path))).flatMap((path) =>
    [...codeOf(path).matchAll(/\bDeno\.\w+|["']node:\w+|import\.meta\.\w+|\bnew Worker\b/g)]
      .map(([name]) => `${path} names ${name}`)
  );
  assert.deepEqual(named, []);
});

Deno.test("the core's face shows nothing of the host's rooms", () => {
  const shown = localImports.filter(({ from }) => from === CORE).map(({ to }) => place(to));
  assert.ok(shown.includes("experiment"));
  assert.deepEqual(shown.filter((room) => HOST_ROOMS.includes(room)), []);
});
