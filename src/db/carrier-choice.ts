import { sql } from "kysely";
import { type Address, readAddress } from "../domain/address.ts";
import { DomainError } from "../domain/errors.ts";
import type { Dimensions } from "../domain/parcel.ts";
import type { ParcelToSend } from "../domain/rule-conditions.ts";
import type { Database } from "./database.ts";

export interface Sending {
  order_id: bigint;
  warehouse_id: bigint | null;
  /** Its boxes that are in no shipment. null: nothing is packed. */
  packing_task_id: bigint | null;
}

type Origin = Omit<ParcelToSend, "service" | "boxes">;

/** Where goods of an order go, and where they come from. */
export async function findRoute(db: Database, { order_id, warehouse_id }: Sending): Promise<Origin> {
  const { rows } = await sql<Origin>`
    select upper(trim(coalesce(o.ship_to->>'country', ''))) as country, o.storefront_id::text as storefront_id,
      coalesce((select code from warehouses where id = ${warehouse_id}), '') as warehouse_code
    from orders o where o.order_id = ${order_id}`.execute(db);
  const [row] = rows;
  if (!row) throw new DomainError("ORDER_NOT_FOUND", `no order ${order_id}`, { order_id });
  return row;
}

/** Where a parcel is sent from and to, as it would stand on its label. */
export async function findEnds(
  db: Database,
  { order_id, warehouse_id }: Sending,
  ship_to: Record<string, string> | null,
): Promise<{ from: Address; to: Address }> {
  const { rows } = await sql<{ name: string | null; address: unknown; ship_to: Record<string, string> }>`
    select w.name, w.address, o.ship_to from orders o left join warehouses w on w.id = ${warehouse_id}
    where o.order_id = ${order_id}`.execute(db);
  const [row] = rows;
  if (!row) throw new DomainError("ORDER_NOT_FOUND", `no order ${order_id}`, { order_id });
  const from = readAddress(row.address);
  const to = readAddress({ ...row.ship_to, ...ship_to });
  return { from: { ...from, contact_name: from.contact_name || (row.name ?? "") }, to };
}

/** The boxes that a shipment of a packing task would take. */
export async function listFreeBoxes(db: Database, packing_task_id: bigint): Promise<Dimensions[]> {
  const { rows } = await sql<Dimensions>`
    select p.weight, p.length, p.width, p.height from packages p
    where p.packing_task_id = ${packing_task_id}
      and not exists (select from shipments s where s.id = p.shipment_id and s.status <> 'cancelled')
    order by p.sequence_number`.execute(db);
  return rows;
}

/** The boxes of a packing task, in a shipment or not. */
export async function listTaskBoxes(db: Database, packing_task_id: bigint): Promise<Dimensions[]> {
  const { rows } = await sql<Dimensions>`
    select weight, length, width, height from packages where packing_task_id = ${packing_task_id}
    order by sequence_number`.execute(db);
  return rows;
}

/** A fulfillment and whatever is packed of it. */
export async function findSending(db: Database, fulfillment_id: bigint): Promise<Sending> {
  const [row] = await selectSendings(db, sql`f.id = ${fulfillment_id}`);
  if (!row)
    throw new DomainError("FULFILLMENT_NOT_FOUND", `no fulfillment ${fulfillment_id}`, { fulfillment_id });
  return row;
}

/** Of an order's fulfillments, those that are not cancelled; oldest first. */
export async function listSendings(db: Database, order_id: bigint): Promise<(Sending & { id: bigint })[]> {
  return selectSendings(db, sql`f.order_id = ${order_id} and f.status <> 'cancelled'`);
}

async function selectSendings(db: Database, condition: ReturnType<typeof sql>) {
  const { rows } = await sql<Sending & { id: bigint }>`
    select f.id, f.order_id, f.warehouse_id,
      (select max(task.id) from packing_tasks task where task.fulfillment_id = f.id and task.status <> 'cancelled')
        as packing_task_id
    from fulfillments f where ${condition} order by f.id`.execute(db);
  return rows;
}
