import { Counter, Gauge, type Registry } from "prom-client";
import { within } from "./within.ts";

/** A scrape waits no longer for anything; what is late is left out. */
const LIMIT_MS = 1_500;
/** However often and by however many we are scraped, nothing is asked more often. */
const EVERY_MS = 5_000;

export interface Sample {
  labels?: Record<string, string>;
  value: number;
}

/** Gauges that are read together, from one place. */
export interface Collection<Name extends string> {
  /** What `wms_scrape_failures_total` calls it. */
  name: string;
  gauges: Record<Name, { help: string; labels?: readonly string[] }>;
  read: () => Promise<Record<Name, Sample[]>>;
  /** How long an answer serves. */
  everyMs?: number;
  limitMs?: number;
}

/** Told why a collector is missing from a scrape. */
export type OnFailure = (collector: string, error: unknown) => void;

/** What can't be read is missing from the scrape, rather than wrong, and counted. */
export class Collectors {
  readonly #registry: Registry;
  readonly #failures: Counter<"collector">;
  readonly #onFailure: OnFailure;

  constructor(registry: Registry, onFailure: OnFailure) {
    this.#registry = registry;
    this.#onFailure = onFailure;
    this.#failures = new Counter({
      name: "wms_scrape_failures_total",
      help: "Scrapes in which a collector could not be read, or not in time; its gauges are missing from them.",
      labelNames: ["collector"],
      registers: [registry],
    });
  }

  add<Name extends string>({ name, gauges, everyMs = EVERY_MS, ...collection }: Collection<Name>): void {
    this.#failures.inc({ collector: name }, 0);
    const read = remembered(everyMs, collection.read);
    const readInTime = once(() =>
      within(collection.limitMs ?? LIMIT_MS, read).catch((error: unknown) => this.#missed(name, error)),
    );
    for (const [gauge, { help, labels = [] }] of Object.entries(gauges) as [Name, (typeof gauges)[Name]][])
      this.#show(gauge, help, labels, async () => (await readInTime())?.[gauge] ?? []);
  }

  #missed(collector: string, error: unknown): undefined {
    this.#failures.inc({ collector });
    this.#onFailure(collector, error);
  }

  #show(name: string, help: string, labelNames: readonly string[], read: () => Promise<Sample[]>): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      async collect() {
        const samples = await read();
        this.reset();
        if (labelNames.length === 0) this.remove(); // which `reset` has set to 0
        for (const { labels = {}, value } of samples) this.set(labels, value);
      },
    });
  }
}

/** Callers that come while one waits share its answer. */
function once<T>(read: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= read().finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** The last answer, as long as it is fresh. */
function remembered<T>(everyMs: number, read: () => Promise<T>): () => Promise<T> {
  let last: { answer: T; at: number } | undefined;
  const refresh = once(async () => {
    last = { answer: await read(), at: performance.now() };
    return last.answer;
  });
  return async () => (last && performance.now() - last.at < everyMs ? last.answer : refresh());
}
