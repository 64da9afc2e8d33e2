import { z } from "zod";
import { type CarrierFact, type WebhookContent, type WebhookDelivery, WebhookRejected } from "../carrier.ts";
import { parsedJson } from "../json-body.ts";
import { createStatusReader } from "../status-map.ts";
import { instantOf } from "../wall-clock.ts";
import { matchesSecret } from "../webhook-signature.ts";
import type { DExpressSettings } from "./settings.ts";
import texts from "./status-texts.json" with { type: "json" };
import statuses from "./statuses.json" with { type: "json" };

const word = z.union([z.string(), z.number()]).transform(String);
const notificationSchema = z.object({
  cc: word.default(""),
  nID: word.pipe(z.string().min(1)),
  code: word.pipe(z.string().min(1)),
  rID: word.default(""),
  sID: word.pipe(z.string().regex(/^-?\d+$/, "must be a whole number")),
  dt: word.default(""),
});

/** A delivery that was reversed: nobody has written down whether the parcel is still on its way then. */
const DOUBTFUL: ReadonlySet<string> = new Set(["-1"]);

/** Clocks differ, but nobody delivers tomorrow's parcels today. */
const AHEAD_MS = 300_000;
const ZONE = "Europe/Belgrade";

/**
 * Reads a notification: `PUT` with everything in the query, or `POST` with JSON or a form. It is not signed; the passcode is all
 * that tells it from a forged one, and it says nothing of when it was sent, so that a repeated one is known by its nID.
 */
export function createNotificationReader(
  { passcodes, statuses: corrections }: DExpressSettings,
  code: string,
) {
  const statusOf = createStatusReader(statuses, corrections);
  return (delivery: WebhookDelivery): WebhookContent => {
    const said = readFields(delivery);
    if (!matchesSecret(Buffer.from(said.cc), passcodes, (secret) => Buffer.from(secret)))
      throw new WebhookRejected("the passcode cc is not D Express's");
    const fact: CarrierFact = {
      carrier_code: code,
      tracking_number: said.code,
      ...statusOf(said.sID),
      ...(DOUBTFUL.has(said.sID) && !corrections[said.sID] ? { unmapped: true as const } : {}),
      raw_code: said.sID,
      description: (texts as Record<string, string>)[said.sID] ?? `D Express status ${said.sID}`,
      location: "",
      occurred_at: timeOf(said.dt, delivery.received_at),
    };
    return { delivery_id: said.nID, facts: [fact] };
  };
}

function readFields({ path, headers, body }: WebhookDelivery) {
  const query = Object.fromEntries(new URL(path, "http://localhost").searchParams);
  const isForm = headers["content-type"]?.startsWith("application/x-www-form-urlencoded");
  const sent = isForm ? formOf(body) : jsonOf(body);
  const read = notificationSchema.safeParse({ ...query, ...sent });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new WebhookRejected(`${String(issue?.path[0] ?? "the notification")}: ${issue?.message}`);
}

/** The query may hold everything, so that the body may be nothing. */
function jsonOf(body: Uint8Array): object {
  const read = parsedJson(body);
  return typeof read === "object" && read !== null ? read : {};
}

function formOf(body: Uint8Array): object {
  return Object.fromEntries(new URLSearchParams(Buffer.from(body).toString("utf8")));
}

function timeOf(dt: string, received_at: Date): Date {
  const at = instantOf(dt, ZONE);
  if (!at) throw new WebhookRejected(`dt: "${dt}" is not a time such as 20260428143000`);
  if (at.getTime() - received_at.getTime() > AHEAD_MS)
    throw new WebhookRejected(`dt: ${dt} in ${ZONE} lies in the future`);
  return at;
}
