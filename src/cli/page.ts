import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../errors.ts";
import { isThere, writing } from "../host/durable.ts";
import { stopOnSignals } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

/** `wscl page`, in plain values. */
export interface PageOptions {
  /** Folder of the page; what it needs is written there, and nothing removed. */
  readonly out: string;
  readonly port: number;
  /** Makes the folder and serves nothing. */
  readonly onlyBuild: boolean;
}

const pathOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** Modules that are bundled, by the name of what comes of them. */
const BUNDLES: Readonly<Record<string, string>> = {
  "page.js": "page/app/main.ts",
  "worker.js": "page/worker/main.ts",
};

/** Files that are copied, by their name there. */
const COPIES: Readonly<Record<string, string>> = {
  "index.html": "page/site/index.html",
  "style.css": "page/site/style.css",
  "icon.svg": "page/site/icon.svg",
  "start.safetensors": "starts/small.safetensors",
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
  safetensors: "application/octet-stream",
};

/** Makes the page's folder and serves it on loopback until it is stopped; returns the exit code. */
export async function page(options: PageOptions, terminal: Terminal): Promise<number> {
  const { out, port, onlyBuild } = options;
  terminal.live("bundling the page");
  const sizes = await buildPage(out);
  terminal.live("");
  for (const [name, { bytes, sent }] of Object.entries(sizes)) {
    terminal.print(`${name.padEnd(20)}${kilobytes(bytes)}, ${kilobytes(sent)} compressed`);
  }
  if (onlyBuild) {
    terminal.print(`\nThe page is in ${out}: any web server can offer this folder as it is`);
    return 0;
  }
  const stop = stopOnSignals(() => {});
  try {
    const server = serve(out, port, stop.signal);
    terminal.print(
      `\nThe page is in ${out}, and here: http://127.0.0.1:${server.addr.port}/ (Ctrl-C ends it)`,
    );
    await server.finished;
    return stop.code();
  } finally {
    stop.release();
  }
}

/** Bytes of a file, and as gzip sends them. */
export interface FileSize {
  readonly bytes: number;
  readonly sent: number;
}

/**
 * Makes the page's folder.
 *
 * @returns sizes of its files
 * @throws {InputError} where a file of another page or of something else is in the way.
 * @throws {Error} where the bundler cannot be fetched, or a file cannot be written.
 */
export async function buildPage(out: string): Promise<Record<string, FileSize>> {
  refuseForeign(out);
  writing(out, () => Deno.mkdirSync(out, { recursive: true }));
  // First the file by which the folder is known as the page's, should the rest be cut.
  for (const [name, from] of Object.entries(COPIES)) {
    writing(join(out, name), () => Deno.copyFileSync(pathOf(from), join(out, name)));
  }
  await bundle(
    Object.entries(BUNDLES).flatMap(([name, entry]) => [pathOf(entry), join(out, name)]),
  );
  const sizes: Record<string, FileSize> = {};
  for (const name of [...Object.keys(BUNDLES), ...Object.keys(COPIES)]) {
    const bytes = Deno.readFileSync(join(out, name));
    sizes[name] = { bytes: bytes.length, sent: await compressedBytes(bytes) };
  }
  return sizes;
}

/** What the page's own `index.html` says of it. */
const DESCRIPTION = "Teach an image classifier in your browser, class by class.";

function refuseForeign(out: string): void {
  const names = [...Object.keys(COPIES), ...Object.keys(BUNDLES)];
  const found = names.find((name) => isThere(join(out, name)));
  const index = join(out, "index.html");
  if (found === undefined) return;
  if (isThere(index) && Deno.readTextFileSync(index).includes(DESCRIPTION)) return;
  throw new InputError(
    `Cannot make the page in ${out}: ${found} is there already, and not of this page; choose another folder with --out`,
  );
}

/** The bundler has a configuration and a lock of its own, and is fetched when it is first used. */
async function bundle(entriesAndOutputs: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-all", "--frozen"],
      ...["--config", pathOf("page/deno.json"), pathOf("page/bundle.ts")],
      ...entriesAndOutputs,
    ],
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(
    `Cannot bundle the page: ${said}; see to the network, where the bundler was never used before`,
  );
}

async function compressedBytes(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return (await new Response(compressed).bytes()).length;
}

/** Serves a page's folder on loopback. @throws {InputError} where the port is taken. */
export function serve(
  out: string,
  port: number,
  signal: AbortSignal,
): Deno.HttpServer<Deno.NetAddr> {
  const names = new Set([...Object.keys(BUNDLES), ...Object.keys(COPIES)]);
  try {
    return Deno.serve({ hostname: "127.0.0.1", port, signal, onListen: () => {} }, ({ url }) => {
      const name = new URL(url).pathname.slice(1) || "index.html";
      if (!names.has(name)) return new Response("There is no such file\n", { status: 404 });
      const type = TYPES[name.split(".").at(-1)!];
      return new Response(Deno.readFileSync(join(out, name)), {
        headers: { "content-type": type, "cache-control": "no-cache" },
      });
    });
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    throw new InputError(
      `Cannot serve the page: port ${port} is taken; choose another with --port`,
    );
  }
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
}
