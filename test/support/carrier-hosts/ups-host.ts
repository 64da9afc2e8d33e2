import { z } from "zod";
import type { WebhookDelivery } from "../../../src/carriers/carrier.ts";
import { type HostRoute, type HostSpec, type RunningHost, startHost } from "./host.ts";
import { checkForm, checkJson, type HostAnswer, type HostRequest } from "./http-messages.ts";
import { createGivenTokens, type GivenTokens, hasBasic } from "./oauth.ts";
import { createParcelStore, type ParcelStore } from "./parcel-store.ts";
import { upsQuoteRoute } from "./ups-quote.ts";
import { activityOf, dateOf, journey, timeOf } from "./ups-scans.ts";
import { recoverySchema, shipSchema } from "./ups-shapes.ts";

/** Written from UPS's OpenAPI files of Shipping, Tracking and Track Alert. */
export const UPS_ACCOUNT = {
  clientId: "ups-client-id-0123456789",
  clientSecret: "ups-client-secret-abcdef",
  accountNumber: "X00X00",
  webhookSecret: "ups-track-alert-credential",
} as const;

interface Details {
  shipment: string;
  weight: object;
}

export interface UpsHost extends RunningHost {
  readonly parcels: ParcelStore<Details>;
  readonly tokens: GivenTokens;
  /** As before version 2403: a list of one is written as that one. */
  writeLists(always: boolean): void;
  /** The newest scan of a parcel, as Track Alert sends it. */
  push(number: string): WebhookDelivery;
}

interface State {
  parcels: ParcelStore<Details>;
  tokens: GivenTokens;
  lists: boolean;
}

export async function startUpsHost(): Promise<UpsHost> {
  const state: State = {
    parcels: createParcelStore<Details>(),
    tokens: createGivenTokens("ups"),
    lists: true,
  };
  const running = await startHost(specOf(state));
  return {
    ...running,
    parcels: state.parcels,
    tokens: state.tokens,
    writeLists: (always) => {
      state.lists = always;
    },
    push: (number) => pushOf(state, number),
  };
}

function specOf(state: State): HostSpec {
  return {
    code: "ups",
    routes: [
      tokenRoute(state),
      shipRoute(state),
      recoveryRoute(state),
      voidRoute(state),
      trackRoute(state),
      upsQuoteRoute(),
    ],
    authorize: (request) =>
      state.tokens.isGood(request)
        ? undefined
        : refuse({ status: 401, code: "251004", message: "Bearer Token expired (oauth)" }),
    refuse,
  };
}

const CODES: Readonly<Record<number, string>> = {
  400: "10001",
  401: "250002",
  404: "404",
  429: "10429",
  500: "10004",
  503: "VSS100",
};

interface Problem {
  status: number;
  code?: string | undefined;
  message: string;
}

function refuse({ status, code, message }: Problem): HostAnswer {
  return { status, body: { response: { errors: [{ code: code ?? CODES[status] ?? "10000", message }] } } };
}

function tokenRoute({ tokens }: State): HostRoute {
  return {
    operation: "fetch_token",
    method: "POST",
    path: "/security/v1/oauth/token",
    open: true,
    check: (request) => checkForm(request, z.strictObject({ grant_type: z.literal("client_credentials") })),
    answer: (request) => {
      if (!hasBasic(request, UPS_ACCOUNT.clientId, UPS_ACCOUNT.clientSecret))
        return refuse({ status: 401, code: "250003", message: "Invalid Access License number" });
      const issued_at = String(Date.now());
      const body = {
        token_type: "Bearer",
        issued_at,
        access_token: tokens.give(14_399),
        expires_in: "14399",
        status: "approved",
      };
      return { body };
    },
  };
}

/** What every call has to say of itself. */
function checkTransaction({ headers }: HostRequest): string[] {
  const { transid = "", transactionsrc = "" } = headers;
  return [
    ...(transid.length >= 1 && transid.length <= 32 ? [] : [`transId has ${transid.length} characters`]),
    ...(transactionsrc ? [] : ["there is no transactionSrc"]),
  ];
}

function shipRoute(state: State): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/api/shipments/v2409/ship",
    check: (request) => [...checkTransaction(request), ...checkJson(request, shipSchema)],
    answer: ({ text }) => ship(state, shipSchema.parse(JSON.parse(text)).ShipmentRequest.Shipment),
  };
}

function ship(
  { parcels, lists }: State,
  { Shipper, ShipTo, Package, ReferenceNumber }: z.infer<typeof shipSchema>["ShipmentRequest"]["Shipment"],
): HostAnswer {
  if (Shipper.ShipperNumber !== UPS_ACCOUNT.accountNumber)
    return refuse({ status: 400, code: "120100", message: "Missing or invalid shipper number" });
  if (ShipTo.Address.PostalCode === "00000")
    return refuse({ status: 400, code: "120802", message: "Address Validation Error on ShipTo address" });
  const first = parcels.all().length;
  const shipment = upsNumber(first);
  const results = Package.map((box, index) => {
    const number = upsNumber(first + index);
    const label = Buffer.from(`^XA^CI28^FDUPS ${number} ü^FS^XZ`);
    const reference = (box.ReferenceNumber ?? ReferenceNumber)?.Value ?? "";
    parcels.add({
      number,
      reference,
      label,
      scans: journey(),
      details: { shipment, weight: box.PackageWeight },
    });
    const ShippingLabel = { ImageFormat: { Code: "ZPL" }, GraphicImage: label.toString("base64") };
    return { TrackingNumber: number, ServiceOptionsCharges: { MonetaryValue: "0.00" }, ShippingLabel };
  });
  const PackageResults = lists || results.length > 1 ? results : results[0];
  const ShipmentResults = { ShipmentIdentificationNumber: shipment, PackageResults };
  const Response = { ResponseStatus: { Code: "1", Description: "Success" } };
  return { body: { ShipmentResponse: { Response, ShipmentResults } } };
}

