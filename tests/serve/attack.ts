/** Requests that are damaged in all sorts of ways, and what may be answered to them. */

import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import * as v from "valibot";
import { decodeImage } from "../../src/data/decode_image.ts";
import * as schemas from "../../src/serve/schemas.ts";
import { Random } from "../../src/random.ts";
import { mutatedBytes } from "../reliability/mutate.ts";
import { plainJpeg, withFolder } from "../data/fixtures.ts";
import { bear, figures, Served, TOKEN } from "./served.ts";

/** A request before it is sent. */
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** Requests under way at once. */
const TOGETHER = 8;
/** Milliseconds after which an answer counts as none. */
const PATIENCE = 30_000;

const SIZE = 16;
const text = (value: string) => new TextEncoder().encode(value);

/** Sends so many damaged requests; what was answered, by status. */
export async function attackService(count: number, seed: number): Promise<string> {
  const statuses = new Map<number, number>();
  let slowest = 0;
  await withFolder(async (folder) => {
    const learner = join(folder, "learner");
    await bear(learner);
    await using service = await Served.start(learner, "--max-body", "1", "--idle", "never");
    const taught = [...figures(0, 8), ...figures(1, 8)];
    const digests: string[] = [];
    for (const figure of taught) digests.push(await service.teach(figure));
    await service.sleep();
    const jpeg = new Uint8Array(await plainJpeg(SIZE, [200, 40, 90]));
    const png = figures(2, 1)[0].bytes;
    const requests = damaged(await sound(png, jpeg, digests[0]), count, seed);
    const kept = new Set<string>();
    const send = async (sent: Sent) => {
      const began = performance.now();
      const { method, path, headers, body } = sent;
      let response: Response;
      try {
        response = await fetch(`${service.url}${path}`, {
          ...{ method, headers, body, signal: AbortSignal.timeout(PATIENCE) },
        });
      } catch (error) {
        // What fetch itself refuses to send, or an answer that comes before all of a body is sent.
        const known = error instanceof TypeError && (error as Error).name !== "TimeoutError";
        assert(known, `${method} ${path}: ${error}`);
        return;
      }
      const answer = await response.text();
      slowest = Math.max(slowest, performance.now() - began);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      const told = `${method} ${path} ${JSON.stringify(headers)}: ${response.status} ${answer}`;
      assert(response.status < 500, told);
      if (response.status >= 400) {
        assert.match(v.parse(schemas.problemAnswer, JSON.parse(answer)).error, /^Cannot /, told);
      } else await checkAccepted(sent, answer, told, kept);
    };
    let next = 0;
    await Promise.all(Array.from({ length: TOGETHER }, async () => {
      while (next < requests.length) await send(requests[next++]);
    }));
    const { ready } = await service.json("/readyz");
    assert(ready);
    const digestOf = (digest: string) => service.json(`/v1/episodes/${digest}`);
    for (const digest of kept) assert.equal((await digestOf(digest)).digest, digest);
  });
  const told = [...statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${status}: ${n}`);
  return `damaged requests: ${told.join(", ")}; slowest ${slowest.toFixed(0)} ms`;
}

/** What is accepted must be sound: by the schemas, and by the decoder, here. */
async function checkAccepted(
  { method, path, headers, body }: Sent,
  answer: string,
  told: string,
  kept: Set<string>,
): Promise<void> {
  const [place, query = ""] = path.split("?");
  const open = ["/healthz", "/readyz"].includes(place);
  if (!open) assert.equal(headers.authorization, `Bearer ${TOKEN}`, told);
  if (method !== "POST") return;
  const type = (headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  const asJson = () => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body!));
  const decodes = async (bytes: Uint8Array<ArrayBuffer>) =>
    void await decodeImage(bytes, told, SIZE, "cover", true);
  const base64 = (text: string) =>
    Uint8Array.fromBase64(text.replace(/^data:[\w/+.-]*;base64,/, ""));
  if (place === "/v1/predict") {
    const { predictions } = v.parse(schemas.predictAnswer, JSON.parse(answer));
    if (type === "application/json") {
      const { images } = v.parse(schemas.predictBody, asJson());
      assert.equal(predictions.length, images.length, told);
      for (const image of images) await decodes(base64(image));
    } else if (type !== "multipart/form-data") await decodes(body!);
  } else if (place === "/v1/episodes") {
    const { digest, label } = v.parse(schemas.episodeAnswer, JSON.parse(answer));
    kept.add(digest);
    if (type === "application/json") {
      const sent = v.parse(schemas.episodeBody, asJson());
      assert.equal(label, sent.label, told);
      await decodes(base64(sent.image));
    } else if (type !== "multipart/form-data") {
      assert.equal(label, new URLSearchParams(query).get("label"), told);
      await decodes(body!);
    }
  } else if (place === "/v1/sleep") {
    v.parse(schemas.sleepAnswer, JSON.parse(answer));
    if (body?.length) v.parse(schemas.sleepBody, asJson());
  }
}

/** One sound request of each kind. */
async function sound(
  png: Uint8Array<ArrayBuffer>,
  jpeg: Uint8Array<ArrayBuffer>,
  digest: string,
): Promise<Sent[]> {
  const authorization = `Bearer ${TOKEN}`;
  const request = (method: string, path: string, type = "", body?: Uint8Array<ArrayBuffer>) => ({
    ...{ method, path, body: body ?? null },
    headers: { authorization, ...type === "" ? {} : { "content-type": type } },
  });
  const json = (method: string, path: string, value: unknown) =>
    request(method, path, "application/json", text(JSON.stringify(value)));
  const form = async (path: string, entries: [string, Blob | string][]) => {
    const data = new FormData();
    for (const [name, value] of entries) data.append(name, value);
    const whole = new Request("http://x", { method: "POST", body: data });
    return request("POST", path, whole.headers.get("content-type")!, await whole.bytes());
  };
  const base64 = png.toBase64();
  return [
    json("POST", "/v1/predict", { images: [base64, jpeg.toBase64()], top: 2 }),
    json("POST", "/v1/episodes", { image: base64, label: "ring", from: "a test" }),
    json("POST", "/v1/sleep", { accept: false }),
    json("POST", "/v1/snapshot", { takeOver: false }),
    json("PATCH", `/v1/episodes/${digest}`, { label: "cross" }),
    request("POST", "/v1/restore"),
    request("POST", "/v1/predict?top=2", "image/png", png),
    request("POST", "/v1/predict", "image/jpeg", jpeg),
    request("POST", "/v1/episodes?label=ring", "image/png", png),
    request("POST", "/v1/episodes?label=r%C3%ADng", "image/jpeg", jpeg),
    await form("/v1/predict", [["image", new Blob([png])], ["image", new Blob([jpeg])]]),
    await form("/v1/episodes", [["image", new Blob([png])], ["label", "ring"]]),
    request("GET", `/v1/episodes/${digest}`),
    request("GET", "/v1/nights?limit=3"),
    request("GET", "/v1/classes"),
    request("GET", "/v1/exam"),
    request("GET", "/metrics"),
  ];
}

const ODD_PATHS = [
  "/v1/episodes/../../etc/passwd",
  "/v1/episodes/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
  "/v1/model/../backlog.sqlite",
  "/v1/predict/",
  "//v1/predict",
  "/v1/episodes?label=",
  "/v1/episodes?label=%00",
  "/v1/nights?limit=-1",
  "/v1/nights?limit=99999999999",
  "/v1/predict?top=0",
];

const ODD_TOKENS = [
  "",
  "Bearer",
  "Bearer ",
  `Basic ${TOKEN}`,
  `Bearer ${TOKEN}x`,
  `bearer${TOKEN}`,
];

/** Damaged copies of requests: their bodies, headers, methods or paths. */
function damaged(originals: readonly Sent[], count: number, seed: number): Sent[] {
  const random = Random.stream(seed, "damage");
  const json = fc.sample(fc.jsonValue(), { numRuns: 200, seed });
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)];
  return Array.from({ length: count }, (): Sent => {
    const given = pick(originals);
    const headers = { ...given.headers };
    const isJson = headers["content-type"] === "application/json";
    switch (random.below(isJson ? 9 : 7)) {
      case 0:
        return { ...given, method: pick(["POST", "PATCH", "DELETE", "PUT", "OPTIONS"]) };
      case 1:
        return { ...given, path: pick(ODD_PATHS) };
      case 2:
        headers.authorization = pick(ODD_TOKENS);
        return { ...given, headers };
      case 3:
        headers["content-type"] = pick([
          ...["", "text/html", "application/json", "image/png", "multipart/form-data"],
          ...["multipart/form-data; boundary=x", "APPLICATION/JSON;x", "application/octet-stream"],
        ]);
        return { ...given, headers };
      case 4:
        headers["idempotency-key"] = pick(["a", "b", "", "x".repeat(300), "é", "a b"]);
        return { ...given, headers };
      case 7:
        return { ...given, body: text(JSON.stringify(pick(json))) };
      case 8:
        return { ...given, body: text(JSON.stringify(oddFields(given.body!, pick, json))) };
      default:
        return given.body === null ? given : { ...given, body: mutatedBytes(given.body, random) };
    }
  }).map((sent) => ["GET", "HEAD"].includes(sent.method) ? { ...sent, body: null } : sent);
}

/** A JSON body with another value in one field, or with one field more. */
function oddFields(
  body: Uint8Array,
  pick: <T>(items: readonly T[]) => T,
  json: readonly unknown[],
): unknown {
  const value = JSON.parse(new TextDecoder().decode(body));
  return { ...value, [pick([...Object.keys(value), "path", "__proto__", "top"])]: pick(json) };
}
