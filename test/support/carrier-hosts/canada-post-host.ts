import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { canadaPostQuoteRoute } from "./canada-post-quote.ts";
import { canadaPostNumber, journey, occurrenceOf } from "./canada-post-scans.ts";
import { CANADA_POST_ACCOUNT, refundSchema, shipmentSchema } from "./canada-post-shapes.ts";
import { type HostRoute, type HostSpec, type RunningHost, startHost } from "./host.ts";
import { type HostAnswer, type HostRequest, issuesOf } from "./http-messages.ts";
import { hasBasic } from "./oauth.ts";
import { createParcelStore, type HostParcel, type ParcelStore } from "./parcel-store.ts";

interface Details {
  id: string;
  status: "created" | "transmitted";
  media: "application/pdf" | "application/zpl";
  /** So often the label is still being drawn. */
  drawing: number;
  refund: boolean;
  /** The buyer asked what it costs. */
  priced: boolean;
}

export interface CanadaPostHost extends RunningHost {
  readonly parcels: ParcelStore<Details>;
}

export async function startCanadaPostHost(): Promise<CanadaPostHost> {
  const parcels = createParcelStore<Details>();
  return { ...(await startHost(specOf(parcels))), parcels };
}

function specOf(parcels: ParcelStore<Details>): HostSpec {
  return {
    code: "canada_post",
    routes: [
      createRoute(parcels),
      searchRoute(parcels),
      shipmentRoute(parcels),
      labelRoute(parcels),
      voidRoute(parcels),
      refundRoute(parcels),
      trackRoute(parcels),
      canadaPostQuoteRoute(),
    ],
    authorize: (request) =>
      hasBasic(request, CANADA_POST_ACCOUNT.username, CANADA_POST_ACCOUNT.password)
        ? undefined
        : refuse({ status: 401, code: "E002", message: "AAA Authentication Failure" }),
    refuse,
  };
}

interface Problem {
  status: number;
  code?: string | undefined;
  message: string;
}

