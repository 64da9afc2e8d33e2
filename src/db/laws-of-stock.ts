import type { Law } from "./law.ts";

/** Conservation, reservations, removal order. */
export const STOCK_LAWS: readonly Law[] = [
  {
    number: 1,
    name: "stock_conservation",
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
    name: "ledger_takes_and_gives",
    description:
      "every movement takes units of a listing from one place and gives them to another, so that all places together hold zero",
    checked: "select count(*) from inventory_movements",
    violations: `
      select format('movement %s of %s units of listing %s goes from %s to %s', m.id, m.quantity, m.listing_id,
        concat_ws(' ', from_place, from_product_location_id), concat_ws(' ', to_place, to_product_location_id)) as violation
      from inventory_movements m
      left join product_locations source on source.id = from_product_location_id
      left join product_locations target on target.id = to_product_location_id
      where m.quantity <= 0 or (from_place = 'shelf') <> (source.id is not null) or (to_place = 'shelf') <> (target.id is not null)
        or source.listing_id <> m.listing_id or target.listing_id <> m.listing_id
        or source.warehouse_id <> m.warehouse_id or target.warehouse_id <> m.warehouse_id
        or (from_place = to_place and from_product_location_id is not distinct from to_product_location_id)`,
  },
  {
    number: 1,
    name: "picked_goods_conservation",
    description:
      "what an order has in packing was picked for it and neither shipped nor put back; what its customer has was shipped",
    checked: "select count(*) from order_items",
    violations: `
      with flows as (
        select order_id, listing_id,
          sum(case 'packing' when to_place then quantity when from_place then -quantity else 0 end)::bigint as packing,
          sum(case 'customer' when to_place then quantity when from_place then -quantity else 0 end)::bigint as customer
        from inventory_movements where from_place in ('packing', 'customer') or to_place in ('packing', 'customer')
        group by order_id, listing_id
      ), lines as (
        select order_id, listing_id, sum(picked_quantity - shipped_quantity)::bigint as packing,
          sum(shipped_quantity)::bigint as customer
        from order_items group by order_id, listing_id
      ), compared as (
        select order_id, listing_id, coalesce(flows.packing, 0) as packing, coalesce(flows.customer, 0) as customer,
          coalesce(lines.packing, 0) as line_packing, coalesce(lines.customer, 0) as line_customer
        from flows full join lines using (order_id, listing_id))
      select format('order %s, listing %s: by the ledger %s units in packing and %s with the customer, by its lines %s and %s',
        order_id, listing_id, packing, customer, line_packing, line_customer) as violation
      from compared where (packing, customer) <> (line_packing, line_customer)`,
  },
  {
    number: 2,
    name: "reserved_is_held",
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
    name: "reservations_live",
    description:
      "an order that is cancelled or wholly shipped, a task at its end and a hold past its time hold nothing",
    checked: "select count(*) from wms_reservations where status = 'pending'",
    violations: `
      select format('reservation %s holds %s units for order %s, which is %s', r.id, r.open_quantity, r.order_id, o.status) as violation
      from wms_reservations r join orders o using (order_id)
      where r.status = 'pending' and o.status in ('cancelled', 'shipped', 'delivered')
        and (r.hold_id is null or o.updated_at < now() - interval '5 minutes')
      union all
      select format('reservation %s holds %s units for picking task %s, which is %s', r.id, r.open_quantity, task.id, task.status)
      from wms_reservations r
      join picking_task_items item on item.reservation_id = r.id
      join picking_tasks task on task.id = item.task_id
      where r.status = 'pending' and task.status in ('completed', 'cancelled')
      union all
      select format('reservation %s holds %s units for line %s of order %s, but is of listing %s and order %s', r.id,
        r.open_quantity, line.line_number, line.order_id, r.listing_id, r.order_id)
      from wms_reservations r join order_items line on line.id = r.order_item_id
      where r.status = 'pending' and (line.order_id, line.listing_id) <> (r.order_id, r.listing_id)
      union all
      select format('reservation %s expired at %s and still holds %s units', id, expires_at, open_quantity)
      from wms_reservations where status = 'pending' and expires_at < now() - interval '5 minutes'`,
  },
  {
    number: 3,
    name: "promises_add_up",
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
    name: "removal_order",
    description:
      "no unit is held on a lot while one that should leave before it had units to spare: the older (FIFO), the sooner to expire (FEFO), the newer (LIFO)",
    checked: "select count(*) from wms_reservations where status = 'pending'",
    // Only what is certain: lots that have not been touched since before the promise, so that what they have to spare
    // now they had then. Units that an earlier order waited for were not for this one, nor a lot that its picker found empty.
    violations: `
      select distinct on (r.id) format('reservation %s is on product location %s, while %s had %s units to spare', r.id, lot.id,
        better.id, better.available_quantity) as violation
      from wms_reservations r
      join product_locations lot on lot.id = r.product_location_id
      join listings on listings.listing_id = lot.listing_id and listings.updated_at < r.created_at
      join product_locations better on better.listing_id = lot.listing_id and better.warehouse_id = lot.warehouse_id
        and better.allocatable and better.available_quantity > 0 and better.id <> lot.id
        and (better.expires_on is null or better.expires_on >= current_date)
        and better.updated_at < r.created_at and better.created_at < r.created_at
      left join orders o on o.order_id = r.order_id
      where r.status = 'pending' and case removal_strategy
          when 'fifo' then (better.received_at, better.id) < (lot.received_at, lot.id)
          when 'lifo' then (better.received_at, better.id) > (lot.received_at, lot.id)
          else (coalesce(better.expires_on, 'infinity'), better.received_at, better.id)
             < (coalesce(lot.expires_on, 'infinity'), lot.received_at, lot.id) end
        and not exists (
          select from order_items line join orders earlier on earlier.order_id = line.order_id
          where line.listing_id = r.listing_id and (line.shortage_quantity > 0 or line.cancelled_quantity > 0)
            and (o.arrival is null or earlier.arrival < o.arrival))
        and not exists (
          select from inventory_movements m where m.order_id = r.order_id and m.reason = 'short_pick'
            and m.from_product_location_id = better.id)`,
  },
];
