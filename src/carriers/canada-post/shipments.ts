import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { CarrierCall, CarrierHost } from "../answers.ts";
import { type BoughtLabel, CarrierUncertain } from "../carrier.ts";
import { oneOrMore } from "../one-or-more.ts";
import { xmlText } from "../xml.ts";
import { pathOf, readDocument, SHIPMENT_TYPE } from "./canada-post-host.ts";
import type { CanadaPostSettings } from "./settings.ts";

const linkSchema = z.object({
  "@rel": z.string(),
  "@href": z.string(),
  "@media-type": z.string().default(""),
});

const infoSchema = z.object({
  "shipment-info": z.object({
    "shipment-id": z.string().min(1),
    "shipment-status": xmlText,
    "tracking-pin": z.string().min(1),
    // A date that can't be read is no reason to lose a parcel that is bought.
    "shipment-price": z
      .object({ "service-standard": z.object({ "expected-delivery-date": z.string() }) })
      .optional()
      .catch(undefined),
    links: z.object({ link: oneOrMore(linkSchema) }),
  }),
});

const shipmentsSchema = z.object({
  shipments: z.union([z.object({ link: oneOrMore(linkSchema) }), z.literal("")]),
});

export interface CanadaPostShipment {
  id: string;
  /** `created`: it can be voided. `transmitted`: only a refund can be asked for. */
  status: string;
  pin: string;
  estimated: string | undefined;
  link: (rel: string) => { path: string; type: string } | undefined;
}

/** Where the customer's shipments are. */
export function shipmentsPath({
  customerNumber,
  mailedOnBehalfOf = customerNumber,
}: CanadaPostSettings): string {
  return `rs/${customerNumber}/${mailedOnBehalfOf}/shipment`;
}

export async function createShipment(
  host: CarrierHost,
  settings: CanadaPostSettings,
  document: string,
): Promise<CanadaPostShipment> {
  const call = {
    operation: "create_label",
    method: "POST",
    path: shipmentsPath(settings),
    headers: { "content-type": SHIPMENT_TYPE, accept: SHIPMENT_TYPE },
    body: document,
    buys: true,
  } as const;
  return readShipment(await host.ask(call), call, settings);
}

/** By what it was asked for with, or by its number; undefined: there is none. */
export async function findShipment(
  host: CarrierHost,
  settings: CanadaPostSettings,
  by: { requestId: string } | { trackingPIN: string },
): Promise<CanadaPostShipment | undefined> {
  const path = `${shipmentsPath(settings)}?${new URLSearchParams({ ...by }).toString()}`;
  const headers = { accept: SHIPMENT_TYPE };
  const search = { operation: "find_label", method: "GET", path, headers } as const;
  const answer = await host.find(search);
  const list = answer && readDocument(answer, search, shipmentsSchema).shipments;
  const found = list ? list.link.find((link) => link["@rel"] === "shipment") : undefined;
  if (!found) return undefined;
  const call = { ...search, path: pathOf(found["@href"], settings) };
  return readShipment(await host.ask(call), call, settings);
}

function readShipment(
  answer: Awaited<ReturnType<CarrierHost["ask"]>>,
  call: CarrierCall,
  settings: CanadaPostSettings,
): CanadaPostShipment {
  const info = readDocument(answer, call, infoSchema)["shipment-info"];
  return {
    id: info["shipment-id"],
    status: info["shipment-status"],
    pin: info["tracking-pin"],
    estimated: info["shipment-price"]?.["service-standard"]["expected-delivery-date"],
    link: (rel) => {
      const found = info.links.link.find((link) => link["@rel"] === rel);
      return found && { path: pathOf(found["@href"], settings), type: found["@media-type"] };
    },
  };
}

/** So long, in milliseconds, until a label that is still being drawn is asked for again. */
const PAUSES_MS = [250, 500, 1000];

/** In a second call. The parcel is bought already: whatever goes wrong here, it has to be looked for again. */
export async function fetchLabel(
  host: CarrierHost,
  { labelFormat }: CanadaPostSettings,
  shipment: CanadaPostShipment,
  sequence_number: number,
): Promise<BoughtLabel> {
  const link = shipment.link("label");
  if (!link) throw new CarrierUncertain(`Canada Post sold ${shipment.pin} without a label`);
  const accept = link.type || (labelFormat === "pdf" ? "application/pdf" : "application/zpl");
  const call = { operation: "get_label", method: "GET", path: link.path, headers: { accept } } as const;
  for (const pause of [...PAUSES_MS, 0]) {
    const { status, body } = await host.ask(call).catch((error: unknown) => {
      throw new CarrierUncertain(`Canada Post sold ${shipment.pin}, but did not give its label`, {
        cause: error,
      });
    });
    const format = accept.includes("zpl") ? "zpl" : "pdf";
    if (status !== 202 && body.length > 0)
      return { sequence_number, tracking_number: shipment.pin, format, data: body };
    await delay(pause);
  }
  throw new CarrierUncertain(`Canada Post sold ${shipment.pin}, and is still drawing its label`);
}