/** Whoever asks too often is told by the gateway in front, in the same words with a code of its own. */
function refuse({ status, code = "9999", message }: Problem): HostAnswer {
  const [said, why] = status === 429 ? ["Server", "Rejected by SLM Monitor"] : [code, message];
  const text = `<message><code>${said}</code><description>${why}</description></message>`;
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<messages xmlns="http://www.canadapost.ca/ws/messages">${text}</messages>`;
  return {
    status: status === 429 ? 500 : status,
    headers: { "content-type": "application/vnd.cpc.messages+xml" },
    body,
  };
}

const SHIPMENT = "application/vnd.cpc.shipment-v8+xml";
const TRACK = "application/vnd.cpc.track-v2+xml";

function checkTypes({ headers }: HostRequest, accept: string, content?: string): string[] {
  return [
    ...(headers["accept"] === accept ? [] : [`accept is "${headers["accept"]}", not ${accept}`]),
    ...(headers["accept-language"] === "en-CA" ? [] : ["accept-language is not en-CA"]),
    ...(content === undefined || headers["content-type"] === content
      ? []
      : [`content-type is not ${content}`]),
  ];
}

function checkCustomer({ params }: HostRequest): string[] {
  const wanted = CANADA_POST_ACCOUNT.customerNumber;
  return params["by"] === wanted && params["mobo"] === wanted ? [] : ["the customer is another"];
}

const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: "@", parseTagValue: false });

function createRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "create_label",
    method: "POST",
    path: "/rs/:by/:mobo/shipment",
    check: (request) => [
      ...checkTypes(request, SHIPMENT, SHIPMENT),
      ...checkCustomer(request),
      ...issuesOf(shipmentSchema, parser.parse(request.text)),
    ],
    answer: (request) => create(parcels, request, shipmentSchema.parse(parser.parse(request.text)).shipment),
  };
}

function create(
  parcels: ParcelStore<Details>,
  request: HostRequest,
  shipment: z.infer<typeof shipmentSchema>["shipment"],
): HostAnswer {
  const spec = shipment["delivery-spec"];
  if (spec.destination["address-details"]["postal-zip-code"] === "X0X0X0")
    return refuse({ status: 400, code: "9111", message: "The destination postal code does not exist." });
  if (Number(spec["parcel-characteristics"].weight) > 30)
    return refuse({ status: 400, code: "9165", message: "The weight is over the maximum." });
  const number = canadaPostNumber(parcels.all().length);
  const id = `5450215848${String(parcels.all().length).padStart(8, "0")}`;
  const encoding = spec["print-preferences"].encoding;
  const label = Buffer.from(
    encoding === "PDF" ? `%PDF-1.4\n${number}\u0000\n%%EOF` : `^XA^FD${number}^FS^XZ`,
  );
  const details: Details = {
    id,
    status: shipment["group-id"] === undefined ? "transmitted" : "created",
    media: encoding === "PDF" ? "application/pdf" : "application/zpl",
    drawing: spec["service-code"] === "DOM.XP" ? 2 : 0,
    refund: false,
    priced: shipment["provide-pricing-info"] !== undefined,
  };
  const parcel = parcels.add({
    number,
    reference: shipment["customer-request-id"],
    label,
    scans: journey(),
    details,
  });
  return { headers: { "content-type": SHIPMENT }, body: infoOf(parcel, request) };
}

const PRICE = `  <shipment-price>
    <service-code>DOM.EP</service-code>
    <due-amount>31.58</due-amount>
    <service-standard>
      <am-delivery>false</am-delivery>
      <expected-delivery-date>2026-01-20</expected-delivery-date>
    </service-standard>
  </shipment-price>
`;

/** Links name the host that the world knows, whatever host was asked. */
function infoOf({ number, reference, details }: HostParcel<Details>, { params }: HostRequest): string {
  const base = "https://ct.soa-gw.canadapost.ca";
  const own = `${base}/rs/${params["by"]}/${params["mobo"]}/shipment/${details.id}`;
  const label = `${base}/rs/artifact/6e93d53968881714/${details.id}/0?v=1&amp;p=2`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<shipment-info xmlns="http://www.canadapost.ca/ws/shipment-v8">
  <customer-request-id>${reference}</customer-request-id>
  <shipment-id>${details.id}</shipment-id>
  <shipment-status>${details.status}</shipment-status>
  <tracking-pin>${number}</tracking-pin>
${details.priced ? PRICE : ""}  <links>
    <link rel="self" href="${own}" media-type="${SHIPMENT}"/>
    <link rel="details" href="${own}/details" media-type="${SHIPMENT}"/>
    <link rel="refund" href="${own}/refund" media-type="${SHIPMENT}"/>
    <link rel="label" href="${label}" media-type="${details.media}" index="0"/>
  </links>
</shipment-info>`;
}

function searchRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "find_label",
    method: "GET",
    path: "/rs/:by/:mobo/shipment",
    check: (request) => [
      ...checkTypes(request, SHIPMENT),
      ...checkCustomer(request),
      ...([...request.query.keys()].length === 1 ? [] : ["it is not one search"]),
    ],
    answer: ({ query, params }) => {
      const found = parcels
        .all()
        .filter(({ state }) => state === "bought")
        .filter(
          ({ reference, number }) =>
            reference === query.get("requestId") || number === query.get("trackingPIN"),
        );
      const links = found.map(({ details }) => {
        const href = `https://ct.soa-gw.canadapost.ca/rs/${params["by"]}/${params["mobo"]}/shipment/${details.id}`;
        return `<link rel="shipment" href="${href}" media-type="${SHIPMENT}"/>`;
      });
      const body = `<shipments xmlns="http://www.canadapost.ca/ws/shipment-v8">${links.join("")}</shipments>`;
      return { headers: { "content-type": SHIPMENT }, body };
    },
  };
}

function byId(parcels: ParcelStore<Details>, { params }: HostRequest): HostParcel<Details> | undefined {
  return parcels.all().find(({ details, state }) => details.id === params["id"] && state === "bought");
}

