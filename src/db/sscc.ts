import { sql } from "kysely";
import type { Transaction } from "./transaction.ts";

/**
 * Numbers the boxes of a locked shipment that have no SSCC yet, where its warehouse has a company prefix. When a short
 * prefix's numbers come round again, those that are still in use are left out, and the box has none.
 */
export async function assignSsccs(trx: Transaction, shipment_id: bigint): Promise<void> {
  await sql`
    with fresh as materialized (
      select p.id, sscc(w.gs1_company_prefix, nextval('sscc_serials'))
      from packages p
      join shipments s on s.id = p.shipment_id
      join warehouses w on w.id = s.warehouse_id
      where s.id = ${shipment_id} and p.sscc is null and w.gs1_company_prefix is not null
      order by p.sequence_number
    )
    update packages p set sscc = fresh.sscc, updated_at = now()
    from fresh
    where p.id = fresh.id and not exists (select from packages other where other.sscc = fresh.sscc)`.execute(
    trx,
  );
}
