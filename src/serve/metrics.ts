import type { PrometheusPackage } from "./packages.ts";
import type { Service } from "./service.ts";

/** Seconds. */
const BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** What is measured of a service, in OpenMetrics. */
export class Metrics {
  readonly #registry: InstanceType<PrometheusPackage["Registry"]>;
  readonly #requests: InstanceType<PrometheusPackage["Counter"]>;
  readonly #seconds: InstanceType<PrometheusPackage["Histogram"]>;

  constructor(
    { Registry, Counter, Gauge, Histogram, openMetricsContentType }: PrometheusPackage,
    service: Service,
  ) {
    const registry = this.#registry = new Registry(openMetricsContentType);
    const registers = [registry];
    const labelNames = ["method", "route", "status"];
    this.#requests = new Counter({
      ...{ name: "wscl_requests", help: "Requests that were answered", labelNames, registers },
    });
    this.#seconds = new Histogram({
      name: "wscl_request_seconds",
      help: "Time from a request to its answer",
      ...{ labelNames: ["method", "route"], buckets: BUCKETS, registers },
    });
    const gauge = (name: string, help: string, value: () => number) =>
      new Gauge({
        ...{ name, help, registers },
        collect() {
          this.set({}, value());
        },
      });
    const status = () => service.status();
    gauge("wscl_generation", "Dawns so far", () => status().generation);
    gauge("wscl_classes", "Classes that are known", () => status().classes);
    gauge("wscl_asleep", "1 while a night goes on", () => Number(status().asleep));
    gauge(
      "wscl_ready",
      "1 while predictions are answered",
      () => Number(status().problem === null),
    );
    gauge("wscl_waiting_episodes", "Episodes that wait for a night", () => status().waiting);
    gauge("wscl_waiting_room", "Episodes that may wait", () => status().room);
    gauge("wscl_nights", "Nights in the learner's history", () => status().nights);
    gauge(
      "wscl_predictor_losses",
      "Devices that were lost and replaced",
      () => status().predictorLosses,
    );
    gauge("wscl_decoder_losses", "Decoders that were replaced", () => status().decoderLosses);
    gauge("wscl_event_subscribers", "Readers of /v1/events", () => status().subscribers);
    gauge("wscl_resident_bytes", "Memory of the process", () => Deno.memoryUsage().rss);
  }

  /** Counts a request; `route` is a pattern, never what a client sent. */
  observe(method: string, route: string, status: number, seconds: number): void {
    this.#requests.inc({ method, route, status: String(status) });
    this.#seconds.observe({ method, route }, seconds);
  }

  /** All of it, as text. */
  async text(): Promise<{ readonly type: string; readonly text: string }> {
    return { type: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
