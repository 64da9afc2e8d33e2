import { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import { findUnknownListing, findUnknownWarehouse } from "../db/catalogue.ts";
import {
  type LotView,
  listLotViews,
  listMovementViews,
  listPickableLots,
  type PickableLot,
  sumBackordered,
} from "../db/inventory-views.ts";
import { removalOrder } from "../domain/allocation.ts";
import { DomainError, invalidField } from "../domain/errors.ts";
import type { RemovalStrategy } from "../domain/vocabulary.ts";
import { type Adjustment, adjustInventory } from "../use-cases/inventory/adjust-inventory.ts";
import { moveInventory } from "../use-cases/inventory/move-inventory.ts";
import { placeInventory } from "../use-cases/inventory/place-inventory.ts";
import { releaseReservation } from "../use-cases/inventory/release-reservation.ts";
import { removeInventory } from "../use-cases/inventory/remove-inventory.ts";
import { reserveInventory } from "../use-cases/inventory/reserve-inventory.ts";
import type { Deps } from "./deps.ts";
import { callOf, type HandlersOf } from "./handler.ts";
import {
  lotMessage,
  movementMessage,
  pickingLocationMessage,
  reservationMessage,
} from "./inventory-messages.ts";
import {
  nextPageToken,
  optionalDate,
  optionalId,
  optionalTimestamp,
  page,
  requiredId,
  requiredQuantity,
  requiredText,
  text,
} from "./parse.ts";

type Topic =
  | "placeInventory"
  | "moveInventory"
  | "reserveInventory"
  | "releaseReservation"
  | "getPickingLocations"
  | "removeInventory"
  | "adjustInventory"
  | "getStock"
  | "listMovements";

const rpc = WarehouseService.method;

export function inventoryHandlers({ db }: Deps): Pick<HandlersOf<typeof WarehouseService>, Topic> {
  return { ...stockWrites(db), ...holds(db), ...stockReads(db) };
}

function stockWrites(
  db: Deps["db"],
): Pick<
  HandlersOf<typeof WarehouseService>,
  "placeInventory" | "moveInventory" | "removeInventory" | "adjustInventory"
> {
  return {
    placeInventory: async (request, caller) =>
      lotMessage(
        await placeInventory(db, callOf(rpc.placeInventory, request, caller), {
          listing_id: requiredId("listing_id", request.listingId),
          warehouse_id: requiredId("warehouse_id", request.warehouseId),
          location_id: requiredId("location_id", request.locationId),
          quantity: requiredQuantity("quantity", request.quantity),
          received_at: optionalTimestamp("received_at", request.receivedAt) ?? null,
          lot_code: text("lot_code", request.lotCode, 100) || null,
          expires_on: optionalDate("expires_on", request.expiresOn) ?? null,
        }),
      ),
    moveInventory: async (request, caller) =>
      lotMessage(
        await moveInventory(db, callOf(rpc.moveInventory, request, caller), {
          product_location_id: requiredId("product_location_id", request.productLocationId),
          to_location_id: requiredId("to_location_id", request.toLocationId),
          quantity: requiredQuantity("quantity", request.quantity),
        }),
      ),
    removeInventory: async (request, caller) =>
      lotMessage(
        await removeInventory(db, callOf(rpc.removeInventory, request, caller), {
          product_location_id: requiredId("product_location_id", request.productLocationId),
          quantity: requiredQuantity("quantity", request.quantity),
          reason: text("reason", request.reason, 500),
        }),
      ),
    adjustInventory: async (request, caller) =>
      lotMessage(
        await adjustInventory(db, callOf(rpc.adjustInventory, request, caller), {
          product_location_id: requiredId("product_location_id", request.productLocationId),
          adjustment: adjustmentOf(request.adjustment),
          reason: requiredText("reason", request.reason, 500),
        }),
      ),
  };
}

function adjustmentOf(given: { case?: string | undefined; value?: number | undefined }): Adjustment {
  if (given.case === undefined || given.value === undefined)
    throw invalidField("adjustment", "needs counted_quantity or delta");
  if (given.case === "delta") return { delta: given.value };
  if (given.value < 0) throw invalidField("counted_quantity", `must be 0 or more, not ${given.value}`);
  return { counted_quantity: given.value };
}

function holds(
  db: Deps["db"],
): Pick<HandlersOf<typeof WarehouseService>, "reserveInventory" | "releaseReservation"> {
  return {
    reserveInventory: async (request, caller) => {
      const hold = await reserveInventory(db, callOf(rpc.reserveInventory, request, caller), {
        listing_id: requiredId("listing_id", request.listingId),
        warehouse_id: requiredId("warehouse_id", request.warehouseId),
        quantity: requiredQuantity("quantity", request.quantity),
        order_id: requiredId("order_id", request.orderId),
        expires_at: optionalTimestamp("expires_at", request.expiresAt) ?? null,
      });
      return reservationMessage(hold);
    },
    releaseReservation: async (request, caller) => {
      await releaseReservation(db, callOf(rpc.releaseReservation, request, caller), {
        reservation_id: requiredId("reservation_id", request.reservationId),
        reason: text("reason", request.reason, 500),
      });
      return {};
    },
  };
}

function stockReads(
  db: Deps["db"],
): Pick<HandlersOf<typeof WarehouseService>, "getPickingLocations" | "getStock" | "listMovements"> {
  return {
    getPickingLocations: async (request) => {
      const listing_id = requiredId("listing_id", request.listingId);
      const warehouse_id = requiredId("warehouse_id", request.warehouseId);
      const wanted =
        request.quantity === undefined ? undefined : requiredQuantity("quantity", request.quantity);
      const lots = await listPickableLots(db, listing_id, warehouse_id);
      if (lots.length === 0) await assertKnown(db, listing_id, warehouse_id);
      return suggestLots(inRemovalOrder(lots), wanted);
    },
    getStock: async (request) => {
      const listing_id = requiredId("listing_id", request.listingId);
      const warehouse_id = optionalId("warehouse_id", request.warehouseId);
      const lots = await listLotViews(db, listing_id, warehouse_id);
      if (lots.length === 0) await assertKnown(db, listing_id, warehouse_id);
      const sum = (key: "quantity" | "reserved_quantity") =>
        lots.reduce((total, lot) => total + BigInt(lot[key]), 0n);
      const forSale = lots.reduce(
        (total, lot) => total + BigInt(lot.promisable ? lot.available_quantity : 0),
        0n,
      );
      return {
        listingId: listing_id,
        warehouseId: warehouse_id ?? 0n,
        quantity: sum("quantity"),
        reservedQuantity: sum("reserved_quantity"),
        availableQuantity: forSale,
        backorderedQuantity: await sumBackordered(db, listing_id, warehouse_id),
        lots: inRemovalOrder(lots).map(lotMessage),
      };
    },
    listMovements: async (request) => {
      const wanted = page(request);
      const filter = {
        listing_id: optionalId("listing_id", request.listingId),
        warehouse_id: optionalId("warehouse_id", request.warehouseId),
        product_location_id: optionalId("product_location_id", request.productLocationId),
        order_id: optionalId("order_id", request.orderId),
      };
      const rows = await listMovementViews(db, filter, wanted);
      return { movements: rows.map(movementMessage), nextPageToken: nextPageToken(rows, wanted) };
    },
  };
}

/** Where nothing is, it may be that nothing can be. */
async function assertKnown(
  db: Deps["db"],
  listing_id: bigint,
  warehouse_id: bigint | undefined,
): Promise<void> {
  if ((await findUnknownListing(db, [listing_id])) !== undefined)
    throw new DomainError("LISTING_NOT_FOUND", `no listing ${listing_id} in the catalogue`, { listing_id });
  if (warehouse_id !== undefined && (await findUnknownWarehouse(db, [warehouse_id])) !== undefined)
    throw new DomainError("WAREHOUSE_NOT_FOUND", `no warehouse ${warehouse_id}`, { warehouse_id });
}

/** One listing's lots, in the order in which they leave: the one by which orders are served. */
function inRemovalOrder<Lot extends LotView & { removal_strategy: RemovalStrategy }>(lots: Lot[]): Lot[] {
  const order = removalOrder(lots[0]?.removal_strategy ?? "fifo");
  return lots.map((lot) => ({ ...lot, available: lot.available_quantity })).sort(order);
}

/** The share of the wanted units that each lot would give, the first ones first. */
function suggestLots(lots: PickableLot[], wanted: number | undefined) {
  let missing = wanted ?? Number.POSITIVE_INFINITY;
  const locations = lots.flatMap((lot) => {
    const share = Math.min(lot.available_quantity, missing);
    missing -= share;
    return share > 0 ? [pickingLocationMessage(lot, share)] : [];
  });
  const coveredQuantity = locations.reduce((sum, location) => sum + (location.suggestedQuantity ?? 0), 0);
  return { locations, requestedQuantity: wanted ?? 0, coveredQuantity };
}
