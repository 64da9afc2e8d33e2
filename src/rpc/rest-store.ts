import { create } from "@bufbuild/protobuf";
import { z } from "zod";
import type { Address } from "../../gen/wms/v1/address_pb.js";
import {
  CreateShipmentRequestSchema,
  GetShipmentRequestSchema,
  type Shipment,
  ShipmentStatus,
} from "../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { invalidField } from "../domain/errors.ts";
import { idInput, idOutput } from "./rest-body.ts";
import type { RestError } from "./rest-errors.ts";
import { type RestRoute, restRoute } from "./rest-route.ts";

const rpc = WarehouseService.method;

const createSchema = z.strictObject({
  orderID: idInput,
  shippingAddress: z.string().default(""),
  shipmentStatus: z.literal("pending", 'must be "pending": a shipment begins with it').default("pending"),
  requestID: z.string().default(""),
});

/** Shipments as the store's pages know them: camelCase, an address in one line, an error in one sentence. */
export const STORE_ROUTES: readonly RestRoute[] = [
  restRoute({
    method: "POST",
    path: /^\/shipments$/,
    rpc: rpc.createShipment,
    success: 201,
    body: createSchema,
    request: ({ body }) =>
      create(CreateShipmentRequestSchema, {
        orderId: body.orderID,
        shipTo: addressOf(body.shippingAddress),
        requestId: body.requestID,
      }),
    answer: shipmentJson,
    refuse,
  }),
  restRoute({
    method: "GET",
    path: /^\/shipments\/(\d{1,18})$/,
    rpc: rpc.getShipment,
    success: 200,
    request: ({ id }) => create(GetShipmentRequestSchema, { key: { case: "shipmentId", value: id } }),
    answer: shipmentJson,
    refuse,
  }),
];

const PARTS = { 3: ["street", "city", "country"], 4: ["street", "city", "state", "country"] } as const;
/** `TN 38101`, `ON M5V 1J1`: what follows a state is the postal code. */
const REGION = /^([A-Z]{2,3}) +(.*\d.*)$/;
const LONG = ["street", "street2", "city", "state", "country"] as const;

/** `123 Main St, City, Country`, with a state or a second line in between. */
function addressOf(line: string): Record<string, string> {
  const given = line.split(",").map((part) => part.trim());
  const names = PARTS[given.length as keyof typeof PARTS] ?? LONG;
  if (given.length !== names.length || given.includes(""))
    throw invalidField(ADDRESS, 'must be such as "123 Main St, City, Country", of three to five parts');
  const { state = "", ...parts } = Object.fromEntries(names.map((name, index) => [name, given[index]]));
  const [, letters, postalCode] = REGION.exec(state) ?? [];
  return { ...parts, ...(letters && postalCode ? { state: letters, postalCode } : { state }) } as Record<
    string,
    string
  >;
}

const ADDRESS = "shippingAddress";

function refuse({ status, message, reason, fields }: RestError): object {
  if (reason === "SHIPMENT_NOT_FOUND" && status === 404) return { error: "Shipment not found" };
  const isAddress = fields.some((field) => field === ADDRESS || field.startsWith("ship_to"));
  return { error: isAddress ? "Invalid shipping address" : message };
}

function shipmentJson(shipment: Shipment): object {
  return {
    shipmentID: idOutput(shipment.id),
    orderID: idOutput(shipment.orderId),
    shippingAddress: lineOf(shipment.shipTo),
    shipmentStatus: wordOf(shipment.status),
  };
}

function lineOf(address: Address | undefined): string {
  if (!address) return "";
  const { street, street2, city, state, postalCode, country } = address;
  const region = [state, postalCode].filter(Boolean).join(" ");
  return [street, street2, city, region, country].filter(Boolean).join(", ");
}

/** `pending`, `shipped`, `out for delivery`. */
function wordOf(status: ShipmentStatus): string {
  if (status === ShipmentStatus.READY) return "pending";
  return (ShipmentStatus[status] ?? "").toLowerCase().replaceAll("_", " ");
}
