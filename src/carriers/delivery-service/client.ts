import { z } from "zod";
import type { Address } from "../../domain/address.ts";
import type { OutsideAnswer, OutsideClient } from "../../outside/outside-client.ts";
import { type CarrierHost, type CarrierSaid, createCarrierHost, readJson } from "../answers.ts";
import { withHeaders } from "../fixed-headers.ts";
import { jsonPost, parsedJson } from "../json-body.ts";
import type { CarrierTools } from "../tools.ts";
import type { DeliveryServiceSettings } from "./settings.ts";

export const DELIVERY_SERVICE = { code: "delivery_service", name: "Delivery service" } as const;

const textOrNumber = z.union([z.string().trim(), z.number().transform(String)]);
const text = textOrNumber.nullish();

/** Go services like to put what they give into `data`. */
function opened(answer: unknown): unknown {
  return answer && typeof answer === "object" && "data" in answer ? answer.data : answer;
}

const addressSchema = z.preprocess(
  opened,
  z.object({
    street: text,
    city: text,
    postal_code: text,
    country: text,
    contact_name: text,
    phone: text,
    state: text,
    email: text,
  }),
);
const shipmentSchema = z.preprocess(
  opened,
  z.object({
    id: text,
    tracking_number: textOrNumber.pipe(z.string().min(1)),
    label_url: text,
    provider: text,
    status: text,
    estimated_delivery: text,
    estimated_delivery_date: text,
  }),
);
export type DeliveryShipment = z.output<typeof shipmentSchema>;

/** Weight kg, lengths cm. */
export interface CreateShipmentRequest {
  order_id: number | string;
  warehouse_id: number;
  provider: string;
  from_address: DeliveryAddress;
  to_address: DeliveryAddress;
  package: { weight: number; length: number; width: number; height: number; description: string };
  user_id: number;
}

export type DeliveryAddress = Pick<
  Address,
  "street" | "city" | "postal_code" | "country" | "contact_name" | "phone"
>;

export interface DeliveryClient {
  /** undefined: it has none for this order. */
  getDeliveryAddressByOrder(order_id: number | string): Promise<Partial<Address> | undefined>;
  createShipment(request: CreateShipmentRequest): Promise<DeliveryShipment>;
  /** The label that a shipment names, wherever it lies. */
  download(url: string): Promise<Buffer>;
}

export function createDeliveryClient(
  settings: DeliveryServiceSettings,
  { outside, now }: CarrierTools,
): DeliveryClient {
  const client = outside({ service: DELIVERY_SERVICE.code, baseUrl: settings.baseUrl });
  const hostOf = (through: OutsideClient): CarrierHost =>
    createCarrierHost({ client: through, name: DELIVERY_SERVICE.name, readError, now });
  const headers = settings.token ? { authorization: `Bearer ${settings.token}` } : {};
  const api = hostOf(withHeaders(client, { accept: "application/json", ...headers }));
  return {
    getDeliveryAddressByOrder: async (order_id) => {
      const path = `api/v1/delivery/addresses/order/${encodeURIComponent(order_id)}`;
      const call = { operation: "find_address", method: "GET", path } as const;
      const answer = await api.find(call);
      return (
        answer && knownParts(readJson(answer, { name: DELIVERY_SERVICE.name, call, shape: addressSchema }))
      );
    },
    createShipment: async (request) => {
      const call = { ...jsonPost("create_label", "api/v1/shipments", request), buys: true };
      return readJson(await api.ask(call), { name: DELIVERY_SERVICE.name, call, shape: shipmentSchema });
    },
    download: async (url) => {
      // Our token is for the service alone, not for whoever keeps its files.
      const host = URL.canParse(url) ? hostOf(client) : api;
      return (await host.ask({ operation: "download_label", method: "GET", path: url })).body;
    },
  };
}

function knownParts(address: z.output<typeof addressSchema>): Partial<Address> {
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value)) as Partial<Address>;
}

const said = z.object({
  message: z.string().optional(),
  code: z.union([z.string(), z.number()]).optional(),
});
const errorSchema = said.extend({ error: z.union([z.string(), said]).optional() });

function readError({ status, body }: OutsideAnswer): CarrierSaid | undefined {
  const read = errorSchema.safeParse(parsedJson(body));
  if (!read.success) return undefined;
  const { error, ...beside } = read.data;
  const { message, code } = typeof error === "object" ? error : { message: error, ...beside };
  return message === undefined ? undefined : { code: String(code ?? status), message };
}
