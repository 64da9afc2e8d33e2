import { defineStateMachine, type StatusOf } from "./state-machine.ts";

export const fulfillmentMachine = defineStateMachine({
  name: "fulfillment",
  initial: ["pending"],
  statuses: [
    "pending",
    "planning",
    "picking",
    "picked",
    "packing",
    "packed",
    "ready",
    "shipped",
    "completed",
    "cancelled",
    "backordered",
  ],
  actions: {
    plan: { from: ["pending", "backordered"], to: "planning" },
    backorder: { from: ["pending", "planning"], to: "backordered" },
    start_picking: { from: ["planning"], to: "picking" },
    complete_picking: { from: ["picking"], to: "picked" },
    start_packing: { from: ["picked"], to: "packing" },
    complete_packing: { from: ["packing"], to: "packed" },
    make_ready: { from: ["packed"], to: "ready" },
    // A parcel can be handed over before its label job reports: the carrier's scan is a fact.
    ship: { from: ["packed", "ready"], to: "shipped" },
    complete: { from: ["shipped"], to: "completed" },
    cancel: {
      from: ["pending", "planning", "picking", "picked", "packing", "packed", "ready", "backordered"],
      to: "cancelled",
    },
  },
});

export const pickingTaskMachine = defineStateMachine({
  name: "picking_task",
  initial: ["pending"],
  statuses: ["pending", "assigned", "in_progress", "completed", "cancelled"],
  actions: {
    assign: { from: ["pending"], to: "assigned" },
    start: { from: ["assigned"], to: "in_progress" },
    complete: { from: ["in_progress"], to: "completed" },
    cancel: { from: ["pending", "assigned", "in_progress"], to: "cancelled" },
  },
});

export const pickingTaskItemMachine = defineStateMachine({
  name: "picking_task_item",
  initial: ["pending"],
  statuses: ["pending", "picked", "short", "skipped"],
  actions: {
    pick: { from: ["pending", "short"], to: "picked" },
    shorten: { from: ["pending"], to: "short" },
    skip: { from: ["pending", "short"], to: "skipped" },
    // The customer doesn't want the units any more that were still missing: what was picked is all of it.
    cancel_rest: { from: ["short", "skipped"], to: "picked" },
  },
});

export const packingTaskMachine = defineStateMachine({
  name: "packing_task",
  initial: ["pending"],
  statuses: ["pending", "in_progress", "packed", "shipped", "cancelled"],
  actions: {
    start: { from: ["pending"], to: "in_progress" },
    pack: { from: ["in_progress"], to: "packed" },
    ship: { from: ["packed"], to: "shipped" },
    cancel: { from: ["pending", "in_progress", "packed"], to: "cancelled" },
  },
});

export const reservationMachine = defineStateMachine({
  name: "reservation",
  initial: ["pending"],
  statuses: ["pending", "fulfilled", "cancelled"],
  actions: {
    fulfil: { from: ["pending"], to: "fulfilled" },
    cancel: { from: ["pending"], to: "cancelled" },
  },
});

export const orderMachine = defineStateMachine({
  name: "order",
  initial: ["confirmed"],
  statuses: ["confirmed", "processing", "ready_for_shipment", "shipped", "delivered", "cancelled"],
  actions: {
    process: { from: ["confirmed"], to: "processing" },
    make_ready: { from: ["confirmed", "processing"], to: "ready_for_shipment" },
    ship: { from: ["confirmed", "processing", "ready_for_shipment"], to: "shipped" },
    deliver: { from: ["confirmed", "processing", "ready_for_shipment", "shipped"], to: "delivered" },
    cancel: { from: ["confirmed", "processing", "ready_for_shipment"], to: "cancelled" },
  },
});

