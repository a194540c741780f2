/**
 * A learner as a standard fetch handler, for `deno serve` and what else calls one:
 *
 * ```sh
 * WSCL_LEARNER=pets WSCL_TOKEN=... deno serve --host 127.0.0.1 --port 8717 --config deno.json --lock serve.lock \
 *   --allow-read --allow-write=pets,.cache --allow-env src/serve/fetch.ts
 * ```
 *
 * Everything is as usual with `./wscl serve`; `WSCL_SNAPSHOTS` and `WSCL_SNAPSHOT_OBJECT` name the place of snapshots.
 *
 * @module
 */

import { InputError } from "../errors.ts";
import { start, USUAL } from "./start.ts";

const { fetch, token, isNewToken, service } = await start({
  learner: learnerOf(Deno.env.get("WSCL_LEARNER")),
  safety: { cacheDir: Deno.env.get("WSCL_CACHE_DIR") ?? ".cache" },
  mostWaiting: USUAL.mostWaiting,
  sleepTimes: { idle: USUAL.idle, daily: null },
  maxNight: null,
  mostBytes: USUAL.megabytes * 1e6,
  rate: USUAL.rate,
  snapshots: Deno.env.get("WSCL_SNAPSHOTS") || undefined,
  snapshotObject: Deno.env.get("WSCL_SNAPSHOT_OBJECT") || undefined,
  endsProcess: true,
  report: (error) => console.error(`error: ${error.message}`),
}).catch((error) => {
  if (!(error instanceof InputError)) throw error;
  return end(error.message);
});
if (isNewToken) console.error(`token ${token}`);

Deno.addSignalListener("SIGTERM", async () => {
  await service.close();
  Deno.exit(0);
});

/** What is called for each request. */
export default {
  fetch: (request, { remoteAddr }) => fetch(request, clientOf(remoteAddr)),
} satisfies Deno.ServeDefaultExport;

function clientOf(address: Deno.Addr): string {
  return "hostname" in address ? address.hostname : "";
}

function learnerOf(path: string | undefined): string {
  return path || end("Cannot serve: WSCL_LEARNER is not set; set it to the folder of a learner");
}

/** Ends the process as `./wscl serve` would. */
function end(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}
