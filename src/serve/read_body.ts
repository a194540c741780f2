import * as v from "valibot";
import { InputError } from "../errors.ts";
import { parseJson } from "../experiment/json.ts";
import { kindText } from "../text.ts";
import { Problem } from "./problem.ts";
import { episodeBody, label, MOST_IMAGES, MOST_TOP, predictBody, top } from "./schemas.ts";
import type { SentEpisode, SentImage } from "./service.ts";

/** Milliseconds in which a body is to be there. */
export const BODY_TIME = 30_000;

/** What is answered to a body that is late. */
export function bodyIsLate(): Problem {
  return new Problem(
    408,
    `Cannot read the request: its body did not come in ${BODY_TIME / 1000} s`,
  );
}

/** Images of a request: JSON, multipart, or one file as it is. */
export async function readAsked(
  request: Request,
  topText: string | undefined,
): Promise<{ readonly images: SentImage[]; readonly top: number }> {
  const fallback = topText === undefined ? 3 : numberOf(topText);
  const bytes = await bodyOf(request);
  const type = mediaType(request);
  if (type === "application/json") {
    const { images, top: given = fallback } = check(predictBody, jsonOf(bytes), "predict");
    return { images: images.map((text, i) => decoded(text, `image ${i + 1}`)), top: given };
  }
  if (type === "multipart/form-data") {
    const form = await formOf(request, bytes);
    const files = [...form.entries()].filter(([, value]) => value instanceof File);
    const texts = [...form.entries()].filter(([, value]) => typeof value === "string");
    refuseOthers(texts.map(([name]) => name), ["top"], "predict");
    if (files.length === 0 || files.length > MOST_IMAGES) {
      throw new Problem(
        400,
        `Cannot predict: ${files.length} files are in the form; send 1 to ${MOST_IMAGES}`,
      );
    }
    const text = form.get("top");
    return {
      images: await Promise.all(
        files.map(async ([, file], i) => ({
          bytes: new Uint8Array(await (file as File).arrayBuffer()),
          name: `image ${i + 1}`,
        })),
      ),
      top: typeof text === "string" ? numberOf(text) : fallback,
    };
  }
  refuseOtherTypes(type, "predict");
  return { images: [{ bytes, name: "the image" }], top: fallback };
}

/** An episode: JSON, multipart, or a file as it is with `?label=`. */
export async function readEpisode(
  request: Request,
  labelText: string | undefined,
): Promise<Omit<SentEpisode, "key">> {
  const bytes = await bodyOf(request);
  const type = mediaType(request);
  if (type === "application/json") {
    const { image, label, from = "" } = check(episodeBody, jsonOf(bytes), "keep the episode");
    return { image: decoded(image, "the image"), label, from };
  }
  if (type === "multipart/form-data") {
    const form = await formOf(request, bytes);
    refuseOthers([...form.keys()], ["image", "label", "from"], "keep the episode");
    const image = form.get("image");
    if (typeof image === "string") refuseOthers(["image"], [], "keep the episode");
    if (!(image instanceof File) || form.getAll("image").length > 1) {
      throw new Problem(400, "Cannot keep the episode: its form has not one file called image");
    }
    const from = form.get("from") ?? "";
    const given = check(
      v.object({ label: episodeBody.entries.label, from: v.pipe(v.string(), v.maxLength(500)) }),
      { label: form.get("label") ?? labelText, from },
      "keep the episode",
    );
    return {
      image: { bytes: new Uint8Array(await image.arrayBuffer()), name: "the image" },
      ...given,
    };
  }
  refuseOtherTypes(type, "keep the episode");
  const name = check(v.object({ label }), { label: labelText }, "keep the episode");
  return { image: { bytes, name: "the image" }, label: name.label, from: "" };
}

/** A JSON body that fits a schema; an empty one is `{}`. @throws {Problem} */
export async function readJson<S extends v.GenericSchema>(
  request: Request,
  schema: S,
  action: string,
): Promise<v.InferOutput<S>> {
  const bytes = await bodyOf(request);
  const type = mediaType(request);
  if (bytes.length > 0 && type !== "application/json") {
    throw new Problem(
      415,
      `Cannot ${action}: its Content-Type is ${type || "missing"}; send application/json`,
    );
  }
  return check(schema, bytes.length === 0 ? {} : jsonOf(bytes), action);
}

/** A value that fits a schema. @throws {Problem} that names what does not. */
export function check<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  action: string,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = (issue.path ?? []).map(({ key }) => String(key)).join(".").slice(0, 100);
  // What was sent may be long.
  const found = (issue.kind === "validation" ? `: ${issue.message}` : foundIn(issue)).slice(0, 200);
  throw new Problem(400, `Cannot ${action}: ${path || "the body"}${found}`);
}

/** What of an issue of a schema, not of a check, is told behind the name of its place. */
function foundIn({ type, expected, received }: v.BaseIssue<unknown>): string {
  if (received === "undefined") return " is missing; send it";
  if (type === "strict_object" && expected === "never") return " is not known; leave it out";
  const kind = kindText(expected ?? "").replace(/^(string|number|boolean)$/, "a $1");
  return ` is ${kindText(received)}, expected ${kind}`;
}

async function bodyOf(request: Request): Promise<Uint8Array<ArrayBuffer>> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(bodyIsLate()), BODY_TIME);
  try {
    return await Promise.race([request.bytes(), late.promise]);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(400, "Cannot read the request: its body broke off; send it again");
  } finally {
    clearTimeout(timer);
  }
}

function mediaType(request: Request): string {
  const [type] = (request.headers.get("content-type") ?? "").split(";");
  return type.trim().toLowerCase();
}

function refuseOtherTypes(type: string, action: string): void {
  // What it is the first bytes say; what is named something else is taken at its word.
  if (["image/jpeg", "image/png", "application/octet-stream"].includes(type)) return;
  throw new Problem(
    415,
    `Cannot ${action}: its Content-Type is ${
      type.slice(0, 100) || "missing"
    }; send application/json, multipart/form-data, image/jpeg or image/png`,
  );
}

function refuseOthers(names: readonly string[], known: readonly string[], action: string): void {
  const other = names.find((name) => !known.includes(name));
  if (other === undefined) return;
  if (other === "image") {
    throw new Problem(
      400,
      `Cannot ${action}: image is a text in the form; send a file (curl -F image=@FILE)`,
    );
  }
  throw new Problem(
    400,
    `Cannot ${action}: the form has a field ${JSON.stringify(other.slice(0, 100))}`,
  );
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes), "the request");
  } catch (error) {
    const found = error instanceof InputError ? error.message.slice(0, 300) : "it is not UTF-8";
    throw new Problem(400, `Cannot read the request: ${found}`);
  }
}

async function formOf(request: Request, bytes: Uint8Array<ArrayBuffer>): Promise<FormData> {
  const type = request.headers.get("content-type")!;
  try {
    return await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch {
    throw new Problem(400, "Cannot read the request: it is no form; see RFC 7578");
  }
}

function decoded(text: string, name: string): SentImage {
  const base64 = text.replace(/^data:[\w/+.-]*;base64,/, "");
  try {
    return { bytes: Uint8Array.fromBase64(base64), name };
  } catch {
    throw new Problem(400, `Cannot read ${name}: it is not base64`);
  }
}

function numberOf(text: string): number {
  if (v.is(top, /^\d{1,6}$/.test(text) ? Number(text) : NaN)) return Number(text);
  throw new Problem(
    400,
    `Cannot predict: top is ${
      JSON.stringify(text.slice(0, 100))
    }; give a number from 1 to ${MOST_TOP}`,
  );
}
