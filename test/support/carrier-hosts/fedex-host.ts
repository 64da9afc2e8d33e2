import { createHmac, randomUUID } from "node:crypto";
import { z } from "zod";
import type { WebhookDelivery } from "../../../src/carriers/carrier.ts";
import { fedexQuoteRoute } from "./fedex-quote.ts";
import { journey, scanEvent, withOffset } from "./fedex-scans.ts";
import { cancelSchema, shipSchema, tokenSchema, trackSchema } from "./fedex-shapes.ts";
import { type HostRoute, type HostSpec, type RunningHost, startHost } from "./host.ts";
import { checkForm, checkJson, type HostAnswer } from "./http-messages.ts";
import { createGivenTokens, type GivenTokens } from "./oauth.ts";
import { createParcelStore, type HostScan, type ParcelStore } from "./parcel-store.ts";

/** Written from FedEx's Ship and Track OpenAPI files and its page on webhooks. */
export const FEDEX_ACCOUNT = {
  clientId: "l7fedex00000000000000000000000000",
  clientSecret: "fedex-secret-0123456789abcdef",
  accountNumber: "740561073",
  webhookSecret: "fedex-webhook-security-token",
} as const;

interface Details {
  master: string;
  pieces: number;
  /** Other parcels that bore the number before. */
  former: { shipDate: Date; scans: HostScan[] }[];
}

export interface FedexHost extends RunningHost {
  readonly parcels: ParcelStore<Details>;
  readonly tokens: GivenTokens;
  /** As the carrier pushes it: the parcel's history, signed. */
  push(number: string, signed?: "base64" | "hex"): WebhookDelivery;
}

export async function startFedexHost(): Promise<FedexHost> {
  const parcels = createParcelStore<Details>();
  const tokens = createGivenTokens("fedex");
  const running = await startHost(specOf(parcels, tokens));
  return { ...running, parcels, tokens, push: (number, signed) => pushOf(parcels, number, signed) };
}

function specOf(parcels: ParcelStore<Details>, tokens: GivenTokens): HostSpec {
  return {
    code: "fedex",
    routes: [
      tokenRoute(tokens),
      shipRoute(parcels),
      cancelRoute(parcels),
      trackRoute(parcels),
      fedexQuoteRoute(),
    ],
    authorize: (request) =>
      tokens.isGood(request)
        ? undefined
        : refuse({ status: 401, code: "NOT.AUTHORIZED.ERROR", message: "Access token expired." }),
    refuse,
  };
}

const CODES: Readonly<Record<number, string>> = {
  400: "INVALID.INPUT.EXCEPTION",
  401: "NOT.AUTHORIZED.ERROR",
  403: "FORBIDDEN.ERROR",
  404: "NOT.FOUND.ERROR",
  429: "RATE.LIMIT.EXCEEDED",
  500: "INTERNAL.SERVER.ERROR",
  503: "SERVICE.UNAVAILABLE.ERROR",
};

function refuse({
  status,
  code,
  message,
}: {
  status: number;
  code?: string | undefined;
  message: string;
}): HostAnswer {
  const errors = [{ code: code ?? CODES[status] ?? "UNKNOWN.ERROR", message, parameterList: [] }];
  return { status, body: { transactionId: randomUUID(), errors } };
}

function tokenRoute(tokens: GivenTokens): HostRoute {
  return {
    operation: "fetch_token",
    method: "POST",
    path: "/oauth/token",
    open: true,
    check: (request) => checkForm(request, tokenSchema),
    answer: ({ text }) => {
      const form = new URLSearchParams(text);
      const { clientId, clientSecret } = FEDEX_ACCOUNT;
      if (form.get("client_id") !== clientId || form.get("client_secret") !== clientSecret)
        return refuse({ status: 401, message: "The given client credentials were not valid." });
      return {
        body: { access_token: tokens.give(3599), token_type: "bearer", expires_in: 3599, scope: "CXS" },
      };
    },
  };
}

function shipRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/ship/v1/shipments",
    check: (request) => checkJson(request, shipSchema),
    answer: (request) => ship(parcels, shipSchema.parse(JSON.parse(request.text))),
  };
}

function ship(parcels: ParcelStore<Details>, body: z.infer<typeof shipSchema>): HostAnswer {
  const { requestedShipment, accountNumber } = body;
  if (accountNumber.value !== FEDEX_ACCOUNT.accountNumber)
    return refuse({
      status: 400,
      code: "ACCOUNT.NUMBER.MISMATCH",
      message: "Account number does not match.",
    });
  if (requestedShipment.recipients[0]?.address.postalCode === "00000")
    return refuse({
      status: 400,
      code: "RECIPIENT.POSTALCODE.INVALID",
      message: "Recipient postal code is invalid.",
    });
  const lines = requestedShipment.requestedPackageLineItems;
  const { imageType } = requestedShipment.labelSpecification;
  const first = parcels.all().length;
  const numbers = lines.map((_, index) => fedexNumber(first + index));
  const master = numbers[0] as string;
  const pieces = lines.map((line, index) => {
    const number = numbers[index] as string;
    const reference = line.customerReferences?.[0]?.value ?? "";
    const label = labelBytes(imageType, number);
    const details = { master, pieces: lines.length, former: [] };
    parcels.add({ number, reference, label, scans: journey(), details });
    return pieceOf(number, index, { label, imageType, master });
  });
  const shipment = {
    serviceType: requestedShipment.serviceType,
    shipDatestamp: "2026-01-15",
    masterTrackingNumber: master,
  };
  const transactionShipments = [{ ...shipment, pieceResponses: pieces, alerts: [] }];
  return { body: { transactionId: randomUUID(), output: { transactionShipments } } };
}

