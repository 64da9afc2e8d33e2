import type { OperationsService } from "../../gen/wms/v1/operations_service_pb.js";
import type { WarehouseService } from "../../gen/wms/v1/warehouse_service_pb.js";
import type { Role } from "../domain/ownership.ts";

const EVERYBODY = ["worker", "service", "operator", "admin"] as const;
const NO_WORKER = ["service", "operator", "admin"] as const;
const STAFF = ["operator", "admin"] as const;

type ScopesOf<S extends { method: object }> = Record<keyof S["method"], readonly Role[]>;

/**
 * Which role may call which RPC, as the contract's "Callers" lines say. An RPC without a row is refused.
 * That a worker touches only what is its own is checked where the task is known.
 */
const WAREHOUSE = {
  createPickingTask: NO_WORKER,
  getPickingTask: EVERYBODY,
  getPickingTaskByOrderID: EVERYBODY,
  assignPickingTask: EVERYBODY,
  startPickingTask: EVERYBODY,
  getNextPickingItem: EVERYBODY,
  pickItem: EVERYBODY,
  skipPickingItem: EVERYBODY,
  completePickingTask: EVERYBODY,
  cancelPickingTask: NO_WORKER,
  listPickingTasks: EVERYBODY,
  claimNextPickingTask: EVERYBODY,
  createPackingTask: NO_WORKER,
  getPackingTask: EVERYBODY,
  getPackingTaskByOrderID: EVERYBODY,
  startPackingTask: EVERYBODY,
  packItem: EVERYBODY,
  setPackageDetails: EVERYBODY,
  addPackage: EVERYBODY,
  completePackingTask: EVERYBODY,
  cancelPackingTask: NO_WORKER,
  shipPackingTask: EVERYBODY,
  printLabel: EVERYBODY,
  listPackingTasks: EVERYBODY,
  placeInventory: EVERYBODY,
  moveInventory: EVERYBODY,
  reserveInventory: NO_WORKER,
  releaseReservation: NO_WORKER,
  getPickingLocations: EVERYBODY,
  removeInventory: STAFF,
  adjustInventory: STAFF,
  getStock: EVERYBODY,
  listMovements: NO_WORKER,
  upsertWarehouses: STAFF,
  upsertLocations: STAFF,
  upsertListings: NO_WORKER,
  confirmOrder: NO_WORKER,
  cancelOrder: NO_WORKER,
  getOrder: EVERYBODY,
  listOrders: NO_WORKER,
  getFulfillment: EVERYBODY,
  listFulfillments: NO_WORKER,
  createShipment: NO_WORKER,
  explainCarrierChoice: NO_WORKER,
  getShipment: EVERYBODY,
  listShipments: NO_WORKER,
  assignTracking: NO_WORKER,
  updateShipmentStatus: NO_WORKER,
  cancelShipment: NO_WORKER,
  retryLabel: NO_WORKER,
  listTrackingEvents: EVERYBODY,
  watchTasks: EVERYBODY,
  watchOrder: EVERYBODY,
} as const satisfies ScopesOf<typeof WarehouseService>;

const OPERATIONS = {
  listDeadLetters: STAFF,
  getDeadLetter: STAFF,
  redriveDeadLetters: STAFF,
  discardDeadLetter: STAFF,
  getStreamLag: NO_WORKER,
  listAlerts: NO_WORKER,
  verify: NO_WORKER,
  listApiCalls: STAFF,
} as const satisfies ScopesOf<typeof OperationsService>;

const SCOPES: Record<string, Record<string, readonly Role[]>> = {
  "wms.v1.WarehouseService": WAREHOUSE,
  "wms.v1.OperationsService": OPERATIONS,
};

/** Nobody, when the table has no row for it. */
export function rolesFor(service: string, localName: string): readonly Role[] {
  const scopes = SCOPES[service];
  return scopes && Object.hasOwn(scopes, localName) ? (scopes[localName] ?? []) : [];
}
