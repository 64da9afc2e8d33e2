import type { JobHelpers, TaskList } from "graphile-worker";
import { CarrierRefusal, type Carriers } from "../carriers/carrier.ts";
import { ChannelError, type Channels } from "../channels/channel.ts";
import type { Database } from "../db/database.ts";
import type { Logger } from "../logger.ts";
import { expireReservations } from "../use-cases/inventory/expire-reservations.ts";
import { prune } from "../use-cases/maintenance/prune.ts";
import { allocateBackorders } from "../use-cases/orders/allocate-backorders.ts";
import { buyLabel, failLabel } from "../use-cases/shipping/buy-label.ts";
import { pollTracking } from "../use-cases/shipping/poll-tracking.ts";
import { reportOrderStatus } from "../use-cases/shipping/report-order-status.ts";
import { voidLabel } from "../use-cases/shipping/void-label.ts";

export interface JobDeps {
  db: Database;
  carriers: Carriers;
  channels: Channels;
  logger: Logger;
  /** Seconds between two questions about one parcel; fractions are fine. */
  trackingPollSeconds: number;
}

/** What the rows of the job table mean. Every task may run twice: each finds out for itself what is left to do. */
export function createTasks(deps: JobDeps): TaskList {
  const { db, carriers, logger } = deps;
  return {
    buy_label: (payload, { job }) => buyOrFail(deps, idOf(payload, "shipment_id"), job),
    void_label: (payload, { job }) =>
      voidLabel(db, carriers, { shipment_id: idOf(payload, "shipment_id"), attempt: job.attempts }),
    report_order_status: (payload, { job }) => report(deps, idOf(payload, "order_id"), job),
    allocate_backorders: async (payload) => {
      await allocateBackorders(db, idsOf(payload, "listing_ids"));
    },
    expire_reservations: async (_payload, { addJob }) => {
      if ((await expireReservations(db)) > 0)
        await addJob("expire_reservations", {}, { jobKey: "expire_reservations" });
    },
    poll_tracking: (_payload, helpers) => pollAll(deps, helpers),
    prune: async () => {
      logger.info({ pruned: await prune(db) }, "pruned");
    },
  };
}

/** Sweeps by the clock; the minute's poll only revives a chain that was lost. */
export const CRONTAB = `
* * * * * expire_reservations ?jobKey=expire_reservations&max=3
* * * * * poll_tracking ?jobKey=poll_tracking&jobKeyMode=preserve_run_at
23 * * * * prune ?jobKey=prune&max=3
`;

async function buyOrFail({ db, carriers, logger }: JobDeps, shipment_id: bigint, job: JobHelpers["job"]) {
  try {
    await buyLabel(db, carriers, { shipment_id, attempt: job.attempts });
  } catch (error) {
    const refused = error instanceof CarrierRefusal;
    if (refused || job.attempts >= job.max_attempts) await failLabel(db, shipment_id, String(error));
    if (!refused) throw error;
    logger.warn({ err: error, shipment_id: String(shipment_id) }, "the carrier refused a label");
  }
}

async function report(
  { db, channels, logger }: JobDeps,
  order_id: bigint,
  job: JobHelpers["job"],
): Promise<void> {
  if (!channels.listings) return;
  try {
    await reportOrderStatus(db, channels.listings, { order_id, attempt: job.attempts });
  } catch (error) {
    if (!(error instanceof ChannelError) || error.retryable) throw error;
    logger.warn({ err: error, order_id: String(order_id) }, "the Listings service refused an order's status");
  }
}

/** One round over all carriers, then the next one is due. A carrier that fails does not stop the others, nor the rounds. */
async function pollAll(
  { db, carriers, logger, trackingPollSeconds }: JobDeps,
  { addJob }: JobHelpers,
): Promise<void> {
  const every_ms = trackingPollSeconds * 1000;
  const rounds = await Promise.allSettled(
    [...carriers.values()].map((carrier) => pollTracking(db, carrier, every_ms)),
  );
  for (const round of rounds)
    if (round.status === "rejected")
      logger.warn({ err: round.reason }, "a carrier could not be asked about its parcels");
  await addJob("poll_tracking", {}, { jobKey: "poll_tracking", runAt: new Date(Date.now() + every_ms) });
}

function idOf(payload: unknown, field: string): bigint {
  return BigInt((payload as Record<string, string>)[field] as string);
}

function idsOf(payload: unknown, field: string): bigint[] {
  return ((payload as Record<string, string[]>)[field] ?? []).map(BigInt);
}
