-- Orders, fulfillments, reservations, picking and packing.

create table orders (
  order_id bigint primary key check (order_id > 0), -- the Listings service's own id
  -- Order of arrival: backorders are served by it, oldest first.
  arrival bigint generated always as identity unique,
  storefront_id bigint not null default 0,
  order_number text not null default '',
  status text not null,
  priority text not null default 'normal',
  policy text not null default 'backorder',
  ship_to jsonb not null default '{}',
  confirmed_at timestamptz, -- null: cancelled before its confirmation came
  cancelled_at timestamptz,
  cancellation_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint orders_status_check check (
    status in ('confirmed', 'processing', 'ready_for_shipment', 'shipped', 'delivered', 'cancelled')),
  constraint orders_priority_check check (priority in ('low', 'normal', 'high', 'urgent')),
  constraint orders_policy_check check (policy in ('backorder', 'partial', 'reject')),
  constraint orders_cancelled_check check ((status = 'cancelled') = (cancelled_at is not null)),
  constraint orders_confirmed_check check (confirmed_at is not null or status = 'cancelled')
) with (fillfactor = 80);

create index orders_status_idx on orders (status, order_id);
create index orders_number_idx on orders (order_number);

create table order_items (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders (order_id),
  line_number integer not null,
  listing_id bigint not null, -- may be unknown to the catalogue yet: then it waits like any shortage
  warehouse_id bigint references warehouses (id), -- set: only this warehouse may serve the line
  quantity integer not null,
  cancelled_quantity integer not null default 0,
  allocated_quantity integer not null default 0, -- reserved now, or picked
  picked_quantity integer not null default 0,
  shipped_quantity integer not null default 0,
  -- What the line still waits for. Above zero: a backorder, by definition.
  shortage_quantity integer not null generated always as (quantity - cancelled_quantity - allocated_quantity) stored,
  constraint order_items_quantity_check check (quantity > 0),
  constraint order_items_cancelled_check check (cancelled_quantity >= 0),
  constraint order_items_allocated_check check (allocated_quantity >= 0 and allocated_quantity + cancelled_quantity <= quantity),
  constraint order_items_picked_check check (picked_quantity >= 0 and picked_quantity <= allocated_quantity),
  constraint order_items_shipped_check check (shipped_quantity >= 0 and shipped_quantity <= picked_quantity),
  unique (order_id, line_number)
) with (fillfactor = 80);

create index order_items_waiting_idx on order_items (listing_id, order_id) where shortage_quantity > 0;

-- What was asked to be cancelled, and how much of it could be. A wish that comes before its order waits here.
create table order_cancellations (
  id bigint generated always as identity primary key,
  order_id bigint not null,
  listing_id bigint not null,
  quantity integer not null check (quantity > 0),
  applied_quantity integer not null default 0 check (applied_quantity between 0 and quantity),
  reason text not null default '',
  created_at timestamptz not null default now()
);

create index order_cancellations_order_idx on order_cancellations (order_id);

create table fulfillments (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders (order_id),
  warehouse_id bigint references warehouses (id), -- null while it waits for stock
  status text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint fulfillments_status_check check (status in ('pending', 'planning', 'picking', 'picked', 'packing', 'packed',
    'ready', 'shipped', 'completed', 'cancelled', 'backordered')),
  constraint fulfillments_warehouse_check check (warehouse_id is not null or status in ('pending', 'backordered', 'cancelled'))
) with (fillfactor = 80);

create index fulfillments_order_idx on fulfillments (order_id);
create index fulfillments_warehouse_idx on fulfillments (warehouse_id, status, id);
create unique index fulfillments_one_backorder_key on fulfillments (order_id) where status = 'backordered';

create table wms_reservations (
  id bigint generated always as identity primary key,
  listing_id bigint not null references listings (listing_id),
  warehouse_id bigint not null references warehouses (id),
  order_id bigint not null,
  order_item_id bigint references order_items (id), -- null: a hold made by ReserveInventory
  hold_id bigint, -- of a hold: the id of its first row, under which callers know it
  product_location_id bigint not null references product_locations (id),
  quantity integer not null,
  picked_quantity integer not null default 0,
  released_quantity integer not null default 0,
  open_quantity integer not null generated always as (quantity - picked_quantity - released_quantity) stored,
  status text not null default 'pending',
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint wms_reservations_status_check check (status in ('pending', 'fulfilled', 'cancelled')),
  constraint wms_reservations_quantity_check check (
    quantity > 0 and picked_quantity >= 0 and released_quantity >= 0 and picked_quantity + released_quantity <= quantity),
  constraint wms_reservations_open_check check ((status = 'pending') = (quantity - picked_quantity - released_quantity > 0)),
  constraint wms_reservations_owner_check check ((order_item_id is null) = (hold_id is not null))
) with (fillfactor = 80);