export const shipmentMachine = defineStateMachine({
  name: "shipment",
  initial: ["ready"],
  statuses: [
    "ready",
    "shipped",
    "in_transit",
    "out_for_delivery",
    "delivered",
    "available_for_pickup",
    "exception",
    "returned",
    "lost",
    "cancelled",
  ],
  actions: {
    hand_over: { from: ["ready"], to: "shipped" },
    move: {
      from: ["ready", "shipped", "out_for_delivery", "available_for_pickup", "exception"],
      to: "in_transit",
    },
    go_out: {
      from: ["ready", "shipped", "in_transit", "available_for_pickup", "exception"],
      to: "out_for_delivery",
    },
    offer_pickup: {
      from: ["ready", "shipped", "in_transit", "out_for_delivery", "exception"],
      to: "available_for_pickup",
    },
    fail: {
      from: ["ready", "shipped", "in_transit", "out_for_delivery", "available_for_pickup"],
      to: "exception",
    },
    deliver: {
      from: ["ready", "shipped", "in_transit", "out_for_delivery", "available_for_pickup", "exception"],
      to: "delivered",
    },
    return: {
      from: ["ready", "shipped", "in_transit", "out_for_delivery", "available_for_pickup", "exception"],
      to: "returned",
    },
    lose: {
      from: ["shipped", "in_transit", "out_for_delivery", "available_for_pickup", "exception"],
      to: "lost",
    },
    // A stronger word that is learned later: the lost parcel turned up, the door it was delivered at was the sender's.
    find: { from: ["lost"], to: "delivered" },
    take_back: { from: ["delivered", "lost"], to: "returned" },
    cancel: { from: ["ready"], to: "cancelled" },
  },
});

export const labelMachine = defineStateMachine({
  name: "label",
  initial: ["none", "requested"],
  statuses: ["none", "requested", "created", "failed", "needs_review", "voided"],
  actions: {
    request: { from: ["none", "failed", "needs_review"], to: "requested" },
    create: { from: ["requested", "needs_review"], to: "created" },
    fail: { from: ["requested"], to: "failed" },
    // It may have been bought, and the carrier can't tell: somebody has to look, and says which it is.
    review: { from: ["requested"], to: "needs_review" },
    number: { from: ["needs_review"], to: "none" },
    void: { from: ["none", "requested", "failed", "needs_review", "created"], to: "voided" },
  },
});

/** One purchase of a shipment's labels, however often the carrier has to be called for it. */
export const labelAttemptMachine = defineStateMachine({
  name: "label_attempt",
  initial: ["open"],
  statuses: ["open", "calling", "bought", "refused", "in_doubt", "dismissed", "unwanted", "voided"],
  actions: {
    // Until there is an answer, it may have been bought.
    call: { from: ["open"], to: "calling" },
    excuse: { from: ["calling"], to: "open" },
    buy: { from: ["calling", "in_doubt"], to: "bought" },
    refuse: { from: ["calling"], to: "refused" },
    doubt: { from: ["calling"], to: "in_doubt" },
    dismiss: { from: ["in_doubt"], to: "dismissed" },
    // Also from an end: an answer that comes after all has to be given back.
    drop: { from: ["open", "calling", "bought", "refused", "in_doubt", "dismissed"], to: "unwanted" },
    give_back: { from: ["unwanted"], to: "voided" },
  },
});

/** Every lifecycle, with the column that holds it. */
export const MACHINES = [
  { machine: fulfillmentMachine, table: "fulfillments", column: "status" },
  { machine: pickingTaskMachine, table: "picking_tasks", column: "status" },
  { machine: pickingTaskItemMachine, table: "picking_task_items", column: "status" },
  { machine: packingTaskMachine, table: "packing_tasks", column: "status" },
  { machine: reservationMachine, table: "wms_reservations", column: "status" },
  { machine: orderMachine, table: "orders", column: "status" },
  { machine: shipmentMachine, table: "shipments", column: "status" },
  { machine: labelMachine, table: "shipments", column: "label_status" },
  { machine: labelAttemptMachine, table: "label_attempts", column: "status" },
] as const;

export type FulfillmentStatus = StatusOf<typeof fulfillmentMachine>;
export type PickingTaskStatus = StatusOf<typeof pickingTaskMachine>;
export type PickingTaskItemStatus = StatusOf<typeof pickingTaskItemMachine>;
export type PackingTaskStatus = StatusOf<typeof packingTaskMachine>;
export type OrderStatus = StatusOf<typeof orderMachine>;
export type ShipmentStatus = StatusOf<typeof shipmentMachine>;
export type LabelStatus = StatusOf<typeof labelMachine>;
export type LabelAttemptStatus = StatusOf<typeof labelAttemptMachine>;
