import { type AlertRule, DAY, HOUR, MINUTE } from "./alert-rule.ts";

/** What people, or the lack of them, keep waiting. Tables of all times are entered by warehouse and status. */
export const WORK_RULES: readonly AlertRule[] = [
  {
    name: "picking_task_stuck",
    severity: "warning",
    value: "age",
    threshold: HOUR,
    question: `
      select jsonb_build_object('task_id', t.id::text, 'order_id', t.order_id::text, 'worker_id', t.worker_id::text,
          'warehouse_id', w.id::text) as labels, t.updated_at as since,
        format('picking task %s of order %s, which worker %s has, is %s and does not move', t.id, t.order_id, t.worker_id,
          replace(t.status, '_', ' ')) as summary
      from warehouses w join picking_tasks t on t.warehouse_id = w.id and t.status in ('assigned', 'in_progress')
      where t.updated_at < $before`,
  },
  {
    name: "packing_task_stuck",
    severity: "warning",
    value: "age",
    threshold: HOUR,
    question: `
      select jsonb_build_object('task_id', t.id::text, 'order_id', t.order_id::text, 'worker_id', t.worker_id::text,
          'warehouse_id', w.id::text) as labels, moved.at as since,
        format('packing task %s of order %s, which worker %s has, is in progress and does not move', t.id, t.order_id,
          t.worker_id) as summary
      from warehouses w join packing_tasks t on t.warehouse_id = w.id and t.status = 'in_progress'
      cross join lateral (
        select greatest(t.updated_at, max(i.updated_at)) as at from packing_task_items i where i.task_id = t.id) moved
      where t.updated_at < $before and moved.at < $before`,
  },
  {
    name: "order_waiting",
    severity: "warning",
    value: "age",
    threshold: DAY,
    question: `
      select jsonb_build_object('order_id', f.order_id::text, 'fulfillment_id', f.id::text, 'warehouse_id', w.id::text,
          'status', f.status) as labels, f.created_at as since,
        format('order %s is not shipped, its fulfillment %s is %s', f.order_id, f.id, f.status) as summary
      from warehouses w join fulfillments f on f.warehouse_id = w.id
        and f.status in ('pending', 'planning', 'picking', 'picked', 'packing', 'packed', 'ready')
      where f.created_at < $before`,
  },
  {
    name: "backorder_waiting",
    severity: "warning",
    value: "age",
    threshold: 3 * DAY,
    question: `
      select jsonb_build_object('order_id', order_id::text, 'fulfillment_id', id::text) as labels,
        created_at as since, format('order %s waits for stock', order_id) as summary
      from fulfillments where status = 'backordered' and created_at < $before`,
  },
  {
    name: "reservation_overdue",
    severity: "warning",
    value: "age",
    threshold: 15 * MINUTE,
    question: `
      select '{}'::jsonb as labels, min(expires_at) as since,
        format('%s holds have expired and still keep stock, the first', count(*)) as summary
      from wms_reservations
      where status = 'pending' and expires_at < $before having count(*) > 0`,
  },
];