create index wms_reservations_order_idx on wms_reservations (order_id);
create index wms_reservations_listing_idx on wms_reservations (listing_id, warehouse_id) where status = 'pending';
create index wms_reservations_lot_idx on wms_reservations (product_location_id) where status = 'pending';
create index wms_reservations_hold_idx on wms_reservations (hold_id) where hold_id is not null;
create index wms_reservations_expiry_idx on wms_reservations (expires_at) where status = 'pending' and expires_at is not null;

create table picking_tasks (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders (order_id),
  fulfillment_id bigint not null references fulfillments (id),
  warehouse_id bigint not null references warehouses (id),
  worker_id bigint,
  status text not null default 'pending',
  priority text not null default 'normal',
  total_items integer not null default 0,
  picked_items integer not null default 0, -- handled lines: picked, short or skipped
  notes text,
  started_at timestamptz,
  completed_at timestamptz,
  cancelled_at timestamptz,
  cancellation_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint picking_tasks_status_check check (status in ('pending', 'assigned', 'in_progress', 'completed', 'cancelled')),
  constraint picking_tasks_priority_check check (priority in ('low', 'normal', 'high', 'urgent')),
  constraint picking_tasks_progress_check check (picked_items >= 0 and picked_items <= total_items),
  constraint picking_tasks_worker_check check (worker_id is not null or status in ('pending', 'cancelled')),
  constraint picking_tasks_completed_check check ((status = 'completed') = (completed_at is not null)),
  constraint picking_tasks_cancelled_check check ((status = 'cancelled') = (cancelled_at is not null))
) with (fillfactor = 80);

create unique index picking_tasks_one_live_key on picking_tasks (fulfillment_id) where status <> 'cancelled';
create index picking_tasks_order_idx on picking_tasks (order_id);
create index picking_tasks_status_idx on picking_tasks (warehouse_id, status, id);
create index picking_tasks_worker_idx on picking_tasks (worker_id, id) where worker_id is not null;
create index picking_tasks_claim_idx on picking_tasks
  (warehouse_id, (array_position(array['urgent', 'high', 'normal', 'low'], priority)), id) where status = 'pending';

create table picking_task_items (
  id bigint generated always as identity primary key,
  task_id bigint not null references picking_tasks (id),
  order_item_id bigint not null references order_items (id),
  reservation_id bigint not null references wms_reservations (id),
  listing_id bigint not null references listings (listing_id),
  location_id bigint not null references locations (id),
  product_location_id bigint not null references product_locations (id),
  quantity_required integer not null, -- 0: the customer cancelled the line before it was picked
  quantity_picked integer not null default 0,
  status text not null default 'pending',
  sequence integer not null,
  picked_at timestamptz,
  notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint picking_task_items_status_check check (status in ('pending', 'picked', 'short', 'skipped')),
  constraint picking_task_items_quantity_check check (
    quantity_required >= 0 and quantity_picked >= 0 and quantity_picked <= quantity_required),
  constraint picking_task_items_picked_check check (case status
    when 'picked' then quantity_picked = quantity_required
    else quantity_picked < quantity_required or quantity_required = 0 end)
) with (fillfactor = 80);

create index picking_task_items_task_idx on picking_task_items (task_id, sequence);
create unique index picking_task_items_reservation_key on picking_task_items (reservation_id);

create table packing_tasks (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders (order_id),
  fulfillment_id bigint not null references fulfillments (id),
  picking_task_id bigint not null references picking_tasks (id),
  warehouse_id bigint not null references warehouses (id),
  worker_id bigint,
  status text not null default 'pending',
  priority text not null default 'normal',
  packaging_type text,
  weight numeric(12, 3),
  length numeric(12, 3),
  width numeric(12, 3),
  height numeric(12, 3),
  tracking_number text,
  label_url text,
  notes text,
  started_at timestamptz,
  packed_at timestamptz,
  shipped_at timestamptz,
  cancelled_at timestamptz,
  cancellation_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint packing_tasks_status_check check (status in ('pending', 'in_progress', 'packed', 'shipped', 'cancelled')),
  constraint packing_tasks_priority_check check (priority in ('low', 'normal', 'high', 'urgent')),
  constraint packing_tasks_packaging_check check (packaging_type in ('box', 'bag', 'envelope', 'pallet', 'custom')),
  constraint packing_tasks_dimensions_check check (weight > 0 and length > 0 and width > 0 and height > 0),
  constraint packing_tasks_worker_check check (worker_id is not null or status in ('pending', 'cancelled')),
  constraint packing_tasks_shipped_check check (
    status <> 'shipped' or (tracking_number is not null and shipped_at is not null)),
  constraint packing_tasks_cancelled_check check ((status = 'cancelled') = (cancelled_at is not null))
) with (fillfactor = 80);

