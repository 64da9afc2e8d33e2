import { type ListingRow, upsertListings as store } from "../../db/catalogue.ts";
import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { assertDistinct } from "./assert-distinct.ts";

/** Makes or updates listings, by the Listings service's own ids. */
export async function upsertListings(
  db: Database,
  call: Call,
  listings: readonly Omit<ListingRow, "created_at" | "updated_at">[],
): Promise<ListingRow[]> {
  assertDistinct(
    "listings",
    "listing_id",
    listings.map((listing) => listing.listing_id),
  );
  return once(db, call, (trx) => store(trx, listings));
}
