import { createHmac } from "node:crypto";
import type { WebhookDelivery } from "../../../src/carriers/carrier.ts";
import { type HostRoute, type HostSpec, type RunningHost, startHost } from "./host.ts";
import { checkForm, checkJson, type HostAnswer, type HostRequest } from "./http-messages.ts";
import { createGivenTokens, type GivenTokens } from "./oauth.ts";
import { createParcelStore, type ParcelStore } from "./parcel-store.ts";
import { labelBytes, partsOf } from "./usps-labels.ts";
import { uspsQuoteRoute } from "./usps-quote.ts";
import { eventOf, eventOfR2, journey } from "./usps-scans.ts";
import { labelSchema, paymentSchema, tokenSchema, trackBatchSchema, USPS_ACCOUNT } from "./usps-shapes.ts";

interface Details {
  /** The shape of the answer that the buyer asked for. */
  inParts: boolean;
  manifested: boolean;
  /** Of the whole parcel, when it isn't that of the newest scan. */
  category?: string;
}

export interface UspsHost extends RunningHost {
  readonly parcels: ParcelStore<Details>;
  readonly tokens: GivenTokens;
  readonly payments: GivenTokens;
  /** From now on labels come in parts, whatever the buyer accepts. */
  answerInParts(always: boolean): void;
  push(number: string, at?: Date): WebhookDelivery;
}

interface State {
  parcels: ParcelStore<Details>;
  tokens: GivenTokens;
  payments: GivenTokens;
  /** What was sold under an idempotency key. */
  sold: Map<string, { body: string; answer: HostAnswer }>;
  inParts: boolean;
}

export async function startUspsHost(): Promise<UspsHost> {
  const state: State = {
    parcels: createParcelStore<Details>(),
    tokens: createGivenTokens("usps"),
    payments: createGivenTokens("usps-payment"),
    sold: new Map(),
    inParts: false,
  };
  const running = await startHost(specOf(state));
  const { parcels, tokens, payments } = state;
  return {
    ...running,
    parcels,
    tokens,
    payments,
    answerInParts: (always) => {
      state.inParts = always;
    },
    push: (number, at = new Date()) => pushOf(state, number, at),
  };
}

function specOf(state: State): HostSpec {
  return {
    code: "usps",
    routes: [
      tokenRoute(state),
      paymentRoute(state),
      labelRoute(state),
      cancelRoute(state),
      trackRoute(state),
      trackBatchRoute(state),
      uspsQuoteRoute(),
    ],
    authorize: (request) =>
      state.tokens.isGood(request)
        ? undefined
        : refuse({ status: 401, message: "Unauthorized. The access token has expired." }),
    refuse,
  };
}

interface Problem {
  status: number;
  code?: string | undefined;
  message: string;
}

function refuse({ status, code = "", message }: Problem): HostAnswer {
  const errors = [
    { status: String(status), code, title: "Error", detail: message, source: { parameter: "" } },
  ];
  return { status, body: { apiVersion: "v3", error: { code: String(status), message: "Error", errors } } };
}

function tokenRoute({ tokens }: State): HostRoute {
  return {
    operation: "fetch_token",
    method: "POST",
    path: "/oauth2/v3/token",
    open: true,
    check: (request) => checkForm(request, tokenSchema),
    answer: ({ text }) => {
      const form = new URLSearchParams(text);
      const { clientId, clientSecret } = USPS_ACCOUNT;
      if (form.get("client_id") !== clientId || form.get("client_secret") !== clientSecret)
        return refuse({ status: 401, message: "Invalid client credentials." });
      const scope = "labels payments tracking subscriptions";
      return {
        body: { access_token: tokens.give(28_799), token_type: "Bearer", expires_in: "28799", scope },
      };
    },
  };
}