const NOT_FOUND = { status: 404, code: "9110", message: "Shipment does not exist." };

function shipmentRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "get_shipment",
    method: "GET",
    path: "/rs/:by/:mobo/shipment/:id",
    check: (request) => [...checkTypes(request, SHIPMENT), ...checkCustomer(request)],
    answer: (request) => {
      const parcel = byId(parcels, request);
      if (!parcel) return refuse(NOT_FOUND);
      return { headers: { "content-type": SHIPMENT }, body: infoOf(parcel, request) };
    },
  };
}

function labelRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "get_label",
    method: "GET",
    path: "/rs/artifact/:key/:id/:page",
    check: (request) => [
      ...checkTypes(request, byId(parcels, request)?.details.media ?? "application/pdf"),
      ...(request.query.get("p") === "2" ? [] : ["the link was not followed as it is"]),
    ],
    answer: (request) => {
      const parcel = byId(parcels, request);
      if (!parcel) return refuse({ status: 404, code: "2500", message: "The artifact does not exist." });
      parcel.details.drawing -= 1;
      if (parcel.details.drawing >= 0) return { status: 202 };
      return { headers: { "content-type": parcel.details.media }, body: parcel.label };
    },
  };
}

function voidRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "void_label",
    method: "DELETE",
    path: "/rs/:by/:mobo/shipment/:id",
    check: (request) => [...checkTypes(request, SHIPMENT), ...checkCustomer(request)],
    answer: (request) => {
      const parcel = byId(parcels, request);
      if (!parcel) return refuse(NOT_FOUND);
      const late = "A Shipment can only be void if it is in a PROCESSED or PRINTED state.";
      if (parcel.details.status === "transmitted")
        return refuse({ status: 400, code: "8064", message: late });
      parcel.state = "voided";
      return { status: 204 };
    },
  };
}

function refundRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "refund_label",
    method: "POST",
    path: "/rs/:by/:mobo/shipment/:id/refund",
    check: (request) => [
      ...checkTypes(request, SHIPMENT, SHIPMENT),
      ...checkCustomer(request),
      ...issuesOf(refundSchema, parser.parse(request.text)),
    ],
    answer: (request) => {
      const parcel = byId(parcels, request);
      if (!parcel) return refuse(NOT_FOUND);
      const again = "A refund has already been requested for this shipment.";
      if (parcel.details.refund) return refuse({ status: 409, code: "7292", message: again });
      if (parcel.happened > 0)
        return refuse({ status: 400, code: "7290", message: "The label has been used." });
      parcel.details.refund = true;
      const ticket =
        "<service-ticket-date>2026-01-15</service-ticket-date><service-ticket-id>GT12345678RT</service-ticket-id>";
      return {
        headers: { "content-type": SHIPMENT },
        body: `<shipment-refund-request-info>${ticket}</shipment-refund-request-info>`,
      };
    },
  };
}

function trackRoute(parcels: ParcelStore<Details>): HostRoute {
  return {
    operation: "track",
    method: "GET",
    path: "/vis/track/pin/:pin/detail",
    check: (request) => [
      ...checkTypes(request, TRACK),
      ...(/^\w{12,16}$/.test(request.params["pin"] ?? "") ? [] : ["the PIN is none"]),
    ],
    answer: ({ params }) => {
      const pin = params["pin"] as string;
      if (!parcels.find(pin)?.happened)
        return refuse({ status: 404, code: "004", message: "No Pin History" });
      const events = parcels.history(pin).map(occurrenceOf).join("");
      const body = `<tracking-detail xmlns="http://www.canadapost.ca/ws/track-v2"><pin>${pin}</pin><active-exists>1</active-exists><archive-exists/><service-name>Expedited Parcels</service-name><service-name-2>Colis acc&#233;l&#233;r&#233;s</service-name-2><significant-events>${events}</significant-events></tracking-detail>`;
      return { headers: { "content-type": TRACK }, body };
    },
  };
}
