import { main } from "../../src/cli/main.ts";

// The command line with a run that only tells a story, for tests that look at a terminal.
const worker = new URL("story_worker.ts", import.meta.url);
Deno.exit(await main(Deno.args, { worker, cacheDir: "cache" }));
