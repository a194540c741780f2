import type * as v from "valibot";
import denoConfig from "../../deno.json" with { type: "json" };
import { InputError } from "../errors.ts";
import { BacklogError } from "./backlog.ts";
import { Metrics } from "./metrics.ts";
import { type App, type Context, type Handler, loadWebPackages } from "./packages.ts";
import { NotReady } from "./predictions.ts";
import { Problem } from "./problem.ts";
import { RateLimit } from "./rate_limit.ts";
import { BODY_TIME, bodyIsLate, check, readAsked, readEpisode, readJson } from "./read_body.ts";
import * as schemas from "./schemas.ts";
import type { Service } from "./service.ts";

/** What a service grants its clients. */
export interface AppOptions {
  /** What whoever asks has to know. */
  readonly token: string;
  /** Bytes of a request's body. */
  readonly mostBytes: number;
  /** Requests a second of each client; null: any number. */
  readonly rate: number | null;
  /** Told of errors that are nobody's mistake but ours. */
  readonly report: (error: Error) => void;
}

/** Answers requests: what `Deno.serve` and `deno serve` call. */
export type Fetch = (request: Request, client?: string) => Promise<Response>;

/** Readers of events. */
const MOST_SUBSCRIBERS = 64;
/** Milliseconds between two signs of life to them. */
const HEARTBEAT = 15_000;