/** 1Z, the account, and a check digit. */
export function upsNumber(count: number): string {
  const body = `${UPS_ACCOUNT.accountNumber}03${String(1_000_000 + count * 7).slice(0, 7)}`;
  const sum = Array.from(body).reduce((total, char, index) => {
    const value = /\d/.test(char) ? Number(char) : (char.charCodeAt(0) - 3) % 10;
    return total + value * (index % 2 === 0 ? 1 : 2);
  }, 0);
  return `1Z${body}${(10 - (sum % 10)) % 10}`;
}

export function pdfOf(number: string): Buffer {
  return Buffer.concat([
    Buffer.from(`%PDF-1.5\n${number}\n`),
    Buffer.from([0, 200, 255]),
    Buffer.from("%%EOF"),
  ]);
}

function recoveryRoute({ parcels, lists }: State): HostRoute {
  return {
    operation: "recover_label",
    method: "POST",
    path: "/api/labels/v1/recovery",
    check: (request) => [...checkTransaction(request), ...checkJson(request, recoverySchema)],
    answer: ({ text }) => {
      const { TrackingNumber } = recoverySchema.parse(JSON.parse(text)).LabelRecoveryRequest;
      const parcel = parcels.find(TrackingNumber);
      if (!parcel || parcel.state === "voided")
        return refuse({ status: 400, code: "300100", message: "Missing or invalid tracking number" });
      const GraphicImage = pdfOf(TrackingNumber).toString("base64");
      const result = { TrackingNumber, LabelImage: { LabelImageFormat: { Code: "PDF" }, GraphicImage } };
      return { body: { LabelRecoveryResponse: { LabelResults: lists ? [result] : result } } };
    },
  };
}

function voidRoute({ parcels }: State): HostRoute {
  return {
    operation: "void_label",
    method: "DELETE",
    path: "/api/shipments/v2409/void/cancel/:id",
    check: checkTransaction,
    answer: ({ params }) => {
      const shipment = parcels.all().filter(({ details }) => details.shipment === params["id"]);
      if (shipment.length === 0)
        return refuse({
          status: 400,
          code: "190100",
          message: "No shipment found within the allowed void period",
        });
      if (shipment.some(({ state }) => state === "voided"))
        return refuse({ status: 400, code: "190117", message: "The shipment has already been voided" });
      if (shipment.some(({ happened }) => happened > 2)) return voided("0", "Not voided");
      for (const parcel of shipment) parcel.state = "voided";
      return voided("1", "Voided");
    },
  };
}

function voided(Code: string, Description: string): HostAnswer {
  const Response = { ResponseStatus: { Code: "1", Description: "Success" } };
  return { body: { VoidShipmentResponse: { Response, SummaryResult: { Status: { Code, Description } } } } };
}

function trackRoute(state: State): HostRoute {
  return {
    operation: "track",
    method: "GET",
    path: "/api/track/v1/details/:number",
    check: checkTransaction,
    answer: ({ params }) => {
      const number = params["number"] as string;
      if (number.length < 7)
        return refuse({ status: 400, code: "TV1002", message: "Invalid inquiry number" });
      const parcel = state.parcels.find(number);
      if (!parcel || parcel.happened === 0) {
        const warnings = [{ code: "TW0001", message: "Tracking Information Not Found" }];
        return { body: { trackResponse: { shipment: [{ inquiryNumber: number, warnings }] } } };
      }
      const activity = state.parcels.history(number).map(activityOf);
      const one = {
        trackingNumber: number,
        deliveryInformation: { receivedBy: "EX" },
        activity,
        packageCount: 1,
      };
      const shipment = { inquiryNumber: number, package: state.lists ? [one] : one };
      return { body: { trackResponse: { shipment: state.lists ? [shipment] : shipment } } };
    },
  };
}

function pushOf({ parcels }: State, trackingNumber: string): WebhookDelivery {
  const { scans, happened } = parcels.find(trackingNumber) ?? { scans: [], happened: 0 };
  const scan = scans[happened - 1];
  if (!scan) throw new Error(`nothing has happened to ${trackingNumber}`);
  const [descriptionCode, type] = scan.code.split("/");
  const [city, stateProvince] = scan.place.split(", ");
  const local = new Date(scan.at.getTime() - 5 * 3_600_000);
  const body = {
    trackingNumber,
    localActivityDate: dateOf(local),
    localActivityTime: timeOf(local),
    activityLocation: { city, stateProvince, postalCode: "", country: "US" },
    activityStatus: { type, code: "XX", description: scan.text, descriptionCode },
    scheduledDeliveryDate: "20260117",
    actualDeliveryDate: type === "D" ? dateOf(local) : "",
    gmtActivityDate: dateOf(scan.at),
    gmtActivityTime: timeOf(scan.at),
    gmtOffset: "-05.00",
  };
  return {
    method: "POST",
    path: "/webhooks/carriers/ups",
    headers: {
      "content-type": "application/json",
      "user-agent": "UPSPubSubTrackingService",
      "x-api-key": UPS_ACCOUNT.clientId,
      credential: UPS_ACCOUNT.webhookSecret,
    },
    body: Buffer.from(JSON.stringify(body)),
    received_at: new Date(),
  };
}
