import { z } from "zod";
import { type WebhookContent, type WebhookDelivery, WebhookRejected } from "../carrier.ts";
import type { StatusReader } from "../status-map.ts";
import { readDelivery } from "../webhook-body.ts";
import { matchesSecret } from "../webhook-signature.ts";
import { factOf, statusCodeSchema } from "./activity.ts";

const text = z.string().nullish();

const eventSchema = z.object({
  trackingNumber: z.string().trim().min(1),
  localActivityDate: text,
  localActivityTime: text,
  gmtActivityDate: text,
  gmtActivityTime: text,
  gmtOffset: text,
  actualDeliveryDate: text,
  activityLocation: z.object({ city: text, stateProvince: text, country: text }).nullish(),
  activityStatus: z.object({
    type: text,
    code: text,
    descriptionCode: statusCodeSchema,
    description: text,
  }),
});

/** Version 2 may fetch a token from a server of the customer's, and bring that. */
const OAUTH_ONLY =
  "there is no credential, but an OAuth token, and we give out none: the subscription has to be made with a credential";

/**
 * Track Alert signs nothing: all that shows where a delivery comes from is the credential that we gave UPS with the
 * subscription. It has no id and no time of its own either: the same bytes are the same delivery.
 */
export function parseUpsWebhook(
  secrets: readonly string[],
  statusOf: StatusReader,
  { headers, body }: WebhookDelivery,
): WebhookContent {
  const given = headers["credential"]?.trim();
  if (!given) throw new WebhookRejected(headers["authorization"] ? OAUTH_ONLY : "there is no credential");
  if (!matchesSecret(Buffer.from(given), secrets, (secret) => Buffer.from(secret)))
    throw new WebhookRejected("the credential is not ours");
  const event = readDelivery(body, eventSchema);
  const { activityLocation, activityStatus: status } = event;
  const told = {
    tracking_number: event.trackingNumber,
    statusCode: status.descriptionCode,
    activityCode: status.code,
    type: status.type,
    isDelivered: Boolean(event.actualDeliveryDate?.trim()),
    description: status.description,
    city: activityLocation?.city,
    state: activityLocation?.stateProvince,
    country: activityLocation?.country,
    times: {
      gmtDate: event.gmtActivityDate,
      gmtTime: event.gmtActivityTime,
      date: event.localActivityDate,
      time: event.localActivityTime,
      gmtOffset: event.gmtOffset,
    },
  };
  return { facts: factOf(told, statusOf) };
}