function paymentRoute({ payments }: State): HostRoute {
  return {
    operation: "fetch_payment_token",
    method: "POST",
    path: "/payments/v3/payment-authorization",
    check: (request) => checkJson(request, paymentSchema),
    answer: () => ({ body: { paymentAuthorizationToken: payments.give(28_800), roles: [] } }),
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function labelRoute(state: State): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/labels/v3/label",
    check: (request) => [
      ...checkJson(request, labelSchema),
      ...(UUID.test(request.headers["x-idempotency-key"] ?? "") ? [] : ["X-Idempotency-Key is no UUID"]),
      ...(request.headers["x-payment-authorization-token"]
        ? []
        : ["there is no X-Payment-Authorization-Token"]),
    ],
    answer: (request) => paid(state, request) ?? sellOnce(state, request),
  };
}

function paid({ payments }: State, { headers, ...request }: HostRequest): HostAnswer | undefined {
  const authorization = `Bearer ${headers["x-payment-authorization-token"]}`;
  if (payments.isGood({ ...request, headers: { authorization } })) return undefined;
  return refuse({ status: 401, message: "The payment authorization token has expired." });
}

function sellOnce(state: State, request: HostRequest): HostAnswer {
  const key = request.headers["x-idempotency-key"] as string;
  const before = state.sold.get(key);
  if (before && before.body !== request.text)
    return refuse({
      status: 409,
      code: "160422",
      message: "The idempotency key was used for another request.",
    });
  if (before) return before.answer;
  const answer = sell(state, request);
  if ((answer.status ?? 200) < 300) state.sold.set(key, { body: request.text, answer });
  return answer;
}

function sell(state: State, request: HostRequest): HostAnswer {
  const body = labelSchema.parse(JSON.parse(request.text));
  if (body.toAddress.ZIPCode === "00000")
    return refuse({ status: 400, code: "010005", message: "Address Not Found." });
  if (body.packageDescription.weight > 70)
    return refuse({ status: 400, code: "160062", message: "The weight is more than 70 pounds." });
  const number = uspsNumber(state.parcels.all().length);
  const reference = body.packageDescription.customerReference?.[0]?.referenceNumber ?? "";
  const label = labelBytes(body.imageInfo.imageType, number);
  const inParts = state.inParts || request.headers["accept"] !== "application/vnd.usps.labels+json";
  state.parcels.add({ number, reference, label, scans: journey(), details: { inParts, manifested: false } });
  const metadata = {
    labelAddress: body.toAddress,
    routingInformation: `420${body.toAddress.ZIPCode}`,
    trackingNumber: number,
    postage: 10.99,
    commitment: { name: "2 Days", scheduleDeliveryDate: "2026-01-17", isPriorityMailNextDay: "false" },
    weightUOM: "lb",
    SKU: "DUXP0XXXXC01010",
  };
  if (!inParts) {
    const type = { "content-type": "application/vnd.usps.labels+json" };
    return {
      headers: type,
      body: Buffer.from(JSON.stringify({ ...metadata, labelImage: label.toString("base64") })),
    };
  }
  return partsOf(metadata, label, body.imageInfo.imageType);
}

/** Twenty-two digits, the last a check digit. */
export function uspsNumber(count: number): string {
  const digits = `9400100000000${String(count * 7919).padStart(8, "0")}`;
  const sum = Array.from(digits)
    .toReversed()
    .reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);
  return `${digits}${(10 - (sum % 10)) % 10}`;
}

function cancelRoute(state: State): HostRoute {
  return {
    operation: "void_label",
    method: "DELETE",
    path: "/labels/v3/label/:number",
    check: ({ params, headers }) => [
      ...(/^\d{22}$/.test(params["number"] ?? "") ? [] : ["the tracking number is none"]),
      ...(headers["x-payment-authorization-token"] ? [] : ["there is no X-Payment-Authorization-Token"]),
    ],
    answer: (request) => paid(state, request) ?? cancel(state, request.params["number"] as string),
  };
}

