import type { Address } from "../../domain/address.ts";
import { readLabelBytes } from "../../domain/label-bytes.ts";
import { requireParts } from "../address-parts.ts";
import {
  type BoughtLabel,
  type Carrier,
  type CarrierCapabilities,
  CarrierRefusal,
  CarrierUncertain,
  type LabelPackage,
  type LabelPurchase,
  type LabelRequest,
} from "../carrier.ts";
import { formatOfLabel } from "../label-format.ts";
import { drawLabel } from "../own-label.ts";
import type { CarrierTools } from "../tools.ts";
import {
  createDeliveryClient,
  DELIVERY_SERVICE,
  type DeliveryAddress,
  type DeliveryClient,
  type DeliveryShipment,
} from "./client.ts";
import type { DeliveryServiceSettings } from "./settings.ts";

const CAPABILITIES: CarrierCapabilities = {
  labelFormats: ["pdf", "zpl", "png"],
  repeat: "never",
  voidsLabels: false,
  takesAnyAddress: true,
  tracking: "none",
  trackingBatchSize: 1,
  minPollSeconds: 0,
  rateLimit: null,
};

interface Desk {
  client: DeliveryClient;
  settings: DeliveryServiceSettings;
  tools: CarrierTools;
}

/** Shipments made by the delivery service, which knows the carriers itself; it makes one for each package. */
export function createDeliveryServiceCarrier(
  settings: DeliveryServiceSettings,
  tools: CarrierTools,
): Carrier {
  const desk = { client: createDeliveryClient(settings, tools), settings, tools };
  return {
    ...DELIVERY_SERVICE,
    capabilities: CAPABILITIES,
    createLabel: (request) => ship(desk, request),
  };
}

async function ship(desk: Desk, asked: LabelRequest): Promise<LabelPurchase> {
  const request = { ...asked, to: await addressOf(desk.client, asked) };
  requireParts(DELIVERY_SERVICE.name, { to: request.to }, ["street", "city", "country"]);
  const shipments: DeliveryShipment[] = [];
  const labels: BoughtLabel[] = [];
  for (const box of request.packages)
    try {
      const shipment = await desk.client.createShipment(shipmentOf(request, box, desk.settings));
      shipments.push(shipment);
      labels.push(await labelOf(desk, { request, box, shipment }));
    } catch (error) {
      throw shipments.length === 0 ? error : afterFirst(shipments, error);
    }
  const promised = shipments.map(dateOf).filter(Boolean).sort().at(-1);
  return { labels, ...(promised ? { estimated_delivery_date: promised } : {}) };
}

/** An order that came without an address may have one at the delivery service. */
async function addressOf(client: DeliveryClient, { to, order_number }: LabelRequest): Promise<Address> {
  if (to.street || to.city) return to;
  const found = await client.getDeliveryAddressByOrder(order_number);
  if (!found)
    throw new CarrierRefusal(`neither the order nor the delivery service has an address for ${order_number}`);
  return { ...to, ...found };
}

function shipmentOf(request: LabelRequest, box: LabelPackage, settings: DeliveryServiceSettings) {
  const { order_number, service, from, to, goods } = request;
  const { weight, length, width, height } = box;
  const description = goods.map(({ name, quantity }) => `${quantity} × ${name}`).join(", ");
  return {
    order_id: /^\d{1,15}$/.test(order_number) ? Number(order_number) : order_number,
    warehouse_id: settings.warehouseId,
    provider: service || settings.provider,
    from_address: partsOf(from),
    to_address: partsOf(to),
    package: { weight, length, width, height, description },
    user_id: settings.userId,
  };
}

function partsOf(address: Address): DeliveryAddress {
  const { street, street2, city, postal_code, country, contact_name, company, phone } = address;
  const line = [street, street2].filter(Boolean).join(", ");
  return { street: line, city, postal_code, country, contact_name: contact_name || company, phone };
}

/** Its own label where it has one, else ours with its number. */
async function labelOf(
  { client, settings, tools }: Desk,
  { request, box, shipment }: { request: LabelRequest; box: LabelPackage; shipment: DeliveryShipment },
): Promise<BoughtLabel> {
  const { tracking_number, label_url } = shipment;
  const carrier_name = shipment.provider || DELIVERY_SERVICE.name;
  if (!label_url)
    return drawLabel(tools, { carrier_name, format: settings.labelFormat, request, box, tracking_number });
  const data = await client.download(label_url);
  const format = formatOfLabel(data);
  if (!format) throw new Error(`the label of ${tracking_number} is no PDF, ZPL or PNG`);
  return {
    sequence_number: box.sequence_number,
    tracking_number,
    format,
    data: readLabelBytes(format, data),
  };
}

function afterFirst(shipments: readonly DeliveryShipment[], cause: unknown): CarrierUncertain {
  const numbers = shipments
    .map(({ id, tracking_number }) => `${id || "one"} (${tracking_number})`)
    .join(", ");
  return new CarrierUncertain(`the delivery service has made ${numbers}, and then: ${String(cause)}`, {
    cause,
  });
}

/** Go's time of nothing, in the year 1, is none. */
function dateOf({ estimated_delivery_date, estimated_delivery }: DeliveryShipment): string {
  return /^2\d{3}-\d{2}-\d{2}/.exec(estimated_delivery_date || estimated_delivery || "")?.[0] ?? "";
}
