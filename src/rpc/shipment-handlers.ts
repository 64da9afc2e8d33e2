import type {
  CreateShipmentRequest,
  GetShipmentRequest,
  ListShipmentsRequest,
} from "../../gen/wms/v1/shipments_pb.js";
import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { packageExists, packageNotFound } from "../db/packages.ts";
import { shipmentView, shipmentViews } from "../db/shipment-views.ts";
import {
  findShipmentByNumber,
  findShipmentOrder,
  listShipmentIds,
  type ShipmentFilter,
} from "../db/shipments.ts";
import { listTrackingEvents } from "../db/tracking.ts";
import { type CarrierRules, DEFAULT_RULES } from "../domain/carrier-choice.ts";
import { DomainError, invalidField } from "../domain/errors.ts";
import type { WantedUnits } from "../domain/shipment-contents.ts";
import { assignTracking } from "../use-cases/shipping/assign-tracking.ts";
import { cancelShipment } from "../use-cases/shipping/cancel-shipment.ts";
import { type CreateShipment, createShipment } from "../use-cases/shipping/create-shipment.ts";
import { withPrices } from "../use-cases/shipping/price-choice.ts";
import { retryLabel } from "../use-cases/shipping/retry-label.ts";
import { updateShipmentStatus } from "../use-cases/shipping/update-shipment-status.ts";
import { parseAddress } from "./address-messages.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import { parseBox } from "./packing-handlers.ts";
import {
  nextPageToken,
  optionalId,
  optionalTimestamp,
  page,
  requiredId,
  requiredQuantity,
  requiredText,
  text,
} from "./parse.ts";
import {
  CHANNEL_SYNC_STATUSES,
  LABEL_STATUSES,
  SHIPMENT_STATUSES,
  shipmentMessage,
  trackingEventMessage,
} from "./shipment-messages.ts";
import { parseWord } from "./vocabulary-messages.ts";

type Service = HandlersOf<typeof WarehouseService>;
type Reads = "getShipment" | "listShipments" | "listTrackingEvents";
type Writes = "createShipment" | "assignTracking" | "updateShipmentStatus" | "cancelShipment" | "retryLabel";

const MAX_PACKAGES = 1_000;
const MAX_ITEMS = 10_000;
const rpc = WarehouseService.method;

export function shipmentHandlers(deps: Deps): Pick<Service, Reads | Writes> {
  return { ...shipmentReads(deps), ...shipmentWrites(deps) };
}

function shipmentReads({ db }: Deps): Pick<Service, Reads> {
  return {
    getShipment: async (request) => shipmentMessage(await shipmentView(db, await findAsked(db, request))),
    listShipments: async (request) => {
      const wanted = page(request);
      const shipments = await shipmentViews(db, await listShipmentIds(db, parseFilter(request), wanted));
      return { shipments: shipments.map(shipmentMessage), nextPageToken: nextPageToken(shipments, wanted) };
    },
    listTrackingEvents: async ({ subject, ...request }) => {
      const wanted = page(request);
      if (subject.case === undefined) throw invalidField("shipment_id", "or package_id must be given");
      const known =
        subject.case === "shipmentId" ? { shipment_id: subject.value } : { package_id: subject.value };
      if ("shipment_id" in known) await findShipmentOrder(db, requiredId("shipment_id", known.shipment_id));
      else if (!(await packageExists(db, requiredId("package_id", known.package_id))))
        throw packageNotFound(known.package_id, "any shipment");
      const events = await listTrackingEvents(db, known, wanted);
      return { events: events.map(trackingEventMessage), nextPageToken: nextPageToken(events, wanted) };
    },
  };
}

async function findAsked(db: Deps["db"], { key }: GetShipmentRequest): Promise<bigint> {
  if (key.case === "shipmentId") return requiredId("shipment_id", key.value);
  if (key.case === undefined) throw invalidField("shipment_id", "or tracking_number must be given");
  const tracking_number = requiredText("tracking_number", key.value, 64);
  const id = await findShipmentByNumber(db, tracking_number);
  if (id !== undefined) return id;
  throw new DomainError("SHIPMENT_NOT_FOUND", `no shipment travels under ${tracking_number}`, {
    tracking_number,
  });
}

