import { clearAlert, raiseAlert } from "../db/alerts.ts";
import type { Database } from "../db/database.ts";

const REFUSED = "order_status_refused";
const UNASKED = "tracking_poll_failed";
const DAY_OPEN = "carrier_day_open";

/** The channel will not take an order's status however often it is told: somebody has to find out why. */
export function raiseRefused(db: Database, order_id: bigint, error: unknown): Promise<void> {
  return raiseAlert(db, {
    name: REFUSED,
    key: String(order_id),
    severity: "warning",
    summary: `the Listings service refused the status of order ${order_id} (${reasonOf(error)})`,
    labels: { order_id: String(order_id) },
    value: 1,
  });
}

export function clearRefused(db: Database, order_id: bigint): Promise<void> {
  return clearAlert(db, REFUSED, String(order_id));
}

/** Nothing is heard of this carrier's parcels, as long as this lasts. */
export function raiseUnasked(db: Database, carrier_code: string, error: unknown): Promise<void> {
  return raiseAlert(db, {
    name: UNASKED,
    key: carrier_code,
    severity: "warning",
    summary: `${carrier_code} could not be asked about its parcels (${reasonOf(error)})`,
    labels: { carrier_code },
    value: 1,
  });
}

export function clearUnasked(db: Database, carrier_code: string): Promise<void> {
  return clearAlert(db, UNASKED, carrier_code);
}

/** Nothing of today is fetched by this carrier, as long as this lasts. */
export function raiseDayOpen(db: Database, carrier_code: string, error: unknown): Promise<void> {
  return raiseAlert(db, {
    name: DAY_OPEN,
    key: carrier_code,
    severity: "critical",
    summary: `the day of ${carrier_code} could not be closed (${reasonOf(error)})`,
    labels: { carrier_code },
    value: 1,
  });
}

export function clearDayOpen(db: Database, carrier_code: string): Promise<void> {
  return clearAlert(db, DAY_OPEN, carrier_code);
}

function reasonOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
