import { sql } from "kysely";
import type { Cluster } from "./cluster.ts";

/** What one wants to know of orders that do not move: where their parts stand, and which jobs wait for what. */
export async function describeStall({ db }: Cluster, order_ids: readonly bigint[]): Promise<string> {
  const parts = await sql<{ line: string }>`
    select format('order %s %s: fulfillment %s %s, picking %s, packing %s, shipment %s %s label %s', o.order_id, o.status,
      f.id, f.status, (select string_agg(status, ',') from picking_tasks where fulfillment_id = f.id),
      (select string_agg(status, ',') from packing_tasks where fulfillment_id = f.id), s.id, s.status, s.label_status) as line
    from orders o left join fulfillments f using (order_id) left join shipments s on s.fulfillment_id = f.id
    where o.order_id = any(${order_ids.slice(0, 10)}::bigint[]) order by o.order_id, f.id`.execute(db);
  const jobs = await sql<{ line: string }>`
    select format('job %s %s: due in %s, attempt %s, locked by %s, %s', id, task_identifier, run_at - now(), attempts,
      locked_by, last_error) as line
    from graphile_worker.jobs order by run_at limit 15`.execute(db);
  return [...parts.rows, ...jobs.rows].map(({ line }) => `  ${line.slice(0, 300)}`).join("\n");
}
