import { command, lasting, parsed, text } from "../command.ts";
import { dreamsOfLearner } from "../named_paths.ts";
import {
  anyPort,
  checkpointEvery,
  count,
  duration,
  durationOrNever,
  number,
  timeOfDay,
} from "../values.ts";
import { mirrorHosts } from "../../data/mirror.ts";
import { training } from "./shared_options.ts";

/** Seconds without a question behind which a service sleeps. */
const IDLE = 600;

/** `wscl serve`. */
export const serve = command({
  name: "serve",
  summary: "serve a learner that answers while it sleeps",
  description:
    "Serves a learner over HTTP: it answers, is taught, and sleeps when it is asked to, when nobody asks, or at a time " +
    "of the day. On this machine alone unless --host says otherwise, and to those who know the token; docs/serve.md.",
  arguments: {
    learner: text("<learner>", "folder of the learner", { path: "write", mandatory: true }),
  },
  options: {
    port: parsed("<number>", "port; 0: any that is free", anyPort, 8717),
    host: text("<address>", "address to listen at", { default: "127.0.0.1" }),
    tokenFile: text(
      "<file>",
      "file with the token that clients have to know (default: WSCL_TOKEN, or one that is drawn and printed)",
      { path: "read" },
    ),
    backlog: parsed("<episodes>", "episodes that may wait for a night", number, 5000),
    maxBody: parsed("<megabytes>", "size of a request", number, 16),
    rate: parsed("<requests>", "requests a second of each client; 0: any number", count, 100),
    idle: parsed(
      "<time>",
      "sleep when nothing was asked for so long and something waits: 10m, the default, or never",
      durationOrNever,
    ),
    at: parsed("<time>", "sleep every day at this time if something waits: 03:30", timeOfDay),
    maxNight: parsed(
      "<time>",
      "interrupt a night after so long, and go on with it the next time: 30m",
      duration,
    ),
    snapshots: text("<dir>", "put the learner away in this folder, at dawn and when asked", {
      path: "write",
    }),
    snapshotObject: text(
      "<url>",
      "put it away as this object of S3-compatible storage: https://HOST/BUCKET/KEY",
    ),
    checkpointEvery: parsed(
      "<interval>",
      "save a night every so often: 90s, 5m, 500steps or never (default: 5m)",
      checkpointEvery,
    ),
    skipSelfTest: training.skipSelfTest,
    skipTuning: training.skipTuning,
  },
  needs: {
    gpu: true,
    writesCache: true,
    hangup: true,
    smallHeap: true,
    lock: () => "serve.lock",
    variables: [
      "WSCL_TOKEN",
      "AWS_ACCESS_KEY_ID",
      "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN",
      "AWS_REGION",
    ],
    reads: ({ learner }) => dreamsOfLearner(learner?.[0]),
    hosts: ({ host, port, snapshotObject }) => [
      ...listening(host?.at(-1) ?? "127.0.0.1", port?.at(-1) ?? "8717"),
      ...storage(snapshotObject?.at(-1)),
    ],
  },
  async run(
    { learner, backlog, maxBody, rate, idle = IDLE, at, maxNight, checkpointEvery, ...given },
    context,
  ) {
    const { serve } = await import("../serve.ts");
    const { skipSelfTest, skipTuning, ...rest } = given;
    const { cacheDir, endsProcess, printError } = context;
    return await serve(
      {
        ...rest,
        ...{ learner, endsProcess, mostWaiting: backlog, mostBytes: maxBody * 1e6 },
        rate: rate === 0 ? null : rate,
        safety: { cacheDir, checkpointEvery, skipSelfTest, skipTuning },
        sleepTimes: { idle: idle === Infinity ? null : idle, daily: at ?? null },
        maxNight: maxNight ?? null,
      },
      lasting(context, "the service goes on"),
      printError,
    );
  },
});

/** Where it listens, as --allow-net has it; the service itself says what is wrong with what is no address. */
function listening(host: string, port: string): string[] {
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return [];
  if (/^[\da-fA-F:]*:[\da-fA-F:.]*$/.test(host)) return [`[${host}]:${port}`];
  return /^[\w.-]+$/.test(host) ? [`${host}:${port}`] : [];
}

/** The host of an object's URL; the service itself says what is wrong with one that has none. */
function storage(url: string | undefined): string[] {
  const parsed = url === undefined ? null : URL.parse(url);
  return parsed && /^https?:$/.test(parsed.protocol) && /^[\w.-]+$/.test(parsed.hostname)
    ? mirrorHosts(parsed)
    : [];
}
