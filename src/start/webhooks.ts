import { type Carrier, type Carriers, WebhookRejected } from "../carriers/carrier.ts";
import { createCarriers } from "../carriers/registry.ts";
import type { Config } from "../config.ts";
import type { Database } from "../db/database.ts";
import { renderLabel } from "../labels/render.ts";
import type { Logger } from "../logger.ts";
import type { CarrierDelivery, DeliveryDoor, DeliveryOutcome } from "../rpc/webhook-route.ts";
import type { CountDelivery } from "../telemetry/webhook-metrics.ts";
import { type DeliveringCarrier, takeWebhook } from "../use-cases/shipping/take-webhook.ts";
import { workInWebhooks } from "../use-cases/shipping/work-in-webhooks.ts";
import { readCarriers } from "./carriers.ts";
import { occasionally } from "./occasionally.ts";

/** Lines about deliveries that were not accepted: one a minute and carrier, with how many there were. */
const LOG_EVERY_MS = 60_000;

interface WebhookOptions {
  db: Database;
  carriers: Carriers;
  logger: Logger;
  count: CountDelivery;
}

export interface Webhooks extends DeliveryDoor {
  /** Waits for what is being worked in. */
  stop(): Promise<void>;
}

/**
 * Lets in what carriers' hosts send: stored and answered at once, worked in right afterwards, many at a time. What this
 * process does not get to, the minute's job does.
 */
export function openWebhooks({ db, carriers, logger, count }: WebhookOptions): Webhooks {
  const worker = startWorker(db, logger);
  const tellRejected = occasionally(LOG_EVERY_MS, (carrier_code, times, reason) =>
    logger.warn({ carrier_code, times, reason }, "deliveries that a carrier did not make were refused"),
  );
  const tellFailed = occasionally(LOG_EVERY_MS, (carrier_code, times, error) =>
    logger.error({ err: error, carrier_code, times }, "carriers' deliveries could not be stored"),
  );
  const take = async (code: string, delivery: CarrierDelivery): Promise<DeliveryOutcome> => {
    try {
      const taken = await takeWebhook(db, delivering(carriers.get(code)) as DeliveringCarrier, delivery);
      if (taken === "taken") worker.wake();
      return taken;
    } catch (error) {
      if (error instanceof WebhookRejected) {
        tellRejected(code, error.message);
        return "rejected";
      }
      tellFailed(code, error);
      return "unavailable";
    }
  };
  return {
    knows: (code) => delivering(carriers.get(code)) !== undefined,
    take: async (code, delivery) => {
      const outcome = await take(code, delivery);
      count(code, outcome);
      return outcome;
    },
    stop: () => worker.stop(),
  };
}

function delivering(carrier: Carrier | undefined): DeliveringCarrier | undefined {
  return carrier?.parseWebhook ? (carrier as DeliveringCarrier) : undefined;
}

/** Works in what waits, one round after the other, as long as there is news. */
function startWorker(db: Database, logger: Logger) {
  let working: Promise<void> | undefined;
  let isAsked = false;
  const work = async () => {
    while (isAsked) {
      isAsked = false;
      const { recycled, failed } = await workInWebhooks(db);
      if (recycled.length > 0) logger.info({ numbers: recycled.slice(0, 5) }, RECYCLED);
      for (const { delivery_id, error } of failed.slice(0, 5))
        logger.error(
          { err: error, delivery_id: String(delivery_id) },
          "a carrier's delivery can't be worked in",
        );
    }
  };
  const wake = () => {
    isAsked = true;
    working ??= work()
      .catch((error: unknown) => logger.warn({ err: error }, "carriers' deliveries wait for the next job"))
      .finally(() => {
        working = undefined;
        if (isAsked) wake(); // after its last look
      });
  };
  return { wake, stop: async () => working };
}

const RECYCLED = "facts from before a shipment was made are another parcel's, and were left out";

/** Carriers that only read what was sent: whoever takes deliveries calls nobody. */
export function readingCarriers(config: Config): Carriers {
  const send = () => Promise.reject(new Error("carriers that read deliveries call nobody"));
  return createCarriers(readCarriers(config), {
    outside: () => ({ send }),
    record: async () => {},
    renderLabel,
    takeNumber: send,
    now: () => new Date(),
    mockSpeed: config.MOCK_CARRIER_SPEED,
  });
}
