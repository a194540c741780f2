import { InputError } from "../errors.ts";
import { createLearnerFolder, isLearner } from "../host/learner_folder.ts";
import { syncFolder } from "../host/durable.ts";
import { type AppOptions, createApp, type Fetch } from "./app.ts";
import { FolderObject, type ObjectStore } from "./object_store.ts";
import { S3Object } from "./s3_object.ts";
import { Service, type ServiceOptions } from "./service.ts";
import { isRestoring, stageSnapshot } from "./snapshot.ts";
import { quotedPath } from "../text.ts";

/** All that a learner is served with. */
export interface StartOptions extends Omit<ServiceOptions, "snapshots">, Omit<AppOptions, "token"> {
  /** File that holds the token; without it WSCL_TOKEN, and without that one is drawn. */
  readonly tokenFile?: string;
  /** Folder for snapshots. */
  readonly snapshots?: string;
  /** URL of an object of S3-compatible storage for snapshots. */
  readonly snapshotObject?: string;
}

/** What is usual where nothing else is wanted; the command line has the same. */
export const USUAL = {
  mostWaiting: 5000,
  megabytes: 16,
  rate: 100,
  idle: 600,
} as const;

/** A learner that is served. */
export interface Started {
  readonly service: Service;
  readonly fetch: Fetch;
  readonly token: string;
  /** The token was drawn, and nobody knows it yet. */
  readonly isNewToken: boolean;
}

/**
 * Opens a learner and all that answers for it. Where its folder holds none, and a place of snapshots is named, it is
 * fetched from there.
 *
 * @throws {InputError} for what cannot be served, before anything is.
 */
export async function start(options: StartOptions): Promise<Started> {
  const { learner, tokenFile, snapshots: folder, snapshotObject } = options;
  const given = tokenOf(tokenFile);
  const snapshots = placeOf(folder, snapshotObject);
  if (!isLearner(learner)) await fetchLearner(learner, snapshots);
  const token = given ?? drawToken();
  const service = await Service.open({ ...options, snapshots });
  try {
    const fetch = await createApp(service, { ...options, token });
    return { service, fetch, token, isNewToken: given === null };
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** @throws {InputError} for a token that is short, or no token of HTTP. */
function tokenOf(file: string | undefined): string | null {
  let token: string | undefined;
  let source: string;
  if (file !== undefined) {
    source = file;
    try {
      token = Deno.readTextFileSync(file).trim();
    } catch (error) {
      const found = error instanceof Deno.errors.NotFound
        ? "no such file"
        : (error as Error).message;
      throw new InputError(
        `Cannot read the token in ${file}: ${found}; name a file that holds one of 16 characters or more`,
      );
    }
  } else {
    source = "WSCL_TOKEN";
    token = environment("WSCL_TOKEN");
    if (token === undefined) return null;
  }
  if (/^[\w.~+/-]{16,}=*$/.test(token)) return token;
  throw new InputError(
    `Cannot use the token of ${source}: it has ${token.length} characters; give 16 or more letters, digits or -._~+/, ` +
      "such as those of: openssl rand -hex 32",
  );
}

function drawToken(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toBase64({ alphabet: "base64url" });
}

function placeOf(folder: string | undefined, object: string | undefined): ObjectStore | null {
  if (folder !== undefined && object !== undefined) {
    throw new InputError(
      "Cannot keep snapshots in two places: give --snapshots or --snapshot-object",
    );
  }
  if (folder !== undefined) {
    refuseFile(folder);
    return new FolderObject(folder);
  }
  if (object === undefined) return null;
  const [accessKeyId, secretAccessKey] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    .map((name) => {
      const value = environment(name);
      if (value) return value;
      throw new InputError(`Cannot keep snapshots at ${object}: ${name} is not set; export it`);
    });
  const url = URL.parse(object);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname.split("/").length < 3) {
    throw new InputError(
      `Cannot keep snapshots at ${object}: it is no URL of an object; give https://HOST/BUCKET/KEY`,
    );
  }
  return new S3Object(object, {
    ...{ accessKeyId, secretAccessKey, sessionToken: environment("AWS_SESSION_TOKEN") },
    region: environment("AWS_REGION") ?? "us-east-1",
  });
}

/** @throws {InputError} for what is there and is no folder; one that is not there yet is made when it is needed. */
function refuseFile(folder: string): void {
  try {
    if (Deno.statSync(folder).isDirectory) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    const [found] = (error as Error).message.split("\n");
    throw new InputError(`Cannot keep snapshots in ${folder}: ${found}; name a folder`);
  }
  throw new InputError(`Cannot keep snapshots in ${folder}: it is a file; name a folder`);
}

/** Makes a learner of the snapshot, if there is one. */
async function fetchLearner(path: string, snapshots: ObjectStore | null): Promise<void> {
  if (snapshots === null) return; // refused by whoever opens it
  if (!isRestoring(path)) {
    const found = await snapshots.get();
    if (!found) {
      throw new InputError(
        `Cannot serve ${path}: no learner is there, and none in ${snapshots.name}; make one with ./wscl new ${
          quotedPath(path)
        }`,
      );
    }
    createLearnerFolder(path);
    await stageSnapshot(path, found);
  }
  Deno.mkdirSync(`${path}/generations`, { recursive: true });
  syncFolder(path);
}

function environment(name: string): string | undefined {
  const status = Deno.permissions.querySync({ name: "env", variable: name });
  return status.state === "granted" ? Deno.env.get(name) || undefined : undefined;
}
