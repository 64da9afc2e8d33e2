import { PoolBusyError } from "../db/connection-queue.ts";
import { isOutOfReach, sqlState } from "../db/out-of-reach.ts";
import { OutcomeUnknownError } from "../db/transaction.ts";
import { DomainError, type Reason } from "../domain/errors.ts";

/** Unique keys whose violation means something to the caller. The use cases look first; these lost a race. */
const TAKEN: Record<string, [Reason, string]> = {
  shipments_live_tracking_key: [
    "TRACKING_NUMBER_TAKEN",
    "another live shipment of this carrier has this tracking number already",
  ],
  picking_tasks_one_live_key: ["PICKING_TASK_EXISTS", "the fulfillment has a live picking task already"],
  packing_tasks_one_live_key: ["PACKING_TASK_EXISTS", "the picking task has a live packing task already"],
  fulfillments_one_backorder_key: [
    "CONCURRENT_UPDATE",
    "the order was backordered by another call meanwhile",
  ],
  warehouses_code_key: ["ALREADY_EXISTS", "another warehouse has this code already"],
  locations_warehouse_id_code_key: [
    "ALREADY_EXISTS",
    "another location of the warehouse has this code already",
  ],
  locations_warehouse_id_barcode_key: [
    "ALREADY_EXISTS",
    "another location of the warehouse has this barcode already",
  ],
};

const TRANSITION_CHECK = /_transition_check$/;
const TRANSITION_TEXT = /^(.+) cannot go from (\w+) to (\w+)$/;

/** Nothing was committed, and the same call may succeed now. */
const RACE_LOST = new Set(["40001", "40P01", "55P03"]);

/** A value that passed the edge's checks and still doesn't fit a column. */
const UNSTORABLE: Record<string, string> = {
  "22003": "a number, or a sum that it leads to, is larger than can be stored",
  "22008": "a time is outside of what can be stored",
  "22021": "a text holds a character that can't be stored",
  "22P05": "a text holds a character that can't be stored",
};

/** What a database error means to the caller; undefined when it means nothing but a fault of ours. */
export function fromDatabaseError(error: unknown): DomainError | undefined {
  const unserved = fromUnservedError(error);
  if (unserved) return unserved;
  const state = sqlState(error);
  const { constraint = "" } = (error ?? {}) as { constraint?: string };
  if (TRANSITION_CHECK.test(constraint)) return illegalTransition(error);
  const taken = state === "23505" ? TAKEN[constraint] : undefined;
  if (taken) return new DomainError(taken[0], taken[1]);
  if (RACE_LOST.has(state))
    return new DomainError(
      "CONCURRENT_UPDATE",
      "another call changed the same rows at the same time: try again",
    );
  const unstorable = UNSTORABLE[state];
  return unstorable === undefined ? undefined : new DomainError("INVALID_FIELD", unstorable);
}

/** The call itself may be fine: it was the database, or the way to it. */
function fromUnservedError(error: unknown): DomainError | undefined {
  if (error instanceof PoolBusyError)
    return new DomainError("OVERLOADED", "every connection to the database is busy: try again shortly");
  if (error instanceof OutcomeUnknownError)
    return new DomainError(
      "DEPENDENCY_UNAVAILABLE",
      "the database was lost before it could say whether this was done: repeat it with the same request_id",
    );
  if (isOutOfReach(error))
    return new DomainError(
      "DEPENDENCY_UNAVAILABLE",
      "the database can't be reached or is too slow: try again shortly",
    );
  return undefined;
}

/** The trigger's own words name the machine and both statuses. */
function illegalTransition(error: unknown): DomainError {
  const text = error instanceof Error ? error.message : "";
  const [, machine = "status", from = "unknown", to = "unknown"] = TRANSITION_TEXT.exec(text) ?? [];
  return new DomainError(
    "ILLEGAL_TRANSITION",
    `${machine.replaceAll("_", " ")} is ${from} by now and cannot become ${to}`,
    { resource: machine, from, to },
  );
}
