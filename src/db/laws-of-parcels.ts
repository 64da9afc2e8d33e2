import { sql } from "kysely";
import { trackedState } from "../domain/tracking.ts";
import type { ShipmentStatus } from "../domain/vocabulary.ts";
import type { Law } from "./law.ts";
import { listShipmentFacts } from "./tracking.ts";
import type { Transaction } from "./transaction.ts";

const BATCH = 5_000;

/** What is in parcels, carriers' facts, and labels. */
export const PARCEL_LAWS: readonly Law[] = [
  {
    number: 1,
    name: "parcels_hold_what_was_packed",
    description:
      "the shipments of a packed fulfillment hold no more of a line than was packed, and nothing less once it has left",
    checked: "select count(*) from shipment_items",
    violations: `
      with closed as (
        select f.id, f.status, task.id as task_id from fulfillments f
        join packing_tasks task on task.fulfillment_id = f.id and task.status in ('packed', 'shipped')
      ), packed as (
        select closed.id, item.order_item_id, item.quantity::bigint as units
        from closed join packing_task_items item on item.task_id = closed.task_id
      ), sent as (
        select closed.id, item.order_item_id, sum(item.quantity)::bigint as units
        from closed join shipments s on s.fulfillment_id = closed.id and s.status <> 'cancelled'
        join shipment_items item on item.shipment_id = s.id group by closed.id, item.order_item_id
      ), compared as (
        select id, order_item_id, coalesce(packed.units, 0) as packed, coalesce(sent.units, 0) as sent
        from packed full join sent using (id, order_item_id)
      )
      select format('fulfillment %s (%s): its shipments hold %s units of line %s, %s were packed', id, status, sent,
        order_item_id, packed) as violation
      from closed join compared using (id)
      where sent > packed or (sent < packed and status in ('shipped', 'completed'))`,
  },
  {
    number: 9,
    name: "tracking_decides",
    description:
      "a shipment's status is what all facts about it mean together, in whatever order and however often they came",
    judge: judgeTracking,
  },
  {
    number: 9,
    name: "delivered_by_carrier",
    description: "an order is delivered when carriers have delivered every shipment of it, and not before",
    checked: "select count(*) from orders",
    // What was taken for delivered may turn out to have gone back to its sender; the order stays delivered.
    violations: `
      select format('order %s is delivered, its shipment %s is %s', order_id, s.id, s.status) as violation
      from orders o join shipments s using (order_id)
      where o.status = 'delivered' and s.status not in ('delivered', 'cancelled')
        and not (s.status = 'returned' and exists (
          select from tracking_events t where t.shipment_id = s.id and t.status = 'delivered'))
      union all
      select format('order %s is delivered without any shipment', order_id) from orders o
      where o.status = 'delivered' and not exists (select from shipments s where s.order_id = o.order_id and s.status <> 'cancelled')
      union all
      select format('order %s is shipped, and every shipment of it was delivered', order_id) from orders o
      where o.status = 'shipped'
        and not exists (select from fulfillments f where f.order_id = o.order_id and f.status not in ('shipped', 'completed', 'cancelled'))
        and exists (select from shipments s where s.order_id = o.order_id and s.status = 'delivered')
        and not exists (select from shipments s where s.order_id = o.order_id and s.status not in ('delivered', 'cancelled'))
      union all
      select format('shipment %s is delivered, by no carrier''s word', s.id) from shipments s
      where s.status = 'delivered' and not exists (select from tracking_events t where t.shipment_id = s.id and t.status = 'delivered')`,
  },
  {
    number: 10,
    name: "one_label_per_package",
    description:
      "every package of a labelled shipment has its bytes, one per format, and they were bought once",
    checked: "select count(*) from packages where shipment_id is not null",
    violations: `
      select format('package %s of shipment %s has no label, which is said to be created', p.id, s.id) as violation
      from shipments s join packages p on p.shipment_id = s.id
      where s.label_status = 'created'
        and not exists (select from package_labels l where l.package_id = p.id
            and (octet_length(l.data) > 0 or l.store_key is not null))
      union all
      select format('package %s has %s labels as %s', package_id, count(*), format)
      from package_labels group by package_id, format having count(*) > 1
      union all
      select format('the label of shipment %s was bought %s times', shipment_id, count(*))
      from shipment_events where event_type = 'LABEL_CREATED' group by shipment_id having count(*) > 1`,
  },
  {
    number: 10,
    name: "labels_on_record",
    description:
      "a label that is there, or may be, is on record as one purchase, under the number that it bears",
    checked: "select count(*) from shipments where label_status <> 'none'",
    violations: `
      select format('the label of shipment %s is created, and no purchase of it is on record', id) as violation
      from shipments s where label_status = 'created'
        and not exists (select from label_attempts a where a.shipment_id = s.id and a.status in ('bought', 'unwanted', 'voided'))
      union all
      select format('shipment %s has label %s, which was not bought', s.id, p.tracking_number)
      from shipments s join packages p on p.shipment_id = s.id
      join label_attempts a on a.shipment_id = s.id and a.status = 'bought'
      where s.label_status = 'created' and not p.tracking_number = any(a.tracking_numbers)
      union all
      select format('the label of shipment %s is %s, its purchase is %s', s.id, s.label_status, a.status)
      from shipments s join label_attempts a on a.shipment_id = s.id
      where (s.label_status = 'needs_review' and a.status in ('open', 'calling', 'bought'))
        or (s.label_status in ('requested', 'failed', 'created', 'none') and a.status = 'in_doubt')
        or (s.label_status in ('requested', 'failed') and a.status = 'bought')
        or (s.label_status in ('failed', 'none') and a.status in ('open', 'calling'))
      union all
      select format('the label of shipment %s needs review, and no purchase of it is in doubt', id)
      from shipments s where label_status = 'needs_review'
        and not exists (select from label_attempts a where a.shipment_id = s.id and a.status = 'in_doubt')`,
  },
];

interface Judged {
  id: bigint;
  status: ShipmentStatus;
}

/** In batches by id, since the derivation is the domain's and not SQL. */
async function judgeTracking(trx: Transaction): Promise<{ checked: bigint; violations: string[] }> {
  const violations: string[] = [];
  let checked = 0n;
  for (let after = 0n; ; ) {
    const { rows } = await sql<Judged>`
      select id, status from shipments where id > ${after} order by id limit ${BATCH}`.execute(trx);
    const last = rows.at(-1);
    if (!last) return { checked, violations };
    violations.push(...(await judgeShipments(trx, rows)));
    checked += BigInt(rows.length);
    after = last.id;
  }
}

async function judgeShipments(trx: Transaction, shipments: readonly Judged[]): Promise<string[]> {
  const live = shipments.filter(({ status }) => status !== "cancelled");
  const stated = await listShipmentFacts(
    trx,
    live.map(({ id }) => id),
  );
  return live.flatMap(({ id, status }) => {
    const { package_ids = [], facts = [] } = stated.get(id) ?? {};
    const state = trackedState(package_ids, facts)?.status;
    const fits = state === undefined ? status === "ready" || status === "shipped" : status === state;
    return fits
      ? []
      : [`shipment ${id} is ${status}, what was stated about it means ${state ?? "nothing yet"}`];
  });
}
