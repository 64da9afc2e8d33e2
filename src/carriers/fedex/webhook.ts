import { z } from "zod";
import { type CarrierFact, type WebhookContent, type WebhookDelivery, WebhookRejected } from "../carrier.ts";
import type { StatusReader } from "../status-map.ts";
import { readDelivery } from "../webhook-body.ts";
import { hmacSha256, matchesSecret } from "../webhook-signature.ts";
import { completeResultSchema, factsOf, numberOf, trackResultSchema } from "./track.ts";

const bareResultSchema = trackResultSchema.extend({ trackingNumber: z.string().nullish() });

/** FedEx only says that it is like a tracking answer: with its envelope, or without. */
const bodySchema = z.union([
  z.object({ output: z.object({ completeTrackResults: z.array(completeResultSchema).min(1) }) }),
  z.object({ completeTrackResults: z.array(completeResultSchema).min(1) }),
  completeResultSchema.required({ trackingNumber: true, trackResults: true }),
  z.object({ trackResults: z.array(bareResultSchema).min(1) }),
  bareResultSchema.required({ scanEvents: true }),
]);

type Body = z.infer<typeof bodySchema>;
type Result = z.infer<typeof bareResultSchema>;

/** Deliveries have no id and no time of their own: the same bytes are the same delivery. */
export function parseFedexWebhook(
  secrets: readonly string[],
  statusOf: StatusReader,
  { headers, body }: WebhookDelivery,
): WebhookContent {
  const signature = headers["fdx-signature"]?.trim();
  if (!signature) throw new WebhookRejected("there is no fdx-signature");
  const given = Buffer.from(signature, /^[0-9a-f]{64}$/i.test(signature) ? "hex" : "base64");
  if (!matchesSecret(given, secrets, (secret) => hmacSha256(secret, body)))
    throw new WebhookRejected("the fdx-signature is not that of the body");
  return {
    facts: resultsOf(readDelivery(body, bodySchema)).flatMap((result) => factsOfResult(result, statusOf)),
  };
}

function resultsOf(body: Body): Result[] {
  if ("output" in body) return body.output.completeTrackResults.flatMap(withNumber);
  if ("completeTrackResults" in body) return body.completeTrackResults.flatMap(withNumber);
  if ("trackResults" in body && "trackingNumber" in body) return withNumber(body);
  return "trackResults" in body ? (body.trackResults ?? []) : [body];
}

function withNumber(complete: z.infer<typeof completeResultSchema>): Result[] {
  return (complete.trackResults ?? []).map((result) => ({ ...result, trackingNumber: numberOf(complete) }));
}

function factsOfResult(result: Result, statusOf: StatusReader): CarrierFact[] {
  const number = result.trackingNumber || result.trackingNumberInfo?.trackingNumber;
  return number ? factsOf(number, result, statusOf) : [];
}