function parseFilter(request: ListShipmentsRequest): ShipmentFilter {
  return {
    order_id: optionalId("order_id", request.orderId),
    fulfillment_id: optionalId("fulfillment_id", request.fulfillmentId),
    warehouse_id: optionalId("warehouse_id", request.warehouseId),
    carrier_code: carrierCode(request.carrierCode),
    statuses: request.statuses.map((value, index) =>
      parseWord(SHIPMENT_STATUSES, `statuses[${index}]`, value),
    ),
    label_statuses: request.labelStatuses.map((value, index) =>
      parseWord(LABEL_STATUSES, `label_statuses[${index}]`, value),
    ),
    channel_sync_statuses: request.channelSyncStatuses.map((value, index) =>
      parseWord(CHANNEL_SYNC_STATUSES, `channel_sync_statuses[${index}]`, value),
    ),
  };
}

function shipmentWrites({ db, carrierRules = DEFAULT_RULES, askPrices }: Deps): Pick<Service, Writes> {
  return {
    createShipment: async (request, caller) => {
      const call = callOf(rpc.createShipment, request, caller);
      const input = parseShipment(request);
      const create = (carrier_rules: CarrierRules) => createShipment(db, call, { ...input, carrier_rules });
      return shipmentMessage(await withPrices(carrierRules, askPrices, create));
    },
    assignTracking: async (request, caller) => {
      const input = {
        shipment_id: requiredId("shipment_id", request.shipmentId),
        carrier_code: requiredText("carrier_code", request.carrierCode, 64).toLowerCase(),
        tracking_number: requiredText("tracking_number", request.trackingNumber, 64),
      };
      return shipmentMessage(await assignTracking(db, callOf(rpc.assignTracking, request, caller), input));
    },
    updateShipmentStatus: async (request, caller) => {
      const input = {
        shipment_id: requiredId("shipment_id", request.shipmentId),
        status: parseWord(SHIPMENT_STATUSES, "status", request.status),
        occurred_at: optionalTimestamp("occurred_at", request.occurredAt) ?? null,
        note: text("note", request.note, 500),
      };
      return shipmentMessage(
        await updateShipmentStatus(db, callOf(rpc.updateShipmentStatus, request, caller), input),
      );
    },
    cancelShipment: async (request, caller) => {
      const input = {
        shipment_id: requiredId("shipment_id", request.shipmentId),
        reason: text("reason", request.reason, 500),
      };
      return shipmentMessage(await cancelShipment(db, callOf(rpc.cancelShipment, request, caller), input));
    },
    retryLabel: async (request, caller) => {
      const input = {
        shipment_id: requiredId("shipment_id", request.shipmentId),
        nothing_was_bought: request.nothingWasBought,
      };
      return shipmentMessage(await retryLabel(db, callOf(rpc.retryLabel, request, caller), input));
    },
  };
}

function parseShipment(request: CreateShipmentRequest): CreateShipment {
  if (request.packages.length > MAX_PACKAGES)
    throw invalidField("packages", `must be at most ${MAX_PACKAGES}`);
  if (request.items.length > MAX_ITEMS) throw invalidField("items", `must be at most ${MAX_ITEMS}`);
  const stated = request.packages.findIndex((box) => box.items.length > 0);
  if (stated >= 0)
    throw invalidField(`packages[${stated}].items`, "is known from packing: state `items` of the shipment");
  return {
    order_id: optionalId("order_id", request.orderId),
    fulfillment_id: optionalId("fulfillment_id", request.fulfillmentId),
    carrier_code: carrierCode(request.carrierCode),
    service: text("service", request.service, 128),
    packages: request.packages.map((box, index) => parseBox(`packages[${index}].`, box)),
    items: request.items.map(parseItem),
    ship_to: request.shipTo && parseAddress("ship_to", request.shipTo),
  };
}

function parseItem(item: CreateShipmentRequest["items"][number], index: number): WantedUnits {
  const order_item_id = optionalId(`items[${index}].order_item_id`, item.orderItemId);
  const listing_id = optionalId(`items[${index}].listing_id`, item.listingId);
  if (order_item_id === undefined && listing_id === undefined)
    throw invalidField(`items[${index}].order_item_id`, "or listing_id must be given");
  const quantity = requiredQuantity(`items[${index}].quantity`, item.quantity);
  return { field: `items[${index}]`, order_item_id, listing_id, quantity };
}

/** Carriers are named in lower case. */
function carrierCode(value: string | undefined): string | undefined {
  return text("carrier_code", value, 64).toLowerCase() || undefined;
}