/** The HTTP face of a service. */
export async function createApp(service: Service, options: AppOptions): Promise<Fetch> {
  const { hono, openapi, prometheus } = await loadWebPackages();
  const metrics = new Metrics(prometheus, service);
  const limit = options.rate === null ? null : new RateLimit(options.rate);
  const app = new hono.Hono();

  const { schema: digest } = await openapi.resolver(schemas.digestParam).toOpenAPISchema();
  const described = (route: Route) =>
    openapi.describeRoute(describe(route, openapi.resolver, digest));
  const measured = (route: string): Handler => async (context, next) => {
    const began = performance.now();
    await next();
    const seconds = (performance.now() - began) / 1000;
    metrics.observe(context.req.method, route, context.res.status, seconds);
  };
  // Whoever watches over the process asks often, and costs nothing.
  const open = new Set<string>();
  const limited: Handler = async (context, next) => {
    if (open.has(context.req.path)) return await next();
    const wait = limit?.take(context.env.client ?? "") ?? 0;
    if (wait > 0) {
      throw new Problem(429, "Cannot answer: too many requests; slow down", wait);
    }
    await next();
  };
  const authorised = hono.bearerAuth({
    token: options.token,
    noAuthenticationHeader: { message: NO_TOKEN },
    invalidAuthenticationHeader: { message: NO_TOKEN },
    invalidToken: { message: { error: "Cannot answer: the token is another one" } },
  });
  const limitedBody = hono.bodyLimit({
    maxSize: options.mostBytes,
    onError: () => {
      throw new Problem(
        413,
        `Cannot read the request: it has more than ${options.mostBytes} bytes; send smaller images, or fewer`,
      );
    },
  });

  // Where a body has no length the limit reads it, for as long as it takes.
  const bounded: Handler = async (context, next) => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(bodyIsLate()), BODY_TIME);
    const began = () => clearTimeout(timer);
    const read = limitedBody(context, async () => {
      began();
      await next();
    });
    try {
      return await Promise.race([read, late.promise]);
    } finally {
      began();
    }
  };

  app.onError((error, context) => answerError(error, context, options.report));
  app.notFound((context) =>
    context.json({ error: "Cannot answer: there is no such page; see /openapi.json" }, 404)
  );
  app.use("*", limited);

  const routes: readonly (Route & { readonly handle: Handler })[] = [
    {
      ...{ method: "get", path: "/healthz", name: "health", isOpen: true },
      summary: "Whether the process lives",
      answers: { 200: schemas.healthAnswer },
      handle: (context) => context.json({ status: "ok" }),
    },
    {
      ...{ method: "get", path: "/readyz", name: "ready", isOpen: true },
      summary: "Whether predictions are answered",
      answers: { 200: schemas.readyAnswer, 503: schemas.readyAnswer },
      handle: (context) => {
        const ready = service.status().problem === null;
        // To those without a token no more than that.
        const told = ready ? null : "not ready";
        return context.json({ ready, problem: told }, ready ? 200 : 503);
      },
    },
    {
      ...{ method: "post", path: "/v1/predict", name: "predict" },
      summary: "What the learner sees in one or many images",
      body: { schema: schemas.predictBody, files: true },
      query: { top: "Classes that are told of each image; default 3" },
      answers: { 200: schemas.predictAnswer },
      handle: async (context) => {
        const { images, top } = await readAsked(context.req.raw, context.req.query("top"));
        const { generation, predictions } = await service.predict(images);
        return context.json({
          generation,
          predictions: predictions.map(({ answers, none, familiarity }) => ({
            class: none ? null : answers[0].name,
            familiarity,
            answers: answers.slice(0, top)
              .map(({ name, probability }) => ({ class: name, probability })),
          })),
        });
      },
    },
    {
      ...{ method: "post", path: "/v1/episodes", name: "teach" },
      summary: "Keeps an image and what it is for the next night",
      description:
        "202: it is on the disk, and will be learned. 200: it is known already. Sent again with the same " +
        "Idempotency-Key, the first answer is repeated.",
      body: { schema: schemas.episodeBody, files: true },
      query: { label: "Name of the class, where the body is the image itself" },
      headers: KEY,
      refuses: [409, 422, 507],
      answers: {
        200: schemas.episodeAnswer,
        202: schemas.episodeAnswer,
      },
      handle: async (context) => {
        const key = keyOf(context, "keep the episode");
        const sent = await readEpisode(context.req.raw, context.req.query("label"));
        const { wasNew, repeated, episode } = await service.teach({ ...sent, key });
        if (repeated) context.header("idempotency-replayed", "true");
        return context.json(episode, wasNew ? 202 : 200);
      },
    },
    {
      ...{ method: "get", path: "/v1/episodes/:digest", name: "episode" },
      summary: "What has become of an episode",
      refuses: [404],
      answers: { 200: schemas.episodeAnswer },
      handle: (context) => {
        const digest = digestOf(context);
        const found = service.episode(digest);
        if (found) return context.json(found);
        throw new Problem(
          404,
          `Cannot find ${digest}: no such episode waits, is remembered or is of the exam`,
        );
      },
    },
    {
      ...{ method: "patch", path: "/v1/episodes/:digest", name: "rename" },
      summary: "Gives an episode another name",
      description: "200: done. 202: it will be, when the night that goes on has ended.",
      body: { schema: schemas.changeBody, files: false },
      refuses: [404, 409, 422, 507],
      answers: { 200: schemas.episodeAnswer, 202: schemas.episodeAnswer },
      handle: async (context) => {
        const digest = digestOf(context);
        const { label } = await readJson(context.req.raw, schemas.changeBody, "rename the episode");
        return await changed(context, { digest, label }, service.change(digest, label));
      },
    },
    {
      ...{ method: "delete", path: "/v1/episodes/:digest", name: "forget" },
      summary: "Forgets an episode",
      description:
        "200: it is out of backlog, memory, exam and every kept generation; weights that have seen it stay. " +
        "202: it will be, when the night that goes on has ended.",
      refuses: [404, 507],
      answers: { 200: schemas.episodeAnswer, 202: schemas.episodeAnswer },
      handle: async (context) => {
        const digest = digestOf(context);
        const label = service.episode(digest)?.label ?? "";
        return await changed(context, { digest, label }, service.change(digest, null));
      },
    },
    {
      ...{ method: "post", path: "/v1/sleep", name: "sleep" },
      summary: "Lets the learner sleep on what waits",
      description: "202: the night will be spent, with what waited, whatever happens. 200: done.",
      body: { schema: schemas.sleepBody, files: false, isOptional: true },
      headers: KEY,
      refuses: [409, 422, 507],
      answers: { 200: schemas.sleepAnswer, 202: schemas.sleepAnswer },
      handle: async (context) => {
        const asked = await readJson(context.req.raw, schemas.sleepBody, "sleep");
        const answer = await service.sleep({ ...asked, key: keyOf(context, "sleep") });
        return context.json(answer, answer.night === null ? 200 : 202);
      },
    },
    {
      ...{ method: "get", path: "/v1/classes", name: "classes" },
      summary: "The classes that it knows, and what waits of each",
      answers: { 200: schemas.classesAnswer },
      handle: (context) => context.json(service.classes()),
    },
    {
      ...{ method: "get", path: "/v1/nights", name: "nights" },
      summary: "Its nights, and the one that goes on",
      query: { limit: "The last so many; default 100" },
      answers: { 200: schemas.nightsAnswer },
      handle: (context) => context.json(service.nights(limitOf(context))),
    },
    {
      ...{ method: "get", path: "/v1/exam", name: "exam" },
      summary: "Right by class, and what is taken for what",
      answers: { 200: schemas.examAnswer },
      handle: async (context) => context.json(await service.exam()),
    },
    {
      ...{ method: "get", path: "/v1/events", name: "events" },
      summary: "What happens, as server-sent events",
      description:
        "Events: night, phase, step, dawn, message, forgotten, snapshot, restored. Last-Event-ID is honoured.",
      answers: { 200: "text/event-stream" },
      handle: (context) => {
        if (service.events.count >= MOST_SUBSCRIBERS) {
          throw new Problem(429, "Cannot tell events: too many listen already", 30);
        }
        const last = context.req.header("last-event-id");
        const after = last !== undefined && /^\d{1,15}$/.test(last) ? Number(last) : null;
        return hono.streamSSE(context, async (stream) => {
          const subscription = service.events.subscribe(after);
          stream.onAbort(() => subscription.close());
          for (;;) {
            const event = await subscription.next(HEARTBEAT);
            if (event === undefined || stream.aborted) return;
            if (event === null) await stream.writeSSE({ event: "alive", data: "{}" });
            else {
              const { id, type, ...facts } = event;
              await stream.writeSSE({ id: String(id), event: type, data: JSON.stringify(facts) });
            }
          }
        });
      },
    },
    {
      ...{ method: "get", path: "/v1/model", name: "model" },
      summary: "The weights of the last generation, as safetensors",
      headers: { "If-None-Match": "Answers 304 where the weights are those of this ETag" },
      answers: { 200: "application/octet-stream", 304: null },
      handle: async (context) => {
        const { generation, tag, bytes } = await service.model();
        const headers = { etag: tag, "x-wscl-generation": String(generation) };
        const known = (context.req.header("if-none-match") ?? "").split(",")
          .map((text) => text.trim().replace(/^W\//, ""));
        if (known.includes(tag) || known.includes("*")) return context.body(null, 304, headers);
        return context.body(bytes, 200, {
          ...headers,
          "content-type": "application/octet-stream",
          "content-disposition": 'attachment; filename="model.safetensors"',
        });
      },
    },
    {
      ...{ method: "post", path: "/v1/snapshot", name: "snapshot" },
      summary: "Puts the learner away, where the service was told to",
      body: { schema: schemas.snapshotBody, files: false, isOptional: true },
      refuses: [409],
      answers: { 200: schemas.snapshotAnswer },
      handle: async (context) => {
        const asked = await readJson(context.req.raw, schemas.snapshotBody, "put a snapshot");
        return context.json(await service.snapshot(asked));
      },
    },
    {
      ...{ method: "post", path: "/v1/restore", name: "restore" },
      summary: "Becomes what was put away last",
      refuses: [404, 409],
      answers: { 200: schemas.restoreAnswer },
      handle: async (context) => context.json(await service.restore()),
    },
    {
      ...{ method: "get", path: "/metrics", name: "metrics" },
      summary: "Figures, in OpenMetrics",
      answers: { 200: "application/openmetrics-text" },
      handle: async (context) => {
        const { type, text } = await metrics.text();
        return context.body(text, 200, { "content-type": type });
      },
    },
    {
      ...{ method: "get", path: "/openapi.json", name: "openapi" },
      summary: "This document",
      answers: { 200: "application/json" },
      handle: async (context) => context.json(await documented()),
    },
  ];
  for (const { path, isOpen } of routes) if (isOpen) open.add(path);
  for (const route of routes) {
    const guards = route.isOpen ? [] : [authorised];
    app[route.method](
      route.path,
      ...[measured(route.path), ...guards, bounded, described(route), route.handle],
    );
  }
  // Behind all of them: what is asked of a page in another way than it takes.
  for (const [path, all] of Map.groupBy(routes, ({ path }) => path)) {
    const methods = all.map(({ method }) => method.toUpperCase())
      .flatMap((method) => method === "GET" ? [method, "HEAD"] : [method]);
    const guards = all[0].isOpen ? [] : [authorised];
    app.all(path, measured(path), ...guards, (context) => {
      const error = `Cannot answer ${context.req.method}: this page takes ${methods.join(", ")}`;
      return context.json({ error }, 405, { allow: methods.join(", ") });
    });
  }
  let document: Promise<object> | null = null;
  const documented = () => document ??= generate(app, openapi.generateSpecs);

  return async (request, client) => await app.fetch(request, { client });
}

/** A route: what it takes and answers. */
interface Route {
  readonly method: "get" | "post" | "patch" | "delete";
  readonly path: string;
  /** For clients that are generated. */
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  /** Nobody has to say who it is. */
  readonly isOpen?: boolean;
  readonly body?: {
    readonly schema: v.GenericSchema;
    /** Taken as a form, and as an image, too. */
    readonly files: boolean;
    readonly isOptional?: boolean;
  };
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A schema, or the type of what has none, or null for nothing, by status. */
  readonly answers: Readonly<Record<number, v.GenericSchema | string | null>>;
  /** Statuses of what it may refuse, beyond those of every route. */
  readonly refuses?: readonly (keyof typeof REFUSALS)[];
}

const KEY = { "Idempotency-Key": "The same for the same request sent again; kept for a day" };

const NO_TOKEN = {
  error: "Cannot answer: no token is given; send Authorization: Bearer TOKEN",
};

const STATUS: Readonly<Record<number, string>> = {
  200: "Done",
  202: "Kept: it will be done",
  304: "The weights are those that are known",
  503: "Not now",
};

/** What refused requests are answered with. */
const REFUSALS = {
  400: "The request is not as it should be",
  401: "No token, or another one",
  404: "There is no such thing",
  405: "Not in this way: Allow names those that are taken",
  408: "The body did not come in time",
  409: "Not as things are: see the error",
  413: "The body is too long",
  415: "The body is of another type",
  422: "It cannot be learned so: see the error",
  429: "Too many requests, or too much waits: Retry-After",
  500: "Something went wrong here",
  503: "Not now: Retry-After",
  507: "The disk is full: nothing was kept",
} as const;

/** Those of every route that wants the token, and of every body. */
const OF_ALL = [400, 401, 405, 429, 500, 503] as const;
const OF_BODIES = [408, 413, 415] as const;

/** Forms and files beside JSON. */
const FILE = { type: "string", format: "binary" };

/**
 * A route in the document.
 *
 * @param digest schema of what stands for an episode in a path; the library makes those of bodies itself
 */
function describe(
  route: Route,
  resolver: (schema: unknown) => object,
  digest: object,
): object {
  const { name, summary, description, isOpen, body, query = {}, headers = {}, answers } = route;
  const refusals = isOpen
    ? [405, 500] as const
    : [...OF_ALL, ...body ? OF_BODIES : [], ...route.refuses ?? []];
  const content = (schema: unknown) => ({ "application/json": { schema: resolver(schema) } });
  const parameters = (given: Readonly<Record<string, string>>, place: string) =>
    Object.entries(given).map(([name, description]) => ({
      ...{ name, in: place, description, required: false, schema: { type: "string" } },
    }));
  return {
    operationId: name,
    summary,
    ...description ? { description } : {},
    ...isOpen ? { security: [] } : {},
    parameters: [
      ...route.path.includes(":digest")
        ? [{ name: "digest", in: "path", required: true, schema: digest }]
        : [],
      ...parameters(query, "query"),
      ...parameters(headers, "header"),
    ],
    ...body
      ? {
        requestBody: {
          required: !body.isOptional,
          content: {
            ...content(body.schema),
            ...body.files
              ? { ...formOf(name), "image/jpeg": { schema: FILE }, "image/png": { schema: FILE } }
              : {},
          },
        },
      }
      : {},
    responses: {
      ...Object.fromEntries(
        refusals.map((status) => [
          status,
          { description: REFUSALS[status], content: content(schemas.problemAnswer) },
        ]),
      ),
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          {
            description: STATUS[Number(status)],
            ...answer === null ? {} : {
              content: typeof answer === "string"
                ? { [answer]: { schema: FILE } }
                : content(answer),
            },
          },
        ]),
      ),
    },
  };
}

