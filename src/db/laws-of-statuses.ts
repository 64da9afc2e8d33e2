import { fulfillmentMachine, MACHINES, orderMachine } from "../domain/machines.ts";
import { projectOrderStatus } from "../domain/order-status.ts";
import type { FulfillmentStatus } from "../domain/vocabulary.ts";
import type { Law } from "./law.ts";

/** Statuses that exist, and that fit each other. */
export const STATUS_LAWS: readonly Law[] = [
  {
    number: 7,
    name: "statuses_reachable",
    description: "every status is one that its lifecycle begins with or leads to",
    checked: MACHINES.map(({ table }) => `(select count(*) from ${table})`)
      .join(" + ")
      .replace(/^/, "select "),
    violations: MACHINES.map(
      ({ machine, table, column }) => `
      select format('${table} %s: ${column} is %s, which nothing leads to', ${keyOf(table)}, ${column}) as violation
      from ${table} where ${column} not in (${machine.initial.map(quoted).join(", ")})
        and ${column} not in (select to_status from state_transitions where machine = '${machine.name}')`,
    ).join("\n union all"),
  },
  {
    number: 7,
    name: "fulfillments_fit_tasks",
    description: "a fulfillment's status fits those of its tasks and shipments",
    checked: "select count(*) from fulfillments",
    // A parcel that was sent past the book is not stopped by pickers who found nothing to bring for it.
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
      from fulfillments f where f.status not in ('pending', 'backordered', 'cancelled')
        and not exists (select from picking_tasks task where task.fulfillment_id = f.id and task.status <> 'cancelled')
      union all
      select format('fulfillment %s is %s, and nothing was picked for it', f.id, f.status)
      from fulfillments f join picking_tasks task on task.fulfillment_id = f.id and task.status = 'completed'
      where f.status <> 'cancelled'
        and not exists (select from picking_task_items item where item.task_id = task.id and item.quantity_picked > 0)
      union all
      select format('fulfillment %s is %s, its shipment %s is %s', f.id, f.status, s.id, s.status)
      from fulfillments f join shipments s on s.fulfillment_id = f.id and s.status <> 'cancelled'
      where (f.status = 'cancelled' and (s.status = 'ready' or exists (
          select from picking_tasks task join picking_task_items item on item.task_id = task.id
          where task.fulfillment_id = f.id and item.quantity_picked > 0)))
        or (f.status in ('shipped', 'completed') and s.status = 'ready')
        or (f.status = 'completed' and s.status not in ('delivered', 'returned', 'lost'))`,
  },
  {
    number: 7,
    name: "tasks_fit_items",
    description: "a picking task counts its handled items, and is completed only when all are",
    checked: "select count(*) from picking_tasks",
    violations: `
      with counted as (
        select task_id, count(*) as total, count(*) filter (where status <> 'pending') as handled
        from picking_task_items group by task_id)
      select format('picking task %s (%s) says %s of %s items, it has %s of %s', task.id, task.status, picked_items, total_items,
        coalesce(handled, 0), coalesce(total, 0)) as violation
      from picking_tasks task left join counted on counted.task_id = task.id
      where task.status <> 'cancelled' and ((picked_items, total_items) <> (coalesce(handled, 0), coalesce(total, 0))
        or (task.status = 'completed' and handled < total))`,
  },
  {
    number: 7,
    name: "orders_follow_parts",
    description: "an order shows the lowest status of its live parts, and never goes back",
    checked: "select count(*) from orders",
    // Above the lowest part an order may stand, when a part was added or fell back later; below it, never.
    violations: `
      with ranks (status, rank) as (values ${orderRanks()}), projected (status, rank) as (values ${projectedRanks()}),
      parts as (
        select f.order_id, min(projected.rank) as lowest, max(projected.rank) as highest, bool_or(f.status = 'cancelled') as reduced
        from fulfillments f left join projected using (status) group by f.order_id
      )
      select format('order %s is %s, its lowest part is further: %s', order_id, o.status, lowest_status.status) as violation
      from orders o join ranks using (status) join parts using (order_id)
      join ranks lowest_status on lowest_status.rank = parts.lowest where ranks.rank < parts.lowest
      union all
      select format('order %s is %s, and none of its parts is', order_id, o.status)
      from orders o join ranks using (status) join parts using (order_id)
      where not reduced and ranks.rank >= (select rank from ranks where status = 'ready_for_shipment')
        and least(ranks.rank, (select rank from ranks where status = 'shipped')) > highest
      union all
      select format('order %s is %s, and all its parts are cancelled', order_id, o.status)
      from orders o join parts using (order_id) where lowest is null and o.status not in ('cancelled', 'shipped', 'delivered')
      union all
      select format('order %s is cancelled, its fulfillment %s is %s', order_id, f.id, f.status)
      from orders o join fulfillments f using (order_id) where o.status = 'cancelled' and f.status <> 'cancelled'
      union all
      select format('order %s is cancelled, its shipment %s is %s', order_id, s.id, s.status)
      from orders o join shipments s using (order_id) where o.status = 'cancelled' and s.status <> 'cancelled'`,
  },
];

function keyOf(table: (typeof MACHINES)[number]["table"]): string {
  return table === "orders" ? "order_id" : "id";
}

function quoted(word: string): string {
  return `'${word}'`;
}

function orderRanks(): string {
  const live = orderMachine.statuses.filter((status) => status !== "cancelled");
  return live.map((status, rank) => `('${status}', ${rank})`).join(", ");
}

/** For each fulfillment status, what an order shows that has nothing else. */
function projectedRanks(): string {
  const live = fulfillmentMachine.statuses.filter((status) => status !== "cancelled");
  return live.map((status) => `('${status}', ${projectedRank(status)})`).join(", ");
}

function projectedRank(status: FulfillmentStatus): number {
  const shown = projectOrderStatus({ status: "confirmed", fulfillments: [status], shipments: [] });
  return orderMachine.statuses.indexOf(shown);
}
