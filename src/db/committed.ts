import { channel } from "node:diagnostics_channel";
import type { NewShipmentEvent } from "./shipment-events.ts";

/** Carries the shipment events of each transaction that was committed: a list, in the order in which they were written. */
export const COMMITTED_SHIPMENT_EVENTS = "warehouse:committed-shipment-events";

/** What a shipment event is about, as far as its writer knows. */
interface About {
  order_id: bigint;
  carrier_code: string;
  tracking_number: string | null;
}

export interface CommittedShipmentEvent extends NewShipmentEvent, Partial<About> {
  /** Of the call that caused it, if there was one. */
  request_id?: string;
}

const committed = channel(COMMITTED_SHIPMENT_EVENTS);
/** By transaction; what is rolled back is forgotten with it. */
const written = new WeakMap<object, CommittedShipmentEvent[]>();
const requestIds = new WeakMap<object, string>();

/** These are told to whoever counts, if and when the transaction is committed. */
export function noteShipmentEvents(trx: object, events: readonly CommittedShipmentEvent[]): void {
  if (committed.hasSubscribers) written.set(trx, [...(written.get(trx) ?? []), ...events]);
}

/** Under which request id this transaction does its work. */
export function noteRequestId(trx: object, request_id: string | undefined): void {
  if (request_id !== undefined && committed.hasSubscribers) requestIds.set(trx, request_id);
}

export function tellCommitted(trx: object): void {
  const events = written.get(trx);
  const request_id = requestIds.get(trx);
  if (events)
    committed.publish(request_id === undefined ? events : events.map((one) => ({ ...one, request_id })));
}
