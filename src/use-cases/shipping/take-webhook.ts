import { createHash } from "node:crypto";
import type { Carrier, WebhookDelivery } from "../../carriers/carrier.ts";
import type { Database } from "../../db/database.ts";
import { insertDelivery } from "../../db/webhooks.ts";
import { storable } from "./storable-fact.ts";

/** A carrier whose host can deliver here. */
export type DeliveringCarrier = Carrier & Required<Pick<Carrier, "parseWebhook">>;

/** `repeated`: it was taken before, and nothing more comes of it. */
export type Taken = "taken" | "repeated";

/**
 * Stores what a carrier's host sent, once it is known to come from there; it is worked in later. Throws the port's
 * WebhookRejected, before anything is stored.
 */
export async function takeWebhook(
  db: Database,
  carrier: DeliveringCarrier,
  delivery: WebhookDelivery,
): Promise<Taken> {
  const { delivery_id, facts } = carrier.parseWebhook(delivery);
  const delivery_key =
    delivery_id === undefined ? hashOf(delivery.path, delivery.body) : hashOf("id", delivery_id);
  const isNews = await insertDelivery(db, {
    carrier_code: carrier.code,
    delivery_key,
    facts: facts.map(storable),
  });
  return isNews ? "taken" : "repeated";
}

/** Without an id of its own the same bytes, sent to the same place, are the same delivery. */
function hashOf(kind: string, content: string | Uint8Array): string {
  return createHash("sha256").update(`${kind}\n`).update(content).digest("hex");
}
