import type { Database } from "../../db/database.ts";
import { type Call, once } from "../../db/idempotency.ts";
import { appendEvents } from "../../db/outbox.ts";
import { findReservation, listHoldRows, releaseReservations } from "../../db/reservations.ts";
import { lockListings, lockLotsById, wakeBackorders } from "../../db/stock.ts";
import type { Transaction } from "../../db/transaction.ts";
import { DomainError } from "../../domain/errors.ts";
import { reservationMachine } from "../../domain/machines.ts";
import { transition } from "../../domain/state-machine.ts";
import { stockEvents } from "../orders/promise-stock.ts";

/** Ends a hold. What is promised to an order's lines is not released this way, but by cancelling them. */
export async function releaseReservation(
  db: Database,
  call: Call,
  { reservation_id, reason }: { reservation_id: bigint; reason: string },
): Promise<null> {
  return once(db, call, async (trx) => {
    const listing_id = await assertHold(trx, reservation_id);
    await lockListings(trx, [listing_id]);
    const rows = await listHoldRows(trx, [reservation_id]);
    for (const row of rows) transition(reservationMachine, row.status, "cancel", reservation_id);
    await lockLotsById(
      trx,
      rows.map((row) => row.product_location_id),
    );
    const released = await releaseReservations(
      trx,
      rows.map((row) => ({ reservation_id: row.id, quantity: row.open_quantity })),
    );
    await wakeBackorders(trx, [listing_id]);
    await appendEvents(trx, stockEvents("inventory.released", released, { reason }));
    return null;
  });
}

async function assertHold(trx: Transaction, id: bigint): Promise<bigint> {
  const row = await findReservation(trx, id);
  if (!row) throw new DomainError("RESERVATION_NOT_FOUND", `no reservation ${id}`, { reservation_id: id });
  if (row.hold_id === null)
    throw new DomainError(
      "RESERVATION_IN_USE",
      `reservation ${id} is promised to order ${row.order_id}: cancel the order, or units of it, to release it`,
      { reservation_id: id, order_id: row.order_id },
    );
  return row.listing_id;
}