function cancel({ parcels }: State, trackingNumber: string): HostAnswer {
  const parcel = parcels.find(trackingNumber);
  if (!parcel || (parcel.state === "voided" && !parcel.details.manifested))
    return refuse({ status: 400, message: "Order not found" });
  if (parcel.state === "voided")
    return refuse({
      status: 400,
      message: "A refund request for this order has already been submitted today",
    });
  if (parcel.happened > 1)
    return refuse({ status: 400, message: "A refund request for this order cannot be submitted" });
  parcel.state = "voided";
  if (!parcel.details.manifested) return { body: { trackingNumber, status: "CANCELED" } };
  return { body: { trackingNumber, status: "DISPUTED", disputeId: "103789" } };
}

const NOT_KNOWN = "The tracking number may be incorrect or not yet available.";

function trackRoute(state: State): HostRoute {
  return {
    operation: "track",
    method: "GET",
    path: "/tracking/v3/tracking/:number",
    check: ({ query }) => (query.get("expand") === "DETAIL" ? [] : ["expand is not DETAIL"]),
    answer: ({ params }) => {
      const number = params["number"] as string;
      if (!isScanned(state, number)) return refuse({ status: 404, message: NOT_KNOWN });
      return { body: trackingOf(state, number) };
    },
  };
}

/** 200: all are known; 207: some; 404: none. */
function trackBatchRoute(state: State): HostRoute {
  return {
    operation: "track_batch",
    method: "POST",
    path: "/tracking/v3r2/tracking",
    check: (request) => checkJson(request, trackBatchSchema),
    answer: ({ text }) => {
      const asked = trackBatchSchema.parse(JSON.parse(text)).map(({ trackingNumber }) => trackingNumber);
      const known = asked.filter((number) => isScanned(state, number));
      if (known.length === 0) return refuse({ status: 404, code: "150006", message: NOT_KNOWN });
      if (known.length === asked.length) return { body: asked.map((one) => trackingOfR2(state, one)) };
      return { status: 207, body: asked.map((number) => itemOf(state, number)) };
    },
  };
}

function itemOf(state: State, trackingNumber: string): object {
  if (isScanned(state, trackingNumber)) return { statusCode: "200", ...trackingOfR2(state, trackingNumber) };
  const errors = [{ status: "404", code: "150006", title: "Not found", detail: NOT_KNOWN }];
  return {
    statusCode: "404",
    trackingNumber,
    apiVersion: "v3r2",
    error: { code: "404", message: NOT_KNOWN, errors },
  };
}

function isScanned({ parcels }: State, number: string): boolean {
  return (parcels.find(number)?.happened ?? 0) > 0;
}

function trackingOf({ parcels }: State, trackingNumber: string): object {
  const parcel = parcels.find(trackingNumber);
  const newest = parcel?.scans[parcel.happened - 1];
  return {
    trackingNumber,
    mailClass: "USPS_GROUND_ADVANTAGE",
    emailEnabled: "true",
    carrierRelease: "false",
    proofOfDeliveryEnabled: "false",
    status: newest?.text,
    statusCategory: parcel?.details.category ?? newest?.text.split(",")[0],
    statusSummary: `Your item: ${newest?.text}`,
    trackingEvents: parcels.history(trackingNumber).map(eventOf),
  };
}

function trackingOfR2(state: State, trackingNumber: string): object {
  const trackingEvents = state.parcels.history(trackingNumber).map(eventOfR2);
  return { ...trackingOf(state, trackingNumber), trackingEvents };
}

function pushOf(state: State, number: string, at: Date): WebhookDelivery {
  const timestamp = at.toISOString();
  const payload = JSON.stringify(trackingOf(state, number));
  const signature = createHmac("sha256", USPS_ACCOUNT.webhookSecret)
    .update(timestamp + payload)
    .digest("base64");
  return {
    method: "POST",
    path: "/webhooks/carriers/usps",
    headers: { "content-type": "application/json", "x-hmac": signature },
    body: Buffer.from(JSON.stringify({ subscriptionId: "7b1c", timestamp, payload })),
    received_at: at,
  };
}
