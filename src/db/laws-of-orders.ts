import type { Law } from "./law.ts";

/** One effect per event, all or nothing. */
export const ORDER_LAWS: readonly Law[] = [
  {
    number: 5,
    name: "one_effect",
    description:
      "no line is sent to pickers for more than its units, no fulfillment has two tasks, no cancellation counts twice",
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
      from order_items line join asked using (id) where units > quantity - cancelled_quantity
      union all
      select format('fulfillment %s has %s live picking tasks', fulfillment_id, count(*))
      from picking_tasks where status <> 'cancelled' group by fulfillment_id having count(*) > 1
      union all
      select format('picking task %s has %s live packing tasks', picking_task_id, count(*))
      from packing_tasks where status <> 'cancelled' group by picking_task_id having count(*) > 1
      union all
      select format('event %s was processed %s times by %s', event_id, count(*), consumer)
      from processed_events group by consumer, event_id having count(*) > 1
      union all
      select format('order %s, listing %s: %s units cancelled on request, its lines say %s', order_id, listing_id, granted, cancelled)
      from (select order_id, listing_id, sum(applied_quantity) as granted from order_cancellations group by order_id, listing_id) wish
      join (select order_id, listing_id, sum(cancelled_quantity) as cancelled from order_items group by order_id, listing_id) line
        using (order_id, listing_id)
      where granted > cancelled`,
  },
  {
    number: 5,
    name: "picks_add_up",
    description: "what a line counts as picked is what its picking items brought",
    checked: "select count(*) from order_items",
    violations: `
      with brought as (
        select item.order_item_id as id, sum(item.quantity_picked)::bigint as units
        from picking_task_items item
        join picking_tasks task on task.id = item.task_id
        join fulfillments f on f.id = task.fulfillment_id
        where task.status <> 'cancelled' and f.status <> 'cancelled' group by item.order_item_id)
      select format('order %s line %s: %s units picked, its items say %s', order_id, line_number, picked_quantity,
        coalesce(units, 0)) as violation
      from order_items line left join brought using (id) where line.picked_quantity <> coalesce(units, 0)`,
  },
  {
    number: 6,
    name: "all_or_nothing",
    description: "an order that was refused or cancelled has nothing promised; nobody waits unseen",
    checked: "select count(*) from orders",
    violations: `
      select format('order %s is cancelled, and still has %s units promised', o.order_id, sum(i.allocated_quantity)) as violation
      from orders o join order_items i using (order_id)
      where o.status = 'cancelled' group by o.order_id having sum(i.allocated_quantity) > 0
      union all
      select format('order %s was refused, and has fulfillment %s, which is %s', f.order_id, f.id, f.status)
      from outbox e join fulfillments f on f.order_id = e.aggregateid::bigint
      where e.aggregatetype = 'order' and e.type = 'order.rejected' and f.status <> 'cancelled'
      union all
      select format('order %s waits for %s units, and no backordered fulfillment shows it', o.order_id, sum(i.shortage_quantity))
      from orders o join order_items i using (order_id)
      where i.shortage_quantity > 0
        and not exists (select from fulfillments f where f.order_id = o.order_id and f.status = 'backordered')
      group by o.order_id`,
  },
];