function pieceOf(
  trackingNumber: string,
  index: number,
  { label, imageType, master }: { label: Buffer; imageType: string; master: string },
): object {
  return {
    masterTrackingNumber: master,
    trackingNumber,
    packageSequenceNumber: index + 1,
    deliveryDatestamp: "2026-01-17",
    packageDocuments: [
      { contentType: "AUXILIARY_LABEL", docType: "PDF", copiesToPrint: 1 },
      { contentType: "LABEL", copiesToPrint: 1, docType: imageType, encodedLabel: label.toString("base64") },
    ],
  };
}

function labelBytes(imageType: string, number: string): Buffer {
  if (imageType === "ZPLII") return Buffer.from(`^XA^FO30,30^A0N,40,40^FDFedEx é ${number}^FS^XZ\n`);
  const head = imageType === "PDF" ? "%PDF-1.4\n" : "\x89PNG\r\n\x1a\n";
  return Buffer.concat([Buffer.from(head, "latin1"), Buffer.from([0, 255, 254, 128]), Buffer.from(number)]);
}

/** Twelve digits, the last a check digit. */
export function fedexNumber(count: number): string {
  const digits = String(79_400_000_000 + count * 7919).slice(0, 11);
  const sum = Array.from(digits).reduce(
    (total, digit, index) => total + Number(digit) * [3, 1, 7][index % 3]!,
    0,
  );
  return `${digits}${(sum % 11) % 10}`;
}

function cancelRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "void_label",
    method: "PUT",
    path: "/ship/v1/shipments/cancel",
    check: (request) => checkJson(request, cancelSchema),
    answer: ({ text }) => cancel(parcels, cancelSchema.parse(JSON.parse(text)).trackingNumber),
  };
}

function cancel(parcels: ParcelStore<Details>, number: string): HostAnswer {
  const shipment = parcels.all().filter(({ details }) => details.master === number);
  if (shipment.length === 0)
    return refuse({ status: 400, code: "TRACKING.NUMBER.NOTFOUND", message: "Tracking number not found." });
  if (shipment.some(({ happened }) => happened > 1))
    return {
      body: {
        output: { cancelledShipment: false, cancelledHistory: false, message: "Shipment was tendered." },
      },
    };
  if (shipment.some(({ state }) => state === "voided"))
    return refuse({
      status: 400,
      code: "SHIPMENT.CANCELLED",
      message: "Shipment has already been cancelled.",
    });
  for (const parcel of shipment) parcel.state = "voided";
  const output = {
    cancelledShipment: true,
    cancelledHistory: true,
    message: "Shipment is successfully cancelled",
  };
  return { body: { transactionId: randomUUID(), output } };
}

function trackRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "track",
    method: "POST",
    path: "/track/v1/trackingnumbers",
    check: (request) => checkJson(request, trackSchema),
    answer: ({ text }) => {
      const { trackingInfo } = trackSchema.parse(JSON.parse(text));
      const results = trackingInfo.map(({ trackingNumberInfo }) =>
        completeResult(parcels, trackingNumberInfo.trackingNumber),
      );
      return { body: { transactionId: randomUUID(), output: { completeTrackResults: results } } };
    },
  };
}

function completeResult(parcels: ParcelStore<Details>, trackingNumber: string): object {
  const parcel = parcels.find(trackingNumber);
  if (!parcel) {
    const message = "Tracking number cannot be found. Please correct the tracking number and try again.";
    const error = { code: "TRACKING.TRACKINGNUMBER.NOTFOUND", message };
    const trackingNumberInfo = { trackingNumber, trackingNumberUniqueId: "", carrierCode: "" };
    return { trackingNumber, trackResults: [{ trackingNumberInfo, error }] };
  }
  const former = parcel.details.former.map(({ shipDate, scans }, index) =>
    trackResult(trackingNumber, { scans, shipDate, id: index }),
  );
  const shipDate = parcel.scans[0]?.at ?? new Date();
  const own = trackResult(trackingNumber, { scans: parcels.history(trackingNumber), shipDate, id: 9 });
  return { trackingNumber, trackResults: [...former, own] };
}

function trackResult(
  trackingNumber: string,
  { scans, shipDate, id }: { scans: readonly HostScan[]; shipDate: Date; id: number },
): object {
  const [latest] = scans;
  return {
    trackingNumberInfo: {
      trackingNumber,
      carrierCode: "FDXE",
      trackingNumberUniqueId: `24604250${id}~${trackingNumber}~FX`,
    },
    latestStatusDetail: { code: latest?.code, derivedCode: latest?.code, statusByLocale: latest?.text },
    dateAndTimes: [{ type: "SHIP", dateTime: withOffset(shipDate) }],
    deliveryDetails: { receivedByName: "A.EX" },
    scanEvents: scans.map(scanEvent),
  };
}

function pushOf(
  parcels: ParcelStore<Details>,
  number: string,
  signed: "base64" | "hex" = "base64",
): WebhookDelivery {
  const body = Buffer.from(
    JSON.stringify({ output: { completeTrackResults: [completeResult(parcels, number)] } }),
  );
  const signature = createHmac("sha256", FEDEX_ACCOUNT.webhookSecret).update(body).digest(signed);
  return {
    method: "POST",
    path: "/webhooks/carriers/fedex",
    headers: { "content-type": "application/json", "fdx-signature": signature },
    body,
    received_at: new Date(),
  };
}
