/**
 * A client that nobody here wrote, made of the service's OpenAPI document, does the tour of docs/serve.md; what it sends
 * and gets is compared with the document. Arguments: URL, token, and two folders with pictures of a class each.
 */

import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import * as openapi from "openapi-client-axios";

const [url, token, ...folders] = Deno.args;

// deno-lint-ignore no-explicit-any
const document: any = await (await fetch(`${url}/openapi.json`, {
  headers: { authorization: `Bearer ${token}` },
})).json();

const { valid, errors } = await new Validator().validate(structuredClone(document));
if (!valid) throw new Error(`it is no OpenAPI document: ${JSON.stringify(errors)}`);

const ajv = new Ajv.default({ strict: false, allErrors: true });

const api = new openapi.OpenAPIClientAxios({
  definition: document,
  withServer: { url },
  axiosConfigDefaults: {
    headers: { authorization: `Bearer ${token}` },
    // Whatever the status, it is compared.
    validateStatus: () => true,
  },
});
// deno-lint-ignore no-explicit-any
const client: any = await api.init();
const operations = new Map(api.getOperations().map((one) => [one.operationId, one]));

/** Calls an operation by its name; its answer, which is as the document says. */
// deno-lint-ignore no-explicit-any
async function call(name: string, status: number, parameters?: any, body?: any): Promise<any> {
  // deno-lint-ignore no-explicit-any
  const operation: any = operations.get(name);
  if (!operation) throw new Error(`the document has no operation ${name}`);
  const sent = operation.requestBody?.content["application/json"]?.schema;
  if (body !== undefined && sent && !(body instanceof FormData)) {
    compare(sent, body, `${name}, sent`);
  }
  const { status: got, data } = await client[name](parameters, body);
  if (got !== status) throw new Error(`${name}: ${got}, not ${status}: ${JSON.stringify(data)}`);
  const answer = operation.responses[String(got)];
  if (!answer) throw new Error(`${name}: the document knows no ${got}`);
  const schema = answer.content?.["application/json"]?.schema;
  if (schema) compare(schema, data, name);
  return data;
}

function compare(schema: object, value: unknown, what: string): void {
  const validate = ajv.compile(schema);
  if (!validate(value)) throw new Error(`${what}: ${ajv.errorsText(validate.errors)}`);
}

const base64 = (path: string) => Deno.readFileSync(path).toBase64();
const pictures = folders.map((folder) =>
  [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`).sort()
);
const labels = folders.map((folder) => folder.split("/").at(-1)!);

await call("health", 200);
await call("ready", 200);
const digests: string[] = [];
for (const [i, paths] of pictures.entries()) {
  for (const path of paths.slice(1)) {
    const key = { "Idempotency-Key": path.replaceAll(/[^\w/.-]/g, "") };
    const episode = { image: base64(path), label: labels[i], from: path };
    const { digest } = await call("teach", 202, key, episode);
    const again = await call("teach", 202, key, episode);
    if (again.digest !== digest) throw new Error("the same key, another digest");
    digests.push(digest);
  }
}
const { status } = await call("episode", 200, { digest: digests[0] });
if (status !== "waiting") throw new Error(`an episode is ${status}`);
await call("episode", 404, { digest: "0".repeat(64) });
await call("episode", 400, { digest: "x" });
const { images } = await call("sleep", 202, undefined, {});
if (images !== digests.length) throw new Error(`${images} images are learned`);
for (let nights = 0; nights < 1;) {
  await new Promise((resolve) => setTimeout(resolve, 300));
  ({ nights: { length: nights } } = await call("nights", 200, { limit: "5" }));
}
for (let generation = 0; generation < 1;) ({ generation } = await call("classes", 200));
const asked = { images: [base64(pictures[0][0]), base64(pictures[1][0])], top: 1 };
const { predictions } = await call("predict", 200, undefined, asked);
if (predictions.length !== 2 || predictions[0].answers.length !== 1) throw new Error("predictions");
await call("predict", 400, undefined, { images: [] }).catch(({ message }) => {
  // The document forbids it already.
  if (!/must NOT have fewer than 1 items/.test(message)) throw new Error(message);
});
const form = new FormData();
form.append("image", new Blob([Deno.readFileSync(pictures[0][0])]), "a.png");
await call("predict", 200, { top: "2" }, form);
await call("exam", 200);
const renamed = await call("rename", 200, { digest: digests[0] }, { label: labels[1] });
if (renamed.label !== labels[1] || renamed.status !== "waiting") {
  throw new Error("it is not renamed");
}
await call("forget", 200, { digest: digests[0] });
await call("snapshot", 409, undefined, {});
const weights = await call("model", 200);
if (!String(weights).includes("linear.weight")) throw new Error("these are no weights");
await call("metrics", 200);
console.log(`${operations.size} operations, ${digests.length} episodes`);