function formOf(name: string): object {
  const properties = name === "predict"
    ? { image: { type: "array", items: FILE }, top: { type: "string" } }
    : { image: FILE, label: { type: "string" }, from: { type: "string" } };
  const required = name === "predict" ? ["image"] : ["image", "label"];
  return { "multipart/form-data": { schema: { type: "object", properties, required } } };
}

async function generate(
  app: App,
  generateSpecs: (app: App, options: object) => Promise<object>,
): Promise<object> {
  return await generateSpecs(app, {
    documentation: {
      info: {
        title: "wscl serve",
        version: denoConfig.version,
        description: "A learner that answers while it sleeps; see docs/serve.md.",
      },
      security: [{ bearer: [] }],
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
    },
  });
}

/** An error as an answer. */
async function answerError(
  error: Error,
  context: Context,
  report: (error: Error) => void,
): Promise<Response> {
  const answer = (status: number, message: string, retryAfter: number | null = null) =>
    context.json(
      { error: message },
      status,
      retryAfter === null ? {} : { "retry-after": String(retryAfter) },
    );
  if (error instanceof Problem) return answer(error.status, error.message, error.retryAfter);
  if (error instanceof InputError) return answer(400, error.message);
  if (error instanceof NotReady) return answer(503, error.message, 2);
  if (error instanceof BacklogError) {
    report(error);
    return answer(507, `${error.message}; nothing was kept`, 60);
  }
  // hono's own, such as those of the token.
  if ("getResponse" in error) {
    const response = (error as { getResponse(): Response }).getResponse();
    const text = await response.clone().text();
    const headers = Object.fromEntries(response.headers);
    // Of another scheme than Bearer it says 400, and names the scheme that it takes all the same.
    const status = response.headers.has("www-authenticate") ? 401 : response.status;
    return context.body(
      text.startsWith("{") ? text : JSON.stringify({ error: text }),
      status,
      {
        ...headers,
        "content-type": "application/json",
      },
    );
  }
  report(error);
  return answer(500, "Cannot answer: something went wrong here; see the service's output");
}

/** What became of an episode; `gone`: what it was, for where nothing is known of it any more. */
async function changed(
  context: Context,
  gone: { readonly digest: string; readonly label: string },
  change: ReturnType<Service["change"]>,
): Promise<Response> {
  const { done, episode } = await change;
  return context.json(episode ?? { ...gone, status: "forgotten" }, done ? 200 : 202);
}

function digestOf(context: Context): string {
  return check(schemas.digestParam, context.req.param("digest"), "find the episode");
}

function keyOf(context: Context, action: string): string | null {
  const given = context.req.header("idempotency-key");
  return given === undefined ? null : check(schemas.idempotencyKey, given, action);
}

function limitOf(context: Context): number {
  const text = context.req.query("limit") ?? "100";
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new Problem(400, "Cannot list nights: limit is not a number from 1 to 9999");
}
