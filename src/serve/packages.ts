/**
 * What the service is built of that is not ours, pinned here and, with checksums, in serve.lock. Not in deno.json and
 * deno.lock: what is there is fetched at every first start, and only `serve` needs these.
 */
export const PACKAGES = {
  hono: "npm:hono@4.13.19",
  openapi: "npm:hono-openapi@1.3.3",
  prometheus: "npm:prom-client@15.1.3",
  aws: "npm:aws4fetch@1.0.20",
  /** Named by nobody here: hono-openapi loads it where schemas are valibot's. */
  jsonSchema: "npm:@valibot/to-json-schema@1.8.0",
} as const;

/** What a handler is given of a request. */
export interface Context {
  readonly req: {
    readonly raw: Request;
    readonly path: string;
    readonly method: string;
    param(name: string): string;
    query(name: string): string | undefined;
    header(name: string): string | undefined;
  };
  readonly env: { readonly client?: string };
  json(value: unknown, status?: number, headers?: Record<string, string>): Response;
  body(value: BodyInit | null, status?: number, headers?: Record<string, string>): Response;
  header(name: string, value: string): void;
  readonly res: Response;
}

type Next = () => Promise<void>;

/** Answers, or lets the next one answer. */
export type Handler = (context: Context, next: Next) => Promise<Response | void> | Response | void;

/** Hono's application. */
export interface App {
  use(path: string, ...handlers: Handler[]): App;
  get(path: string, ...handlers: Handler[]): App;
  post(path: string, ...handlers: Handler[]): App;
  patch(path: string, ...handlers: Handler[]): App;
  delete(path: string, ...handlers: Handler[]): App;
  /** For every method. */
  all(path: string, ...handlers: Handler[]): App;
  onError(handle: (error: Error, context: Context) => Response | Promise<Response>): App;
  notFound(handle: (context: Context) => Response): App;
  fetch(request: Request, env?: object): Response | Promise<Response>;
}

/** A stream of server-sent events. */
export interface EventStream {
  writeSSE(event: { data: string; event?: string; id?: string }): Promise<void>;
  onAbort(listener: () => void): void;
  readonly aborted: boolean;
}

/** hono, and what of its middleware is used. */
export interface HonoPackage {
  readonly Hono: new () => App;
  readonly bodyLimit: (
    options: { maxSize: number; onError: (context: Context) => Response },
  ) => Handler;
  readonly bearerAuth: (
    options: {
      token: string;
      noAuthenticationHeader: object;
      invalidAuthenticationHeader: object;
      invalidToken: object;
    },
  ) => Handler;
  readonly streamSSE: (
    context: Context,
    write: (stream: EventStream) => Promise<void>,
  ) => Response;
}

/** hono-openapi. */
export interface OpenApiPackage {
  readonly describeRoute: (route: object) => Handler;
  readonly resolver: (
    schema: unknown,
  ) => { toOpenAPISchema(): Promise<{ readonly schema: object }> };
  readonly generateSpecs: (app: App, options: object) => Promise<object>;
}

/** A metric of prom-client; labels are given by name. */
interface Metric {
  inc(labels?: object, value?: number): void;
  set(labels: object, value: number): void;
  observe(labels: object, value: number): void;
}

type MetricClass = new (options: {
  name: string;
  help: string;
  labelNames?: readonly string[];
  buckets?: readonly number[];
  registers: readonly object[];
  collect?: (this: Metric) => void;
}) => Metric;

/** prom-client. */
export interface PrometheusPackage {
  readonly Registry: new (contentType: string) => {
    readonly contentType: string;
    metrics(): Promise<string>;
  };
  readonly Counter: MetricClass;
  readonly Gauge: MetricClass;
  readonly Histogram: MetricClass;
  readonly openMetricsContentType: string;
}

/** aws4fetch. */
export interface AwsPackage {
  readonly AwsClient: new (options: {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken?: string;
    service: "s3";
    region: string;
    retries: number;
  }) => { fetch(url: string, init?: RequestInit): Promise<Response> };
}

/** What {@linkcode loadWebPackages} gives. */
export interface WebPackages {
  readonly hono: HonoPackage;
  readonly openapi: OpenApiPackage;
  readonly prometheus: PrometheusPackage;
}

/** Loads what every service needs. */
export async function loadWebPackages(): Promise<WebPackages> {
  const { hono } = PACKAGES;
  const [core, limit, bearer, streaming, openapi, prometheus] = await Promise.all([
    load(hono),
    load(`${hono}/body-limit`),
    load(`${hono}/bearer-auth`),
    load(`${hono}/streaming`),
    load(PACKAGES.openapi),
    load(PACKAGES.prometheus),
  ]);
  return {
    hono: { ...core, ...limit, ...bearer, ...streaming } as unknown as HonoPackage,
    openapi: openapi as unknown as OpenApiPackage,
    prometheus: prometheus as unknown as PrometheusPackage,
  };
}

/** Loads what speaks to S3-compatible storage. */
export async function loadAws(): Promise<AwsPackage> {
  return await load(PACKAGES.aws) as unknown as AwsPackage;
}

async function load(specifier: string): Promise<Record<string, unknown>> {
  try {
    // Not as a literal, which Deno would look up, and fetch, before any command starts.
    return await import(`${specifier}`);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
    throw new Error(
      `Cannot serve: ${specifier} could not be had (${reason}); see to the network for the first start, and start it ` +
        "by ./wscl serve, or with --lock serve.lock",
    );
  }
}

// For whoever fetches them beforehand, such as an image of a container.
if (import.meta.main) await Promise.all([loadWebPackages(), loadAws()]);
