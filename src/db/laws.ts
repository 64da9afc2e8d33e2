/**
 * The laws of the house as queries: each lists what breaks it, one row a violation, and counts what it looked at.
 * They read one snapshot, so they can run beside the busiest day.
 */
export interface Law {
  number: number;
  name: string;
  description: string;
  /** Rows checked, as `count`. */
  checked: string;
  /** Violations, as `violation` text. */
  violations: string;
}

export const LAWS: readonly Law[] = [
  {
    number: 1,
    name: "conservation",
    description: "each product location's quantity is the sum of its movements",
    checked: "select count(*) from product_locations",
    violations: `
      with flows as (
        select id, sum(units) as units from (
          select to_product_location_id as id, quantity::bigint as units from inventory_movements where to_place = 'shelf'
          union all
          select from_product_location_id, -quantity::bigint from inventory_movements where from_place = 'shelf') flow
        group by id)
      select format('product location %s has %s units, its movements say %s', lot.id, lot.quantity, coalesce(units, 0)) as violation
      from product_locations lot left join flows using (id) where lot.quantity <> coalesce(units, 0)`,
  },
  {
    number: 1,
    name: "conservation in packing",
    description: "what an order has in packing is what was picked for it and neither shipped nor put back",
    checked: "select count(distinct order_id) from order_items",
    violations: `
      with packing as (
        select order_id, listing_id, sum(case when to_place = 'packing' then quantity else -quantity end)::bigint as units
        from inventory_movements where 'packing' in (from_place, to_place) group by order_id, listing_id),
      lines as (
        select order_id, listing_id, sum(picked_quantity - shipped_quantity)::bigint as units
        from order_items group by order_id, listing_id)
      select format('order %s, listing %s: %s units in packing, its lines say %s', order_id, listing_id,
        coalesce(packing.units, 0), coalesce(lines.units, 0)) as violation
      from packing full join lines using (order_id, listing_id) where coalesce(packing.units, 0) <> coalesce(lines.units, 0)`,
  },
  {
    number: 2,
    name: "reserved is what reservations hold",
    description: "0 ≤ reserved ≤ quantity, and reserved is the sum of the open units of pending reservations",
    checked: "select count(*) from product_locations",
    violations: `
      with held as (
        select product_location_id as id, sum(open_quantity)::bigint as units from wms_reservations
        where status = 'pending' group by product_location_id)
      select format('product location %s has %s of %s units reserved, reservations hold %s', lot.id,
        lot.reserved_quantity, lot.quantity, coalesce(units, 0)) as violation
      from product_locations lot left join held using (id)
      where lot.reserved_quantity <> coalesce(units, 0) or lot.reserved_quantity not between 0 and lot.quantity`,
  },
  {
    number: 3,
    name: "reservations belong to live order lines",
    description: "a cancelled, expired or wholly shipped order holds nothing",
    checked: "select count(*) from wms_reservations where status = 'pending'",
    violations: `
      select format('reservation %s holds %s units for order %s, which is %s', r.id, r.open_quantity, r.order_id, o.status) as violation
      from wms_reservations r join orders o using (order_id)
      where r.status = 'pending' and o.status in ('cancelled', 'shipped', 'delivered')
      union all
      select format('reservation %s expired at %s and still holds %s units', id, expires_at, open_quantity)
      from wms_reservations where status = 'pending' and expires_at < now() - interval '5 minutes'`,
  },
  {
    number: 3,
    name: "promises add up",
    description: "what a line has been promised is what reservations hold for it, and what was picked",
    checked: "select count(*) from order_items",
    violations: `
      with held as (
        select order_item_id as id, sum(open_quantity)::bigint as units from wms_reservations
        where status = 'pending' and order_item_id is not null group by order_item_id)
      select format('order %s line %s: %s units promised, but %s held and %s picked', order_id, line_number,
        allocated_quantity, coalesce(units, 0), picked_quantity) as violation
      from order_items line left join held using (id)
      where line.allocated_quantity <> coalesce(units, 0) + line.picked_quantity`,
  },
  {
    number: 4,
    name: "first in, first out",
    description:
      "no unit is held on a lot while one that should leave before it had units to spare (FEFO, LIFO: by their key)",
    checked: "select count(*) from wms_reservations where status = 'pending'",
    violations: `
      select distinct on (r.id) format('reservation %s is on lot %s, while lot %s had %s units to spare', r.id, lot.id,
        better.id, better.available_quantity) as violation
      from wms_reservations r
      join product_locations lot on lot.id = r.product_location_id
      join listings on listings.listing_id = lot.listing_id
      join product_locations better on better.listing_id = lot.listing_id and better.warehouse_id = lot.warehouse_id
        and better.allocatable and better.available_quantity > 0 and better.id <> lot.id
        and (better.expires_on is null or better.expires_on >= current_date)
        -- unchanged since before the promise was made, so it had them then
        and better.updated_at < r.created_at and better.created_at < r.created_at
      where r.status = 'pending' and case removal_strategy
        when 'fifo' then (better.received_at, better.id) < (lot.received_at, lot.id)
        when 'lifo' then (better.received_at, better.id) > (lot.received_at, lot.id)
        else (coalesce(better.expires_on, 'infinity'), better.received_at, better.id)
           < (coalesce(lot.expires_on, 'infinity'), lot.received_at, lot.id) end`,
  },
  {
    number: 5,
    name: "one effect per event",
    description: "no line is sent to pickers for more than its units",
    checked: "select count(*) from order_items",
    violations: `
      with asked as (
        select item.order_item_id as id, sum(item.quantity_picked + coalesce(r.open_quantity, 0))::bigint as units
        from picking_task_items item
        join picking_tasks task on task.id = item.task_id and task.status <> 'cancelled'
        join fulfillments f on f.id = task.fulfillment_id and f.status <> 'cancelled'
        left join wms_reservations r on r.id = item.reservation_id and r.status = 'pending'
        group by item.order_item_id)
      select format('order %s line %s: pickers have %s units to bring or brought, the line has %s', order_id, line_number,
        units, quantity - cancelled_quantity) as violation
      from order_items line join asked using (id) where units > quantity - cancelled_quantity`,
  },
  {
    number: 6,
    name: "all or nothing",
    description:
      "an order that was refused, or is waiting to be whole, is on no picker's list; nobody waits unseen",
    checked: "select count(*) from orders",
    violations: `
      select format('order %s was rejected, and still has %s units promised', o.order_id, sum(i.allocated_quantity)) as violation
      from orders o join order_items i using (order_id)
      where o.status = 'cancelled' group by o.order_id having sum(i.allocated_quantity) > 0
      union all
      select format('order %s waits for %s units, and no backordered fulfillment shows it', o.order_id, sum(i.shortage_quantity))
      from orders o join order_items i using (order_id)
      where i.shortage_quantity > 0
        and not exists (select from fulfillments f where f.order_id = o.order_id and f.status = 'backordered')
      group by o.order_id`,
  },
  {
    number: 7,
    name: "statuses agree",
    description: "a fulfillment's status fits its tasks",
    checked: "select count(*) from fulfillments",
    violations: `
      select format('fulfillment %s is %s, its picking task %s is %s', f.id, f.status, task.id, task.status) as violation
      from fulfillments f join picking_tasks task on task.fulfillment_id = f.id and task.status <> 'cancelled'
      where case task.status
        when 'in_progress' then f.status <> 'picking'
        when 'completed' then f.status not in ('picked', 'packing', 'packed', 'ready', 'shipped', 'completed', 'cancelled')
        else f.status <> 'planning' end
      union all
      select format('fulfillment %s is %s, its packing task %s is %s', f.id, f.status, task.id, task.status)
      from fulfillments f join packing_tasks task on task.fulfillment_id = f.id and task.status <> 'cancelled'
      where case task.status
        when 'pending' then f.status <> 'picked'
        when 'in_progress' then f.status <> 'packing'
        when 'packed' then f.status not in ('packed', 'ready')
        else f.status not in ('shipped', 'completed') end
      union all
      select format('fulfillment %s is %s and has no picking task', f.id, f.status)
      from fulfillments f where f.status in ('planning', 'picking', 'picked', 'packing', 'packed', 'ready', 'shipped', 'completed')
        and not exists (select from picking_tasks task where task.fulfillment_id = f.id and task.status <> 'cancelled')`,
  },
  {
    number: 8,
    name: "no event lost",
    description:
      "each aggregate's events are numbered without a gap, and none waits for its publication for minutes",
    checked: "select count(*) from outbox_sequences",
    violations: `
      select format('%s %s: %s events up to number %s', aggregatetype, aggregateid, count(*), max(o.sequence)) as violation
      from outbox o group by aggregatetype, aggregateid
      having count(*) <> max(o.sequence) - min(o.sequence) + 1 or count(*) <> count(distinct o.sequence)
      union all
      select format('event %s (%s) has waited since %s', id, type, created_at) from outbox
      where published_at is null and created_at < now() - interval '5 minutes'`,
  },
  {
    number: 9,
    name: "delivered only by the carrier's word",
    description: "an order is delivered when all its shipments are; a cancelled order has nothing under way",
    checked: "select count(*) from orders",
    violations: `
      select format('order %s is delivered, its shipment %s is %s', order_id, s.id, s.status) as violation
      from orders o join shipments s using (order_id)
      where o.status = 'delivered' and s.status not in ('delivered', 'cancelled')
      union all
      select format('order %s is delivered without any delivered shipment', order_id) from orders o
      where o.status = 'delivered' and not exists (select from shipments s where s.order_id = o.order_id and s.status = 'delivered')
      union all
      select format('order %s is cancelled, its fulfillment %s is %s', order_id, f.id, f.status)
      from orders o join fulfillments f using (order_id)
      where o.status = 'cancelled' and f.status <> 'cancelled'`,
  },
  {
    number: 10,
    name: "one label per package",
    description: "every package of a labelled shipment has its bytes, bought once",
    checked: "select count(*) from packages where shipment_id is not null",
    violations: `
      select format('package %s of shipment %s has no label, which is said to be created', p.id, s.id) as violation
      from shipments s join packages p on p.shipment_id = s.id
      where s.label_status = 'created' and not exists (select from package_labels l where l.package_id = p.id)
      union all
      select format('shipment %s has the tracking number %s on %s packages', shipment_id, tracking_number, count(*))
      from packages where shipment_id is not null and tracking_number is not null
      group by shipment_id, tracking_number having count(*) > 1`,
  },
];
