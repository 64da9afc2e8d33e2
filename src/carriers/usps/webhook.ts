import { z } from "zod";
import { type WebhookContent, type WebhookDelivery, WebhookRejected } from "../carrier.ts";
import type { StatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { readDelivery } from "../webhook-body.ts";
import { assertFresh, hmacSha256, matchesSecret } from "../webhook-signature.ts";
import { factsOf, trackingSchema } from "./track.ts";

const envelopeSchema = z.object({
  timestamp: z.union([z.string().min(1), z.number()]).transform(String),
  /** JSON once more, as a text. */
  payload: z.string(),
});

const numberedSchema = trackingSchema.required({ trackingNumber: true, trackingEvents: true });
const payloadSchema = z.union([numberedSchema, z.array(numberedSchema)]);

/**
 * Signed is what the envelope says, not its bytes: the timestamp and the payload, one after the other.
 *
 * The subscription is made by hand, `POST /subscriptions-tracking/v3/subscriptions` with a token of the scope
 * `subscriptions-tracking`: `{"listenerURL": "https://…", "secret": "of exactly 32 characters", "adminNotification":
 * [{"email": "…"}], "filterProperties": {"MID": "…", "trackingEventTypes": ["ALL_UPDATES"]}}`. USPS ends one that has
 * been silent for about a month.
 */
export function parseUspsWebhook(
  secrets: readonly string[],
  statusOf: StatusReader,
  { headers, body, received_at }: WebhookDelivery,
): WebhookContent {
  const signature = headers["x-hmac"]?.trim();
  if (!signature) throw new WebhookRejected("there is no X-HMAC");
  const { timestamp, payload } = readDelivery(body, envelopeSchema);
  const given = Buffer.from(signature, "base64");
  if (!matchesSecret(given, secrets, (secret) => hmacSha256(secret, timestamp, payload)))
    throw new WebhookRejected("the X-HMAC is not that of the payload");
  assertFresh(momentOf(timestamp), received_at);
  const trackings = [readDelivery(payload, payloadSchema)].flat();
  return { facts: trackings.flatMap((one) => factsOf(one.trackingNumber ?? "", one, statusOf)) };
}

/** A date, in UTC unless it says otherwise, or seconds or milliseconds since 1970. Anything else is never fresh. */
function momentOf(timestamp: string): Date {
  if (/^\d{10}$/.test(timestamp)) return new Date(Number(timestamp) * 1000);
  if (/^\d{13}$/.test(timestamp)) return new Date(Number(timestamp));
  return instantOf(timestamp, "UTC") ?? new Date(timestamp);
}
