/** S3-compatible storage of one process: conditional writes, and signatures that are looked at (AWS Signature 4). */

import { createHash, createHmac } from "node:crypto";

/** What a request is signed with. */
export const KEYS = { id: "AKIDEXAMPLE", secret: "a secret of the tests", region: "eu-test-1" };

/** Starts one; the objects that it holds can be looked at. */
export function startStorage() {
  const objects = new Map<string, { bytes: Uint8Array<ArrayBuffer>; tag: string }>();
  const refused: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const bytes = await request.bytes();
      const wrong = await wrongSignature(request, bytes);
      if (wrong) {
        refused.push(wrong);
        return new Response(`<Error><Code>SignatureDoesNotMatch</Code></Error>`, { status: 403 });
      }
      const { pathname } = new URL(request.url);
      const there = objects.get(pathname);
      if (request.method === "PUT") {
        const [match, noneMatch] = ["if-match", "if-none-match"]
          .map((name) => request.headers.get(name));
        const isRefused = (match !== null && there?.tag !== match) || (noneMatch === "*" && there);
        if (isRefused) return new Response("<Code>PreconditionFailed</Code>", { status: 412 });
        const tag = `"${createHash("md5").update(bytes).digest("hex")}"`;
        objects.set(pathname, { bytes, tag });
        return new Response(null, { headers: { etag: tag } });
      }
      if (!there) return new Response("<Code>NoSuchKey</Code>", { status: 404 });
      const body = request.method === "HEAD" ? null : there.bytes;
      return new Response(body, { headers: { etag: there.tag } });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    objects,
    refused,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** What is wrong with a request's signature; null: nothing. */
function wrongSignature(request: Request, bytes: Uint8Array): string | null {
  const authorization = request.headers.get("authorization") ?? "";
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)$/
      .exec(authorization);
  if (!parts) return `not signed: ${authorization}`;
  const [, id, day, region, signed, signature] = parts;
  if (id !== KEYS.id || region !== KEYS.region) return `signed by ${id} for ${region}`;
  const url = new URL(request.url);
  const headers = signed.split(";");
  const content = request.headers.get("x-amz-content-sha256") ?? "";
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (!["UNSIGNED-PAYLOAD", digest].includes(content)) return "another content is signed";
  const time = request.headers.get("x-amz-date") ?? "";
  const canonical = [
    request.method,
    url.pathname,
    url.search.slice(1),
    ...headers.map((name) => `${name}:${request.headers.get(name)?.trim()}`),
    "",
    signed,
    content,
  ].join("\n");
  const text = [
    "AWS4-HMAC-SHA256",
    time,
    `${day}/${region}/s3/aws4_request`,
    createHash("sha256").update(canonical).digest("hex"),
  ].join("\n");
  const sign = (key: string | Uint8Array, value: string) =>
    createHmac("sha256", key).update(value).digest();
  const key = [region, "s3", "aws4_request"].reduce<Uint8Array>(
    (key, value) => sign(key, value),
    sign(`AWS4${KEYS.secret}`, day),
  );
  const expected = createHmac("sha256", key).update(text).digest("hex");
  return expected === signature ? null : `another signature: ${canonical}`;
}
