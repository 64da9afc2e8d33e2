import { createChannels } from "../channels/registry.ts";
import type { Config } from "../config.ts";
import { type Consumer, startConsumer } from "../events/consumer.ts";
import { startKafkaForwarder } from "../events/kafka-forwarder.ts";
import { orderEntryHandler } from "../events/order-consumer.ts";
import { type Relay, startRelay } from "../events/relay.ts";
import { type Jobs, startJobs } from "../jobs/jobs.ts";
import type { Logger } from "../logger.ts";
import type { OutsideMetrics } from "../telemetry/outside-metrics.ts";
import { openCarriers } from "./carriers.ts";
import { readChannels } from "./channels.ts";
import { openLabelStore } from "./label-store.ts";
import type { Opened } from "./opened.ts";
import { openOutside } from "./outside.ts";
import { openDatabase } from "./pools.ts";
import type { Urls } from "./servers.ts";

/** What works without being called; undefined where this process has not the role. */
export interface Loops {
  consumer: Consumer | undefined;
  relay: Relay | undefined;
  jobs: Jobs | undefined;
}

interface Around {
  logger: Logger;
  outsideMetrics: OutsideMetrics;
  opened: Opened;
}

export async function startLoops(config: Config, urls: Urls, around: Around): Promise<Loops> {
  const { logger, opened } = around;
  const has = (role: Config["ROLES"][number]) => config.ROLES.includes(role);
  const relay = has("relay") ? startRelay({ ...urls, logger }) : undefined;
  const forwarder = has("relay") ? openForwarder(config, urls, logger) : undefined;
  if (relay)
    opened.add("relay", async () => {
      await relay.stop();
      await forwarder?.stop(); // after it, so that what the relay publishes last still goes on
    });
  const jobs = has("jobs") ? await openJobs(config, urls, around) : undefined;
  const consumer = has("consumer") ? openConsumer(urls, logger, opened) : undefined;
  return { consumer, relay, jobs };
}

function openForwarder({ kafka }: Config, urls: Urls, logger: Logger) {
  return kafka && startKafkaForwarder({ ...urls, ...kafka, logger });
}

async function openJobs(config: Config, { databaseUrl }: Urls, { logger, outsideMetrics, opened }: Around) {
  const { db } = openDatabase(databaseUrl, "jobs", opened);
  const { outside, record } = openOutside({ db, logger, metrics: outsideMetrics });
  const carriers = await openCarriers(config, { db, outside, record });
  const jobs = await startJobs({
    databaseUrl,
    db,
    logger,
    carriers,
    channels: createChannels({
      listingsUrl: config.LISTINGS_URL,
      marketplaces: readChannels(config),
      outside,
    }),
    labelStore: openLabelStore(config, outside),
    trackingPollSeconds: config.TRACKING_POLL_SECONDS,
  });
  opened.add("work", () => jobs.stop());
  return jobs;
}

function openConsumer({ databaseUrl, redisUrl }: Urls, logger: Logger, opened: Opened): Consumer {
  const { db } = openDatabase(databaseUrl, "consumer", opened);
  const consumer = startConsumer({ redisUrl, db, logger, handler: orderEntryHandler(db, logger) });
  opened.add("work", () => consumer.stop());
  return consumer;
}
