import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { DAWN_PACKAGE } from "../host/dawn.ts";
import { SMALL_HEAP } from "../host/garbage.ts";
import type { Command, GivenTexts } from "./command.ts";
import { wscl } from "./command_table.ts";
import { readGiven } from "./given.ts";
import { PathList } from "./path_list.ts";

/** The folders that permissions speak of, besides those that are given. */
interface Places {
  /** The launcher's. */
  readonly root: string;
  /** Packed data sets, and what is remembered of kernels. */
  readonly cache: string;
  /** Deno's packages and compiled modules. */
  readonly denoCache: string;
  readonly temporary: string;
}

/**
 * What the launcher is to do for a command line: lines that `sh` evaluates. They set `gpu` and `commit` and `hangup` (1
 * or 0: see {@linkcode Needs}) and `allvariables`, `task` (`run`, or what the launcher does itself), `fetch` (a package to fetch first;
 * then this is asked again) and `deno` (the program), and put the flags for Deno in front of the arguments.
 *
 * @throws {InputError} Where a path has a comma.
 */
function launch(args: readonly string[], places: Places): string {
  const { command, texts } = readGiven(wscl, args);
  const needs = command?.needs ?? {};
  const dawn = texts.provider?.at(-1) === "dawn" ? dawnFolders(places.denoCache) : null;
  const read = new PathList();
  const write = new PathList();
  read.add(places.root, places.cache);
  read.addUsable(places.denoCache);
  const paths = pathsOf(command, texts);
  read.add(...paths.read, ...paths.write);
  write.add(...paths.write);
  read.addUsable(...needs.reads?.(texts) ?? []);
  const written = needs.writes?.(texts) ?? [];
  [read, write].forEach((list) => list.add(...written));
  if (needs.writesCache) write.add(places.cache);
  if (needs.temporary) [read, write].forEach((list) => list.add(places.temporary));
  const hosts = needs.hosts?.(texts) ?? [];
  const lock = needs.lock?.(texts) ?? (dawn ? "dawn.lock" : null);
  const flags = [
    ...read.flags("allow-read"),
    ...write.flags("allow-write"),
    ...hosts.length > 0 ? [`--allow-net=${hosts.join(",")}`] : [],
    ...needs.startsDeno ? [`--allow-run=${Deno.execPath()}`] : [],
    ...needs.variables ? [`--allow-env=${needs.variables.join(",")}`] : [],
    ...lock ? [`--lock=${join(places.root, lock)}`, "--frozen"] : [],
    ...needs.smallHeap ? [SMALL_HEAP] : [],
    ...dawn ? [`--allow-ffi=${dawn.join(",")}`] : [],
  ];
  const fetch = dawn?.length === 0;
  const task = needs.byLauncher?.(texts) ?? "run";
  const main = join(places.root, "src/cli/main.ts");
  return [
    ...(["gpu", "commit", "hangup"] as const).map((name) => `${name}=${needs[name] ? 1 : 0}`),
    `allvariables=${needs.allVariables?.(texts) ? 1 : 0}`,
    `task=${task}`,
    `fetch=${fetch ? quote(DAWN_PACKAGE) : ""}`,
    `deno=${quote(Deno.execPath())}`,
    // The launcher's own tasks take the arguments as they are.
    ...fetch || task !== "run" ? [] : [`set -- ${[...flags, main].map(quote).join(" ")} "$@"`],
  ].join("\n");
}

/** The paths that a command is given, or uses where none is given. */
function pathsOf(command: Command | null, texts: GivenTexts) {
  const paths = { read: [] as string[], write: [] as string[] };
  const open: Command["parameters"][string][] = [];
  for (const [key, parameter] of Object.entries(command?.parameters ?? {})) {
    if (parameter.path === undefined) continue;
    const given = (texts[key] ?? []).filter((text) => text !== "");
    const usual = typeof parameter.default === "string" ? [parameter.default] : [];
    const used = given.length === 0 ? usual : parameter.repeatable ? given : given.slice(-1);
    paths[parameter.path].push(...used);
    if (used.length === 0) open.push(parameter);
  }
  for (const { path, otherwise } of open) {
    // A run that goes on in its folder, for one, needs no place for new ones.
    if (otherwise === undefined || (path === "write" && paths.write.length > 0)) continue;
    paths[path!].push(otherwise);
  }
  return paths;
}

/** The folders that Deno keeps Dawn in, one for each registry. */
function dawnFolders(denoCache: string): string[] {
  const [, name, version] = /^npm:(.*)@(.*)$/.exec(DAWN_PACKAGE)!;
  const npm = join(denoCache, "npm");
  return namesIn(npm)
    .filter((registry) => namesIn(join(npm, registry, name)).includes(version))
    .map((registry) => join(npm, registry, name, version))
    .filter((folder) => !folder.includes(","));
}

/** The names in a folder; none where there is no such folder. */
function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

/** A text for `sh`, whatever is in it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function places(): Places {
  const { HOME = "", XDG_CACHE_HOME, DENO_DIR, TMPDIR, WSCL_CACHE_DIR } = Object.fromEntries(
    ["HOME", "XDG_CACHE_HOME", "DENO_DIR", "TMPDIR", "WSCL_CACHE_DIR"]
      .map((name) => [name, Deno.env.get(name) || undefined]),
  );
  const caches = Deno.build.os === "darwin"
    ? join(HOME, "Library/Caches")
    : XDG_CACHE_HOME ?? join(HOME, ".cache");
  return {
    root: fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, ""),
    cache: WSCL_CACHE_DIR!,
    denoCache: DENO_DIR ?? join(caches, "deno"),
    temporary: TMPDIR ?? "/tmp",
  };
}

if (import.meta.main) {
  try {
    console.log(launch(Deno.args, places()));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
