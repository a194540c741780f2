import { main } from "../../src/cli/main.ts";

// The command line with a stand-in for the run, for tests that send signals to a process.
const worker = new URL("../host/stand_in_worker.ts", import.meta.url);
Deno.exit(await main(Deno.args, { worker, cacheDir: "cache" }));
