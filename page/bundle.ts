/**
 * Bundles modules of this program for the browser: `deno run -A bundle.ts ENTRY OUTPUT [ENTRY OUTPUT]...`. Fails on
 * whatever cannot be resolved there. In a process and a lock file of its own, so that nobody who only trains fetches a
 * bundler.
 */

import { build, type Plugin, stop } from "esbuild";
import { fileURLToPath } from "node:url";
import "valibot"; // or its place is not known

/** Where Deno keeps the packages that the core uses. */
const packages: Plugin = {
  name: "packages",
  setup({ onResolve }) {
    onResolve({ filter: /^valibot$/ }, () => ({
      path: fileURLToPath(import.meta.resolve("valibot")),
      sideEffects: false,
    }));
  },
};

/** Kernels without what only people read; lines that name libraries are read by the program. */
const kernels: Plugin = {
  name: "kernels",
  setup({ onLoad }) {
    onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
      const lines = (await Deno.readTextFile(path)).split("\n");
      const kept = lines.map((line) =>
        /^\s*\/\/ needs:/.test(line) ? line : line.replace(/\/\/.*$/, "")
      )
        .map((line) => line.trim()).filter((line) => line !== "");
      return { contents: kept.join("\n") + "\n", loader: "text" };
    });
  },
};

try {
  for (let i = 0; i < Deno.args.length; i += 2) {
    const [entry, outfile] = Deno.args.slice(i);
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      format: "esm",
      platform: "browser",
      target: "es2024",
      minify: true,
      plugins: [packages, kernels],
      logLevel: "warning",
    });
  }
} catch {
  Deno.exitCode = 1; // esbuild has said why
} finally {
  await stop();
}