create unique index packing_tasks_one_live_key on packing_tasks (picking_task_id) where status <> 'cancelled';
create index packing_tasks_order_idx on packing_tasks (order_id);
create index packing_tasks_fulfillment_idx on packing_tasks (fulfillment_id);
create index packing_tasks_status_idx on packing_tasks (warehouse_id, status, id);
create index packing_tasks_worker_idx on packing_tasks (worker_id, id) where worker_id is not null;

create table packing_task_items (
  id bigint generated always as identity primary key,
  task_id bigint not null references packing_tasks (id),
  order_item_id bigint not null references order_items (id),
  listing_id bigint not null references listings (listing_id),
  quantity integer not null, -- what was picked for this line
  packed_quantity integer not null default 0,
  status text not null default 'pending',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint packing_task_items_status_check check (status in ('pending', 'fully_packed')),
  constraint packing_task_items_quantity_check check (quantity >= 0 and packed_quantity >= 0 and packed_quantity <= quantity),
  constraint packing_task_items_packed_check check ((status = 'fully_packed') = (packed_quantity = quantity)),
  unique (task_id, order_item_id)
);

insert into state_transitions (machine, action, from_status, to_status)
select machine, action, from_status, to_status from (values
  ('fulfillment', 'plan', array['pending', 'backordered'], 'planning'),
  ('fulfillment', 'backorder', array['pending', 'planning'], 'backordered'),
  ('fulfillment', 'start_picking', array['planning'], 'picking'),
  ('fulfillment', 'complete_picking', array['picking'], 'picked'),
  ('fulfillment', 'start_packing', array['picked'], 'packing'),
  ('fulfillment', 'complete_packing', array['packing'], 'packed'),
  ('fulfillment', 'make_ready', array['packed'], 'ready'),
  ('fulfillment', 'ship', array['packed', 'ready'], 'shipped'),
  ('fulfillment', 'complete', array['shipped'], 'completed'),
  ('fulfillment', 'cancel', array['pending', 'planning', 'picking', 'picked', 'packing', 'packed', 'ready', 'backordered'], 'cancelled'),
  ('picking_task', 'assign', array['pending'], 'assigned'),
  ('picking_task', 'start', array['assigned'], 'in_progress'),
  ('picking_task', 'complete', array['in_progress'], 'completed'),
  ('picking_task', 'cancel', array['pending', 'assigned', 'in_progress'], 'cancelled'),
  ('picking_task_item', 'pick', array['pending', 'short'], 'picked'),
  ('picking_task_item', 'shorten', array['pending'], 'short'),
  ('picking_task_item', 'skip', array['pending', 'short'], 'skipped'),
  ('packing_task', 'start', array['pending'], 'in_progress'),
  ('packing_task', 'pack', array['in_progress'], 'packed'),
  ('packing_task', 'ship', array['packed'], 'shipped'),
  ('packing_task', 'cancel', array['pending', 'in_progress', 'packed'], 'cancelled'),
  ('reservation', 'fulfil', array['pending'], 'fulfilled'),
  ('reservation', 'cancel', array['pending'], 'cancelled'),
  ('order', 'process', array['confirmed'], 'processing'),
  ('order', 'make_ready', array['confirmed', 'processing'], 'ready_for_shipment'),
  ('order', 'ship', array['confirmed', 'processing', 'ready_for_shipment'], 'shipped'),
  ('order', 'deliver', array['confirmed', 'processing', 'ready_for_shipment', 'shipped'], 'delivered'),
  ('order', 'cancel', array['confirmed', 'processing', 'ready_for_shipment'], 'cancelled')
) as edge (machine, action, from_statuses, to_status), unnest(from_statuses) as from_status;

create trigger fulfillments_transition before update of status on fulfillments
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('fulfillment');
create trigger picking_tasks_transition before update of status on picking_tasks
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('picking_task');
create trigger picking_task_items_transition before update of status on picking_task_items
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('picking_task_item');
create trigger packing_tasks_transition before update of status on packing_tasks
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('packing_task');
create trigger wms_reservations_transition before update of status on wms_reservations
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('reservation');
create trigger orders_transition before update of status on orders
  for each row when (old.status is distinct from new.status) execute function enforce_state_transition('order');
