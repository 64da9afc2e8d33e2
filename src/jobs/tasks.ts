import type { Job, JobHelpers, TaskList } from "graphile-worker";
import type { Carrier, Carriers } from "../carriers/carrier.ts";
import { ChannelError, type Channels } from "../channels/channel.ts";
import type { Database } from "../db/database.ts";
import { listOverlooked } from "../db/orders.ts";
import type { Logger } from "../logger.ts";
import { aboutCall } from "../outside/call-context.ts";
import { expireReservations } from "../use-cases/inventory/expire-reservations.ts";
import { moveLabels } from "../use-cases/maintenance/move-labels.ts";
import { prune } from "../use-cases/maintenance/prune.ts";
import { allocateBackorders } from "../use-cases/orders/allocate-backorders.ts";
import type { LabelStore } from "../use-cases/packing/label-store.ts";
import { buyLabel, type CallUntil } from "../use-cases/shipping/buy-label.ts";
import { pollTracking } from "../use-cases/shipping/poll-tracking.ts";
import { reportOrderStatus } from "../use-cases/shipping/report-order-status.ts";
import { voidLabel } from "../use-cases/shipping/void-label.ts";
import { workInParkedFacts, workInWebhooks } from "../use-cases/shipping/work-in-webhooks.ts";
import { channelTasks, watchingDenials } from "./channel-tasks.ts";
import { createDayCloser } from "./close-days.ts";
import { clearRefused, clearUnasked, raiseRefused, raiseUnasked } from "./job-alerts.ts";

export interface JobDeps {
  db: Database;
  carriers: Carriers;
  channels: Channels;
  logger: Logger;
  /** Where labels' bytes are moved to; left out: they stay in the database. */
  labelStore?: LabelStore | undefined;
  /** Seconds between two questions about one parcel; fractions are fine. */
  trackingPollSeconds: number;
}

/** What the rows of the job table mean. Every task may run twice: each finds out for itself what is left to do. */
export function createTasks(deps: JobDeps): TaskList {
  const { db, carriers, logger } = deps;
  return {
    buy_label: (payload, { job }) => buy(deps, idOf(payload, "shipment_id"), job),
    void_label: (payload, { job }) => {
      const shipment_id = idOf(payload, "shipment_id");
      return voidLabel(db, carriers, { shipment_id, calling: callingAbout(`shipment:${shipment_id}`, job) });
    },
    report_order_status: (payload, { job }) => report(deps, idOf(payload, "order_id"), job),
    allocate_backorders: async (payload) => {
      await allocateBackorders(db, idsOf(payload, "listing_ids"));
    },
    expire_reservations: async (_payload, { addJob }) => {
      if ((await expireReservations(db)) > 0)
        await addJob("expire_reservations", {}, { jobKey: "expire_reservations" });
    },
    serve_overlooked: async (_payload, { addJob }) => {
      const listing_ids = (await listOverlooked(db)).map(String);
      if (listing_ids.length > 0)
        await addJob("allocate_backorders", { listing_ids }, { jobKey: "allocate_backorders:overlooked" });
    },
    poll_tracking: (_payload, helpers) => pollAll(deps, helpers),
    ...channelTasks(deps),
    close_days: createDayCloser(deps),
    move_labels: async () => {
      const moved = deps.labelStore ? await moveLabels(db, deps.labelStore) : 0;
      if (moved > 0) logger.info({ moved }, "labels were moved to the object store");
    },
    work_in_webhooks: () => workIn(deps),
    prune: async () => {
      logger.info({ pruned: await prune(db) }, "pruned");
    },
  };
}

/** Puts on record what the calls are about, and lets none of them be made after the moment that the caller names. */
function callingAbout(related_id: string, { attempts: attempt }: Job): CallUntil {
  return (until, call) => aboutCall({ related_id, attempt, until }, call);
}

async function buy({ db, carriers, logger }: JobDeps, shipment_id: bigint, job: Job): Promise<void> {
  const calling = callingAbout(`shipment:${shipment_id}`, job);
  const outcome = await buyLabel(db, carriers, { shipment_id, calling });
  if (outcome === "refused" || outcome === "in_doubt")
    logger.warn({ shipment_id: String(shipment_id), outcome }, "a label was not bought");
}

async function report({ db, channels, logger }: JobDeps, order_id: bigint, job: Job): Promise<void> {
  const { listings } = channels;
  if (!listings) return;
  const about = { related_id: `order:${order_id}`, attempt: job.attempts };
  try {
    const tell = () => reportOrderStatus(db, listings, order_id);
    await aboutCall(about, () => watchingDenials(db, listings.code, tell));
    await clearRefused(db, order_id);
  } catch (error) {
    if (!(error instanceof ChannelError) || error.retryable) throw error;
    logger.warn({ err: error, order_id: String(order_id) }, "the Listings service refused an order's status");
    await raiseRefused(db, order_id, error);
  }
}

/** One round over all carriers, then the next one is due. A carrier that fails does not stop the others, nor the rounds. */
async function pollAll(deps: JobDeps, helpers: JobHelpers): Promise<void> {
  const every_ms = deps.trackingPollSeconds * 1000;
  await Promise.all([...deps.carriers.values()].map((carrier) => pollOne(deps, carrier, every_ms)));
  await helpers.query(
    `select graphile_worker.add_job('poll_tracking', '{}'::json, job_key => 'poll_tracking',
       run_at => now() + $1 * interval '1 millisecond')`,
    [every_ms],
  );
}

async function pollOne({ db, logger }: JobDeps, carrier: Carrier, every_ms: number): Promise<void> {
  const carrier_code = carrier.code;
  try {
    const poll = () => pollTracking(db, carrier, every_ms);
    const asked = await aboutCall({ related_id: "tracking", attempt: 1 }, poll);
    if (asked > 0) await clearUnasked(db, carrier_code); // else it has not been tried again
  } catch (error) {
    logger.warn({ err: error, carrier_code }, "a carrier could not be asked about its parcels");
    await raiseUnasked(db, carrier_code, error).catch((reason: unknown) =>
      logger.error({ err: reason, carrier_code }, "an alert could not be raised"),
    );
  }
}

/** What the processes that take deliveries have left, and what came before its number was a shipment's. */
async function workIn({ db, logger }: JobDeps): Promise<void> {
  const { deliveries, failed } = await workInWebhooks(db);
  const found = await workInParkedFacts(db);
  if (deliveries + found > 0) logger.info({ deliveries, found }, "carriers' deliveries were worked in");
  for (const { delivery_id, error } of failed)
    logger.error({ err: error, delivery_id: String(delivery_id) }, "a carrier's delivery can't be worked in");
}

function idOf(payload: unknown, field: string): bigint {
  return BigInt((payload as Record<string, string>)[field] as string);
}

function idsOf(payload: unknown, field: string): bigint[] {
  return ((payload as Record<string, string[]>)[field] ?? []).map(BigInt);
}
