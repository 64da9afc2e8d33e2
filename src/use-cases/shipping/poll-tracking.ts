import type { Carrier } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import { claimDueParcels } from "../../db/tracking.ts";
import { recordTracking } from "./record-tracking.ts";

/**
 * Asks a carrier about its parcels that are under way and were not asked about for `every_ms`, a batch at a time.
 * Any number of processes may do it at once: each parcel is claimed by one. Returns how many facts were news.
 */
export async function pollTracking(db: Database, carrier: Carrier, every_ms: number): Promise<number> {
  const limit = carrier.trackingBatchSize;
  let news = 0;
  for (;;) {
    const parcels = await claimDueParcels(db, { carrier_code: carrier.code, every_ms, limit });
    if (parcels.length === 0) return news;
    // A shipment of several boxes has several numbers, so a batch of shipments can be more than one of numbers.
    for (let start = 0; start < parcels.length; start += limit) {
      const facts = await carrier.track(parcels.slice(start, start + limit));
      news += (await recordTracking(db, facts, "poll")).recorded;
    }
  }
}
